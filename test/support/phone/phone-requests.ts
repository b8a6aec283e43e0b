import { randomBytes } from 'node:crypto';
import { newTag } from './client-requests.ts';
import type { PhoneCall } from './phone-call.ts';
import type { HeaderField } from './server-requests.ts';
import { headerValue, headerValues, type SipMessage } from './sip-message.ts';

/** The requests of a phone, without Via. */

export const ALLOW = 'INVITE, ACK, CANCEL, BYE, OPTIONS';

export interface RegisterParts {
  /** Host of the address of record. */
  readonly domain: string;
  readonly aor: string;
  readonly contactUri: string;
  readonly userAgent: string | undefined;
  /** Methods besides the usual ones; nothing of Allow where there are none. */
  readonly moreMethods: readonly string[];
  readonly callId: string;
  readonly tag: string;
  readonly cseq: number;
  readonly expiresSeconds: number;
}

export function registerRequest(parts: RegisterParts, credentials: readonly HeaderField[]): SipMessage {
  return {
    method: 'REGISTER',
    uri: `sip:${parts.domain}`,
    headers: [
      ['Max-Forwards', '70'],
      ['From', `<${parts.aor}>;tag=${parts.tag}`],
      ['To', `<${parts.aor}>`],
      ['Call-ID', parts.callId],
      ['CSeq', `${parts.cseq} REGISTER`],
      ['Contact', `<${parts.contactUri}>`],
      ['Expires', String(parts.expiresSeconds)],
      ...(parts.moreMethods.length === 0 ? [] : [['Allow', [ALLOW, ...parts.moreMethods].join(', ')] as const]),
      ...(parts.userAgent === undefined ? [] : [['User-Agent', parts.userAgent] as const]),
      ...credentials,
    ],
    body: '',
  };
}

export function optionsRequest(domain: string, aor: string): SipMessage {
  return {
    method: 'OPTIONS',
    uri: `sip:${domain}`,
    headers: [
      ['Max-Forwards', '70'],
      ['From', `<${aor}>;tag=${newTag()}`],
      ['To', `<sip:${domain}>`],
      ['Call-ID', randomBytes(8).toString('hex')],
      ['CSeq', '1 OPTIONS'],
    ],
    body: '',
  };
}

export function inviteRequest(
  call: PhoneCall,
  uri: string,
  contactUri: string,
  sdp: string,
  credentials: readonly HeaderField[],
): SipMessage {
  return {
    method: 'INVITE',
    uri,
    headers: [
      ['Max-Forwards', '70'],
      ['From', call.localHeader],
      ['To', `<${uri}>`],
      ['Call-ID', call.callId],
      ['CSeq', `${call.cseq} INVITE`],
      ['Contact', `<${contactUri}>`],
      ['Allow', ALLOW],
      ['Content-Type', 'application/sdp'],
      ...credentials,
    ],
    body: sdp,
  };
}

/** RFC 3261 §9.1: the INVITE's Request-URI, From, To, Call-ID, Route and number. */
export function cancelRequest(invite: SipMessage): SipMessage {
  const kept = new Set(['from', 'to', 'call-id', 'route']);
  return {
    method: 'CANCEL',
    uri: invite.uri ?? '',
    headers: [
      ['Max-Forwards', '70'],
      ...invite.headers.filter(([name]) => kept.has(name.toLowerCase())),
      ['CSeq', headerValue(invite, 'cseq').replace('INVITE', 'CANCEL')],
    ],
    body: '',
  };
}

/** A request inside the dialog; it takes the next number unless `cseq` is given. */
export function dialogRequest(call: PhoneCall, method: string, cseq?: number): SipMessage {
  if (cseq === undefined) call.cseq += 1;
  return {
    method,
    uri: call.remoteTarget,
    headers: [
      ['Max-Forwards', '70'],
      ...call.routeSet.map((route): HeaderField => ['Route', route]),
      ['From', call.localHeader],
      ['To', call.remoteHeader],
      ['Call-ID', call.callId],
      ['CSeq', `${cseq ?? call.cseq} ${method}`],
    ],
    body: '',
  };
}

/** The Record-Route values of a message, in its order. */
export function routesOf(message: SipMessage): string[] {
  return headerValues(message, 'record-route').flatMap((value) => value.split(/,\s*(?=<)/));
}
