import type { SipRequest } from '../message/request.ts';
import { PendingRequest } from '../transaction/pending-request.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import { AnswerRetransmission } from './answer-retransmission.ts';
import { capabilityHeaders } from './context.ts';
import type { EndCause, SessionHandlers } from './handlers.ts';
import { IncomingReferral, Referrals } from './refer.ts';
import { type OpenOffer, Renegotiation, retryAfter } from './renegotiation.ts';
import type { SessionDialog } from './session-dialog.ts';
import type { AskedInterval } from './session-interval.ts';

/** 2xx of ours that wait for their ACK: that of the first INVITE and that of one re-INVITE. */
const MAX_UNACKNOWLEDGED = 2;

export interface EstablishedSessionOptions {
  readonly side: SessionDialog;
  readonly isCaller: boolean;
  readonly asked: AskedInterval;
  /** Whose offer of the INVITE has no answer yet. */
  readonly openOffer: () => OpenOffer;
  /** The INVITE has its 2xx. */
  readonly isConfirmed: () => boolean;
  /** Read at each event, since the layer above may change them. */
  readonly handlers: () => SessionHandlers;
  readonly onEnded: (cause: EndCause) => void;
}

/** A dialog with a session in it, to the BYE; the same for caller and callee (RFC 3261 §14, §15). */
export class EstablishedSession {
  readonly side: SessionDialog;
  readonly renegotiation: Renegotiation;
  readonly referrals: Referrals;
  readonly #options: EstablishedSessionOptions;
  /** 2xx of ours that wait for their ACK, by CSeq. */
  readonly #unacknowledged = new Map<number, { readonly answer: AnswerRetransmission; readonly isOffer: boolean }>();
  #byeWanted: { readonly reason: string | undefined; readonly sent: () => void } | undefined;
  #bye: Promise<void> | undefined;
  #ended = false;

  constructor(options: EstablishedSessionOptions) {
    this.#options = options;
    this.side = options.side;
    this.referrals = new Referrals(options.side);
    this.renegotiation = new Renegotiation({
      side: options.side,
      isCaller: options.isCaller,
      asked: options.asked,
      handlers: options.handlers,
      awaitAck: (transaction) => this.awaitAck(transaction),
      openOffer: () => {
        const awaitsAck = [...this.#unacknowledged.values()].some(({ isOffer }) => isOffer);
        return awaitsAck ? 'ours' : options.openOffer();
      },
      isConfirmed: options.isConfirmed,
      lost: (cause) => void this.#sendBye(undefined, cause),
    });
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  /** Watches over a 2xx to INVITE that was just sent. `isOffer`: its answer comes in the ACK. */
  awaitAck(transaction: ServerTransaction, isOffer = transaction.request.sdp === undefined): void {
    const { clock } = this.side.context;
    const answer = new AnswerRetransmission(transaction, clock, () => {
      this.#unacknowledged.delete(answer.cseq);
      // RFC 3261 §13.3.1.4: the dialog is confirmed, but the session is ended.
      void this.#sendBye(undefined, 'no-ack');
    });
    this.#unacknowledged.set(answer.cseq, { answer, isOffer });
  }

  /** The ACK to a 2xx of ours; one that comes again changes nothing. */
  receiveAck(ack: SipRequest): void {
    const cseq = ack.cseq.number;
    const unacknowledged = this.#unacknowledged.get(cseq);
    if (unacknowledged === undefined) return;
    unacknowledged.answer.stop();
    this.#unacknowledged.delete(cseq);
    if (ack.sdp !== undefined) this.side.remoteSdp = ack.sdp;
    try {
      this.#options.handlers().onAck?.(ack.sdp);
    } finally {
      this.#sendWantedBye();
    }
  }

  /** A request within the dialog, other than ACK and CANCEL. */
  receive(transaction: ServerTransaction): void {
    const { request } = transaction;
    const { side } = this;
    if (!side.dialog.takeCseq(request)) {
      transaction.respond(500, { reason: 'CSeq Too Low' });
      return;
    }
    if (request.method !== 'INVITE' && request.method !== 'UPDATE') side.flow = transaction.flow;
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
        // Each is sent again until its ACK comes: who acknowledges nothing shall not have us send ever more.
        if (this.#unacknowledged.size >= MAX_UNACKNOWLEDGED) transaction.respond(500, { headers: [retryAfter()] });
        else void this.renegotiation.receiveInvite(transaction);
        break;
      case 'UPDATE':
        void this.renegotiation.receiveUpdate(transaction);
        break;
      case 'INFO':
        if (this.#options.handlers().onInfo?.(new PendingRequest(transaction)) === true) break;
        // RFC 6086 §4.2.2: a package that nobody asked for.
        if (request.headers.has('Info-Package')) transaction.respond(469, { headers: [['Recv-Info', '']] });
        else transaction.respond(405, { headers: [['Allow', side.context.capabilities.allow]] });
        break;
      case 'OPTIONS':
        transaction.respond(200, { headers: capabilityHeaders(side.context.capabilities) });
        break;
      case 'PRACK':
        // RFC 3262 §3: nothing is left to acknowledge.
        transaction.respond(481);
        break;
      case 'REFER':
        IncomingReferral.offer(transaction, side.context, side.dialog);
        break;
      case 'NOTIFY':
        if (!this.referrals.receive(transaction)) side.context.offerToHandlers(transaction, side.dialog);
        break;
      default:
        side.context.offerToHandlers(transaction, side.dialog);
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
    for (const { answer } of this.#unacknowledged.values()) answer.stop();
    this.#unacknowledged.clear();
    this.renegotiation.stop();
    this.referrals.close();
    this.#byeWanted?.sent();
    this.#options.onEnded(cause);
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
    this.side.context.addFarewell(answered);
    return answered;
  }

  async #exchangeBye(reason: string | undefined, cause: EndCause): Promise<void> {
    const answered = this.side.request('BYE', { headers: reason === undefined ? [] : [['Reason', reason]] });
    // RFC 3261 §15.1.1: the session is over once the BYE is on its way, whatever the answer.
    this.end(cause);
    await answered;
  }
}
