import { heading, report } from '../../support/bench-report.ts';
import { startKamailio } from './kamailio.ts';
import { type LoadResult, load } from './register-load.ts';
import { startRingdown } from './ringdown.ts';
import type { Algorithm, Server } from './server.ts';

/** Until then the runtime still compiles what it does most. */
const WARM_UP = 60_000;
/** Under way at once; both sides are busy all the time. */
const WINDOW = 64;

export interface RegistrationOptions {
  readonly program: string;
  readonly algorithm: Algorithm;
  readonly rounds: number;
  readonly count: number;
}

/** Ringdown and Kamailio, the one after the other in each round, and a line for what went wrong with any of them. */
export async function compareRegistrations(options: RegistrationOptions): Promise<void> {
  const { program, algorithm, rounds, count } = options;
  const servers: Server[] = [];
  try {
    servers.push(await startRingdown());
    servers.push(await startKamailio('memory', algorithm));
    servers.push(await startKamailio('sqlite', algorithm));
    for (const server of servers) {
      const warmUp = server.name === 'Ringdown' ? WARM_UP : WARM_UP / 10;
      await load(program, server, { count: warmUp, algorithm, window: WINDOW });
    }
    const costs = servers.map((): number[] => []);
    for (let round = 0; round < rounds; round += 1) {
      for (const [index, server] of servers.entries()) {
        const result = await load(program, server, { count, algorithm, window: WINDOW });
        complain(server.name, result);
        costs[index]?.push(result.cpuSecondsPer10000);
      }
    }
    heading(`CPU of ${count} registrations with ${algorithm}, ${WINDOW} under way, for each 10,000 of them`);
    for (const [index, server] of servers.entries()) report(server.name, costs[index] ?? [], ' s', 3);
    const [ours = [], memory = [], sqlite = []] = costs;
    report('Ringdown / Kamailio (at most 1.5)', ratio(ours, memory));
    report('Ringdown / Kamailio, SQLite (at most 0.5)', ratio(ours, sqlite));
  } finally {
    for (const server of servers) await server.close();
  }
}

/** Registrations at a steady rate that nobody may lose or send twice. */
export async function cleanRate(options: RegistrationOptions, rate: number, seconds: number): Promise<void> {
  const { program, algorithm, rounds } = options;
  const server = await startRingdown();
  try {
    await load(program, server, { count: WARM_UP, algorithm, window: WINDOW });
    heading(`${rate} registrations a second for ${seconds} s on one core (no failure, nothing sent again)`);
    for (let round = 0; round < rounds; round += 1) {
      const result = await load(program, server, { count: rate * seconds, algorithm, rate });
      const { done, failed, retransmitted, late, skipped, p50Ms, p99Ms, maxMs } = result;
      process.stdout.write(
        `${done} done, ${failed} failed, ${retransmitted} sent again, ${late} late, ${skipped} not begun; ` +
          `${p50Ms} ms, 99 of 100 within ${p99Ms} ms, the last ${maxMs} ms; ` +
          `${(result.cpuSecondsPer10000 * (rate / 100)).toFixed(1)} of 100 of the core\n`,
      );
    }
  } finally {
    await server.close();
  }
}

function ratio(costs: readonly number[], against: readonly number[]): readonly number[] {
  return costs.map((cost, round) => cost / (against[round] ?? Number.NaN));
}

function complain(name: string, { failed, retransmitted, skipped, lastStatus }: LoadResult): void {
  if (failed + retransmitted + skipped === 0) return;
  process.stdout.write(
    `${name}: ${failed} failed (${lastStatus}), ${retransmitted} sent again, ${skipped} not begun\n`,
  );
}
