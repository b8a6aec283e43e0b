import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { COMMA, isToken, splitOutside, unquote } from './message/grammar.ts';
import { parseSipUri } from './message/uri.ts';

export type DigestAlgorithm = 'SHA-256' | 'MD5';

/** H(username:realm:password) in lower-case hex, per algorithm; kept instead of the password (RFC 8760 §2.4). */
export interface StoredDigest {
  readonly ha1Sha256: string;
  readonly ha1Md5: string;
}

export type DigestResult =
  /** The proof is right, and was not seen before. */
  | { readonly kind: 'ok'; readonly username: string; readonly algorithm: DigestAlgorithm }
  /** Nothing to judge. */
  | { readonly kind: 'missing' }
  /** A right proof over a nonce that is too old, unknown or used: ask again. */
  | { readonly kind: 'stale'; readonly algorithm: DigestAlgorithm }
  /** The proof is wrong: an attempt to be counted. `username` is what was claimed. */
  | { readonly kind: 'rejected'; readonly username: string; readonly algorithm: DigestAlgorithm };

export interface ChallengeOptions {
  /** Tells the client to try again with the same password (RFC 7616 §3.3). */
  readonly stale?: boolean;
  /** The best first (RFC 8760 §2.3); both unless given. */
  readonly algorithms?: readonly DigestAlgorithm[];
}

export interface VerifyOptions {
  readonly realm: string;
  readonly lookup: (username: string) => StoredDigest | undefined;
  /** When given, its user part must be that of the digest's `uri`: hosts differ too often behind NAT. */
  readonly requestUri?: string;
}

export interface DigestOptions {
  readonly clock: Clock;
  /** How long a nonce is good; default 10. */
  readonly lifetimeSeconds?: number;
}

/** Nonces that were used within their lifetime; only right proofs get in, so strangers cannot fill it. */
const MAX_USED_NONCES = 16_384;
const NONCE_TIME_BYTES = 6;
const NONCE_RANDOM_BYTES = 8;
const NONCE_MAC_BYTES = 16;
const NONCE_BYTES = NONCE_TIME_BYTES + NONCE_RANDOM_BYTES + NONCE_MAC_BYTES;
const MAX_CREDENTIALS = 8;

interface Credentials {
  readonly username: string;
  readonly nonce: string;
  readonly uri: string;
  readonly response: string;
  readonly algorithm: DigestAlgorithm;
  readonly cnonce: string;
  /** As on the wire: eight hex digits. */
  readonly nonceCount: string;
}

/**
 * The server side of digest authentication for SIP (RFC 8760, RFC 7616): stateless nonces that only this process can
 * make, quality of protection `auth`, and a nonce count that never goes back.
 */
export class DigestAuthenticator {
  readonly #clock: Clock;
  readonly #lifetimeMs: number;
  readonly #key = randomBytes(32);
  readonly #used = new Map<string, { readonly expiresAt: number; readonly nonceCount: number }>();

  constructor(options: DigestOptions) {
    this.#clock = options.clock;
    this.#lifetimeMs = (options.lifetimeSeconds ?? 10) * 1000;
  }

