import type { HeaderField, Party } from '../sip/stack.ts';
import type { LineSettings } from './line-settings.ts';
import { identityHeaders, knownOf, uriOf } from './outgoing-invite.ts';

/** Somebody whom the peer of a line talks to. */
export interface ConnectedParty {
  /** As the outside knows it, else an extension; empty where it is not known. */
  readonly number: string;
  readonly name?: string;
  readonly user?: string;
  readonly isPrivate?: boolean;
}

/** RFC 3323 §4.1.1.3. */
const ANONYMOUS: Party = { displayName: 'Anonymous', uri: 'sip:anonymous@anonymous.invalid' };

/**
 * How the peer of a line is told who talks to it, in an answer and in UPDATE: in the header that the line has for callers.
 * Nothing unless the line is one of a trusted network (RFC 3325 §5): who works here is no business of a carrier.
 */
export function connectedIdentity(
  { number, name, isPrivate }: ConnectedParty,
  settings: LineSettings,
  role: 'calling' | 'called',
): readonly HeaderField[] {
  const { trusted, outgoing } = settings.configured.identity;
  if (!trusted) return [];
  if (isPrivate === true || number === '') {
    const headers = identityHeaders(ANONYMOUS, true, outgoing, role);
    return headers.length === 0 ? [] : [...headers, ['Privacy', 'id']];
  }
  const named = name === undefined || name === '' ? {} : { displayName: name };
  return identityHeaders({ ...named, uri: uriOf(knownOf(number, settings), settings.domain) }, false, outgoing, role);
}
