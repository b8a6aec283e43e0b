import { setTimeout as delay } from 'node:timers/promises';
import type { Test } from 'tap';
import { type Clock, systemClock } from '../../firmware/core/clock.ts';
import { createLogger } from '../../firmware/core/logger.ts';
import { type LegParameters, MediaClient, type MediaSession } from '../../firmware/media/client.ts';
import { STANDBY_IDLE_MS } from '../../firmware/media/worker-pair.ts';
import { freePorts } from '../support/free-ports.ts';
import { outputOf } from '../support/process-output.ts';
import { repositoryPath } from '../support/repository.ts';
import { Party } from './party.ts';

/** Minutes where nothing was built before, and the machine has other work. */
const BUILD_TIMEOUT_MS = 600_000;

/** Makes sure that the addon is that of the sources. */
export async function buildAddon(): Promise<void> {
  await outputOf(`${repositoryPath}/scripts/build-native`, ['x64'], undefined, BUILD_TIMEOUT_MS);
}

/** The system's, but a standby worker is started almost at once. */
export const hurriedClock: Clock = {
  now: () => systemClock.now(),
  elapsed: () => systemClock.elapsed(),
  schedule: (delayMs, callback) => systemClock.schedule(delayMs === STANDBY_IDLE_MS ? 20 : delayMs, callback),
};

/** A client with room for `sessionCount` sessions, closed when the test ends. Logs nothing. */
export async function startClient(
  t: Test,
  sessionCount = 4,
  clock = systemClock,
  threads?: number,
): Promise<{ client: MediaClient; low: number }> {
  await buildAddon();
  const low = await freePorts(['127.0.0.1', '::1'], sessionCount * 4);
  const client = await MediaClient.start({
    ports: { low, high: low + sessionCount * 4 - 1 },
    logger: createLogger('silent'),
    clock,
    ...(threads === undefined ? {} : { threads }),
  });
  // While the worker is being restarted nothing else may keep this process alive; in the runtime its sockets do.
  const alive = setInterval(() => undefined, 60_000);
  t.teardown(async () => {
    clearInterval(alive);
    await client.close();
  });
  return { client, low };
}

type Negotiated = Omit<LegParameters, 'remoteAddress' | 'remotePort' | 'direction'> & Partial<LegParameters>;

export const PCMA = { codec: 'PCMA', payloadType: 8, ptimeMs: 20 } as const satisfies Negotiated;
export const PCMU = { codec: 'PCMU', payloadType: 0, ptimeMs: 20 } as const satisfies Negotiated;
export const G729 = { codec: 'G729', payloadType: 18, ptimeMs: 20 } as const satisfies Negotiated;
export const G722 = { codec: 'G722', payloadType: 9, ptimeMs: 20 } as const satisfies Negotiated;
export const OPUS = { codec: 'OPUS', payloadType: 96, ptimeMs: 20, opus: { fec: true } } as const satisfies Negotiated;
export const G726 = { codec: 'G726', payloadType: 97, ptimeMs: 20 } as const satisfies Negotiated;

/** What a leg towards `party` is configured with. */
export function towards(party: Party, negotiated: Negotiated): LegParameters {
  return { remoteAddress: party.address, remotePort: party.port, direction: 'sendrecv', ...negotiated };
}

export interface Conversation {
  readonly client: MediaClient;
  readonly session: MediaSession;
  /** The first is on IPv4, the second on IPv6. */
  readonly parties: readonly [Party, Party];
}

/** Two parties with a configured session between them, of a client of their own. */
export async function converse(
  t: Test,
  first: Negotiated,
  second: Negotiated,
  clock = systemClock,
): Promise<Conversation> {
  const { client } = await startClient(t, 4, clock);
  return converseThrough(t, client, first, second);
}

/** The same through a client that there is; its session is closed when the test ends. */
export async function converseThrough(
  t: Test,
  client: MediaClient,
  first: Negotiated,
  second: Negotiated,
): Promise<Conversation> {
  const parties = [await Party.open('127.0.0.1'), await Party.open('::1')] as const;
  t.teardown(() => {
    for (const party of parties) party.close();
  });
  const session = await client.openSession(['127.0.0.1', '::1']);
  t.teardown(() => session.close());
  await session.configure(0, towards(parties[0], first));
  await session.configure(1, towards(parties[1], second));
  return { client, session, parties };
}

/** Looks again and again, up to twenty seconds, until `look` gives something. */
export async function eventually<T>(look: () => T | undefined | Promise<T | undefined>, wanted: string): Promise<T> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`${wanted}: not within twenty seconds`);
    await delay(5);
  }
}
