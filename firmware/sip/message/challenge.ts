import { authParam, parseAuthField } from './auth-params.ts';
import { quote } from './grammar.ts';

/** A Digest challenge: the value of WWW-Authenticate or Proxy-Authenticate (RFC 7616 §3.3, RFC 8760 §2.3). */
export interface DigestChallenge {
  readonly realm: string;
  readonly nonce: string;
  /** In upper case: `MD5` where it is left out. */
  readonly algorithm: string;
  /** In lower case; empty for a server of RFC 2069. */
  readonly qop: readonly string[];
  /** The password was right, and the nonce too old. */
  readonly stale: boolean;
  readonly opaque: string | undefined;
}

/** Undefined for another scheme, and for what does not follow the grammar or has no realm or nonce. */
export function parseDigestChallenge(text: string): DigestChallenge | undefined {
  const field = parseAuthField(text);
  if (field === undefined || field.scheme !== 'digest') return undefined;
  const realm = authParam(field, 'realm');
  const nonce = authParam(field, 'nonce');
  if (realm === undefined || nonce === undefined) return undefined;
  const qop = (authParam(field, 'qop') ?? '').toLowerCase().split(',');
  return {
    realm,
    nonce,
    algorithm: (authParam(field, 'algorithm') ?? 'MD5').toUpperCase(),
    qop: qop.map((value) => value.trim()).filter((value) => value.length > 0),
    stale: authParam(field, 'stale')?.toLowerCase() === 'true',
    opaque: authParam(field, 'opaque'),
  };
}

/** qop in quotes here, unlike in credentials (RFC 7616 §3.3). */
export function formatDigestChallenge(challenge: DigestChallenge): string {
  const { realm, nonce, algorithm, qop, stale, opaque } = challenge;
  let text = `Digest realm=${quote(realm)}, nonce=${quote(nonce)}`;
  if (qop.length > 0) text += `, qop="${qop.join(', ')}"`;
  if (opaque !== undefined) text += `, opaque=${quote(opaque)}`;
  if (stale) text += ', stale=true';
  return `${text}, algorithm=${algorithm}`;
}
