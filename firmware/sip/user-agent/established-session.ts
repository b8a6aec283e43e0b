import { contactHeader } from '../dialog/contact-header.ts';
import type { Dialog } from '../dialog/dialog.ts';
import type { HeaderField } from '../message/headers.ts';
import type { SipRequest } from '../message/request.ts';
import { PendingRequest } from '../transaction/pending-request.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import type { Flow } from '../transport/flow.ts';
import { AnswerRetransmission } from './answer-retransmission.ts';
import { type Context, capabilityHeaders } from './context.ts';
import type { EndCause, SessionHandlers } from './handlers.ts';
import { wayInDialog } from './way.ts';

export interface EstablishedSessionOptions {
  readonly context: Context;
  readonly dialog: Dialog;
  readonly flow: Flow;
  readonly staysOnFlow: boolean;
  /** The header value of From or To that names us. */
  readonly localParty: string;
  readonly secure: boolean;
  /** Read at each event, since the layer above may change them. */
  readonly handlers: () => SessionHandlers;
  readonly onEnded: (cause: EndCause) => void;
}

/** A dialog with a session in it, from the 2xx to the BYE; the same for caller and callee (RFC 3261 §14, §15). */
export class EstablishedSession {
  readonly #options: EstablishedSessionOptions;
  /** 2xx of ours that wait for their ACK: that of the first INVITE and that of one re-INVITE at the most. */
  readonly #unacknowledged = new Map<number, AnswerRetransmission>();
  #flow: Flow;
  #reinvite: ServerTransaction | undefined;
  #byeWanted: { readonly reason: string | undefined; readonly sent: () => void } | undefined;
  #bye: Promise<void> | undefined;
  #ended = false;

