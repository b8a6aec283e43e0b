import { detachedText } from '../../core/detached-text.ts';
import type { SipRequest } from '../message/request.ts';
import type { Flow } from '../transport/flow.ts';
import { Delayed } from './delay-list.ts';

/** The transaction that had the request. */
export interface AnsweredTransaction {
  readonly request: SipRequest;
  readonly flow: Flow;
  readonly key: string;
  /** Whether it stands for its Call-ID where merged requests are looked for. */
  readonly isOutside: boolean;
}

/** What it needs of its layer. */
export interface CompletedRequestLayer {
  readonly transport: { send(flow: Flow, bytes: Buffer, onFailed: (error: Error) => void): void };
  /** It has ended. */
  forgetServer(completed: CompletedRequest): void;
}

/**
 * What is left of a request other than INVITE that has its final response over UDP: the state Completed of RFC 3261
 * §17.2.2, until timer J. And of an INVITE with its 2xx whose session is over: the state Accepted of RFC 6026 §7.1, in which
 * copies are dropped. A busy box holds tens of thousands, so that the request itself is let go, and the bytes of the response
 * are kept as text: as bytes they would hold the block that they were cut from with those of many others.
 */
export class CompletedRequest extends Delayed {
  readonly key: string;
  /** What tells it from other requests. */
  readonly request: Pick<SipRequest, 'callId' | 'method' | 'fromTag' | 'cseq'>;
  readonly isOutside: boolean;
  readonly #flow: Flow;
  /** Undefined: copies are dropped. */
  readonly #response: string | undefined;
  readonly #layer: CompletedRequestLayer;
  #ended = false;

  constructor(transaction: AnsweredTransaction, bytes: Buffer | undefined, layer: CompletedRequestLayer) {
    super();
    const { request } = transaction;
    this.key = transaction.key;
    const { callId, method, fromTag, cseq } = request;
    this.request = {
      callId: detachedText(callId),
      method: detachedText(method),
      fromTag: fromTag === undefined ? undefined : detachedText(fromTag),
      cseq: { number: cseq.number, method: detachedText(cseq.method) },
    };
    this.isOutside = transaction.isOutside;
    this.#flow = transaction.flow;
    this.#response = bytes?.toString('latin1');
    this.#layer = layer;
  }

  /** The request came again. */
  receive(): void {
    if (this.#response === undefined) return;
    this.#layer.transport.send(this.#flow, Buffer.from(this.#response, 'latin1'), () => this.terminate());
  }

  /** Timer J or L. */
  onDue(): void {
    this.terminate();
  }

  /** Idempotent. */
  terminate(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.list?.remove(this);
    this.#layer.forgetServer(this);
  }
}
