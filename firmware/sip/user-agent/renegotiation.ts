import type { Timer } from '../../core/clock.ts';
import { parseDecimal } from '../message/grammar.ts';
import type { HeaderField } from '../message/headers.ts';
import type { SipResponse } from '../message/response.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import type { Flow } from '../transport/flow.ts';
import type { EndCause, ReinviteAnswer, RenegotiationResult, SessionHandlers } from './handlers.ts';
import type { DialogAnswer, SessionDialog } from './session-dialog.ts';
import type { AskedInterval } from './session-interval.ts';
import { SessionTimer } from './session-timer.ts';

/** A peer that answers 491 or 500 with Retry-After again and again is not asked for ever. */
const MAX_ATTEMPTS = 6;
const MAX_RETRY_AFTER_SECONDS = 10;

/** Whose offer waits for an answer: only one may at a time (RFC 3264 §4). */
export type OpenOffer = 'none' | 'ours' | 'theirs';

export interface RenegotiationOptions {
  readonly side: SessionDialog;
  /** Whether the INVITE of the dialog was ours: decides who waits longer after a collision. */
  readonly isCaller: boolean;
  readonly asked: AskedInterval;
  readonly handlers: () => SessionHandlers;
  /** Watches over a 2xx to INVITE that was just sent. */
  readonly awaitAck: (transaction: ServerTransaction) => void;
  /** Whose offer of the INVITE, or of its 2xx, has no answer yet. */
  readonly openOffer: () => OpenOffer;
  /** The INVITE has its 2xx: before it there is no session whose interval could begin (RFC 4028 §4). */
  readonly isConfirmed: () => boolean;
  /** The peer has vanished, or says that there is no such dialog: end the session. */
  readonly lost: (cause: EndCause) => void;
}

/** Offers within a dialog, by re-INVITE and UPDATE, theirs and ours (RFC 3261 §14, RFC 3311), and the session timer. */
export class Renegotiation {
  readonly timer: SessionTimer;
  readonly #options: RenegotiationOptions;
  #theirInvite: ServerTransaction | undefined;
  /** An UPDATE with an offer that has no answer yet. */
  #theirUpdate: ServerTransaction | undefined;
  /** `refresh`: an UPDATE without an offer, which collides with nothing. */
  #ours: 'none' | 'offer' | 'refresh' = 'none';
  #collision: { readonly timer: Timer; readonly go: () => void } | undefined;
  /** By CSeq of our latest re-INVITE: its ACK, to send again. */
  #ack: { readonly cseq: number; readonly text: string; readonly flow: Flow } | undefined;
  #stopped = false;

  constructor(options: RenegotiationOptions) {
    this.#options = options;
    const { clock, sessionTimer } = options.side.context;
    this.timer = new SessionTimer(clock, sessionTimer, options.asked, {
      refresh: (done) => void this.#refresh().then(done),
      expired: () => options.lost('vanished'),
    });
  }

