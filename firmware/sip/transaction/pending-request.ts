import type { SipRequest } from '../message/request.ts';
import type { ResponseOptions } from '../message/response.ts';
import type { Flow } from '../transport/flow.ts';
import type { ServerTransaction } from './server-transaction.ts';

/** A request that waits for its answer. */
export interface IncomingRequest {
  readonly message: SipRequest;
  readonly flow: Flow;
  /** Sends a response; the To tag is the same each time. A second final response is ignored. */
  respond(status: number, options?: ResponseOptions): void;
}

/** A request as the layer above sees it. */
export class PendingRequest implements IncomingRequest {
  readonly #transaction: ServerTransaction;

  constructor(transaction: ServerTransaction) {
    this.#transaction = transaction;
  }

  get message(): SipRequest {
    return this.#transaction.request;
  }

  get flow(): Flow {
    return this.#transaction.flow;
  }

  respond(status: number, options: ResponseOptions = {}): void {
    this.#transaction.respond(status, options);
  }
}
