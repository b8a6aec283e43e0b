import type { HeaderField } from '../message/headers.ts';
import { formatNameAddr } from '../message/name-addr.ts';
import { formatPrivacy, type PrivacyValue, wantsPrivacy } from '../message/privacy.ts';
import type { Party } from './handlers.ts';

/** RFC 3323 §4.1.1.3: what stands in From for a caller that nobody shall know. */
const ANONYMOUS: Party = { displayName: 'Anonymous', uri: 'sip:anonymous@anonymous.invalid' };

export interface RequestIdentity {
  readonly from: Party;
  readonly to: Party;
  readonly maxForwards?: number;
  readonly privacy?: readonly PrivacyValue[];
}

/** The headers that every request outside a dialog begins with (RFC 3261 §8.1.1); Via comes with its transaction. */
export function requestHeaders(
  { from, to, maxForwards = 70, privacy = [] }: RequestIdentity,
  method: string,
  localTag: string,
  callId: string,
  cseq = 1,
): HeaderField[] {
  return [
    ['Max-Forwards', String(maxForwards)],
    ['From', formatNameAddr({ ...shownParty(from, privacy), params: [['tag', localTag]] })],
    ['To', formatNameAddr(to)],
    ['Call-ID', callId],
    ['CSeq', `${cseq} ${method}`],
    ...(privacy.length === 0 ? [] : [['Privacy', formatPrivacy(privacy)] as const]),
  ];
}

/** Who is shown to the peer as the one who calls: in From, and in the user part of Contact (RFC 3323 §4.1.1.3). */
export function shownParty(from: Party, privacy: readonly PrivacyValue[] = []): Party {
  return privacy.length > 0 && wantsPrivacy(formatPrivacy(privacy)) ? ANONYMOUS : from;
}