  /** A re-INVITE of the peer. */
  async receiveInvite(transaction: ServerTransaction): Promise<void> {
    const { request } = transaction;
    const { side } = this.#options;
    const open = this.#openOffer();
    if (open !== 'none') {
      collide(transaction, open);
    } else if (request.body.length > 0 && request.sdp === undefined) {
      transaction.respond(415, { headers: [['Accept', 'application/sdp']] });
    } else {
      this.#theirInvite = transaction;
      try {
        const agreement = this.timer.answerTo(request);
        if (agreement.kind === 'too-small') {
          transaction.respond(422, { headers: [['Min-SE', String(agreement.minSeconds)]] });
          return;
        }
        const answer = await this.#ask(request.sdp);
        if (!('sdp' in answer)) {
          refuse(transaction, answer);
          return;
        }
        const headers = [...side.targetHeaders(transaction.flow), ...agreement.headers];
        const content = { headers, body: answer.sdp, contentType: 'application/sdp' };
        if (this.#stopped || !transaction.respond(200, content)) return;
        // RFC 3261 §14.2: a re-INVITE that is refused leaves everything as it was, the remote target too.
        this.#moved(transaction, answer.sdp);
        this.timer.start(agreement.interval);
        this.#options.awaitAck(transaction);
      } finally {
        this.#theirInvite = undefined;
      }
    }
  }

  /** An UPDATE of the peer (RFC 3311 §5.2), before or after the answer to the INVITE. */
  async receiveUpdate(transaction: ServerTransaction): Promise<void> {
    const { request } = transaction;
    const { side } = this.#options;
    if (request.body.length > 0 && request.sdp === undefined) {
      transaction.respond(415, { headers: [['Accept', 'application/sdp']] });
      return;
    }
    const agreement = this.#options.isConfirmed() ? this.timer.answerTo(request) : undefined;
    if (agreement?.kind === 'too-small') {
      transaction.respond(422, { headers: [['Min-SE', String(agreement.minSeconds)]] });
      return;
    }
    const headers = [...side.targetHeaders(transaction.flow), ...(agreement?.headers ?? [])];
    if (request.sdp === undefined) {
      if (!transaction.respond(200, { headers })) return;
      this.#moved(transaction, undefined);
      if (agreement !== undefined) this.timer.start(agreement.interval);
      return;
    }
    const open = this.#openOffer();
    if (open !== 'none') {
      collide(transaction, open);
      return;
    }
    this.#theirUpdate = transaction;
    try {
      const answer = await this.#ask(request.sdp);
      if (!('sdp' in answer)) {
        // RFC 3311 §5.2: what takes a person's consent cannot be done by UPDATE; a refusal leaves all as it was.
        refuse(transaction, answer);
      } else if (
        !this.#stopped &&
        transaction.respond(200, { headers, body: answer.sdp, contentType: 'application/sdp' })
      ) {
        this.#moved(transaction, answer.sdp);
        if (agreement !== undefined) this.timer.start(agreement.interval);
      }
    } finally {
      this.#theirUpdate = undefined;
    }
  }

  /** CANCEL of a re-INVITE: the answer of its handler comes too late then. */
  cancel(transaction: ServerTransaction): void {
    transaction.respond(487);
  }

  /** Sends an offer: see InviteSession.reinvite and update. Never rejects. */
  async offer(
    method: 'INVITE' | 'UPDATE',
    sdp: string | undefined,
    headers: readonly HeaderField[] = [],
  ): Promise<RenegotiationResult> {
    if (this.#stopped) return { status: 481, sdp: undefined };
    const open = this.#openOffer();
    if (this.#ours !== 'none' || (open !== 'none' && sdp !== undefined)) return { status: 491, sdp: undefined };
    const { response } = await this.#exchange(method, sdp, headers);
    return { status: response.status, sdp: response.sdp };
  }

  /** The session is over. Idempotent. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.timer.stop();
    // RFC 3261 §15.1.2: what is still pending gets its answer.
    this.#theirInvite?.respond(487);
    this.#theirUpdate?.respond(487);
    this.#collision?.timer.cancel();
    this.#collision?.go();
  }

  #openOffer(): OpenOffer {
    if (this.#theirInvite !== undefined || this.#theirUpdate !== undefined) return 'theirs';
    return this.#ours === 'offer' ? 'ours' : this.#options.openOffer();
  }

  async #ask(offer: string | undefined): Promise<ReinviteAnswer> {
    const { side, handlers } = this.#options;
    try {
      const answer = (await handlers().onReinvite?.(offer)) ?? { status: 488 };
      if ('sdp' in answer) side.remoteSdp = offer ?? side.remoteSdp;
      return answer;
    } catch (error) {
      side.context.logger.error({ err: error, callId: side.dialog.callId }, 're-INVITE handler failed');
      return { status: 500 };
    }
  }

  #moved(transaction: ServerTransaction, localSdp: string | undefined): void {
    const { side, handlers } = this.#options;
    side.dialog.refreshTarget(transaction.request);
    side.learn(transaction.request);
    side.flow = transaction.flow;
    side.localSdp = localSdp ?? side.localSdp;
    try {
      handlers().onChanged?.(transaction.request);
    } catch (error) {
      side.context.logger.error({ err: error, callId: side.dialog.callId }, 'handler of a change failed');
    }
  }

  /** Sends until it is answered: collisions are waited out, and a session interval that is too small is raised. */
  async #exchange(
    method: 'INVITE' | 'UPDATE',
    sdp: string | undefined,
    more: readonly HeaderField[] = [],
  ): Promise<DialogAnswer> {
    const { side, isCaller } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      this.#ours = method === 'INVITE' || sdp !== undefined ? 'offer' : 'refresh';
      const isConfirmed = this.#options.isConfirmed();
      const headers = [...side.targetHeaders(), ...(isConfirmed ? this.timer.requestHeaders() : []), ...more];
      const body = sdp === undefined ? {} : { body: sdp, contentType: 'application/sdp' };
      const answer = await side.request(method, { headers, ...body }, (again) => this.#acknowledgeAgain(again));
      this.#ours = 'none';
      const { response, credentials } = answer;
      if (response.status < 300) {
        if (method === 'INVITE') await this.#acknowledge(response, credentials);
        if (this.#stopped) return answer;
        this.#succeeded(response, sdp);
        if (isConfirmed) this.timer.receive(response);
        return answer;
      }
      const delayMs = waitBefore(response, isCaller);
      const raised = this.timer.raise(response);
      if (this.#stopped || attempt === MAX_ATTEMPTS || (delayMs === undefined && !raised)) {
        if (!this.#stopped && isConfirmed) this.#judge(answer);
        return answer;
      }
      if (delayMs !== undefined) await this.#wait(delayMs);
      if (this.#stopped || this.#openOffer() !== 'none') return answer;
    }
  }

  #succeeded(response: SipResponse, sdp: string | undefined): void {
    const { side } = this.#options;
    side.dialog.refreshTarget(response);
    side.learn(response);
    if (sdp !== undefined) side.localSdp = sdp;
    if (response.sdp !== undefined) side.remoteSdp = response.sdp;
  }

  /** RFC 3261 §12.2.1.2: these say that the dialog is gone. */
  #judge({ response }: DialogAnswer): void {
    if (response.status === 481 || response.status === 408) this.#options.lost('vanished');
  }

  /** RFC 4028 §10 and §7.4: by UPDATE where the peer takes it, else by re-INVITE with what was agreed last. */
  async #refresh(): Promise<'refreshed' | 'alive' | 'no-way' | 'gone'> {
    const { side } = this.#options;
    // What is under way is a refresh itself.
    if (this.#ours !== 'none' || this.#openOffer() !== 'none') return 'no-way';
    const known = side.remoteSdp;
    const byUpdate = side.peerTakesUpdate;
    let answer = await this.#exchange(byUpdate ? 'UPDATE' : 'INVITE', byUpdate ? undefined : side.localSdp);
    if (byUpdate && answer.answered && (answer.response.status === 405 || answer.response.status === 501)) {
      answer = await this.#exchange('INVITE', side.localSdp);
    }
    const { response, answered } = answer;
    if (response.status < 300) {
      if (response.sdp !== undefined && response.sdp !== known) this.#tell(response.sdp);
      return 'refreshed';
    }
    if (response.status === 481 || response.status === 408) return 'gone';
    return answered ? 'alive' : 'no-way';
  }

  #tell(sdp: string): void {
    const { side, handlers } = this.#options;
    try {
      handlers().onRefreshed?.(sdp);
    } catch (error) {
      // Called from a timer, where nobody above would catch it.
      side.context.logger.error({ err: error, callId: side.dialog.callId }, 'refresh handler failed');
    }
  }

  async #acknowledge(response: SipResponse, credentials: readonly HeaderField[]): Promise<void> {
    const { side } = this.#options;
    const cseq = response.cseq.number;
    side.dialog.refreshTarget(response);
    const ack = side.dialog.request('ACK', { cseq, headers: credentials });
    try {
      const flow = await side.way();
      this.#ack = { cseq, text: side.context.transactions.acknowledge(ack, flow), flow };
    } catch (error) {
      side.context.logger.debug({ err: error, callId: side.dialog.callId }, 'ACK could not be sent');
    }
  }

  /** RFC 3261 §13.2.2.4. */
  #acknowledgeAgain(response: SipResponse): void {
    const ack = this.#ack;
    if (ack !== undefined && response.status < 300 && ack.cseq === response.cseq.number) {
      this.#options.side.context.transactions.sendAgain(ack.text, ack.flow);
    }
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        this.#collision = undefined;
        resolve();
      };
      this.#collision = { timer: this.#options.side.context.clock.schedule(delayMs, go), go };
    });
  }
}

