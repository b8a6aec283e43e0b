import type { Clock } from '../../core/clock.ts';
import type { HeaderField } from '../message/headers.ts';
import { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import { serialize } from '../message/serializer.ts';
import type { Flow } from '../transport/flow.ts';
import { inviteClient } from './invite-client.ts';
import { type Input, MachineRun } from './machine.ts';
import { nonInviteClient } from './non-invite-client.ts';

export interface ClientHandlers {
  /** Each provisional response, then the final one; for INVITE each 2xx, retransmissions and forks too. */
  onResponse(response: SipResponse): void;
  /** No final response came, or the request could not be sent. */
  onFailed(cause: 'timeout' | 'transport-error'): void;
}

export interface ClientTransactionOptions {
  readonly clock: Clock;
  readonly flow: Flow;
  readonly send: (bytes: Buffer, onFailed: (error: Error) => void) => void;
  readonly handlers: ClientHandlers;
  readonly onTerminated: () => void;
}

/** One request of ours and its responses. */
export class ClientTransaction {
  readonly request: SipRequest;
  readonly flow: Flow;
  readonly #options: ClientTransactionOptions;
  readonly #run: MachineRun<string>;
  readonly #bytes: Buffer;
  #response: SipResponse | undefined;
  #ack: Buffer | undefined;

  /** `request` has its Via. */
  constructor(request: SipRequest, options: ClientTransactionOptions) {
    this.request = request;
    this.flow = options.flow;
    this.#options = options;
    this.#bytes = serialize(request);
    const machine = request.method === 'INVITE' ? inviteClient : nonInviteClient;
    this.#run = new MachineRun<string>(machine, {
      clock: options.clock,
      reliable: options.flow.protocol !== 'udp',
      perform: (effect) => this.#perform(effect),
      onTerminated: options.onTerminated,
    });
  }

  begin(): void {
    this.#run.begin();
  }

  receive(response: SipResponse): void {
    this.#response = response;
    let input: Input = 'failure';
    if (response.status < 200) input = 'provisional';
    else if (response.status < 300) input = 'success';
    this.#run.input(input);
  }

  /** Ends without a word to the handlers. Idempotent. */
  terminate(): void {
    this.#run.terminate();
  }

  #perform(effect: 'send' | 'send-ack' | 'deliver' | 'report-timeout' | 'report-transport-error'): void {
    switch (effect) {
      case 'send':
        this.#options.send(this.#bytes, () => this.#run.input('transport-error'));
        break;
      case 'send-ack':
        this.#ack ??= this.#response === undefined ? undefined : serialize(ackFor(this.request, this.#response));
        if (this.#ack !== undefined) this.#options.send(this.#ack, () => this.#run.input('transport-error'));
        break;
      case 'deliver':
        if (this.#response !== undefined) this.#options.handlers.onResponse(this.#response);
        break;
      case 'report-timeout':
        this.#options.handlers.onFailed('timeout');
        break;
      case 'report-transport-error':
        this.#options.handlers.onFailed('transport-error');
        break;
    }
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
