import { hash, randomBytes } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { parseDigestCredentials } from './message/authorization.ts';
import { parseSipUri } from './message/uri.ts';

export type DigestAlgorithm = 'SHA-256' | 'MD5';
type QualityOfProtection = 'auth' | 'auth-int';

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
  /** Asked for the user alone, where the name that was given has a domain behind an `@`. */
  readonly lookup: (username: string) => StoredDigest | undefined;
  /** When given, its user part must be that of the digest's `uri`: hosts differ too often behind NAT. */
  readonly requestUri?: string;
  /** What quality of protection `auth-int` is over; empty unless given. */
  readonly body?: Buffer;
}

export interface DigestOptions {
  readonly clock: Clock;
  /** How long a nonce is good, asked for at each use; 10 unless given. */
  readonly lifetimeSeconds?: () => number;
}

/**
 * The newest challenges, whose nonces can be used. With more than these within the lifetime of one, the older ones are
 * stale before their time; a phone answers within one round trip, and so with the newest.
 */
const MAX_NONCES = 131_072;
/** Hex digits of `Clock.elapsed`: a nonce is of this process alone, and grows no older where the time of day is set. */
const TIME_DIGITS = 12;
const SERIAL_DIGITS = 11;
const PROOF_DIGITS = 32;
const SEED_DIGITS = TIME_DIGITS + SERIAL_DIGITS;
const MAX_CREDENTIALS = 8;
const MAX_USERNAME_LENGTH = 128;

interface Credentials {
  readonly username: string;
  readonly nonce: string;
  readonly uri: string;
  readonly response: string;
  readonly algorithm: DigestAlgorithm;
  readonly qop: QualityOfProtection;
  readonly cnonce: string;
  /** As on the wire: eight hex digits. */
  readonly nonceCount: string;
}

/**
 * The server side of digest authentication for SIP (RFC 8760, RFC 7616): nonces that only this process can make and that
 * tell by themselves when they were made, and for each a nonce count that never goes back.
 *
 * Beside SHA-256 stands `auth-int` too. Beside MD5 it does not, though it is taken with either: phones that know MD5 alone
 * are the old ones, and of them some compare the whole list with `auth`, others choose `auth-int` and hash another body.
 */
