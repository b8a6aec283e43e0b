import { formatNameAddr, type NameAddr, parseNameAddr } from './name-addr.ts';
import { uriScheme } from './uri.ts';

/**
 * The identities of a P-Asserted-Identity or P-Preferred-Identity (RFC 3325 §9.1, §9.2), given as Headers.list gives
 * them: one, or a SIP and a tel URI. None where there are none or they do not follow the rules: nothing is believed
 * then.
 */
export function parseIdentities(values: readonly string[] | undefined): readonly NameAddr[] {
  if (values === undefined || values.length > 2) return [];
  const identities: NameAddr[] = [];
  const kinds = new Set<string>();
  for (const value of values) {
    const identity = parseNameAddr(value);
    const scheme = identity === undefined ? undefined : uriScheme(identity.uri);
    if (identity === undefined || (scheme !== 'sip' && scheme !== 'sips' && scheme !== 'tel')) return [];
    const kind = scheme === 'tel' ? 'tel' : 'sip';
    if (kinds.has(kind)) return [];
    kinds.add(kind);
    // Parameters of the header have no meaning here (RFC 3325 §9.1 has none).
    identities.push({ displayName: identity.displayName, uri: identity.uri, params: [] });
  }
  return identities;
}

export function formatIdentities(identities: readonly NameAddr[]): string {
  return identities.map(formatNameAddr).join(', ');
}
