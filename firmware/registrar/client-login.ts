import type { Clock } from '../core/clock.ts';
import { DigestAuthenticator, type Flow, type StoredDigest } from '../sip/stack.ts';
import type { Access } from './access.ts';
import type { LoginGuard } from './login-guard.ts';

export interface ClientLoginOptions {
  /** The realm that the stored secrets were made for. */
  readonly realm: string;
  readonly digest: (extension: string) => StoredDigest | undefined;
  readonly access: Pick<Access, 'wayRefusal' | 'isAdmitted' | 'accountRefusal'>;
  readonly guard: Pick<LoginGuard, 'succeeded' | 'failed'>;
  /** Whether the source gets no answer now, or not in the name of `user`. */
  readonly isBlocked: (flow: Flow, user?: string) => boolean;
  readonly clock: Clock;
}

/** A client that asks for more than files over a connection of its own; addresses and ports of both ends. */
export type ClientConnection = Pick<Flow, 'localAddress' | 'localPort' | 'remoteAddress' | 'remotePort'>;

/** What a client proves with the password of an extension, without sending it. Each is hexadecimal but the client's own nonce. */
export interface LoginProof {
  readonly extension: string;
  readonly nonce: string;
  readonly cnonce: string;
  /** As RFC 7616 §3.4.1 has it, with SHA-256, qop `auth`, nonce count 1, method GET and LOGIN_URI. */
  readonly response: string;
}

export type LoginResult =
  | { readonly kind: 'ok' }
  /** Wrong, or too late: the next challenge is for another try. */
  | { readonly kind: 'rejected' | 'stale' }
  /** No password helps. */
  | { readonly kind: 'refused'; readonly why: string };

export const LOGIN_URI = '/control';
/** Time for a person at a slow machine, and none for who collects nonces. */
const CHALLENGE_SECONDS = 30;

/** Logins of clients with the SIP password of an extension, by the same rules as those of phones. */
export class ClientLogin {
  readonly #options: ClientLoginOptions;
  readonly #digest: DigestAuthenticator;

  constructor(options: ClientLoginOptions) {
    this.#options = options;
    this.#digest = new DigestAuthenticator({ clock: options.clock, lifetimeSeconds: () => CHALLENGE_SECONDS });
  }

  get realm(): string {
    return this.#options.realm;
  }

  /** Nobody may log in over this connection now. */
  refuses(connection: ClientConnection): boolean {
    const flow = flowOf(connection);
    return this.#options.isBlocked(flow) || this.#options.access.wayRefusal(flow) !== undefined;
  }

  /** Why whoever has logged in over this connection could not now, with the same password; undefined where he could. */
  refusalOf(extension: string, connection: ClientConnection): string | undefined {
    const { access } = this.#options;
    const flow = flowOf(connection);
    const isAdmitted = access.isAdmitted(extension, flow);
    return (
      access.wayRefusal(flow) ??
      (isAdmitted ? access.accountRefusal(extension, flow) : 'the extension may not be used from this address')
    );
  }

  /** The nonce of a challenge. */
  challenge(): string {
    const [field = ''] = this.#digest.challenge(this.#options.realm, { algorithms: ['SHA-256'] });
    return /nonce="([^"]*)"/.exec(field)?.[1] ?? '';
  }

  login({ extension, nonce, cnonce, response }: LoginProof, connection: ClientConnection): LoginResult {
    const { realm, digest, access, guard, isBlocked } = this.#options;
    const flow = flowOf(connection);
    // Within an office a name alone is blocked; and a connection may be older than the block.
    if (isBlocked(flow, extension)) return { kind: 'refused', why: 'blocked after failed logins' };
    const fields = { username: extension, realm, nonce, uri: LOGIN_URI, response, cnonce };
    const quoted = Object.entries(fields).map(([name, value]) => `${name}="${value.replace(/["\\]/g, '\\$&')}"`);
    const authorization = `Digest ${quoted.join(', ')}, algorithm=SHA-256, qop=auth, nc=00000001`;
    const result = this.#digest.verify('GET', [authorization], {
      realm,
      lookup: (number) => (access.isAdmitted(number, flow) ? digest(number) : undefined),
    });
    if (result.kind === 'stale') return { kind: 'stale' };
    if (result.kind !== 'ok') {
      guard.failed(flow, extension);
      return { kind: 'rejected' };
    }
    guard.succeeded(flow, result.username);
    const why = this.refusalOf(result.username, connection);
    return why === undefined ? { kind: 'ok' } : { kind: 'refused', why };
  }
}

function flowOf(connection: ClientConnection): Flow {
  return { protocol: 'wss', ...connection };
}
