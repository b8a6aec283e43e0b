import { newTag } from './client-requests.ts';
import type { CallOutcome } from './phone.ts';
import { type PhoneState, REQUEST_TIMEOUT_MS } from './phone-state.ts';
import { headerValue, parameterOf, type SipMessage, uriOf } from './sip-message.ts';
import type { Reply } from './sip-socket.ts';

/** Makes the call that a REFER outside of its calls asks for, to this URI; how it ended. */
type MakeCall = (uri: string) => Promise<CallOutcome>;

/** A phone that makes calls since it is told to by REFER (RFC 3515), as its option `refer` says. */
export class ReferredCalls {
  readonly #state: PhoneState;
  readonly #make: MakeCall;
  readonly #tag = newTag();
  #refer: SipMessage | undefined;
  #cseq = 0;

  constructor(state: PhoneState, make: MakeCall) {
    this.#state = state;
    this.#make = make;
  }

  receive(request: SipMessage, reply: Reply): void {
    const { refer } = this.#state.options;
    this.#refer = request;
    if (refer === 'silent') return;
    const [status, reason] = typeof refer === 'number' ? ([refer, 'Refused'] as const) : ([202, 'Accepted'] as const);
    const headers = [['Contact', `<${this.#state.contactUri}>`]] as const;
    this.#state.responses.respond(request, reply, { status, reason, headers, tag: this.#tag });
    if (status >= 300) return;
    // A phone that is closed under it tells nothing more.
    void this.#follow(refer === 'calls').catch(() => undefined);
  }

  async #follow(calls: boolean): Promise<void> {
    await this.notify(100, false);
    if (calls) await this.call();
  }

  /** Makes the call, and tells how it ended. */
  async call(): Promise<void> {
    const { status } = await this.#make(uriOf(headerValue(this.#pending(), 'refer-to')));
    await this.notify(status, true);
  }

  /** Tells a status; that of the answer. */
  async notify(status: number, isOver: boolean): Promise<number> {
    const refer = this.#pending();
    this.#cseq += 1;
    const to = headerValue(refer, 'to');
    const request: SipMessage = {
      method: 'NOTIFY',
      uri: uriOf(headerValue(refer, 'contact')),
      headers: [
        ['Max-Forwards', '70'],
        ['From', parameterOf(to, 'tag') === undefined ? `${to};tag=${this.#tag}` : to],
        ['To', headerValue(refer, 'from')],
        ['Call-ID', headerValue(refer, 'call-id')],
        ['CSeq', `${this.#cseq} NOTIFY`],
        ['Contact', `<${this.#state.contactUri}>`],
        ['Event', 'refer'],
        ['Subscription-State', isOver ? 'terminated;reason=noresource' : 'active;expires=60'],
        ['Content-Type', 'message/sipfrag;version=2.0'],
      ],
      body: `SIP/2.0 ${status} Told\r\n`,
    };
    const sent = this.#state.client().send(request, this.#state.open().identity.server);
    return (await this.#state.client().final(sent, REQUEST_TIMEOUT_MS)).status ?? 0;
  }

  #pending(): SipMessage {
    if (this.#refer === undefined) throw new Error('no REFER came');
    return this.#refer;
  }
}
