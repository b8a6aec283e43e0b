import type { Clock } from '../../core/clock.ts';
import { LiveMap } from '../../core/live-map.ts';
import { Headers } from '../message/headers.ts';
import { newBranch, statelessTag } from '../message/identifier.ts';
import type { Param } from '../message/params.ts';
import { SipRequest } from '../message/request.ts';
import { createResponse, type SipResponse } from '../message/response.ts';
import { serialize } from '../message/serializer.ts';
import { formatVia, parseVia, type Via } from '../message/via.ts';
import type { Flow } from '../transport/flow.ts';
import { type ClientHandlers, ClientTransaction, cancelFor } from './client-transaction.ts';
import { CompletedRequest } from './completed-request.ts';
import { TransactionTimers } from './machine.ts';
import { clientKey, isMerged, keyOfVia, serverKey } from './matching.ts';
import { ServerTransaction } from './server-transaction.ts';

/** Beyond this a request gets 503 unless a settled one makes room: minutes of a busy box. A large INVITE holds 16 kB until it settles. */
export const MAX_SERVER_TRANSACTIONS = 20_000;
const RETRY_AFTER_SECONDS = '10';

export interface TransactionLayerOptions {
  readonly clock: Clock;
  readonly transport: {
    send(flow: Flow, bytes: Buffer, onFailed: (error: Error) => void): void;
    respond(request: SipRequest, flow: Flow, bytes: Buffer, onFailed: (error: Error) => void): void;
    isOutgoing(flow: Flow): boolean;
    sentBy(flow: Flow): { readonly host: string; readonly port: number };
  };
  /** A request that is no retransmission and no ACK. Must not throw. */
  readonly onRequest: (transaction: ServerTransaction) => void;
  /** An ACK to a 2xx, or one that belongs to nothing. */
  readonly onAck: (ack: SipRequest, flow: Flow) => void;
  /** Tests set a lower one. */
  readonly maxServerTransactions?: number;
}

/** Finds or makes the transaction of each message (RFC 3261 §17). */
export class TransactionLayer {
  readonly timers: TransactionTimers;
  readonly transport: TransactionLayerOptions['transport'];
  readonly #options: TransactionLayerOptions;
  readonly #maxServers: number;
  readonly #clients = new LiveMap<string, ClientTransaction>();
  readonly #servers = new LiveMap<string, ServerTransaction | CompletedRequest>();
  /** By Call-ID, the latest request outside a dialog: for merged requests. */
  readonly #outside = new LiveMap<string, ServerTransaction | CompletedRequest>();
  #closed = false;

  constructor(options: TransactionLayerOptions) {
    this.#options = options;
    this.transport = options.transport;
    this.timers = new TransactionTimers(options.clock);
    this.#maxServers = options.maxServerTransactions ?? MAX_SERVER_TRANSACTIONS;
  }

  /** Transactions of both sides, those that only wait for copies of what was answered among them. */
  get size(): number {
    return this.#clients.size + this.#servers.size;
  }

  /** Sends `request`, which has no Via yet, in a transaction of its own. */
  request(request: SipRequest, flow: Flow, handlers: ClientHandlers): ClientTransaction {
    return this.#begin(this.#withVia(request, flow), flow, handlers);
  }

  /** Sends the CANCEL of an INVITE transaction (RFC 3261 §9.1), on the same way and branch. */
  cancel(invite: ClientTransaction, headers: readonly (readonly [string, string])[] = []): void {
    // What becomes of the CANCEL shows in the responses to the INVITE.
    const ignore: ClientHandlers = { onResponse: () => undefined, onFailed: () => undefined };
    this.#begin(cancelFor(invite.request, headers), invite.flow, ignore);
  }

