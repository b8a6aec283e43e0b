import { acceptsType } from '../message/media-type.ts';
import type { SipRequest } from '../message/request.ts';
import type { ResponseOptions } from '../message/response.ts';
import { uriScheme } from '../message/uri.ts';
import { agreeAsServer, type SessionTimerOptions } from './session-interval.ts';

/** An answer that needs no handler. */
export type Refusal = { readonly status: number } & ResponseOptions;

const SCHEMES = new Set(['sip', 'sips', 'tel']);

/** RFC 3261 §8.2.2 and §8.2.3, for any request but ACK and CANCEL; undefined: nothing is wrong with it. */
export function refusalOf(request: SipRequest, supported: ReadonlySet<string>): Refusal | undefined {
  if (!SCHEMES.has(uriScheme(request.uri) ?? '')) return { status: 416 };
  const { headers } = request;
  // Proxy-Require too (RFC 3261 §20.29): a back-to-back user agent sends on what it does not understand as little as a proxy.
  for (const name of ['Require', 'Proxy-Require'] as const) {
    if (!headers.has(name)) continue;
    const required = headers.list(name);
    if (required === undefined) return { status: 400, reason: `Malformed ${name}` };
    const unknown = required.filter((tag) => !supported.has(tag.toLowerCase()));
    if (unknown.length > 0) return { status: 420, headers: [['Unsupported', unknown.join(', ')]] };
  }
  const encoding = request.body.length > 0 ? headers.get('Content-Encoding') : undefined;
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    return { status: 415, headers: [['Accept-Encoding', 'identity']] };
  }
  return undefined;
}

/** What an INVITE that opens a session needs besides. `loops`: it came back to us by the way that we sent it. */
export function refusalOfInvite(
  request: SipRequest,
  sessionTimer: SessionTimerOptions,
  loops: () => boolean,
): Refusal | undefined {
  const { headers } = request;
  // A B2BUA sends it on, as a proxy does: RFC 7332 §4.
  if (request.maxForwards === 0) return { status: 483 };
  // RFC 5393 §4.2: the same Request-URI again; another one would be a spiral, which Max-Forwards bounds.
  if (loops()) return { status: 482 };
  // RFC 3261 §8.1.1.8: without it there is no dialog. A From without tag is one of RFC 2543 (§12.1.1).
  if (!headers.has('Contact')) return { status: 400, reason: 'Missing Contact' };
  if (request.body.length > 0 && request.sdp === undefined) {
    return { status: 415, headers: [['Accept', 'application/sdp']] };
  }
  // RFC 3261 §20.1: without the header the caller takes SDP, with it only where it says so (RFC 4475 §3.3.15).
  if (headers.has('Accept') && !acceptsType(headers.list('Accept') ?? [], 'application/sdp')) return { status: 406 };
  const agreement = agreeAsServer(request, sessionTimer);
  return agreement.kind === 'too-small'
    ? { status: 422, headers: [['Min-SE', String(agreement.minSeconds)]] }
    : undefined;
}
