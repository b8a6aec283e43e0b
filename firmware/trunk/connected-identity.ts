import type { HeaderField, Headers, Party } from '../sip/stack.ts';
import { connectedParty } from './incoming-identity.ts';
import type { LineSettings } from './line-settings.ts';
import { formatReceivedNumber } from './number.ts';
import { identityHeaders, knownOf, uriOf } from './outgoing-invite.ts';

/** Somebody whom the peer of a line talks to. */
export interface ConnectedParty {
  /** As the outside knows it, else an extension; empty where it is not known. */
  readonly number: string;
  readonly name?: string;
  readonly user?: string;
  readonly isPrivate?: boolean;
}

/** Somebody at the other end of a line, as its peer says. */
export interface NamedParty {
  /** As dialled here; empty where he wants none shown. */
  readonly number: string;
  readonly name: string;
  readonly isPrivate: boolean;
}

/** RFC 3323 §4.1.1.3. */
const ANONYMOUS: Party = { displayName: 'Anonymous', uri: 'sip:anonymous@anonymous.invalid' };

/**
 * How the peer of a line is told who talks to it, in an answer and in UPDATE: in the header that the line has for callers,
 * P-Asserted-Identity where that is From.
 * Nothing unless the line is one of a trusted network (RFC 3325 §5): who works here is no business of a carrier.
 */
export function connectedIdentity(
  { number, name, isPrivate }: ConnectedParty,
  settings: LineSettings,
  role: 'calling' | 'called',
): readonly HeaderField[] {
  const { trusted, outgoing: callers } = settings.configured.identity;
  if (!trusted) return [];
  // From is that of the INVITE for good: who answers has no place in it.
  const outgoing = callers === 'from' ? 'p-asserted-identity' : callers;
  if (isPrivate === true || number === '') {
    return [...identityHeaders(ANONYMOUS, true, outgoing, role), ['Privacy', 'id']];
  }
  const named = name === undefined || name === '' ? {} : { displayName: name };
  return identityHeaders({ ...named, uri: uriOf(knownOf(number, settings), settings.domain) }, false, outgoing, role);
}

/**
 * Who has answered at the other end, or speaks there from now on, in the first header that the line believes of callers too (RFC 3325
 * §5). Undefined unless the line is one of a trusted network, and where nothing that could be shown is said.
 */
export function namedParty(
  headers: Headers,
  { configured, plan }: LineSettings,
  role: 'calling' | 'called',
): NamedParty | undefined {
  const { trusted, incoming } = configured.identity;
  if (!trusted) return undefined;
  const found = connectedParty(headers, incoming, role);
  if (found === undefined) return undefined;
  if (found.isWithheld) return { number: '', name: '', isPrivate: true };
  if (found.number === undefined) return undefined;
  const number = formatReceivedNumber(found.number, configured.numbers.receive, plan);
  return { number, name: found.name ?? number, isPrivate: false };
}
