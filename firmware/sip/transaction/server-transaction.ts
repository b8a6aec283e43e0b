import type { Clock, Timer } from '../../core/clock.ts';
import { newTag } from '../message/identifier.ts';
import type { SipRequest } from '../message/request.ts';
import { createResponse, type ResponseOptions, type SipResponse } from '../message/response.ts';
import { serialize } from '../message/serializer.ts';
import type { Flow } from '../transport/flow.ts';
import { inviteServer } from './invite-server.ts';
import { type Input, MachineRun } from './machine.ts';
import { nonInviteServer } from './non-invite-server.ts';
import { T1_MS } from './timers.ts';

/** After this long the sender of a request other than INVITE has given up: nobody waits for the answer. */
const UNANSWERED_MS = 64 * T1_MS;

export interface ServerTransactionOptions {
  readonly clock: Clock;
  readonly flow: Flow;
  readonly send: (bytes: Buffer, onFailed: (error: Error) => void) => void;
  /** An ACK with the branch of its INVITE though that was answered 2xx. */
  readonly onAck: (ack: SipRequest) => void;
  readonly onTerminated: () => void;
}

/** One request of a peer and our responses. */
export class ServerTransaction {
  readonly request: SipRequest;
  readonly flow: Flow;
  /** The tag of all our responses, where the request had none; a CANCEL takes its INVITE's (RFC 3261 §9.2). */
  localTag: string;
  /** No final response reached the peer: no ACK came, or the way back is closed. */
  onFailed: ((cause: 'timeout' | 'transport-error') => void) | undefined;
  readonly #options: ServerTransactionOptions;
  readonly #run: MachineRun<string>;
  #bytes: Buffer | undefined;
  #ack: SipRequest | undefined;
  #finalStatus: number | undefined;
  #unanswered: Timer | undefined;

  constructor(request: SipRequest, options: ServerTransactionOptions) {
    this.request = request;
    this.flow = options.flow;
    this.localTag = request.toTag ?? newTag();
    this.#options = options;
    const machine = request.method === 'INVITE' ? inviteServer : nonInviteServer;
    this.#run = new MachineRun<string>(machine, {
      clock: options.clock,
      reliable: options.flow.protocol !== 'udp',
      perform: (effect) => this.#perform(effect),
      onTerminated: () => {
        this.#unanswered?.cancel();
        options.onTerminated();
      },
    });
    if (request.method !== 'INVITE') {
      this.#unanswered = options.clock.schedule(UNANSWERED_MS, () => this.terminate());
    }
  }

  /** The final status that was sent. */
  get finalStatus(): number | undefined {
    return this.#finalStatus;
  }

  /** Sends a response. False, and nothing sent, once there was a final one. A challenge ends the transaction at once. */
  respond(status: number, options: ResponseOptions = {}): boolean {
    if (this.#finalStatus !== undefined || this.#run.isTerminated) return false;
    const response: SipResponse = createResponse(this.request, status, this.localTag, options);
    this.#bytes = serialize(response);
    let input: Input = 'provisional';
    if (status >= 200) {
      this.#finalStatus = status;
      this.#unanswered?.cancel();
      input = status < 300 ? 'success' : 'failure';
    }
    this.#run.input(input);
    // RFC 3261 §26.3.2.4: one challenge for one request. Sent again and remembered, it would serve a flood in forged names.
    if (status === 401 || status === 407) this.terminate();
    return true;
  }

  /** Sends the latest response again: RFC 3261 §13.3.1.4 leaves 2xx to INVITE to us, §13.3.1.1 provisional ones. */
  resend(): void {
    if (this.#bytes === undefined) return;
    if (this.#finalStatus === undefined) this.#run.input('provisional');
    else if (this.#finalStatus < 300 && this.request.method === 'INVITE') this.#run.input('success');
  }

  /** The request came again, or its ACK. */
  receive(request: SipRequest): void {
    if (request.method === 'ACK') {
      this.#ack = request;
      this.#run.input('ack');
    } else {
      this.#run.input('request');
    }
  }

  /** True when only retransmissions of the request would still find something here. */
  get isSettled(): boolean {
    if (this.#finalStatus === undefined) return false;
    // A 2xx to INVITE is sent again until its ACK comes (RFC 3261 §13.3.1.4).
    return this.request.method !== 'INVITE' || this.#finalStatus >= 300;
  }

  /** Ends without a response. Idempotent. */
  terminate(): void {
    this.#run.terminate();
  }

  #perform(effect: 'send' | 'send-ack' | 'deliver' | 'report-timeout' | 'report-transport-error'): void {
    switch (effect) {
      case 'send':
        if (this.#bytes !== undefined) this.#options.send(this.#bytes, () => this.#run.input('transport-error'));
        break;
      case 'deliver':
        if (this.#ack !== undefined) this.#options.onAck(this.#ack);
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
}
