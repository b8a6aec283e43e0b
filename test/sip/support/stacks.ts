import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLogger, type Logger } from '../../../firmware/core/logger.ts';
import {
  type Flow,
  type SipHandlers,
  SipStack,
  type SipStackOptions,
  type TlsIdentity,
  type TransportProtocol,
} from '../../../firmware/sip/stack.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const WAIT_MS = 5000;

/** Rejects, naming `what`, when the promise takes too long. */
export function within<T>(promise: Promise<T>, what: string, waitMs = WAIT_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${waitMs} ms`)), waitMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Lets the pending turns of the event loop, sockets of loopback included, run `turns` times. */
export async function turns(count = 5): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Events by name, in their order, to be awaited one by one. */
export class Events {
  readonly #queue: string[] = [];
  readonly #waiting: ((event: string) => void)[] = [];

  push(event: string): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#queue.push(event);
    else waiting(event);
  }

  next(): Promise<string> {
    const event = this.#queue.shift();
    if (event !== undefined) return Promise.resolve(event);
    return within(new Promise((resolve) => this.#waiting.push(resolve)), 'event');
  }

  async take(count: number): Promise<string[]> {
    const events: string[] = [];
    while (events.length < count) events.push(await this.next());
    return events;
  }

  get pending(): readonly string[] {
    return this.#queue;
  }
}

export const silent: Logger = createLogger('silent');

const pem = (name: string): string => readFileSync(join(import.meta.dirname, '..', 'fixtures', 'tls', name), 'utf8');

/** A certificate for 127.0.0.1 and ::1 that trusts itself. */
export const testIdentity: TlsIdentity = { key: pem('key.pem'), cert: pem('cert.pem'), ca: pem('cert.pem') };

const nobody: SipHandlers = { onRequest: () => false, onInvite: () => false };

export async function openStack(
  protocols: readonly TransportProtocol[],
  address: string,
  options: Partial<SipStackOptions> & { readonly clock?: FakeClock } = {},
): Promise<{ stack: SipStack; clock: FakeClock; port: (protocol: TransportProtocol) => number }> {
  const clock = options.clock ?? new FakeClock();
  const stack = await SipStack.open({
    listen: protocols.map((protocol) => ({
      protocol,
      address,
      port: 0,
      ...(protocol === 'tls' || protocol === 'wss' ? { tls: testIdentity } : {}),
    })),
    userAgent: 'test',
    logger: silent,
    handlers: nobody,
    ...options,
    clock,
  });
  const port = (protocol: TransportProtocol): number =>
    stack.listening.find((point) => point.protocol === protocol)?.port ?? 0;
  return { stack, clock, port };
}

export function uriFor(user: string, address: string, port: number, protocol: TransportProtocol): string {
  const host = address.includes(':') ? `[${address}]` : address;
  return `sip:${user}@${host}:${port}${protocol === 'udp' ? '' : `;transport=${protocol}`}`;
}

export type { Flow };
