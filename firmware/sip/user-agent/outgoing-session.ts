import type { Timer } from '../../core/clock.ts';
import { RingdownError } from '../../core/errors.ts';
import { contactHeader } from '../dialog/contact-header.ts';
import { Dialog } from '../dialog/dialog.ts';
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
import type { DialogInfo, EndCause, InviteOptions, OutgoingInvite, OutgoingInviteHandlers } from './handlers.ts';
import { requestHeaders } from './request-headers.ts';
import { wayInDialog, wayToUri } from './way.ts';

const RING_SECONDS = 180;
/** Answers of a forked INVITE that are acknowledged; more than a user has devices. */
const MAX_FORKS = 16;

/** The caller's side of an INVITE (RFC 3261 §13.2). */
export class OutgoingSession implements OutgoingInvite, RequestTaker {
  handlers: OutgoingInviteHandlers;
  readonly #context: Context;
  readonly #options: InviteOptions;
  readonly #callId: string;
  readonly #localTag = newTag();
  readonly #secure: boolean;
  /** By To tag: the ACK to send again when a 2xx comes again (RFC 3261 §13.2.2.4). */
  readonly #acks = new Map<string, { readonly bytes: Buffer; readonly flow: Flow } | undefined>();
  #transaction: ClientTransaction | undefined;
  #session: EstablishedSession | undefined;
  #remoteTag = '';
  #provisional = false;
  #cancelWanted = false;
  #cancelReason: string | undefined;
  #cancelSent = false;
  #finished: () => void = () => undefined;
  readonly #whenEnded: Promise<void>;
  #ringing: Timer | undefined;
  #ended = false;

