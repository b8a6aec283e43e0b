import {
  diversionCount,
  type Headers,
  type NameAddr,
  paramValue,
  parseDiversion,
  parseHistoryEntry,
  parseIdentities,
  parseNameAddr,
  parseSipUri,
  parseTelUri,
  type SipRequest,
  wantsPrivacy,
} from '../sip/stack.ts';
import { plainNumber } from './number.ts';

export type CallerHeader = 'p-asserted-identity' | 'p-preferred-identity' | 'remote-party-id' | 'from';

/** Who calls over a line, as its headers have it. */
export interface IncomingCaller {
  /** Undefined where it is withheld, unknown, or no number. */
  readonly number: string | undefined;
  readonly name: string | undefined;
  readonly isWithheld: boolean;
}

export interface PassedOn {
  readonly number: string;
  readonly reason: string;
}

const WITHHELD: IncomingCaller = { number: undefined, name: undefined, isWithheld: true };
const MAX_NAME_CHARACTERS = 64;
/** Who passes a call on so often is in a circle. */
export const MAX_DIVERSIONS = 10;
const MAX_VALUES = 20;

/** Reads who calls from the first of these headers that says so; Privacy outranks them all (RFC 3323, RFC 3325 §7). */
export function incomingCaller(message: SipRequest, order: readonly CallerHeader[]): IncomingCaller {
  // Who is anonymous in From wants to be so, whatever a proxy on the way has asserted.
  const asksPrivacy =
    isAnonymous(message.from.uri) || message.headers.all('Privacy').some((value) => wantsPrivacy(value));
  for (const header of order) {
    const found = callerIn(message, header);
    if (found === undefined) continue;
    return asksPrivacy || found.isWithheld ? WITHHELD : found;
  }
  return { ...WITHHELD, isWithheld: asksPrivacy };
}

/**
 * Who has answered, or speaks from now on, as a response, re-INVITE or UPDATE of the peer says; undefined where it does not. From and To
 * are those of the INVITE for good.
 */
export function connectedParty(
  headers: Headers,
  order: readonly CallerHeader[],
  role: 'calling' | 'called',
): IncomingCaller | undefined {
  for (const header of order) {
    const found = header === 'from' ? undefined : identityIn(headers, header, role);
    if (found === undefined) continue;
    return found.isWithheld || headers.all('Privacy').some((value) => wantsPrivacy(value)) ? WITHHELD : found;
  }
  return undefined;
}

/**
 * The number that was called: that of P-Called-Party-ID (RFC 7315 §4.2), else of the Request-URI; many carriers write the
 * account there, and the number into To. What is no number comes back as it is, shortened.
 */
export function calledNumber(message: SipRequest, accountUser: string): string {
  const called = parseNameAddr(message.headers.get('P-Called-Party-ID') ?? '');
  const byParty = called === undefined ? undefined : numberOf(called.uri);
  if (byParty !== undefined) return byParty;
  const user = message.sipUri?.user;
  const dialled = numberOf(message.uri);
  const to = numberOf(message.to.uri);
  const isAccount = user === accountUser || (user === undefined && dialled === undefined);
  if (isAccount && to !== undefined) return to;
  return dialled ?? to ?? (user ?? '').replace(/[^\x21-\x7e]/g, '').slice(0, 64);
}

/** Who passed the call on, the last one first (RFC 5806, RFC 7044), and how often that was in all. */
export function diversionsOf(message: SipRequest): { readonly list: readonly PassedOn[]; readonly count: number } {
  const values = (message.headers.list('Diversion') ?? []).slice(0, MAX_VALUES);
  const diversions = values.map(parseDiversion).filter((each) => each !== undefined);
  if (diversions.length > 0) {
    const list = diversions.flatMap(({ uri, reason }) => passedOn(uri, reason));
    return { list, count: diversionCount(diversions) };
  }
  const entries = (message.headers.list('History-Info') ?? [])
    .slice(0, MAX_VALUES)
    .map(parseHistoryEntry)
    .filter((each) => each !== undefined);
  // An entry with a reason is where somebody was and did not take it; the one without is where it goes now.
  const left = entries.filter(({ reasons }) => reasons.length > 0).reverse();
  const list = left.flatMap(({ uri, reasons }) => passedOn(uri, reasonOfCause(reasons[0]?.cause)));
  return { list, count: left.length };
}

