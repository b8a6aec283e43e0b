import type { Clock } from '../core/clock.ts';
import { DigestAuthenticator, type HeaderField, type SipRequest, type StoredDigest } from '../sip/stack.ts';

export interface AuthenticatorOptions {
  /** The realm that the stored secrets were made for. */
  readonly realm: string;
  readonly extensions: { digest(number: string): StoredDigest | undefined };
  readonly clock: Clock;
}

export type Authentication =
  | { readonly kind: 'ok'; readonly extension: string }
  /** Answer 401 with these fields. `failed`: the credentials were wrong, rather than missing or too old. */
  | {
      readonly kind: 'challenge';
      readonly headers: readonly HeaderField[];
      readonly failed: boolean;
      /** Whoever the request says it is from; for the log. */
      readonly user: string;
    };

/** Tells which extension sends a request, by digest (RFC 8760). The user name is the extension's number. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #digest: DigestAuthenticator;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.#digest = new DigestAuthenticator({ clock: options.clock });
  }

  authenticate(message: SipRequest): Authentication {
    const { realm, extensions } = this.#options;
    const result = this.#digest.verify(message.method, message.headers.all('Authorization'), {
      realm,
      lookup: (username) => extensions.digest(username),
      requestUri: message.uri,
    });
    if (result.kind === 'ok') return { kind: 'ok', extension: result.username };
    const challenges = this.#digest.challenge(realm, result.kind === 'challenge' && result.stale);
    return {
      kind: 'challenge',
      headers: challenges.map((challenge) => ['WWW-Authenticate', challenge] as const),
      failed: result.kind === 'rejected',
      user: result.kind === 'rejected' ? result.username.slice(0, 64) : '',
    };
  }
}
