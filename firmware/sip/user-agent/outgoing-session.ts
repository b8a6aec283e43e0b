import type { Timer } from '../../core/clock.ts';
import { detachedText } from '../../core/detached-text.ts';
import { RingdownError } from '../../core/errors.ts';
import { contactHeader } from '../dialog/contact-header.ts';
import type { Dialog } from '../dialog/dialog.ts';
import { ChallengeAnswers, credentialFields } from '../digest-client.ts';
import type { HeaderField } from '../message/headers.ts';
import { newCallId, newTag } from '../message/identifier.ts';
import { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import type { ClientTransaction } from '../transaction/client-transaction.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import { T1_MS } from '../transaction/timers.ts';
import type { Flow } from '../transport/flow.ts';
import { type Context, capabilityHeaders, type RequestTaker } from './context.ts';
import { EstablishedSession } from './established-session.ts';
import { acknowledge, type Fork, Forks, MAX_FORKS } from './forks.ts';
import type { DialogInfo, EndCause, InviteOptions, OutgoingInvite, OutgoingInviteHandlers } from './handlers.ts';
import { requestHeaders, shownParty } from './request-headers.ts';
import { SessionDialog } from './session-dialog.ts';
import { AskedInterval } from './session-interval.ts';
import { SessionRequests } from './session-requests.ts';
import { waysToUri } from './way.ts';

const RING_SECONDS = 180;

const SERVICE_UNAVAILABLE = [503, 'Service Unavailable'] as const;

/** The caller's side of an INVITE (RFC 3261 §13.2). */
export class OutgoingSession extends SessionRequests implements OutgoingInvite, RequestTaker {
  handlers: OutgoingInviteHandlers;
  readonly #context: Context;
  #options: InviteOptions;
  readonly #callId: string;
  readonly #localTag = newTag();
  readonly #secure: boolean;
  readonly #asked: AskedInterval;
  readonly #challenges: ChallengeAnswers;
  readonly #forks: Forks;
  /** By To tag: the ACK to send again when a 2xx comes again (RFC 3261 §13.2.2.4). */
  readonly #acks = new Map<string, { readonly text: string; readonly flow: Flow } | undefined>();
  #cseq = 0;
  /** To the servers that were not tried yet; undefined where the flow was given. */
  #ways: AsyncGenerator<Flow, void, undefined> | undefined;
  #transaction: ClientTransaction | undefined;
  #session: EstablishedSession | undefined;
  #remoteTag = '';
  #provisional = false;
  #cancelWanted = false;
  #cancelReason: string | undefined;
  #cancelSent = false;
  /** Of those who wait for the end of what never was a session. */
  readonly #finished: (() => void)[] = [];
  #ringing: Timer | undefined;
  #ended = false;

  constructor(options: InviteOptions, context: Context) {
    super();
    // Without those who listen: they go when it ends.
    this.#options = { ...options, handlers: {} };
    this.#context = context;
    this.handlers = options.handlers;
    this.#callId = options.callId ?? newCallId();
    this.#secure = options.requestUri.toLowerCase().startsWith('sips:');
    this.#asked = new AskedInterval(context.sessionTimer.expiresSeconds);
    this.#challenges = new ChallengeAnswers(options.credentials ?? context.credentials ?? (() => undefined));
    this.#forks = new Forks((dialog) => this.#sessionIn(dialog));
    context.addSession(this);
  }

  protected get current(): EstablishedSession | undefined {
    return this.#session ?? this.#forks.first?.session;
  }

  get dialog(): DialogInfo {
    // RFC 3261 §12.1.2: before the answer that of who rings, whose call others may pick up by it (RFC 3891 §3).
    const early = this.#forks.first?.session.side.dialog.remoteTag ?? '';
    return { callId: this.#callId, localTag: this.#localTag, remoteTag: this.#remoteTag || early };
  }

  get established(): boolean {
    return this.#session !== undefined && !this.#ended;
  }

  get ended(): boolean {
    return this.#ended;
  }

  isWith(remoteTag: string | undefined): boolean {
    return this.#session === undefined
      ? this.#forks.get(remoteTag) !== undefined
      : this.#remoteTag === (remoteTag ?? '');
  }

  /** Sends the INVITE; what fails comes through the handlers. */
  async begin(): Promise<void> {
    const { flow: given, target, requestUri } = this.#options;
    try {
      if (given === undefined) {
        this.#ways = waysToUri(target ?? requestUri, this.#context.connector, this.#request([], []));
      }
      // One turn later at the earliest, so that the caller holds the session before its first event.
      const flow = given ?? (await this.#ways?.next())?.value;
      await Promise.resolve();
      if (flow === undefined) this.#reject(503, 'No Route', undefined);
      else if (this.#cancelWanted || this.#ended) this.#reject(487, 'Request Terminated', undefined);
      else this.#send(flow, []);
    } catch (error) {
      this.#reject(503, error instanceof RingdownError ? error.message : 'No Route', undefined);
    }
  }

  cancel(reason?: string): void {
    if (this.#ended || this.#session !== undefined || this.#cancelWanted) return;
    this.#cancelWanted = true;
    this.#cancelReason = reason;
    this.#sendCancel();
  }

  bye(reason?: string): Promise<void> {
    if (this.#session !== undefined) return this.#session.bye(reason);
    this.cancel(reason);
    return this.#ended ? Promise.resolve() : new Promise((resolve) => this.#finished.push(resolve));
  }

  receive(transaction: ServerTransaction): void {
    const { method, fromTag } = transaction.request;
    // RFC 3261 §15: a callee ends an early dialog by its final response, and re-INVITE has to wait for it.
    const needsSession = method === 'BYE' || method === 'INVITE';
    const session = this.#session ?? (needsSession ? undefined : this.#forks.get(fromTag)?.session);
    if (session !== undefined) session.receive(transaction);
    else transaction.respond(481);
  }

  receiveAck(ack: SipRequest): void {
    this.#session?.receiveAck(ack);
  }

  receiveCancel(transaction: ServerTransaction): void {
    this.#session?.renegotiation.cancel(transaction);
  }

  drop(): void {
    if (this.#session !== undefined) this.#session.end('closed');
    else this.#end('closed');
  }

  /** For Contact, which would else tell what From keeps back. */
  get #shownUri(): string {
    return shownParty(this.#options.from, this.#options.privacy).uri;
  }

  #send(flow: Flow, more: readonly HeaderField[]): void {
    const { sentBy, transactions } = this.#context;
    this.#cseq += 1;
    this.#provisional = false;
    const contact = contactHeader(sentBy, flow, this.#shownUri, this.#secure);
    const request = this.#request([contact], more);
    let isAnswered = false;
    this.#transaction = transactions.request(request, flow, {
      onResponse: (response) => {
        isAnswered ||= response.status >= 200;
        this.#receiveResponse(response);
      },
      // An ACK to a refusal may be lost too, while the next INVITE is on its way.
      onFailed: (cause) => {
        if (!isAnswered) this.#fail(cause);
      },
    });
  }

  #request(contact: readonly HeaderField[], more: readonly HeaderField[]): SipRequest {
    const { requestUri, offer, headers = [] } = this.#options;
    const { capabilities } = this.#context;
    const fields: readonly HeaderField[] = [
      ...requestHeaders(this.#options, 'INVITE', this.#localTag, this.#callId, this.#cseq),
      ...contact,
      ...capabilityHeaders(capabilities),
      ...this.#asked.headers(),
      ['User-Agent', capabilities.userAgent],
      ...headers,
      ...more,
      ['Content-Type', 'application/sdp'],
    ];
    return new SipRequest('INVITE', requestUri, fields, Buffer.from(offer, 'utf8'));
  }

  /** RFC 3263 §4.3: on to the next server, where there is one that was not tried; else `otherwise`. */
  async #goOn(otherwise: () => void): Promise<void> {
    const isWanted = (): boolean => !this.#cancelWanted && !this.#ended && this.#session === undefined;
    const next = isWanted() ? await this.#ways?.next().catch(() => undefined) : undefined;
    if (next?.value === undefined || !isWanted()) otherwise();
    else {
      this.#forks.forget();
      this.#send(next.value, []);
    }
  }

  #sessionIn(dialog: Dialog): EstablishedSession {
    const session: EstablishedSession = new EstablishedSession({
      side: new SessionDialog({
        context: this.#context,
        dialog,
        flow: this.#transaction?.flow as Flow,
        staysOnFlow: this.#options.flow !== undefined,
        localParty: this.#shownUri,
        secure: this.#secure,
        credentials: this.#options.credentials ?? this.#context.credentials,
      }),
      isCaller: true,
      asked: this.#asked,
      openOffer: () => {
        const answered = this.#session === session || this.#forks.get(dialog.remoteTag)?.earlyAnswer !== undefined;
        return answered ? 'none' : 'ours';
      },
      isConfirmed: () => this.#session === session,
      handlers: () => (this.#session === undefined || this.#session === session ? this.handlers : {}),
      onEnded: (cause) => {
        if (this.#session === session) this.#end(cause);
      },
    });
    session.side.localSdp = this.#options.offer;
    return session;
  }

  #receiveResponse(response: SipResponse): void {
    if (response.status >= 300) {
      const reject = (): void => this.#reject(response.status, response.reason, response);
      if (response.status === 503) void this.#goOn(reject);
      else if (!this.#askAgain(response)) reject();
    } else if (response.status >= 200) {
      this.#receiveSuccess(response).catch((error: unknown) => {
        this.#context.logger.error({ err: error, callId: this.#callId }, 'answer handler failed');
        void this.bye();
      });
    } else {
      this.#receiveProvisional(response);
    }
  }

  #receiveProvisional(response: SipResponse): void {
    this.#provisional = true;
    const transaction = this.#transaction;
    if (this.#ended || this.#session !== undefined || transaction === undefined) return;
    this.#sendCancel();
    this.#watchRinging();
    if (response.status === 100 && !this.#cancelWanted) this.handlers.onTrying?.();
    if (response.status === 100 || this.#cancelWanted) return;
    if (response.status === 199) {
      this.#forks.leave(response.toTag);
    } else {
      const fork = this.#forks.of(transaction.request, response);
      fork?.session.side.learn(response);
      if (fork !== undefined && !acknowledge(fork, response)) return;
    }
    this.handlers.onProvisional?.(response.status, response.sdp, response);
  }

  /** The same INVITE anew: with credentials (RFC 3261 §22.2), or with a longer session interval (RFC 4028 §7.4). */
  #askAgain(response: SipResponse): boolean {
    const transaction = this.#transaction;
    if (transaction === undefined || this.#cancelWanted || this.#ended || this.#session !== undefined) return false;
    const answers = this.#challenges.answer(transaction.request, response);
    if (answers === undefined && !this.#asked.raise(response)) return false;
    this.#ringing?.cancel();
    this.#forks.forget();
    this.#send(transaction.flow, answers ?? []);
    return true;
  }

  /** Each 2xx is acknowledged each time; the first one makes the session, further ones (forks) are ended. */
  async #receiveSuccess(response: SipResponse): Promise<void> {
    const tag = detachedText(response.toTag ?? '');
    const transaction = this.#transaction;
    if (transaction === undefined) return;
    if (this.#acks.has(tag)) {
      const ack = this.#acks.get(tag);
      if (ack !== undefined) this.#context.transactions.sendAgain(ack.text, ack.flow);
      return;
    }
    // A callee may answer under ever new tags, and each would be a dialog to end.
    if (this.#acks.size >= MAX_FORKS) return;
    const fork = this.#forks.of(transaction.request, response);
    if (fork === undefined) return;
    this.#acks.set(tag, undefined);
    const { session } = fork;
    session.side.dialog.confirm(response);
    const wanted = !this.#cancelWanted && !this.#ended && this.#session === undefined;
    if (wanted) {
      this.#session = session;
      this.#remoteTag = tag;
      this.#ringing?.cancel();
      this.#forks.end(session);
      session.side.learn(response);
      session.renegotiation.timer.receive(response);
    }
    const acknowledged = this.#acknowledge(session, tag, transaction.request);
    // At once, so that a BYE right behind it is the end of what was answered.
    if (wanted) this.#answered(fork, response);
    await acknowledged;
    // The one that answered first, whose ACK found no way before, goes on.
    if (wanted || session === this.#session) return;
    void session.bye();
    if (this.#session === undefined) this.#reject(487, 'Request Terminated', undefined);
  }

  /** Never rejects. */
  async #acknowledge(session: EstablishedSession, tag: string, invite: SipRequest): Promise<void> {
    const { number: cseq } = invite.cseq;
    const ack = session.side.dialog.request('ACK', { cseq, headers: credentialFields(invite) });
    try {
      const flow = await session.side.way();
      this.#acks.set(tag, { text: this.#context.transactions.acknowledge(ack, flow), flow });
    } catch (error) {
      // Without a way for the ACK the peer ends the call by itself after 64*T1; its next 2xx tries again.
      this.#acks.delete(tag);
      this.#context.logger.warn({ err: error, callId: this.#callId }, 'ACK could not be sent');
    }
  }

  #answered({ session, earlyAnswer }: Fork, response: SipResponse): void {
    const answer = response.sdp ?? earlyAnswer;
    // RFC 3261 §13.2.1: the answer to an offer in INVITE comes in the 2xx at the latest.
    if (answer === undefined) {
      this.handlers.onRejected?.(488, 'No Answer In 2xx', response);
      void session.bye();
      return;
    }
    session.side.remoteSdp = answer;
    this.handlers.onAnswered?.(answer, response);
  }

  #fail(cause: 'timeout' | 'transport-error'): void {
    if (this.#session !== undefined) return;
    const [status, reason] = cause === 'timeout' ? ([408, 'Request Timeout'] as const) : SERVICE_UNAVAILABLE;
    void this.#goOn(() => this.#reject(status, reason, undefined));
  }

  /** RFC 3261 §9.1: CANCEL waits for a provisional response, and the 487 does not wait for ever. */
  #sendCancel(): void {
    const transaction = this.#transaction;
    if (!this.#cancelWanted || !this.#provisional || this.#cancelSent || transaction === undefined) return;
    this.#cancelSent = true;
    const headers: HeaderField[] = this.#cancelReason === undefined ? [] : [['Reason', this.#cancelReason]];
    this.#context.transactions.cancel(transaction, headers);
    this.#ringing?.cancel();
    this.#ringing = this.#context.clock.schedule(64 * T1_MS, () => {
      transaction.terminate();
      this.#reject(487, 'Request Terminated', undefined);
    });
  }

  /** Each provisional response begins the time anew, as timer C does (RFC 3261 §16.7). */
  #watchRinging(): void {
    if (this.#cancelSent || this.#session !== undefined) return;
    this.#ringing?.cancel();
    this.#ringing = this.#context.clock.schedule((this.#options.ringSeconds ?? RING_SECONDS) * 1000, () => {
      this.cancel();
    });
  }

  #reject(status: number, reason: string, response: SipResponse | undefined): void {
    if (this.#ended || this.#session !== undefined) return;
    try {
      this.handlers.onRejected?.(status, reason, response);
    } catch (error) {
      this.#context.logger.error({ err: error, callId: this.#callId }, 'rejection handler failed');
    }
    this.#end(this.#cancelWanted ? 'cancelled' : 'rejected');
  }

  #end(cause: EndCause): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#ringing?.cancel();
    this.#ringing = undefined;
    this.#forks.end();
    this.#context.removeSession(this);
    for (const finished of this.#finished.splice(0)) finished();
    try {
      this.handlers.onEnded?.(cause);
    } catch (error) {
      // Often called from a timer, where nobody above would catch it.
      this.#context.logger.error({ err: error, callId: this.#callId }, 'end handler failed');
    }
    // The transactions keep this for half a minute more, but not the call above it, nor the session, nor what was offered: for
    // a 2xx that comes late, which gets its ACK and its BYE.
    this.handlers = {};
    if (this.#acks.get(this.#remoteTag) !== undefined) this.#forks.drop(this.#remoteTag);
    this.#session = undefined;
    this.#ways = undefined;
    this.#options = { ...this.#options, offer: '', headers: [] };
  }
}
