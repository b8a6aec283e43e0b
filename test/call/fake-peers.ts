import {
  type Flow,
  type HeaderField,
  Headers,
  type IncomingInvite,
  type IncomingInviteHandlers,
  type InviteOptions,
  type LocalContact,
  type OutgoingInviteHandlers,
  type RenegotiationResult,
  SipRequest,
  type SipResponse,
} from '../../firmware/sip/stack.ts';

export const FLOW: Flow = {
  protocol: 'udp',
  localAddress: '192.0.2.1',
  localPort: 5060,
  remoteAddress: '192.0.2.2',
  remotePort: 5060,
};

/** A description of a peer with A-law. */
export function description(port: number, ...lines: readonly string[]): string {
  return [
    ...['v=0', 'o=- 1 1 IN IP4 192.0.2.2', 's=-', 'c=IN IP4 192.0.2.2', 't=0 0'],
    ...[`m=audio ${port} RTP/AVP 8`, ...lines, ''],
  ].join('\r\n');
}

export function bye(reason?: string): SipRequest {
  return new SipRequest('BYE', 'sip:box', reason === undefined ? [] : [['Reason', reason]]);
}

let callIds = 0;

/** Somebody who called the box. */
export class FakeCaller {
  handlers: IncomingInviteHandlers = {};
  readonly message: { readonly maxForwards: number; readonly headers: Headers };
  readonly flow: Flow;
  readonly offer: string | undefined;
  readonly dialog = { callId: `caller ${++callIds}`, localTag: 'box', remoteTag: 'caller' };
  /** What it was told, in words. */
  readonly told: string[] = [];
  readonly accepted: string[] = [];
  readonly refusals: HeaderField[] = [];
  readonly shown: HeaderField[] = [];
  /** What came by re-INVITE. */
  readonly offers: string[] = [];
  contact: LocalContact | undefined;
  established = false;
  ended = false;
  replaces: object | undefined;

  constructor({
    flow = FLOW,
    headers = [],
    offer = description(9000),
  }: { readonly flow?: Flow; readonly headers?: readonly HeaderField[]; readonly offer?: string | 'none' } = {}) {
    this.message = { maxForwards: 70, headers: new Headers(headers) };
    this.flow = flow;
    this.offer = offer === 'none' ? undefined : offer;
  }

  get invite(): IncomingInvite {
    return this as unknown as IncomingInvite;
  }

  provisional(status: number, { sdp }: { readonly sdp?: string } = {}): void {
    this.told.push(sdp === undefined ? `${status}` : `${status} ${/m=.*/.exec(sdp)?.[0]}`);
  }

  accept({ sdp, headers = [] }: { readonly sdp: string; readonly headers?: readonly HeaderField[] }): boolean {
    if (this.ended || this.established) return false;
    this.established = true;
    this.accepted.push(sdp);
    this.shown.push(...headers);
    this.told.push('200');
    return true;
  }

  reject(status: number, { headers = [] }: { readonly headers?: readonly HeaderField[] } = {}): void {
    if (this.ended || this.established) return;
    this.ended = true;
    this.told.push(`${status}`);
    this.refusals.push(...headers);
    this.handlers.onEnded?.('rejected');
  }

  async bye(reason?: string): Promise<void> {
    if (this.ended) return;
    if (!this.established) {
      this.reject(480);
      return;
    }
    this.ended = true;
    this.told.push(`BYE ${reason ?? ''}`.trim());
    this.handlers.onEnded?.('bye-sent');
  }

  /** What the peer does. */
  acknowledges(sdp?: string): void {
    this.handlers.onAck?.(sdp);
  }

  hangsUp(reason?: string): void {
    // The 487 is out already; a BYE of ours could cross this one.
    this.ended = !this.established;
    if (this.established) this.handlers.onBye?.(bye(reason));
    else this.handlers.onCancel?.(reason);
    this.ended = true;
    this.handlers.onEnded?.(this.established ? 'bye-received' : 'cancelled');
  }

