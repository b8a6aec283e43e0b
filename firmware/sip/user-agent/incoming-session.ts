import type { Timer } from '../../core/clock.ts';
import { Dialog } from '../dialog/dialog.ts';
import { parseDecimal } from '../message/grammar.ts';
import type { HeaderField } from '../message/headers.ts';
import { reasonOf } from '../message/reason.ts';
import type { SipRequest } from '../message/request.ts';
import type { ResponseOptions } from '../message/response.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import type { Flow } from '../transport/flow.ts';
import { cameThroughNat } from '../transport/received.ts';
import type { Context, RequestTaker } from './context.ts';
import { EstablishedSession } from './established-session.ts';
import type {
  DialogInfo,
  EndCause,
  IncomingInvite,
  IncomingInviteHandlers,
  OutgoingInvite,
  ProvisionalOptions,
} from './handlers.ts';
import { ReliableProvisionals } from './reliable-provisionals.ts';
import { type OpenOffer, retryAfter } from './renegotiation.ts';
import { SessionDialog } from './session-dialog.ts';
import { AskedInterval, lists } from './session-interval.ts';
import { SessionRequests } from './session-requests.ts';

/** Without an answer, and without an earlier end in the INVITE's Expires, it ends with 487. */
const MAX_RINGING_SECONDS = 600;
/** RFC 3261 §13.3.1.1: proxies on the way forget a call that is silent for three minutes. */
const REMIND_MS = 60_000;

/** The callee's side of an INVITE (RFC 3261 §13.3). */
export class IncomingSession extends SessionRequests implements IncomingInvite, RequestTaker {
  handlers: IncomingInviteHandlers = {};
  readonly replaces: IncomingInvite | OutgoingInvite | undefined;
  readonly #context: Context;
  readonly #transaction: ServerTransaction;
  readonly #dialog: Dialog;
  /** Made when the box has more to say than a refusal: most INVITEs get a challenge and no more. */
  #made: EstablishedSession | undefined;
  #reliable: ReliableProvisionals | undefined;
  #expiry: Timer | undefined;
  #reminder: Timer | undefined;
  /** A 200 is out, or waits for a PRACK. */
  #accepted = false;
  #answeredByPrack = false;
  /** A reliable provisional response had a description of ours. */
  #describedReliably = false;
  #established = false;
  #ended = false;

  constructor(transaction: ServerTransaction, context: Context, replaces?: IncomingInvite | OutgoingInvite) {
    super();
    const { localTag, request } = transaction;
    this.replaces = replaces;
    this.#context = context;
    this.#transaction = transaction;
    this.#dialog = Dialog.ofCallee(request, localTag);
    transaction.onFailed = () => this.#lost();
  }

  /** Once the layer above has taken it: what was answered at once, as with a challenge, is waited for by nobody. */
  begin(): void {
    if (this.#ended) return;
    this.#context.addSession(this);
    if (this.#established) return;
    const expires = parseDecimal(this.message.headers.get('Expires') ?? '', MAX_RINGING_SECONDS) ?? MAX_RINGING_SECONDS;
    this.#expiry = this.#context.clock.schedule(expires * 1000, () => this.#giveUp(undefined));
  }

  protected get current(): EstablishedSession {
    return this.#session;
  }

  get #side(): SessionDialog {
    return this.#session.side;
  }

  get #session(): EstablishedSession {
    this.#made ??= this.#makeSession();
    return this.#made;
  }

  get message(): SipRequest {
    return this.#transaction.request;
  }

  get flow(): Flow {
    return this.#transaction.flow;
  }

  get offer(): string | undefined {
    return this.message.sdp;
  }

  get dialog(): DialogInfo {
    return this.#dialog;
  }

  get established(): boolean {
    return this.#established && !this.#ended;
  }

  get ended(): boolean {
    return this.#ended;
  }

  isWith(remoteTag: string | undefined): boolean {
    // RFC 3261 §12.1.1: no tag is the null tag.
    return this.#dialog.remoteTag === (remoteTag ?? '');
  }

