import { createHash, randomBytes } from 'node:crypto';
import { type DigestAlgorithm, digestResponse, type StoredDigest } from './digest.ts';
import { formatDigestCredentials } from './message/authorization.ts';
import { type DigestChallenge, parseDigestChallenge } from './message/challenge.ts';
import type { HeaderField } from './message/headers.ts';
import type { SipRequest } from './message/request.ts';
import type { SipResponse } from './message/response.ts';

/** Who we are to a server that asks: with the password, or with what was stored instead of it. */
export type Credentials = { readonly username: string } & (
  | { readonly password: string }
  | { readonly digest: StoredDigest }
);

/** The credentials for a realm; undefined where we have none. */
export type CredentialsFor = (realm: string) => Credentials | undefined;

const SUPPORTED: readonly string[] = ['SHA-256', 'MD5'];

/** Realms that one request is challenged for: more than there are proxies on its way. */
const MAX_REALMS = 4;

/**
 * Answers the challenges to one request of ours (RFC 3261 §22.2, RFC 8760 §2.4): the first of each realm, and one more
 * where the nonce was too old. What is refused after that is refused.
 */
export class ChallengeAnswers {
  readonly #credentialsFor: CredentialsFor;
  /** By header name and realm: a proxy and the server behind it may both ask. */
  #answers: Map<string, { readonly field: HeaderField; tries: number }> | undefined;

  constructor(credentialsFor: CredentialsFor) {
    this.#credentialsFor = credentialsFor;
  }

  /** The fields for the same request sent again; undefined when there is nothing (more) to say to this response. */
  answer(request: SipRequest, response: SipResponse): readonly HeaderField[] | undefined {
    if (response.status !== 401 && response.status !== 407) return undefined;
    const [asks, answers] =
      response.status === 401 ? ['WWW-Authenticate', 'Authorization'] : ['Proxy-Authenticate', 'Proxy-Authorization'];
    this.#answers ??= new Map();
    let answered = false;
    for (const challenge of bestOfEachRealm(response.headers.all(asks))) {
      const key = `${answers} ${challenge.realm}`;
      const tries = this.#answers.get(key)?.tries ?? 0;
      if (tries === 0 && this.#answers.size >= MAX_REALMS) continue;
      if (tries > 1 || (tries === 1 && !challenge.stale)) continue;
      const credentials = this.#credentialsFor(challenge.realm);
      if (credentials === undefined) continue;
      this.#answers.set(key, { field: [answers, authorization(request, challenge, credentials)], tries: tries + 1 });
      answered = true;
    }
    return answered ? [...this.#answers.values()].map(({ field }) => field) : undefined;
  }
}

/** The answers to challenges that a request has: the ACK to its 2xx has the same (RFC 3261 §13.2.2.4). */
export function credentialFields({ headers }: SipRequest): readonly HeaderField[] {
  return headers.fields.filter(([name]) => name === 'Authorization' || name === 'Proxy-Authorization');
}

/** RFC 8760 §2.4: of several algorithms for a realm the best that we know; the server's order is ours too. */
function bestOfEachRealm(values: readonly string[]): readonly DigestChallenge[] {
  const best = new Map<string, DigestChallenge>();
  for (const value of values) {
    const challenge = parseDigestChallenge(value);
    if (challenge === undefined || !SUPPORTED.includes(challenge.algorithm)) continue;
    const qopKnown = challenge.qop.length === 0 || challenge.qop.some((qop) => qop === 'auth' || qop === 'auth-int');
    if (!qopKnown) continue;
    const other = best.get(challenge.realm);
    if (other === undefined || (other.algorithm === 'MD5' && challenge.algorithm === 'SHA-256')) {
      best.set(challenge.realm, challenge);
    }
  }
  return [...best.values()];
}

function authorization(request: SipRequest, challenge: DigestChallenge, credentials: Credentials): string {
  const { realm, nonce, qop: offered, opaque } = challenge;
  const algorithm = challenge.algorithm as DigestAlgorithm;
  const ha1 = ha1Of(credentials, realm, algorithm);
  const base = { username: credentials.username, realm, nonce, uri: request.uri, algorithm, opaque };
  if (offered.length === 0) {
    // RFC 2069, for servers that know no better.
    const ha2 = hash(algorithm, `${request.method}:${request.uri}`);
    const response = hash(algorithm, `${ha1}:${nonce}:${ha2}`);
    return formatDigestCredentials({ ...base, response, qop: undefined, cnonce: undefined, nonceCount: undefined });
  }
  const qop = offered.includes('auth') ? 'auth' : 'auth-int';
  const cnonce = randomBytes(12).toString('base64url');
  // Each nonce is used once: a request that is challenged again gets a new one.
  const nonceCount = '00000001';
  const { method, uri, body } = request;
  const response = digestResponse({ algorithm, ha1, method, uri, nonce, nonceCount, cnonce, qop, body });
  return formatDigestCredentials({ ...base, response, qop, cnonce, nonceCount });
}

function ha1Of(credentials: Credentials, realm: string, algorithm: DigestAlgorithm): string {
  if ('digest' in credentials) return algorithm === 'MD5' ? credentials.digest.ha1Md5 : credentials.digest.ha1Sha256;
  return hash(algorithm, `${credentials.username}:${realm}:${credentials.password}`);
}

function hash(algorithm: DigestAlgorithm, text: string): string {
  return createHash(algorithm === 'MD5' ? 'md5' : 'sha256')
    .update(text, 'utf8')
    .digest('hex');
}