export class DigestAuthenticator {
  readonly #clock: Clock;
  readonly #lifetimeSeconds: () => number;
  readonly #key = randomBytes(32).toString('hex');
  /** What nobody has for HA1: an unknown user costs what a known one does. */
  readonly #nobody: StoredDigest = {
    ha1Sha256: randomBytes(32).toString('hex'),
    ha1Md5: randomBytes(16).toString('hex'),
  };
  /** The highest count that came with each of the newest nonces, by serial number; they are used in turn. */
  readonly #counts = new Uint32Array(MAX_NONCES);
  #serial = 0;

  constructor(options: DigestOptions) {
    this.#clock = options.clock;
    this.#lifetimeSeconds = options.lifetimeSeconds ?? (() => 10);
  }

  /** Values for WWW-Authenticate or Proxy-Authenticate, a field for each algorithm. */
  challenge(
    realm: string,
    { stale = false, algorithms = ['SHA-256', 'MD5'] }: ChallengeOptions = {},
  ): readonly string[] {
    const nonce = this.#newNonce(realm);
    const quotedRealm = realm.replace(/["\\]/g, '\\$&');
    const tail = stale ? ', stale=true' : '';
    return algorithms.map((algorithm) => {
      const qop = algorithm === 'SHA-256' ? 'auth,auth-int' : 'auth';
      return `Digest realm="${quotedRealm}", nonce="${nonce}", qop="${qop}"${tail}, algorithm=${algorithm}`;
    });
  }

  /** Judges the values of Authorization or Proxy-Authorization. A known and an unknown user cost and answer alike. */
  verify(method: string, authorization: readonly string[], options: VerifyOptions): DigestResult {
    let credentials: Credentials | undefined;
    for (let at = 0; at < authorization.length && at < MAX_CREDENTIALS && credentials === undefined; at += 1) {
      credentials = parseCredentials(authorization[at] ?? '', options.realm);
    }
    if (credentials === undefined) return { kind: 'missing' };

    const { algorithm } = credentials;
    const username = userOf(credentials.username);
    const stored = options.lookup(username) ?? this.#nobody;
    const ha1 = algorithm === 'SHA-256' ? stored.ha1Sha256 : stored.ha1Md5;
    const expected = digestResponse({ ...credentials, method, ha1, body: options.body });
    const proven = isEqualHex(expected, credentials.response);
    if (!proven || !sameUser(credentials.uri, options.requestUri)) return { kind: 'rejected', username, algorithm };
    if (!this.#use(credentials, options.realm)) return { kind: 'stale', algorithm };
    return { kind: 'ok', username, algorithm };
  }

  #newNonce(realm: string): string {
    // Two phones challenged in the same millisecond must not share a nonce count, so each gets a number too.
    this.#serial += 1;
    this.#counts[this.#serial % MAX_NONCES] = 0;
    const time = Math.trunc(this.#clock.elapsed()).toString(16).padStart(TIME_DIGITS, '0');
    const seed = time + this.#serial.toString(16).padStart(SERIAL_DIGITS, '0');
    return seed + this.#proof(seed, realm);
  }

  /** Cut off, so that nobody can go on hashing from it; and the seed has one length. */
  #proof(seed: string, realm: string): string {
    return hash('sha256', this.#key + seed + realm).slice(0, PROOF_DIGITS);
  }

  /** True when the nonce is ours and young, and its count higher than before (RFC 7616 §3.4, §5.4). */
  #use({ nonce, nonceCount }: Credentials, realm: string): boolean {
    if (nonce.length !== SEED_DIGITS + PROOF_DIGITS) return false;
    const seed = nonce.slice(0, SEED_DIGITS);
    if (!isEqualHex(this.#proof(seed, realm), nonce.slice(SEED_DIGITS))) return false;
    const ageMs = this.#clock.elapsed() - Number.parseInt(seed.slice(0, TIME_DIGITS), 16);
    if (ageMs >= this.#lifetimeSeconds() * 1000) return false;
    const serial = Number.parseInt(seed.slice(TIME_DIGITS), 16);
    if (serial <= this.#serial - MAX_NONCES) return false;
    const count = Number.parseInt(nonceCount, 16);
    if (count <= (this.#counts[serial % MAX_NONCES] ?? 0)) return false;
    this.#counts[serial % MAX_NONCES] = count;
    return true;
  }
}

/** The `response` of RFC 7616 §3.4.1 in lower-case hex. */
export function digestResponse(values: {
  readonly algorithm: DigestAlgorithm;
  readonly ha1: string;
  readonly method: string;
  readonly uri: string;
  readonly nonce: string;
  readonly nonceCount: string;
  readonly cnonce: string;
  readonly qop?: QualityOfProtection;
  readonly body?: Buffer | undefined;
}): string {
  const { ha1, method, uri, nonce, nonceCount, cnonce, qop = 'auth' } = values;
  const algorithm = values.algorithm === 'SHA-256' ? 'sha256' : 'md5';
  // RFC 7616 §3.4.3: A2 of auth-int holds the hash of the body, also where there is none.
  const a2 = qop === 'auth' ? `${method}:${uri}` : `${method}:${uri}:${hash(algorithm, values.body ?? '')}`;
  return hash(algorithm, `${ha1}:${nonce}:${nonceCount}:${cnonce}:${qop}:${hashOfA2(algorithm, a2)}`);
}

let latestA2 = { algorithm: '', a2: '', hash: '' };

/** Phones that register with one name of the box have this in common. It is no secret. */
function hashOfA2(algorithm: string, a2: string): string {
  if (latestA2.a2 !== a2 || latestA2.algorithm !== algorithm) latestA2 = { algorithm, a2, hash: hash(algorithm, a2) };
  return latestA2.hash;
}

/** Undefined for another scheme, realm, algorithm or quality of protection, and for what does not parse. */
function parseCredentials(value: string, realm: string): Credentials | undefined {
  const credentials = parseDigestCredentials(value);
  if (credentials === undefined || credentials.realm !== realm) return undefined;
  const { username, nonce, uri, response, algorithm, qop, cnonce, nonceCount } = credentials;
  if (algorithm !== 'SHA-256' && algorithm !== 'MD5') return undefined;
  if ((qop !== 'auth' && qop !== 'auth-int') || cnonce === undefined || nonceCount === undefined) return undefined;
  return { username, nonce, uri, response, algorithm, qop, cnonce, nonceCount };
}

/** Some phones name the user as in an address: `201@example.com`. Bounded: it is logged and kept. */
function userOf(username: string): string {
  const at = username.indexOf('@');
  return (at === -1 ? username : username.slice(0, at)).slice(0, MAX_USERNAME_LENGTH);
}

/** Takes the same time wherever the two differ. `given` may be in upper case. */
function isEqualHex(expected: string, given: string): boolean {
  if (given.length !== expected.length) return false;
  const text = given.toLowerCase();
  let difference = 0;
  for (let at = 0; at < expected.length; at += 1) difference |= expected.charCodeAt(at) ^ text.charCodeAt(at);
  return difference === 0;
}

function sameUser(uri: string, requestUri: string | undefined): boolean {
  if (requestUri === undefined || uri === requestUri) return true;
  const left = parseSipUri(uri);
  const right = parseSipUri(requestUri);
  return left !== undefined && right !== undefined && left.user === right.user;
}