  constructor(options: EstablishedSessionOptions) {
    this.#options = options;
    this.#flow = options.flow;
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  /** Watches over a 2xx to INVITE that was just sent. */
  awaitAck(transaction: ServerTransaction): void {
    const { clock } = this.#options.context;
    const answer = new AnswerRetransmission(transaction, clock, () => {
      this.#unacknowledged.delete(answer.cseq);
      // RFC 3261 §13.3.1.4: the dialog is confirmed, but the session is ended.
      void this.#sendBye(undefined, 'no-ack');
    });
    this.#unacknowledged.set(answer.cseq, answer);
  }

  /** The ACK to a 2xx of ours; one that comes again changes nothing. */
  receiveAck(ack: SipRequest): void {
    const answer = this.#unacknowledged.get(ack.cseq.number);
    if (answer === undefined) return;
    answer.stop();
    this.#unacknowledged.delete(answer.cseq);
    this.#options.handlers().onAck?.(ack.sdp);
    this.#sendWantedBye();
  }

  /** A request within the dialog, other than ACK and CANCEL. */
  receive(transaction: ServerTransaction): void {
    const { request } = transaction;
    const { dialog, context } = this.#options;
    if (!dialog.takeCseq(request)) {
      transaction.respond(500, { reason: 'CSeq Too Low' });
      return;
    }
    if (request.method !== 'INVITE' && request.method !== 'UPDATE') this.#flow = transaction.flow;
    switch (request.method) {
      case 'BYE':
        transaction.respond(200);
        try {
          this.#options.handlers().onBye?.(request);
        } finally {
          this.end('bye-received');
        }
        break;
      case 'INVITE':
        void this.#takeReinvite(transaction);
        break;
      case 'INFO':
        if (this.#options.handlers().onInfo?.(new PendingRequest(transaction)) === true) break;
        // RFC 6086 §4.2.2: a package that nobody asked for.
        if (request.headers.has('Info-Package')) transaction.respond(469, { headers: [['Recv-Info', '']] });
        else transaction.respond(405, { headers: [['Allow', context.capabilities.allow]] });
        break;
      case 'OPTIONS':
        transaction.respond(200, { headers: capabilityHeaders(context.capabilities) });
        break;
      default:
        context.offerToHandlers(transaction, dialog);
    }
  }

  /** Sends BYE, after the ACK that is still due (RFC 3261 §15). Resolves when it is answered, however often it is asked. */
  bye(reason?: string): Promise<void> {
    if (this.#bye === undefined) {
      if (this.#ended) return Promise.resolve();
      if (this.#unacknowledged.size === 0) return this.#sendBye(reason, 'bye-sent');
      this.#bye = new Promise((resolve) => {
        this.#byeWanted = { reason, sent: resolve };
      });
    }
    return this.#bye;
  }

  /** Ends without BYE. Idempotent. */
  end(cause: EndCause): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const answer of this.#unacknowledged.values()) answer.stop();
    this.#unacknowledged.clear();
    // RFC 3261 §15.1.2: what is still pending gets its answer.
    this.#reinvite?.respond(487);
    this.#byeWanted?.sent();
    this.#options.onEnded(cause);
  }

  async #takeReinvite(transaction: ServerTransaction): Promise<void> {
    const { request } = transaction;
    const { context, dialog, localParty, secure } = this.#options;
    if (this.#reinvite !== undefined) {
      // RFC 3261 §14.2: the one before has no final response yet.
      transaction.respond(500, { headers: [['Retry-After', String(Math.floor(Math.random() * 11))]] });
      return;
    }
    if (request.body.length > 0 && request.sdp === undefined) {
      transaction.respond(415, { headers: [['Accept', 'application/sdp']] });
      return;
    }
    this.#reinvite = transaction;
    try {
      const answer = await this.#options.handlers().onReinvite?.(request.sdp);
      if (answer === undefined) {
        transaction.respond(488);
      } else if ('sdp' in answer) {
        const headers: HeaderField[] = [
          contactHeader(context.sentBy, transaction.flow, localParty, secure),
          ...capabilityHeaders(context.capabilities),
        ];
        if (!this.#ended && transaction.respond(200, { headers, body: answer.sdp, contentType: 'application/sdp' })) {
          // RFC 3261 §14.2: a re-INVITE that is refused leaves everything as it was, the remote target too.
          dialog.refreshTarget(request);
          this.#flow = transaction.flow;
          this.awaitAck(transaction);
        }
      } else {
        transaction.respond(answer.status, answer.reason === undefined ? {} : { reason: answer.reason });
      }
    } catch (error) {
      context.logger.error({ err: error, callId: dialog.callId }, 're-INVITE handler failed');
      transaction.respond(500);
    } finally {
      this.#reinvite = undefined;
    }
  }

  #sendWantedBye(): void {
    const wanted = this.#byeWanted;
    if (wanted === undefined || this.#unacknowledged.size > 0) return;
    this.#byeWanted = undefined;
    void this.#sendBye(wanted.reason, 'bye-sent').then(wanted.sent);
  }

  #sendBye(reason: string | undefined, cause: EndCause): Promise<void> {
    if (this.#ended) return Promise.resolve();
    const answered = this.#exchangeBye(reason, cause);
    this.#bye ??= answered;
    // The session is over from here on, but the stack must not close before the BYE is out and answered.
    this.#options.context.addFarewell(answered);
    return answered;
  }

  async #exchangeBye(reason: string | undefined, cause: EndCause): Promise<void> {
    const { context, dialog, staysOnFlow } = this.#options;
    const headers: HeaderField[] = [['User-Agent', context.capabilities.userAgent]];
    if (reason !== undefined) headers.push(['Reason', reason]);
    const request = dialog.request('BYE', { headers });
    const way = wayInDialog(this.#flow, dialog.nextHop, staysOnFlow, context.connector);
    // RFC 3261 §15.1.1: the session is over once the BYE is on its way, whatever the answer.
    this.end(cause);
    try {
      const flow = await way;
      await new Promise<void>((resolve) => {
        context.transactions.request(request, flow, {
          onResponse: (response) => {
            if (response.status >= 200) resolve();
          },
          onFailed: () => resolve(),
        });
      });
    } catch (error) {
      context.logger.debug({ err: error, callId: dialog.callId }, 'BYE could not be sent');
    }
  }
}
