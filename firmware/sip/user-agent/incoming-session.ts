import type { Timer } from '../../core/clock.ts';
import { contactHeader } from '../dialog/contact-header.ts';
import { Dialog } from '../dialog/dialog.ts';
import { parseDecimal } from '../message/grammar.ts';
import type { HeaderField } from '../message/headers.ts';
import type { SipRequest } from '../message/request.ts';
import type { ResponseOptions } from '../message/response.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import type { Flow } from '../transport/flow.ts';
import { cameThroughNat } from '../transport/received.ts';
import { type Context, capabilityHeaders, type RequestTaker } from './context.ts';
import { EstablishedSession } from './established-session.ts';
import type { DialogInfo, EndCause, IncomingInvite, IncomingInviteHandlers } from './handlers.ts';

/** Without an answer, and without an earlier end in the INVITE's Expires, it ends with 487. */
const MAX_RINGING_SECONDS = 600;
/** RFC 3261 §13.3.1.1: proxies on the way forget a call that is silent for three minutes. */
const REMIND_MS = 60_000;

/** The callee's side of an INVITE (RFC 3261 §13.3). */
export class IncomingSession implements IncomingInvite, RequestTaker {
  handlers: IncomingInviteHandlers = {};
  readonly #context: Context;
  readonly #transaction: ServerTransaction;
  readonly #dialog: Dialog;
  readonly #session: EstablishedSession;
  readonly #secure: boolean;
  readonly #expiry: Timer;
  #reminder: Timer | undefined;
  #established = false;
  #ended = false;

  constructor(transaction: ServerTransaction, context: Context) {
    const { request, flow, localTag } = transaction;
    this.#context = context;
    this.#transaction = transaction;
    this.#dialog = Dialog.ofCallee(request, localTag);
    this.#secure = request.uri.toLowerCase().startsWith('sips:');
    this.#session = new EstablishedSession({
      context,
      dialog: this.#dialog,
      flow,
      staysOnFlow: cameThroughNat(request, flow),
      localParty: request.headers.get('To') ?? '',
      secure: this.#secure,
      handlers: () => this.handlers,
      onEnded: (cause) => this.#end(cause),
    });
    transaction.onFailed = () => this.#lost();
    const expires = parseDecimal(request.headers.get('Expires') ?? '', MAX_RINGING_SECONDS) ?? MAX_RINGING_SECONDS;
    this.#expiry = context.clock.schedule(expires * 1000, () => this.#giveUp());
    context.addSession(this);
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

  provisional(
    status: number,
    options: { readonly sdp?: string; readonly headers?: readonly HeaderField[] } = {},
  ): void {
    const headers = [...this.#dialogHeaders(), ...(options.headers ?? [])];
    this.#transaction.respond(status, { headers, ...sdpBody(options.sdp) });
    this.#reminder?.cancel();
    this.#remind();
  }

  accept(options: { readonly sdp: string; readonly headers?: readonly HeaderField[] }): boolean {
    if (this.#ended) return false;
    const headers = [
      ...this.#dialogHeaders(),
      ...capabilityHeaders(this.#context.capabilities),
      ...(options.headers ?? []),
    ];
    if (!this.#transaction.respond(200, { headers, ...sdpBody(options.sdp) })) return false;
    this.#stopTimers();
    this.#established = true;
    this.#session.awaitAck(this.#transaction);
    return true;
  }

  reject(status: number, options: ResponseOptions = {}): void {
    if (this.#transaction.respond(status, options)) this.#end('rejected');
  }

  async bye(reason?: string): Promise<void> {
    if (this.#established) await this.#session.bye(reason);
    else this.reject(480, reason === undefined ? {} : { headers: [['Reason', reason]] });
  }

  receive(transaction: ServerTransaction): void {
    if (this.#established) {
      this.#session.receive(transaction);
    } else if (transaction.request.method === 'BYE') {
      // RFC 3261 §15: a caller may end an early dialog with BYE as well.
      transaction.respond(200);
      this.#giveUp();
    } else if (transaction.request.method === 'INVITE') {
      transaction.respond(500, { headers: [['Retry-After', String(Math.floor(Math.random() * 11))]] });
    } else if (!this.#dialog.takeCseq(transaction.request)) {
      transaction.respond(500, { reason: 'CSeq Too Low' });
    } else {
      this.#context.offerToHandlers(transaction, this.#dialog);
    }
  }

  receiveAck(ack: SipRequest): void {
    if (this.#established) this.#session.receiveAck(ack);
  }

  receiveCancel(transaction: ServerTransaction): void {
    if (transaction === this.#transaction) this.#giveUp();
    // A cancelled re-INVITE: the answer of its handler comes too late then.
    else transaction.respond(487);
  }

  drop(): void {
    if (this.#established) this.#session.end('closed');
    else this.#end('closed');
  }

  /** The caller gave up: once there is a final response, too late (RFC 3261 §9.2). */
  #giveUp(): void {
    if (!this.#transaction.respond(487)) return;
    this.handlers.onCancel?.();
    this.#end('cancelled');
  }

  /** The way back is closed. A 2xx goes on being sent until 64*T1, since the peer may connect again. */
  #lost(): void {
    if (this.#established || this.#ended) return;
    this.handlers.onCancel?.();
    this.#end('cancelled');
  }

  #remind(): void {
    if (this.#ended || this.#established) return;
    this.#reminder = this.#context.clock.schedule(REMIND_MS, () => {
      this.#transaction.resend();
      this.#remind();
    });
  }

  /** RFC 3261 §12.1.1: what makes a dialog has Contact, and Record-Route as it came. */
  #dialogHeaders(): HeaderField[] {
    const { headers } = this.message;
    return [
      ...headers.all('Record-Route').map((value): HeaderField => ['Record-Route', value]),
      contactHeader(this.#context.sentBy, this.flow, headers.get('To') ?? '', this.#secure),
    ];
  }

  #stopTimers(): void {
    this.#expiry.cancel();
    this.#reminder?.cancel();
  }

  #end(cause: EndCause): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopTimers();
    this.#context.removeSession(this);
    try {
      this.handlers.onEnded?.(cause);
    } catch (error) {
      // Often called from a timer, where nobody above would catch it.
      this.#context.logger.error({ err: error, callId: this.#dialog.callId }, 'end handler failed');
    }
  }
}

function sdpBody(sdp: string | undefined): { readonly body?: string; readonly contentType?: string } {
  return sdp === undefined ? {} : { body: sdp, contentType: 'application/sdp' };
}