/** The digits of a SIP, SIPS or tel URI; undefined where there are none. */
export function numberOf(uri: string): string | undefined {
  const tel = parseTelUri(uri);
  if (tel !== undefined) return plainNumber(tel.number);
  // Parameters of a number stand in the user part too (RFC 3261 §19.1.6).
  const user = parseSipUri(uri)?.user?.split(';')[0];
  return user === undefined ? undefined : plainNumber(user);
}

function callerIn(message: SipRequest, header: CallerHeader): IncomingCaller | undefined {
  if (header !== 'from') return identityIn(message.headers, header, 'calling');
  return { ...party(message.from), isWithheld: isAnonymous(message.from.uri) };
}

/** Who somebody is by one header; undefined where it is not there, or of the other one. */
function identityIn(
  headers: Headers,
  header: Exclude<CallerHeader, 'from'>,
  role: 'calling' | 'called',
): IncomingCaller | undefined {
  switch (header) {
    case 'p-asserted-identity':
    case 'p-preferred-identity': {
      const identities = parseIdentities(headers.list(header)).filter(({ uri }) => isReadable(uri));
      // Of a SIP and a tel URI the tel URI is the number.
      const best = identities.find(({ uri }) => uri.toLowerCase().startsWith('tel:')) ?? identities[0];
      if (best === undefined) return undefined;
      const name = identities.map(({ displayName }) => displayName).find((each) => each !== undefined);
      return { ...party(best), name: shownName(name), isWithheld: isAnonymous(best.uri) };
    }
    case 'remote-party-id': {
      const values = (headers.list('Remote-Party-ID') ?? []).slice(0, MAX_VALUES).map(parseNameAddr);
      const found = values.find(
        (value) => value !== undefined && (paramValue(value.params, 'party') ?? role).toLowerCase() === role,
      );
      if (found === undefined) return undefined;
      const privacy = paramValue(found.params, 'privacy')?.toLowerCase() ?? 'off';
      return { ...party(found), isWithheld: privacy !== 'off' || isAnonymous(found.uri) };
    }
  }
}

function party({ uri, displayName }: NameAddr): {
  readonly number: string | undefined;
  readonly name: string | undefined;
} {
  return { number: numberOf(uri), name: shownName(displayName) };
}

function isReadable(uri: string): boolean {
  return parseSipUri(uri) !== undefined || parseTelUri(uri) !== undefined;
}

/** RFC 3323 §4.1.1.3, and what is written in its place. */
function isAnonymous(uri: string): boolean {
  const parsed = parseSipUri(uri);
  if (parsed === undefined) return false;
  const user = parsed.user?.toLowerCase();
  return parsed.host === 'anonymous.invalid' || user === 'anonymous' || user === 'restricted' || user === 'unavailable';
}

function shownName(name: string | undefined): string | undefined {
  const text = name
    ?.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ')
    .trim()
    .slice(0, MAX_NAME_CHARACTERS);
  return text === undefined || text === '' || text.toLowerCase() === 'anonymous' ? undefined : text;
}

function passedOn(uri: string, reason: string): readonly PassedOn[] {
  const number = numberOf(uri);
  return number === undefined ? [] : [{ number, reason: reason.slice(0, 32) }];
}

/** RFC 4458 §4. */
function reasonOfCause(cause: number | undefined): string {
  switch (cause) {
    case 302:
      return 'unconditional';
    case 486:
      return 'user-busy';
    case 408:
      return 'no-answer';
    case 480:
    case 487:
      return 'deflection';
    case 503:
      return 'unavailable';
    default:
      return 'unknown';
  }
}
