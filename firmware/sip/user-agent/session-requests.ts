import type { LocalContact } from '../dialog/contact-header.ts';
import type { HeaderField } from '../message/headers.ts';
import { newTag } from '../message/identifier.ts';
import { SipResponse } from '../message/response.ts';
import type { EstablishedSession } from './established-session.ts';
import type { ReferOptions, RenegotiationResult } from './handlers.ts';

/** What either side of a call can ask in its dialog. */
export abstract class SessionRequests {
  /** The dialog that there is, an early one too. */
  protected abstract get current(): EstablishedSession | undefined;
  abstract get established(): boolean;

  get contact(): LocalContact | undefined {
    return this.current?.side.contact;
  }

  set contact(contact: LocalContact | undefined) {
    if (this.current !== undefined) this.current.side.contact = contact;
  }

  async reinvite(sdp: string): Promise<RenegotiationResult> {
    // RFC 3261 §14.1: not before the INVITE is answered and acknowledged.
    if (this.current === undefined || !this.established) return { status: 481, sdp: undefined };
    return this.current.renegotiation.offer('INVITE', sdp);
  }

  async update(sdp?: string, headers: readonly HeaderField[] = []): Promise<RenegotiationResult> {
    if (this.current === undefined) return { status: 481, sdp: undefined };
    if (!this.current.side.peerTakesUpdate) return { status: 405, sdp: undefined };
    return this.current.renegotiation.offer('UPDATE', sdp, headers);
  }

  async request(
    method: string,
    content: { readonly headers?: readonly HeaderField[]; readonly body?: string; readonly contentType?: string } = {},
  ): Promise<SipResponse> {
    if (this.current === undefined) return noDialog();
    return (await this.current.side.request(method, content)).response;
  }

  async refer(options: ReferOptions): Promise<SipResponse> {
    return this.current === undefined ? noDialog() : this.current.referrals.send(options);
  }
}

function noDialog(): SipResponse {
  return new SipResponse(481, 'Call/Transaction Does Not Exist', [['To', `<sip:unknown>;tag=${newTag()}`]]);
}