/** RFC 3261 §14.2, RFC 3311 §5.2. */
function collide(transaction: ServerTransaction, open: 'ours' | 'theirs'): void {
  if (open === 'ours') transaction.respond(491);
  else transaction.respond(500, { headers: [retryAfter()] });
}

/** `answer` is of an offer that is not taken. */
function refuse(transaction: ServerTransaction, answer: Extract<ReinviteAnswer, { readonly status: number }>): void {
  const { status, reason, headers = [] } = answer;
  transaction.respond(status, reason === undefined ? { headers } : { headers, reason });
}

/** RFC 3261 §14.2, RFC 3311 §5.2: 0 to 10 s. */
export function retryAfter(): HeaderField {
  return ['Retry-After', String(Math.floor(Math.random() * 11))];
}

/**
 * RFC 3261 §14.1: after a collision (491) the caller waits 2.1 to 4 s and the callee 0 to 2 s, in steps of 10 ms, so that
 * they do not collide again. After a 500 with Retry-After as long as the peer says, where that is short.
 */
function waitBefore(response: SipResponse, isCaller: boolean): number | undefined {
  if (response.status === 491) return isCaller ? 2100 + 10 * random(191) : 10 * random(201);
  if (response.status !== 500) return undefined;
  const text = /^\d+/.exec(response.headers.get('Retry-After') ?? '')?.[0] ?? '';
  const seconds = parseDecimal(text, MAX_RETRY_AFTER_SECONDS);
  return seconds === undefined ? undefined : seconds * 1000;
}

function random(below: number): number {
  return Math.floor(Math.random() * below);
}
