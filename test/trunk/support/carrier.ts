import { digestSecrets } from '../../../firmware/config/secrets/sip-password.ts';
import { systemClock } from '../../../firmware/core/clock.ts';
import { createLogger } from '../../../firmware/core/logger.ts';
import {
  type DigestAlgorithm,
  DigestAuthenticator,
  type IncomingInvite,
  type IncomingRequest,
  SipStack,
  type TransportProtocol,
} from '../../../firmware/sip/stack.ts';
import { testIdentity } from '../../sip/support/stacks.ts';

export const PASSWORD = 'carrier says so';
export const USER = '4930555';

/** `accept`: 200 that grants what was asked; a status; or nothing at all. */
export type Behaviour = 'accept' | 'silence' | ((request: IncomingRequest) => void);

/** A registrar and proxy that asks for the password of one account, over real sockets. */
export class Carrier {
  readonly stack: SipStack;
  /** What came, by method, in its order; challenged ones too. */
  readonly requests: IncomingRequest[] = [];
  readonly invites: IncomingInvite[] = [];
  register: Behaviour = 'accept';
  options: Behaviour = (request) => request.respond(200);
  invite: (invite: IncomingInvite) => void = (invite) => invite.reject(486);
  algorithms: readonly DigestAlgorithm[] = ['SHA-256', 'MD5'];
  asksPassword = true;
  readonly #digest = new DigestAuthenticator({ clock: systemClock, lifetimeSeconds: () => 60 });

  private constructor(stack: SipStack) {
    this.stack = stack;
  }

  static async open(protocol: TransportProtocol, address: string): Promise<Carrier> {
    let carrier: Carrier | undefined;
    const stack = await SipStack.open({
      listen: [{ protocol, address, port: 0, ...(protocol === 'tls' ? { tls: testIdentity } : {}) }],
      userAgent: 'carrier',
      methods: ['REGISTER'],
      understood: ['path', 'outbound'],
      logger: createLogger('silent'),
      clock: systemClock,
      handlers: {
        onRequest: (request) => carrier?.take(request) === true,
        onInvite: (invite) => carrier?.takeInvite(invite) === true,
      },
    });
    carrier = new Carrier(stack);
    return carrier;
  }

  get port(): number {
    return this.stack.listening[0]?.port ?? 0;
  }

  registers(): readonly IncomingRequest[] {
    return this.requests.filter(({ message }) => message.method === 'REGISTER');
  }

  /** Those with credentials. */
  proven(): readonly IncomingRequest[] {
    return this.registers().filter(({ message }) => message.headers.has('Authorization'));
  }

  take(request: IncomingRequest): boolean {
    this.requests.push(request);
    if (request.message.method === 'OPTIONS') {
      if (typeof this.options === 'function') this.options(request);
      return true;
    }
    if (request.message.method !== 'REGISTER') return false;
    if (this.register === 'silence') return true;
    if (this.asksPassword && !this.#isProven(request.message)) {
      const challenges = this.#digest.challenge('carrier.example', { algorithms: this.algorithms });
      const headers = challenges.map((challenge) => ['WWW-Authenticate', challenge] as const);
      request.respond(401, { headers });
    } else if (typeof this.register === 'function') this.register(request);
    else grant(request);
    return true;
  }

  takeInvite(invite: IncomingInvite): boolean {
    this.invites.push(invite);
    if (this.asksPassword && !this.#isProven(invite.message)) {
      const challenges = this.#digest.challenge('carrier.example', { algorithms: this.algorithms });
      invite.reject(407, { headers: challenges.map((challenge) => ['Proxy-Authenticate', challenge] as const) });
    } else this.invite(invite);
    return true;
  }

  #isProven(message: IncomingRequest['message']): boolean {
    const values = [...message.headers.all('Authorization'), ...message.headers.all('Proxy-Authorization')];
    const result = this.#digest.verify(message.method, values, {
      realm: 'carrier.example',
      lookup: (username) => (username === USER ? digestSecrets(USER, 'carrier.example', PASSWORD) : undefined),
      body: message.body,
    });
    return result.kind === 'ok';
  }

  close(): Promise<void> {
    return this.stack.close();
  }
}

/** 200 with the contact that came, for as long as it asks. */
export function grant(request: IncomingRequest, more: readonly (readonly [string, string])[] = []): void {
  const contact = request.message.headers.get('Contact') ?? '';
  request.respond(200, { headers: [['Contact', contact], ...more] });
}