  /** What it says to another request in the dialog, such as OPTIONS: it knows of no such call any more. */
  requested: (method: string) => Promise<SipResponse> = async () => responseOf(481);

  request(method: string): Promise<SipResponse> {
    return this.requested(method);
  }

  /** What it says to a re-INVITE. */
  reinvited: () => Promise<RenegotiationResult> = async () => ({ status: 488, sdp: undefined });

  /** What came by UPDATE, of whom it talks to. */
  readonly talksTo: string[] = [];

  async update(_sdp?: string, headers: readonly HeaderField[] = []): Promise<RenegotiationResult> {
    const identity = headers.find(([name]) => name === 'P-Asserted-Identity' || name === 'Remote-Party-ID')?.[1];
    if (identity !== undefined) this.talksTo.push(identity);
    return { status: 405, sdp: undefined };
  }

  async reinvite(sdp: string): Promise<RenegotiationResult> {
    this.offers.push(sdp);
    return this.reinvited();
  }
}

export function responseOf(status: number, headers: readonly HeaderField[] = []): SipResponse {
  return { status, headers: new Headers(headers) } as unknown as SipResponse;
}

/** Somebody whom the box calls. */
export class FakeDevice {
  readonly options: InviteOptions;
  readonly dialog = { callId: `device ${++callIds}`, localTag: 'box', remoteTag: 'device' };
  readonly told: string[] = [];
  /** What came by re-INVITE. */
  readonly offers: string[] = [];
  handlers: OutgoingInviteHandlers;
  contact: LocalContact | undefined;
  established = false;
  ended = false;

  constructor(options: InviteOptions) {
    this.options = options;
    this.handlers = options.handlers;
  }

  header(name: string): string | undefined {
    return this.options.headers?.find(([known]) => known === name)?.[1];
  }

  rings(): void {
    this.handlers.onProvisional?.(180, undefined, responseOf(180));
  }

  sendsEarly(sdp: string): void {
    this.handlers.onProvisional?.(183, sdp, responseOf(183));
  }

  answers(sdp: string = description(9100), headers: readonly HeaderField[] = []): void {
    this.established = true;
    this.handlers.onAnswered?.(sdp, responseOf(200, headers));
  }

  refuses(status: number): void {
    if (this.ended) return;
    this.handlers.onRejected?.(status, '', undefined);
    this.#end('rejected');
  }

  hangsUp(reason?: string): void {
    this.handlers.onBye?.(bye(reason));
    this.#end('bye-received');
  }

  /** It does not answer any more. */
  vanishes(): void {
    this.#end('vanished');
  }

  async bye(reason?: string): Promise<void> {
    if (this.ended) return;
    this.told.push(`BYE ${reason ?? ''}`.trim());
    this.#end('bye-sent');
  }

  cancel(reason?: string): void {
    if (!this.ended) this.told.push(`CANCEL ${reason ?? ''}`.trim());
  }

  /** What it says to another request in the dialog, such as OPTIONS: it knows of no such call any more. */
  requested: (method: string) => Promise<SipResponse> = async () => responseOf(481);

  request(method: string): Promise<SipResponse> {
    return this.requested(method);
  }

  /** What it says to a re-INVITE. */
  reinvited: () => Promise<RenegotiationResult> = async () => ({ status: 488, sdp: undefined });

  /** What came by UPDATE, of whom it talks to. */
  readonly talksTo: string[] = [];

  async update(_sdp?: string, headers: readonly HeaderField[] = []): Promise<RenegotiationResult> {
    const identity = headers.find(([name]) => name === 'P-Asserted-Identity' || name === 'Remote-Party-ID')?.[1];
    if (identity !== undefined) this.talksTo.push(identity);
    return { status: 405, sdp: undefined };
  }

  async reinvite(sdp: string): Promise<RenegotiationResult> {
    this.offers.push(sdp);
    return this.reinvited();
  }

  #end(cause: 'rejected' | 'bye-received' | 'bye-sent' | 'vanished'): void {
    if (this.ended) return;
    this.ended = true;
    this.handlers.onEnded?.(cause);
  }
}
