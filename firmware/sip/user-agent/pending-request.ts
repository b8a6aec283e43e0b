import type { SipRequest } from '../message/request.ts';
import type { ResponseOptions } from '../message/response.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import type { Flow } from '../transport/flow.ts';
import type { IncomingRequest } from './handlers.ts';

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