  /** Values for WWW-Authenticate or Proxy-Authenticate, a field for each algorithm. */
  challenge(
    realm: string,
    { stale = false, algorithms = ['SHA-256', 'MD5'] }: ChallengeOptions = {},
  ): readonly string[] {
    const nonce = this.#newNonce(realm);
    const quotedRealm = realm.replace(/["\\]/g, '\\$&');
    const rest = `nonce="${nonce}", qop="auth"${stale ? ', stale=true' : ''}`;
    return algorithms.map((algorithm) => `Digest realm="${quotedRealm}", ${rest}, algorithm=${algorithm}`);
  }

  /** Judges the values of Authorization or Proxy-Authorization. A known and an unknown user cost and answer alike. */
  verify(method: string, authorization: readonly string[], options: VerifyOptions): DigestResult {
    const credentials = authorization
      .slice(0, MAX_CREDENTIALS)
      .map((value) => parseCredentials(value, options.realm))
      .find((found) => found !== undefined);
    if (credentials === undefined) return { kind: 'missing' };

    const { username, algorithm } = credentials;
    // Made for known users too, so that time does not tell who exists.
    const nobody = this.#nobody(username);
    const stored = options.lookup(username) ?? nobody;
    const ha1 = credentials.algorithm === 'SHA-256' ? stored.ha1Sha256 : stored.ha1Md5;
    const expected = digestResponse({ ...credentials, method, ha1 });
    const proven = equalHex(expected, credentials.response);
    if (!proven || !sameUser(credentials.uri, options.requestUri)) return { kind: 'rejected', username, algorithm };
    if (!this.#use(credentials, options.realm)) return { kind: 'stale', algorithm };
    return { kind: 'ok', username, algorithm };
  }

  #newNonce(realm: string): string {
    const nonce = Buffer.alloc(NONCE_BYTES);
    nonce.writeUIntBE(this.#clock.now(), 0, NONCE_TIME_BYTES);
    // Two phones challenged in the same millisecond must not share a nonce count.
    randomBytes(NONCE_RANDOM_BYTES).copy(nonce, NONCE_TIME_BYTES);
    this.#mac(nonce, realm).copy(nonce, NONCE_TIME_BYTES + NONCE_RANDOM_BYTES);
    return nonce.toString('base64');
  }

  #mac(nonce: Buffer, realm: string): Buffer {
    const hmac = createHmac('sha256', this.#key);
    hmac.update(nonce.subarray(0, NONCE_TIME_BYTES + NONCE_RANDOM_BYTES)).update(realm);
    return hmac.digest().subarray(0, NONCE_MAC_BYTES);
  }

  /** True when the nonce is ours and young, and its count higher than before (RFC 7616 §3.4, §5.4). */
  #use(credentials: Credentials, realm: string): boolean {
    const nonce = Buffer.from(credentials.nonce, 'base64');
    if (nonce.length !== NONCE_BYTES) return false;
    const mac = nonce.subarray(NONCE_TIME_BYTES + NONCE_RANDOM_BYTES);
    if (!timingSafeEqual(mac, this.#mac(nonce, realm))) return false;
    const expiresAt = nonce.readUIntBE(0, NONCE_TIME_BYTES) + this.#lifetimeMs;
    const now = this.#clock.now();
    if (now >= expiresAt) return false;
    const nonceCount = Number.parseInt(credentials.nonceCount, 16);
    // Base64 has several spellings of the same bytes: only one of them may be the key.
    const key = nonce.toString('base64');
    if (nonceCount <= (this.#used.get(key)?.nonceCount ?? 0)) return false;
    if (!this.#used.has(key) && this.#used.size >= MAX_USED_NONCES) {
      this.#forget(now);
      if (this.#used.size >= MAX_USED_NONCES) return false;
    }
    this.#used.set(key, { expiresAt, nonceCount });
    return true;
  }

  #forget(now: number): void {
    for (const [nonce, { expiresAt }] of this.#used) {
      if (now >= expiresAt) this.#used.delete(nonce);
    }
  }

  /** A digest that no password has. */
  #nobody(username: string): StoredDigest {
    const secret = createHmac('sha256', this.#key).update(username).digest('hex');
    return { ha1Sha256: secret, ha1Md5: secret.slice(0, 32) };
  }
}

/** The `response` of RFC 7616 §3.4.1 for quality of protection `auth`, in lower-case hex. */
export function digestResponse(values: {
  readonly algorithm: DigestAlgorithm;
  readonly ha1: string;
  readonly method: string;
  readonly uri: string;
  readonly nonce: string;
  readonly nonceCount: string;
  readonly cnonce: string;
}): string {
  const hash = (text: string): string =>
    createHash(values.algorithm === 'SHA-256' ? 'sha256' : 'md5')
      .update(text, 'utf8')
      .digest('hex');
  const ha2 = hash(`${values.method}:${values.uri}`);
  return hash(`${values.ha1}:${values.nonce}:${values.nonceCount}:${values.cnonce}:auth:${ha2}`);
}

/** Undefined for another scheme, realm, algorithm or quality of protection, and for what does not parse. */
function parseCredentials(value: string, realm: string): Credentials | undefined {
  if (!/^digest[ \t]/i.test(value)) return undefined;
  const parts = splitOutside(value.slice('digest '.length), COMMA);
  if (parts === undefined) return undefined;
  const fields = new Map<string, string>();
  for (const part of parts) {
    const equals = part.indexOf('=');
    const name = part.slice(0, Math.max(0, equals)).trim().toLowerCase();
    // A field that stands twice could be read in two ways.
    if (!isToken(name) || fields.has(name)) return undefined;
    fields.set(name, unquote(part.slice(equals + 1).trim()));
  }
  const algorithm = (fields.get('algorithm') ?? 'MD5').toUpperCase();
  if (algorithm !== 'SHA-256' && algorithm !== 'MD5') return undefined;
  if (fields.get('realm') !== realm || fields.get('qop')?.toLowerCase() !== 'auth') return undefined;
  const username = fields.get('username');
  const nonce = fields.get('nonce');
  const uri = fields.get('uri');
  const response = fields.get('response');
  const cnonce = fields.get('cnonce');
  const nonceCount = fields.get('nc');
  if (username === undefined || nonce === undefined || uri === undefined || response === undefined) return undefined;
  if (cnonce === undefined || nonceCount === undefined || !/^[0-9a-f]{8}$/i.test(nonceCount)) return undefined;
  return { username, nonce, uri, response, algorithm, cnonce, nonceCount };
}

function equalHex(expected: string, given: string): boolean {
  const left = Buffer.from(expected, 'latin1');
  const right = Buffer.from(given.toLowerCase(), 'latin1');
  return left.length === right.length && timingSafeEqual(left, right);
}

function sameUser(uri: string, requestUri: string | undefined): boolean {
  if (requestUri === undefined || uri === requestUri) return true;
  const left = parseSipUri(uri);
  const right = parseSipUri(requestUri);
  return left !== undefined && right !== undefined && left.user === right.user;
}
