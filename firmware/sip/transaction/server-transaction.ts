import { newTag, statelessTag } from '../message/identifier.ts';
import type { SipRequest } from '../message/request.ts';
import { createResponse, type ResponseOptions, type SipResponse } from '../message/response.ts';
import { serialize } from '../message/serializer.ts';
import type { Flow } from '../transport/flow.ts';
import { CompletedRequest, type CompletedRequestLayer } from './completed-request.ts';
import { inviteServer } from './invite-server.ts';
import { type Input, MachineRun, type OwnEffect, type TransactionTimers } from './machine.ts';
import { nonInviteServer } from './non-invite-server.ts';

/** What a transaction needs of its layer. */
export interface ServerTransactionLayer extends CompletedRequestLayer {
  readonly timers: TransactionTimers;
  readonly transport: CompletedRequestLayer['transport'] & {
    respond(request: SipRequest, flow: Flow, bytes: Buffer, onFailed: (error: Error) => void): void;
  };
  /** An ACK with the branch of its INVITE though that was answered 2xx. */
  receiveAck(ack: SipRequest, flow: Flow): void;
  /** It has ended. */
  forgetServer(transaction: ServerTransaction | CompletedRequest): void;
  /** This is left of it, and takes its place. */
  replaceServer(transaction: ServerTransaction, completed: CompletedRequest): void;
}

/** One request of a peer and our responses. */
export class ServerTransaction extends MachineRun {
  readonly request: SipRequest;
  readonly flow: Flow;
  /** By which retransmissions of the request are found. */
  readonly key: string;
  /** The tag of all our responses, where the request had none; a CANCEL takes its INVITE's (RFC 3261 §9.2). */
  localTag: string;
  /** It stands for all requests of its Call-ID outside a dialog that may be the same by another way. */
  isOutside = false;
  /** No final response reached the peer: no ACK came, or the way back is closed. */
  onFailed: ((cause: 'timeout' | 'transport-error') => void) | undefined;
  readonly #layer: ServerTransactionLayer;
  #bytes: Buffer | undefined;
  #ack: SipRequest | undefined;
  #finalStatus: number | undefined;
  #completed: CompletedRequest | undefined;

  constructor(request: SipRequest, flow: Flow, key: string, layer: ServerTransactionLayer) {
    super(request.method === 'INVITE' ? inviteServer : nonInviteServer, layer.timers, flow.protocol !== 'udp');
    this.request = request;
    this.flow = flow;
    this.key = key;
    this.localTag = request.toTag ?? newTag();
    this.#layer = layer;
  }

  /** The final status that was sent. */
  get finalStatus(): number | undefined {
    return this.#finalStatus;
  }

  /** Whether any response was sent. */
  get hasResponse(): boolean {
    return this.#bytes !== undefined;
  }

  /**
   * Sends a response. False, and nothing sent, once there was a final one, and for what is never sent: to a request other
   * than INVITE a provisional response or 408. A challenge ends the transaction at once.
   */
  respond(status: number, options: ResponseOptions = {}): boolean {
    if (this.#finalStatus !== undefined || this.isTerminated) return false;
    if (this.request.method !== 'INVITE') {
      // RFC 4320 §4.1: none but a 100, and that is sent by the machine when it is time.
      if (status < 200) return false;
      if (status === 408) {
        // RFC 4320 §4.2: it would come when its sender has given up, and mislead who still listens.
        this.terminate();
        return false;
      }
    }
    const response: SipResponse = createResponse(this.request, status, this.localTag, options);
    this.#bytes = serialize(response);
    let input: Input = 'provisional';
    if (status >= 200) {
      this.#finalStatus = status;
      input = status < 300 ? 'success' : 'failure';
    }
    this.input(input);
    // RFC 3261 §26.3.2.4: one challenge for one request. Sent again and remembered, it would serve a flood in forged names.
    if (status === 401 || status === 407) this.terminate();
    else if (this.state === 'completed' && this.request.method !== 'INVITE') this.#complete(this.#bytes);
    return true;
  }

  /**
   * The final response to a request of whose sender nothing is known. Of an INVITE nothing is left behind, as by RFC 3261
   * §8.2.7: whoever sends it again gets it again, and a forged sender not eleven of them.
   */
  refuse(status: number, options: ResponseOptions = {}): boolean {
    if (this.request.method !== 'INVITE' || this.hasResponse) return this.respond(status, options);
    this.localTag = this.request.toTag ?? statelessTag(this.request);
    const isSent = this.respond(status, options);
    this.terminate();
    return isSent;
  }

  /** Sends the latest response again: RFC 3261 §13.3.1.4 leaves 2xx to INVITE to us, §13.3.1.1 provisional ones. */
  resend(): void {
    if (this.#bytes === undefined) return;
    if (this.#finalStatus === undefined) this.input('provisional');
    else if (this.#finalStatus < 300 && this.request.method === 'INVITE') this.input('success');
  }

  /** The request came again, or its ACK. */
  receive(request: SipRequest): void {
    if (request.method === 'ACK') {
      this.#ack = request;
      this.input('ack');
    } else {
      this.input('request');
    }
  }

  protected onTerminated(): void {
    if (this.#completed === undefined) this.#layer.forgetServer(this);
  }

  /** Of an INVITE that was accepted, once its session is over: only copies of it may come. Idempotent; otherwise nothing happens. */
  settle(): void {
    if (this.state === 'accepted' && !this.isTerminated) this.#complete(undefined);
  }

  #complete(bytes: Buffer | undefined): void {
    this.#completed = new CompletedRequest(this, bytes, this.#layer);
    this.terminate();
    this.#layer.replaceServer(this, this.#completed);
  }

  protected perform(effect: OwnEffect): void {
    switch (effect) {
      case 'send':
        this.#send();
        break;
      case 'send-trying':
        this.#bytes = serialize(createResponse(this.request, 100, this.localTag));
        this.#send();
        break;
      case 'deliver':
        if (this.#ack !== undefined) this.#layer.receiveAck(this.#ack, this.flow);
        break;
      case 'report-timeout':
        this.onFailed?.('timeout');
        break;
      case 'report-transport-error':
        this.onFailed?.('transport-error');
        break;
      case 'send-ack':
        break;
    }
  }

  #send(): void {
    if (this.#bytes === undefined) return;
    this.#layer.transport.respond(this.request, this.flow, this.#bytes, () => this.#sendFailed());
  }

  #sendFailed(): void {
    this.input('transport-error');
    // RFC 6026 §7.1: an INVITE stays known, so that a copy is not taken for a new one.
    if (this.#completed === undefined || this.request.method === 'INVITE') return;
    this.#completed.terminate();
    this.onFailed?.('transport-error');
  }
}