  provisional(status: number, options: ProvisionalOptions = {}): void {
    if (this.#accepted || this.#ended) return;
    const headers = [...this.#recordRoutes(), ...this.#side.targetHeaders(this.flow), ...(options.headers ?? [])];
    const content = { headers, ...sdpBody(options.sdp) };
    if (options.sdp !== undefined) this.#side.localSdp = options.sdp;
    const required = lists(this.message, 'Require', '100rel');
    const wanted = options.reliable === true && lists(this.message, 'Supported', '100rel');
    // One that needs no PRACK would push the one that waits for it out of the transaction's memory.
    if (required || wanted || this.#reliable?.isBusy === true) {
      this.#reliable ??= this.#makeReliable();
      this.#reliable.send(status, content);
      this.#describedReliably ||= options.sdp !== undefined;
    } else {
      this.#transaction.respond(status, content);
    }
    this.#reminder?.cancel();
    this.#remind();
  }

  accept(options: { readonly sdp: string; readonly headers?: readonly HeaderField[] }): boolean {
    if (this.#accepted || this.#ended || this.#transaction.finalStatus !== undefined) return false;
    this.#accepted = true;
    this.#reminder?.cancel();
    if (this.#reliable === undefined) this.#sendAnswer(options);
    else this.#reliable.beforeSuccess(() => this.#sendAnswer(options));
    return !this.#ended;
  }

  reject(status: number, options: ResponseOptions = {}): void {
    if (this.#transaction.respond(status, options)) this.#end('rejected');
  }

  refuse(status: number, options: ResponseOptions = {}): void {
    if (this.#transaction.refuse(status, options)) this.#end('rejected');
  }

  async bye(reason?: string): Promise<void> {
    if (this.#established) await this.#session.bye(reason);
    else this.reject(480, reason === undefined ? {} : { headers: [['Reason', reason]] });
  }

  receive(transaction: ServerTransaction): void {
    const { method } = transaction.request;
    const reliable = this.#reliable;
    if (method === 'PRACK' && reliable?.acknowledges(transaction.request.headers.get('RAck')) === true) {
      void this.#receivePrack(transaction, reliable);
    } else if (this.#established) {
      this.#session.receive(transaction);
    } else if (method === 'BYE') {
      // RFC 3261 §15: a caller may end an early dialog with BYE as well.
      transaction.respond(200);
      this.#giveUp(reasonOf(transaction.request));
    } else if (method === 'INVITE') {
      transaction.respond(500, { headers: [retryAfter()] });
    } else {
      this.#session.receive(transaction);
    }
  }

  receiveAck(ack: SipRequest): void {
    if (this.#established) this.#session.receiveAck(ack);
  }

  receiveCancel(transaction: ServerTransaction, reason: string | undefined): void {
    if (transaction === this.#transaction) this.#giveUp(reason);
    else transaction.respond(487);
  }

  drop(): void {
    if (this.#established) this.#session.end('closed');
    else this.#end('closed');
  }

  #makeSession(): EstablishedSession {
    const context = this.#context;
    const { request, flow } = this.#transaction;
    const side = new SessionDialog({
      context,
      dialog: this.#dialog,
      flow,
      staysOnFlow: cameThroughNat(request, flow),
      localParty: request.headers.get('To') ?? '',
      secure: request.uri.toLowerCase().startsWith('sips:'),
      credentials: context.credentials,
    });
    side.learn(request);
    side.remoteSdp = request.sdp;
    return new EstablishedSession({
      side,
      isCaller: false,
      asked: new AskedInterval(context.sessionTimer.expiresSeconds),
      openOffer: () => this.#openOffer(),
      isConfirmed: () => this.#established,
      handlers: () => this.handlers,
      onEnded: (cause) => this.#end(cause),
    });
  }

  #makeReliable(): ReliableProvisionals {
    const transaction = this.#transaction;
    return new ReliableProvisionals({
      clock: this.#context.clock,
      transaction,
      // RFC 3262 §3: a caller that acknowledges nothing gets a 5xx.
      onLost: () => {
        if (transaction.respond(504)) this.#abandon('no-ack', undefined);
      },
    });
  }

  #sendAnswer(options: { readonly sdp: string; readonly headers?: readonly HeaderField[] }): void {
    const { timer } = this.#session.renegotiation;
    const agreement = timer.answerTo(this.message);
    const headers = [
      ...this.#recordRoutes(),
      ...this.#side.targetHeaders(this.flow),
      ...(agreement.kind === 'agreed' ? agreement.headers : []),
      ...(options.headers ?? []),
    ];
    // RFC 3262 §5: an offer that PRACK has answered is not made again.
    const body = this.#answeredByPrack ? {} : sdpBody(options.sdp);
    if (!this.#transaction.respond(200, { headers, ...body })) return;
    this.#stopTimers();
    this.#established = true;
    if (!this.#answeredByPrack) this.#side.localSdp = options.sdp;
    this.#session.awaitAck(this.#transaction, this.offer === undefined && !this.#answeredByPrack);
    if (agreement.kind === 'agreed') timer.start(agreement.interval);
  }

  /** RFC 3311 §5.1: a description that may be lost is no answer yet, and no offer. */
  #openOffer(): OpenOffer {
    if (this.#established) return 'none';
    if (this.offer !== undefined) return this.#describedReliably ? 'none' : 'theirs';
    return this.#describedReliably && !this.#answeredByPrack ? 'ours' : 'none';
  }

  /** RFC 3262 §3 and §5: what it acknowledges is known; it may have the answer to our offer, or an offer. */
  async #receivePrack(transaction: ServerTransaction, reliable: ReliableProvisionals): Promise<void> {
    const { request } = transaction;
    if (!this.#dialog.takeCseq(request)) {
      transaction.respond(500, { reason: 'CSeq Too Low' });
      return;
    }
    if (request.body.length > 0 && request.sdp === undefined) {
      transaction.respond(415, { headers: [['Accept', 'application/sdp']] });
      return;
    }
    try {
      reliable.taken();
      if (request.sdp === undefined) transaction.respond(200);
      else if (this.offer === undefined && !this.#answeredByPrack) this.#takeAnswer(transaction, request.sdp);
      else await this.#answerOffer(transaction, request.sdp);
    } catch (error) {
      this.#context.logger.error({ err: error, callId: this.#dialog.callId }, 'PRACK handler failed');
      transaction.respond(500);
    } finally {
      reliable.acknowledged();
    }
  }

  #takeAnswer(transaction: ServerTransaction, sdp: string): void {
    this.#answeredByPrack = this.#side.localSdp !== undefined;
    this.#side.remoteSdp = sdp;
    transaction.respond(this.#answeredByPrack ? 200 : 488);
    if (this.#answeredByPrack) this.handlers.onPrack?.(sdp);
  }

  async #answerOffer(transaction: ServerTransaction, offer: string): Promise<void> {
    const answer = (await this.handlers.onReinvite?.(offer)) ?? { status: 488 };
    if ('sdp' in answer) transaction.respond(200, sdpBody(answer.sdp));
    else transaction.respond(answer.status, answer.reason === undefined ? {} : { reason: answer.reason });
  }

  /** The caller gave up: once there is a final response, too late (RFC 3261 §9.2). */
  #giveUp(reason: string | undefined): void {
    if (this.#transaction.respond(487)) this.#abandon('cancelled', reason);
  }

  /** The way back is closed. A 2xx goes on being sent until 64*T1, since the peer may connect again. */
  #lost(): void {
    // The final response ends the transaction, whether it arrives or not.
    if (!this.#established && this.#transaction.respond(500)) this.#abandon('cancelled', undefined);
  }

  #abandon(cause: EndCause, reason: string | undefined): void {
    try {
      this.handlers.onCancel?.(reason);
    } catch (error) {
      this.#context.logger.error({ err: error, callId: this.#dialog.callId }, 'cancel handler failed');
    }
    this.#end(cause);
  }

  #remind(): void {
    if (this.#ended || this.#accepted) return;
    this.#reminder = this.#context.clock.schedule(REMIND_MS, () => {
      this.#transaction.resend();
      this.#remind();
    });
  }

  /** RFC 3261 §12.1.1: what makes a dialog has Record-Route as it came. */
  #recordRoutes(): readonly HeaderField[] {
    return this.message.headers.all('Record-Route').map((value): HeaderField => ['Record-Route', value]);
  }

  #stopTimers(): void {
    this.#expiry?.cancel();
    this.#reminder?.cancel();
    this.#reliable?.stop();
  }

  #end(cause: EndCause): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopTimers();
    this.#context.removeSession(this);
    this.#made?.end(cause);
    try {
      this.handlers.onEnded?.(cause);
    } catch (error) {
      // Often called from a timer, where nobody above would catch it.
      this.#context.logger.error({ err: error, callId: this.#dialog.callId }, 'end handler failed');
    }
    // Copies of what there was come for half a minute more: nothing of the call above, nor the INVITE itself, is kept for them.
    this.handlers = {};
    this.#transaction.onFailed = undefined;
    this.#transaction.settle();
  }
}

function sdpBody(sdp: string | undefined): { readonly body?: string; readonly contentType?: string } {
  return sdp === undefined ? {} : { body: sdp, contentType: 'application/sdp' };
}
