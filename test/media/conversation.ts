import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Test } from 'tap';
import { systemClock } from '../../firmware/core/clock.ts';
import { createLogger } from '../../firmware/core/logger.ts';
import { type LegParameters, MediaClient, type MediaSession } from '../../firmware/media/client.ts';
import { outputOf } from '../support/process-output.ts';
import { repositoryPath } from '../support/repository.ts';
import { Party } from './party.ts';

const LOWEST = 20_000;
const HIGHEST = 32_000;

/** Whether UDP `port` is free on both loopback addresses. */
export async function portIsFree(port: number): Promise<boolean> {
  const sockets: Socket[] = [];
  try {
    for (const [family, address] of [
      ['udp4', '127.0.0.1'],
      ['udp6', '::1'],
    ] as const) {
      const socket = createSocket({ type: family, ipv6Only: family === 'udp6' });
      sockets.push(socket);
      socket.bind(port, address);
      await once(socket, 'listening');
    }
    return true;
  } catch {
    return false;
  } finally {
    for (const socket of sockets) socket.close();
  }
}

/** The low end, even, of `count` ports below the ephemeral ones that nobody holds right now. */
export async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const low = LOWEST + 2 * Math.floor((Math.random() * (HIGHEST - LOWEST - count)) / 2);
    const ports = Array.from({ length: count }, (_, offset) => low + offset);
    const free = await Promise.all(ports.map((port) => portIsFree(port)));
    if (free.every(Boolean)) return low;
  }
  throw new Error(`no ${count} free ports in ${LOWEST}-${HIGHEST}`);
}

/** Makes sure that the addon is that of the sources. */
export async function buildAddon(): Promise<void> {
  await outputOf(`${repositoryPath}/scripts/build-native`, ['x64']);
}

/** A client with room for `sessionCount` sessions, closed when the test ends. Logs nothing. */
export async function startClient(t: Test, sessionCount = 4): Promise<{ client: MediaClient; low: number }> {
  await buildAddon();
  const low = await freePorts(sessionCount * 4);
  const client = await MediaClient.start({
    ports: { low, high: low + sessionCount * 4 - 1 },
    logger: createLogger('silent'),
    clock: systemClock,
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

/** Two parties with a configured session between them. */
export async function converse(t: Test, first: Negotiated, second: Negotiated): Promise<Conversation> {
  const { client } = await startClient(t);
  const parties = [await Party.open('127.0.0.1'), await Party.open('::1')] as const;
  t.teardown(() => {
    for (const party of parties) party.close();
  });
  const session = await client.openSession(['127.0.0.1', '::1']);
  await session.configure(0, towards(parties[0], first));
  await session.configure(1, towards(parties[1], second));
  return { client, session, parties };
}