  /** Sends an ACK to a 2xx: no transaction, a branch of its own (RFC 3261 §13.2.2.4). Returns it for `sendAgain`. */
  acknowledge(ack: SipRequest, flow: Flow): string {
    const bytes = serialize(this.#withVia(ack, flow));
    this.send(bytes, flow);
    return bytes.toString('latin1');
  }

  /** Sends again what `acknowledge` sent. */
  sendAgain(ack: string, flow: Flow): void {
    this.send(Buffer.from(ack, 'latin1'), flow);
  }

  /** Sends bytes that no transaction watches. */
  send(bytes: Buffer, flow: Flow): void {
    this.transport.send(flow, bytes, () => undefined);
  }

  /** The INVITE transaction that a CANCEL means (RFC 3261 §9.2). */
  inviteOf(cancel: SipRequest): ServerTransaction | undefined {
    const invite = this.#servers.get(serverKey(cancel, 'INVITE'));
    return invite instanceof ServerTransaction ? invite : undefined;
  }

  /**
   * Whether an INVITE of ours, for the same Request-URI, has come back by way of others: one of the lower Vias is ours
   * (RFC 5393 §4.2, where the hash in the branch stands for what is remembered here).
   */
  isLoop(request: SipRequest): boolean {
    const [, ...lower] = request.headers.list('Via') ?? [];
    return lower.some((value) => {
      const via = parseVia(value);
      const ours = via === undefined ? undefined : this.#clients.get(keyOfVia(via, request.method));
      return ours !== undefined && ours.request.uri === request.uri;
    });
  }

  receiveRequest(request: SipRequest, flow: Flow): void {
    if (this.#closed) return;
    const key = serverKey(request);
    const known = this.#servers.get(key);
    if (known !== undefined) {
      known.receive(request);
      return;
    }
    if (request.method === 'ACK') {
      this.#options.onAck(request, flow);
      return;
    }
    if (this.#servers.size >= this.#maxServers && !this.#forgetSettled()) {
      const headers = [['Retry-After', RETRY_AFTER_SECONDS]] as const;
      this.send(serialize(createResponse(request, 503, statelessTag(request), { headers })), flow);
      return;
    }
    const transaction = new ServerTransaction(request, flow, key, this);
    const isOutside = request.toTag === undefined && request.method !== 'CANCEL';
    if (isOutside) {
      const other = this.#outside.get(request.callId);
      if (other !== undefined && isMerged(request, other.request)) {
        // RFC 3261 §8.2.2.2: the same request came by another way, and was taken there.
        this.#servers.set(key, transaction);
        transaction.refuse(482);
        return;
      }
    }
    transaction.isOutside = isOutside;
    this.#options.onRequest(transaction);
    // A challenge or a refusal leaves nothing behind, and another answer something that has its place already.
    if (transaction.isTerminated) return;
    this.#servers.set(key, transaction);
    if (isOutside) this.#outside.set(request.callId, transaction);
    // Most requests have their answer by now, and need no timer for the lack of one.
    if (!transaction.hasResponse) transaction.begin();
  }

  /** RFC 3261 §18.1.2: a response that matches no transaction is dropped without a word. */
  receiveResponse(response: SipResponse): void {
    // RFC 3261 §8.1.3.3: we send nothing on, so one with a second Via is not for us.
    if (response.headers.list('Via')?.length !== 1) return;
    this.#clients.get(clientKey(response))?.receive(response);
  }

  /** An ACK that a transaction has no use for. */
  receiveAck(ack: SipRequest, flow: Flow): void {
    this.#options.onAck(ack, flow);
  }

  forgetServer(transaction: ServerTransaction | CompletedRequest): void {
    // One that was answered before it was put there is not there, and another may be.
    if (this.#servers.get(transaction.key) !== transaction) return;
    this.#servers.delete(transaction.key);
    const { callId } = transaction.request;
    if (this.#outside.get(callId) === transaction) this.#outside.delete(callId);
  }

  replaceServer(transaction: ServerTransaction, completed: CompletedRequest): void {
    const { callId } = completed.request;
    // Where it was put there before, a later request may have taken its place for the Call-ID.
    const wasPut = this.#servers.get(completed.key) === transaction;
    const isLatest = !wasPut || this.#outside.get(callId) === transaction;
    this.#servers.set(completed.key, completed);
    this.timers.settled.add(completed);
    if (completed.isOutside && isLatest) this.#outside.set(callId, completed);
  }

  forgetClient(transaction: ClientTransaction): void {
    this.#clients.delete(transaction.key);
  }

  /** Ends all transactions; those that wait for a response hear of a transport error. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const transaction of [...this.#clients.values()]) {
      transaction.terminate();
      transaction.handlers.onFailed('transport-error');
    }
    for (const transaction of [...this.#servers.values()]) transaction.terminate();
  }

  /** Ends the oldest transaction that has its answer, so that a flood of such refuses nobody; false when there is none. */
  #forgetSettled(): boolean {
    const { oldest } = this.timers.settled;
    if (!(oldest instanceof ServerTransaction || oldest instanceof CompletedRequest)) return false;
    oldest.terminate();
    return true;
  }

  #begin(request: SipRequest, flow: Flow, handlers: ClientHandlers): ClientTransaction {
    const transaction = new ClientTransaction(request, flow, handlers, this);
    this.#clients.set(transaction.key, transaction);
    transaction.begin();
    return transaction;
  }

  #withVia(request: SipRequest, flow: Flow): SipRequest {
    const { host, port } = this.transport.sentBy(flow);
    const branch = newBranch();
    const params: Param[] = [
      ['branch', branch],
      // RFC 3581 §3: asked for always, since we cannot know what stands between.
      ['rport', undefined],
    ];
    // RFC 5923 §6: the peer may send its own requests to us by the connection that we opened.
    if (this.transport.isOutgoing(flow)) params.push(['alias', undefined]);
    // As it is read from the text of a response, by which the transaction is found.
    const via: Via = { transport: flow.protocol.toUpperCase(), host: host.toLowerCase(), port, branch, params };
    // All of them are clean: the others were taken into a message before.
    const headers = new Headers([['Via', formatVia(via)], ...request.headers.fields], true);
    return new SipRequest(request.method, request.uri, headers, request.body, { via });
  }
}
