import { type HeaderField, Headers } from '../message/headers.ts';
import { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import { serialize } from '../message/serializer.ts';
import type { Flow } from '../transport/flow.ts';
import { inviteClient } from './invite-client.ts';
import { type Input, MachineRun, type OwnEffect, type TransactionTimers } from './machine.ts';
import { clientKey } from './matching.ts';
import { nonInviteClient } from './non-invite-client.ts';

export interface ClientHandlers {
  /** Each provisional response, then the final one; for INVITE each 2xx, retransmissions and forks too. */
  onResponse(response: SipResponse): void;
  /** No final response came, or the request could not be sent. */
  onFailed(cause: 'timeout' | 'transport-error'): void;
}

/** What a transaction needs of its layer. */
export interface ClientTransactionLayer {
  readonly timers: TransactionTimers;
  readonly transport: { send(flow: Flow, bytes: Buffer, onFailed: (error: Error) => void): void };
  /** It has ended. */
  forgetClient(transaction: ClientTransaction): void;
}

const NOBODY: ClientHandlers = { onResponse: () => undefined, onFailed: () => undefined };

/** One request of ours and its responses. */
export class ClientTransaction extends MachineRun {
  readonly flow: Flow;
  /** By which its responses are found. */
  readonly key: string;
  readonly #layer: ClientTransactionLayer;
  #handlers: ClientHandlers;
  #request: SipRequest;
  /** Until it has a response. */
  #bytes: Buffer | undefined;
  #response: SipResponse | undefined;
  /** As text: as bytes it would hold the block that it was cut from with what others sent. */
  #ack: string | undefined;

  /** `request` has its Via. */
  constructor(request: SipRequest, flow: Flow, handlers: ClientHandlers, layer: ClientTransactionLayer) {
    super(request.method === 'INVITE' ? inviteClient : nonInviteClient, layer.timers, flow.protocol !== 'udp');
    this.#request = request;
    this.flow = flow;
    this.key = clientKey(request);
    this.#handlers = handlers;
    this.#layer = layer;
    this.#bytes = serialize(request);
  }

  /** Of an INVITE that has its final response no more than what makes its ACK, its dialogs and a CANCEL. */
  get request(): SipRequest {
    return this.#request;
  }

  /** Those of whoever asked; nobody's any more once they are told the end. */
  get handlers(): ClientHandlers {
    return this.#handlers;
  }

  receive(response: SipResponse): void {
    this.#response = response;
    let input: Input = 'failure';
    if (response.status < 200) input = 'provisional';
    else if (response.status < 300) input = 'success';
    this.input(input);
    // It may be remembered for half a minute more, and there are many: not with all that it has seen.
    if (response.status < 200) return;
    this.#response = undefined;
    if (this.#bytes !== undefined && this.#request.method === 'INVITE') this.#request = remembered(this.#request);
    this.#bytes = undefined;
    // Of an INVITE that was accepted further 2xx may come; for the rest, such as thirty telephones that rang in vain, it is over.
    if (this.state !== 'accepted') this.#handlers = NOBODY;
  }

  protected onTerminated(): void {
    this.#layer.forgetClient(this);
  }

  protected perform(effect: OwnEffect): void {
    switch (effect) {
      case 'send':
        if (this.#bytes !== undefined) this.#send(this.#bytes);
        break;
      case 'send-ack':
        if (this.#response !== undefined)
          this.#ack ??= serialize(ackFor(this.request, this.#response)).toString('latin1');
        if (this.#ack !== undefined) this.#send(Buffer.from(this.#ack, 'latin1'));
        break;
      case 'deliver':
        if (this.#response !== undefined) this.#handlers.onResponse(this.#response);
        break;
      case 'report-timeout':
        this.#handlers.onFailed('timeout');
        break;
      case 'report-transport-error':
        this.#handlers.onFailed('transport-error');
        break;
      case 'send-trying':
        break;
    }
  }

  #send(bytes: Buffer): void {
    this.#layer.transport.send(this.flow, bytes, () => this.input('transport-error'));
  }
}

/** RFC 3261 §17.1.1.3: the ACK to a final response that is no 2xx belongs to the transaction. */
function ackFor(invite: SipRequest, response: SipResponse): SipRequest {
  const to: HeaderField = ['To', response.headers.get('To') ?? ''];
  return sameTransaction(invite, 'ACK', to);
}

/** RFC 3261 §9.1: the CANCEL of a request has its Request-URI, Via, Call-ID, From, To, CSeq number and Route. */
export function cancelFor(invite: SipRequest, headers: readonly HeaderField[] = []): SipRequest {
  return sameTransaction(invite, 'CANCEL', ['To', invite.headers.get('To') ?? ''], headers);
}

/** What the ACK to a 2xx, that to another response, a CANCEL and a dialog take from an INVITE. */
const REMEMBERED: ReadonlySet<string> = new Set([
  ...['Via', 'Route', 'Max-Forwards', 'From', 'To', 'Call-ID', 'CSeq'],
  ...['Authorization', 'Proxy-Authorization'],
]);

/** The request without its body, and without the headers that no other request takes from it. */
function remembered({ method, uri, headers }: SipRequest): SipRequest {
  const fields = headers.fields.filter(([name]) => REMEMBERED.has(name));
  return new SipRequest(method, uri, new Headers(fields, true));
}

function sameTransaction(
  invite: SipRequest,
  method: string,
  to: HeaderField,
  headers: readonly HeaderField[] = [],
): SipRequest {
  const copied = (name: string): HeaderField[] => invite.headers.all(name).map((value) => [name, value]);
  return new SipRequest(method, invite.uri, [
    ['Via', invite.headers.get('Via') ?? ''],
    ...copied('Route'),
    ...copied('Max-Forwards'),
    ...copied('From'),
    to,
    ...copied('Call-ID'),
    ['CSeq', `${invite.cseq.number} ${method}`],
    ...headers,
  ]);
}