  constructor(options: InviteOptions, context: Context) {
    this.#options = options;
    this.#context = context;
    this.handlers = options.handlers;
    this.#callId = options.callId ?? newCallId();
    this.#secure = options.requestUri.toLowerCase().startsWith('sips:');
    this.#whenEnded = new Promise((resolve) => {
      this.#finished = resolve;
    });
    context.addSession(this);
  }

  get dialog(): DialogInfo {
    return { callId: this.#callId, localTag: this.#localTag, remoteTag: this.#remoteTag };
  }

  get established(): boolean {
    return this.#session !== undefined && !this.#ended;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Sends the INVITE; what fails comes through the handlers. */
  async begin(): Promise<void> {
    const { flow: given, target, requestUri, offer } = this.#options;
    try {
      const flow = given ?? (await wayToUri(target ?? requestUri, this.#context.connector));
      // One turn later at the earliest, so that the caller holds the session before its first event.
      await Promise.resolve();
      if (this.#cancelWanted || this.#ended) {
        this.#reject(487, 'Request Terminated', undefined);
        return;
      }
      const request = new SipRequest('INVITE', requestUri, this.#headers(flow), Buffer.from(offer, 'utf8'));
      this.#transaction = this.#context.transactions.request(request, flow, {
        onResponse: (response) => this.#receiveResponse(response),
        onFailed: (cause) => this.#fail(cause),
      });
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
    return this.#whenEnded;
  }

  receive(transaction: ServerTransaction): void {
    if (this.#session !== undefined) this.#session.receive(transaction);
    else transaction.respond(481);
  }

  receiveAck(ack: SipRequest): void {
    this.#session?.receiveAck(ack);
  }

  receiveCancel(transaction: ServerTransaction): void {
    transaction.respond(487);
  }

  drop(): void {
    if (this.#session !== undefined) this.#session.end('closed');
    else this.#end('closed');
  }

  #headers(flow: Flow): HeaderField[] {
    const { capabilities } = this.#context;
    return [
      ...requestHeaders(this.#options, 'INVITE', this.#localTag, this.#callId),
      contactHeader(this.#context.sentBy, flow, this.#options.from.uri, this.#secure),
      ...capabilityHeaders(capabilities),
      ['User-Agent', capabilities.userAgent],
      ...(this.#options.headers ?? []),
      ['Content-Type', 'application/sdp'],
    ];
  }

  #receiveResponse(response: SipResponse): void {
    if (response.status >= 300) {
      this.#reject(response.status, response.reason, response);
    } else if (response.status >= 200) {
      this.#receiveSuccess(response).catch((error: unknown) => {
        this.#context.logger.error({ err: error, callId: this.#callId }, 'answer handler failed');
      });
    } else {
      this.#provisional = true;
      if (this.#ended) return;
      this.#sendCancel();
      this.#watchRinging();
      if (response.status > 100 && !this.#cancelWanted) {
        this.handlers.onProvisional?.(response.status, response.sdp, response);
      }
    }
  }

  /** Each 2xx is acknowledged each time; the first one makes the session, further ones (forks) are ended. */
  async #receiveSuccess(response: SipResponse): Promise<void> {
    const tag = response.toTag ?? '';
    const transaction = this.#transaction;
    if (transaction === undefined) return;
    if (this.#acks.has(tag)) {
      const ack = this.#acks.get(tag);
      if (ack !== undefined) this.#context.transactions.send(ack.bytes, ack.flow);
      return;
    }
    if (this.#acks.size >= MAX_FORKS) return;
    this.#acks.set(tag, undefined);
    const dialog = Dialog.ofCaller(transaction.request, response);
    const wanted = !this.#cancelWanted && !this.#ended && this.#session === undefined;
    const staysOnFlow = this.#options.flow !== undefined;
    const session = new EstablishedSession({
      context: this.#context,
      dialog,
      flow: transaction.flow,
      staysOnFlow,
      localParty: this.#options.from.uri,
      secure: this.#secure,
      handlers: () => (wanted ? this.handlers : {}),
      onEnded: (cause) => {
        if (wanted) this.#end(cause);
      },
    });
    if (wanted) {
      this.#session = session;
      this.#remoteTag = tag;
      this.#ringing?.cancel();
    }
    const ack = dialog.request('ACK', { cseq: transaction.request.cseq.number });
    try {
      const flow = await wayInDialog(transaction.flow, dialog.nextHop, staysOnFlow, this.#context.connector);
      this.#acks.set(tag, { bytes: this.#context.transactions.acknowledge(ack, flow), flow });
    } catch (error) {
      // Without a way for the ACK the peer ends the call by itself after 64*T1; its next 2xx tries again.
      this.#acks.delete(tag);
      this.#context.logger.warn({ err: error, callId: this.#callId }, 'ACK could not be sent');
    }
    if (!wanted) {
      void session.bye();
      if (this.#session === undefined) this.#reject(487, 'Request Terminated', undefined);
    } else if (!session.isEnded) {
      this.#answered(session, response);
    }
  }

  #answered(session: EstablishedSession, response: SipResponse): void {
    // RFC 3261 §13.2.1: the answer to an offer in INVITE comes in the 2xx at the latest.
    if (response.sdp === undefined) {
      this.handlers.onRejected?.(488, 'No Answer In 2xx', response);
      void session.bye();
      return;
    }
    this.handlers.onAnswered?.(response.sdp, response);
  }

  #fail(cause: 'timeout' | 'transport-error'): void {
    if (this.#session !== undefined) return;
    if (cause === 'timeout') this.#reject(408, 'Request Timeout', undefined);
    else this.#reject(503, 'Service Unavailable', undefined);
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
    this.handlers.onRejected?.(status, reason, response);
    this.#end(this.#cancelWanted ? 'cancelled' : 'rejected');
  }

  #end(cause: EndCause): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#ringing?.cancel();
    this.#context.removeSession(this);
    this.#finished();
    try {
      this.handlers.onEnded?.(cause);
    } catch (error) {
      // Often called from a timer, where nobody above would catch it.
      this.#context.logger.error({ err: error, callId: this.#callId }, 'end handler failed');
    }
  }
}
