import type { Clock } from '../core/clock.ts';
import { detachedText } from '../core/detached-text.ts';
import { RecentMap } from '../core/recent-map.ts';
import {
  type DigestAlgorithm,
  DigestAuthenticator,
  type Flow,
  type HeaderField,
  parseSipUri,
  type SipRequest,
  type StoredDigest,
} from '../sip/stack.ts';
import type { Access } from './access.ts';
import type { LoginGuard } from './login-guard.ts';
import { warning } from './warning.ts';

export interface AuthenticatorOptions {
  /** The realm that the stored secrets were made for. */
  readonly realm: string;
  readonly extensions: { digest(number: string): StoredDigest | undefined };
  /** What a phone proves that registers as an extension which is yet to be made; nobody may unless given. */
  readonly newcomers?: { digest(number: string, remoteAddress: string): StoredDigest | undefined };
  /** Who may log in from where; anybody from anywhere unless given. */
  readonly access?: Pick<Access, 'wayRefusal' | 'isAdmitted' | 'accountRefusal'>;
  /** How long an answer to a challenge may take, asked for at each use; 10 unless given. */
  readonly challengeExpirySeconds?: () => number;
  readonly clock: Clock;
  /** Told of every login, and of every one that failed. */
  readonly guard?: Pick<LoginGuard, 'succeeded' | 'failed'>;
}

export type Authentication =
  | { readonly kind: 'ok'; readonly extension: string }
  /** Answer 403 with these fields: no password helps. `extension`: who has proven to be it all the same. */
  | {
      readonly kind: 'refused';
      readonly headers: readonly HeaderField[];
      readonly why: string;
      readonly extension?: string;
    }
  /** Answer 401 with these fields. `failed`: the credentials were wrong, rather than missing or too old. */
  | {
      readonly kind: 'challenge';
      readonly headers: readonly HeaderField[];
      readonly failed: boolean;
      /** Whoever the request says it is from; for the log. */
      readonly user: string;
      /** What is wrong with the credentials, for the log and for it alone: the answer tells nobody which extensions there are. */
      readonly why: string;
    };

const BOTH: readonly DigestAlgorithm[] = ['SHA-256', 'MD5'];
const MD5_ALONE: readonly DigestAlgorithm[] = ['MD5'];

/** Clients that give up at the sight of SHA-256, though MD5 stands beside it. Seen: baresip 1.0 of Debian 12. */
const CANNOT_CHOOSE = [/^baresip v[01]\./i];

/** Who was asked and has not answered yet, or answers with MD5: source and user, for an hour after the last time. */
const MAX_REMEMBERED = 2048;
const REMEMBERED_MS = 3_600_000;

/**
 * Tells which extension sends a request, by digest (RFC 8760). The user name is the extension's number.
 *
 * Both algorithms are offered. Many phones of the field know MD5 alone, and some of them fail when SHA-256 stands beside it,
 * which RFC 8760 §2.4 does not allow them. So whoever asks again without an answer is offered MD5 alone, and whoever
 * answers with MD5 goes on with it.
 */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #digest: DigestAuthenticator;
  /** By source and user; the time in milliseconds and the top Via of what came last. */
  readonly #challenged = new RecentMap<string, { readonly atMs: number; readonly via: string | undefined }>(
    MAX_REMEMBERED,
  );

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    const { clock, challengeExpirySeconds } = options;
    this.#digest = new DigestAuthenticator({
      clock,
      ...(challengeExpirySeconds === undefined ? {} : { lifetimeSeconds: challengeExpirySeconds }),
    });
  }

  authenticate(message: SipRequest, flow: Flow): Authentication {
    const { realm, access, guard } = this.#options;
    const closed = access?.wayRefusal(flow);
    if (closed !== undefined) return refused(closed);
    const result = this.#digest.verify(message.method, message.headers.all('Authorization'), {
      realm,
      lookup: (username) => this.#digestOf(username, message.method, flow),
      requestUri: message.uri,
      body: message.body,
    });
    const peer = `${flow.remoteAddress} ${fromUri(message)}`;
    if (result.kind === 'ok') {
      if (result.algorithm === 'MD5') this.#remember(peer, viaOf(message));
      else this.#challenged.delete(peer);
      guard?.succeeded(flow, result.username);
      const why = access?.accountRefusal(result.username, flow);
      if (why === undefined) return { kind: 'ok', extension: result.username };
      return { ...refused(why), extension: result.username };
    }
    // By the name in From: by that one the next request can be told before it costs a digest.
    if (result.kind === 'rejected') {
      guard?.failed(flow, parseSipUri(message.from.uri)?.user ?? result.username, result.username);
    }
    let algorithms = BOTH;
    if (result.kind === 'missing') {
      const via = viaOf(message);
      if (this.#isRemembered(peer, via) || cannotChoose(message)) algorithms = MD5_ALONE;
      this.#remember(peer, via);
    } else if (result.algorithm === 'MD5') {
      algorithms = MD5_ALONE;
    }
    const challenges = this.#digest.challenge(realm, { stale: result.kind === 'stale', algorithms });
    return {
      kind: 'challenge',
      headers: challenges.map((challenge) => ['WWW-Authenticate', challenge] as const),
      failed: result.kind === 'rejected',
      user: result.kind === 'rejected' ? result.username : '',
      why: result.kind === 'rejected' ? this.#reasonOf(result.username, flow) : '',
    };
  }

  #digestOf(number: string, method: string, flow: Flow): StoredDigest | undefined {
    const { extensions, access, newcomers } = this.#options;
    // From outside of its networks an extension is as one that does not exist.
    if (access?.isAdmitted(number, flow) === false) return undefined;
    const known = extensions.digest(number);
    return known ?? (method === 'REGISTER' ? newcomers?.digest(number, flow.remoteAddress) : undefined);
  }

  #reasonOf(number: string, flow: Flow): string {
    const { extensions, access } = this.#options;
    if (extensions.digest(number) === undefined) return 'there is no such extension, or it has no password';
    if (access?.isAdmitted(number, flow) === false) return 'its address is not among those of the extension';
    return 'wrong password';
  }

  #isRemembered(peer: string, via: string | undefined): boolean {
    const last = this.#challenged.get(peer);
    if (last === undefined || this.#options.clock.now() - last.atMs >= REMEMBERED_MS) return false;
    // A retransmission that crossed its challenge: whoever sent it has not been asked yet.
    return last.via === undefined || last.via !== via;
  }

  #remember(peer: string, via: string | undefined): void {
    this.#challenged.set(peer, { atMs: this.#options.clock.now(), via });
  }
}

function refused(why: string): Extract<Authentication, { kind: 'refused' }> {
  return { kind: 'refused', headers: [warning(why)], why };
}

function cannotChoose(message: SipRequest): boolean {
  const userAgent = message.headers.get('User-Agent') ?? '';
  return CANNOT_CHOOSE.some((pattern) => pattern.test(userAgent));
}

/** Bounded: it is kept. The branch in it names the transaction (RFC 3261 §8.1.1.7). */
function viaOf(message: SipRequest): string | undefined {
  const via = message.headers.get('Via');
  return via === undefined ? undefined : detachedText(via, 256);
}

/** Bounded: it becomes part of a key. */
function fromUri(message: SipRequest): string {
  return message.from.uri.slice(0, 96);
}
