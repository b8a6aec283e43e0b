import { createHash, randomBytes } from 'node:crypto';

export type DigestAlgorithm = 'MD5' | 'SHA-256';

/** A WWW-Authenticate or Proxy-Authenticate value (RFC 7616 §3.3). */
export interface Challenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque?: string;
  readonly algorithm: DigestAlgorithm;
  readonly qop?: 'auth';
}

/** Undefined where the scheme, the algorithm or the quality of protection is one the phone does not know. */
export function parseChallenge(value: string): Challenge | undefined {
  if (!/^digest\s/i.test(value)) return undefined;
  const fields = new Map<string, string>();
  for (const match of value.slice(7).matchAll(/([a-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/gi)) {
    fields.set((match[1] ?? '').toLowerCase(), match[2] ?? match[3] ?? '');
  }
  const realm = fields.get('realm');
  const nonce = fields.get('nonce');
  const name = (fields.get('algorithm') ?? 'MD5').toUpperCase();
  const algorithm = name === 'MD5' || name === 'SHA-256' ? name : undefined;
  const qop = fields.get('qop');
  const opaque = fields.get('opaque');
  if (realm === undefined || nonce === undefined || algorithm === undefined) return undefined;
  if (qop !== undefined && !qop.split(/\s*,\s*/).includes('auth')) return undefined;
  return {
    realm,
    nonce,
    algorithm,
    ...(opaque === undefined ? {} : { opaque }),
    ...(qop === undefined ? {} : { qop: 'auth' as const }),
  };
}

/** The challenge whose algorithm stands first in `accepted`. */
export function chooseChallenge(
  challenges: readonly Challenge[],
  accepted: readonly DigestAlgorithm[],
): Challenge | undefined {
  return accepted.flatMap((algorithm) => challenges.find((challenge) => challenge.algorithm === algorithm) ?? []).at(0);
}

export interface DigestUse {
  readonly username: string;
  readonly password: string;
  readonly method: string;
  readonly uri: string;
  /** How often this nonce was used, from 1. */
  readonly count?: number;
  /** Random unless given. */
  readonly cnonce?: string;
}

/** The value of the Authorization header that answers `challenge` (RFC 7616 §3.4). */
export function authorization(challenge: Challenge, use: DigestUse): string {
  const hash = (text: string): string =>
    createHash(challenge.algorithm === 'MD5' ? 'md5' : 'sha256')
      .update(text)
      .digest('hex');
  const ha1 = hash(`${use.username}:${challenge.realm}:${use.password}`);
  const ha2 = hash(`${use.method}:${use.uri}`);
  const cnonce = use.cnonce ?? randomBytes(12).toString('hex');
  const nc = (use.count ?? 1).toString(16).padStart(8, '0');
  const response =
    challenge.qop === undefined
      ? hash(`${ha1}:${challenge.nonce}:${ha2}`)
      : hash(`${ha1}:${challenge.nonce}:${nc}:${cnonce}:auth:${ha2}`);
  const fields = [
    `username="${use.username}"`,
    `realm="${challenge.realm}"`,
    `nonce="${challenge.nonce}"`,
    `uri="${use.uri}"`,
    `response="${response}"`,
    `algorithm=${challenge.algorithm}`,
  ];
  if (challenge.opaque !== undefined) fields.push(`opaque="${challenge.opaque}"`);
  if (challenge.qop !== undefined) fields.push('qop=auth', `nc=${nc}`, `cnonce="${cnonce}"`);
  return `Digest ${fields.join(', ')}`;
}
