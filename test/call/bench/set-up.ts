import { join } from 'node:path';
import { startKamailio } from '../../sip/bench/kamailio.ts';
import { startRingdown } from '../../sip/bench/ringdown.ts';
import { numbers, passwordOf, type Server } from '../../sip/bench/server.ts';
import { heading, report } from '../../support/bench-report.ts';
import { cpuNs } from '../../support/process-cost.ts';
import { CallLoad, type LoadCall } from './call-load.ts';

/** Until then the runtime still compiles what it does most: its first minutes of such a load, not its days. */
const WARM_UP = 25_000;
/** Under way at once: the server is busy all the time. */
const WINDOW = 24;
export const MEDIA_PORTS = 600;

/** One half of the users calls the other one. */
export function plainCall(index: number): LoadCall {
  const users = numbers();
  const half = users.length / 2;
  return { from: users[index % half] ?? '', to: users[half + (index % half)] ?? '', fate: 'answered' };
}

export function startLoad({ port }: Server): Promise<CallLoad> {
  return CallLoad.start({ port, users: numbers(), passwordOf });
}

/** Calls from INVITE to the answer to BYE through Ringdown and through Kamailio, the one after the other in each round. */
export async function compareSetUp(rounds: number, count: number): Promise<void> {
  const sides: { readonly server: Server; readonly load: CallLoad; readonly costs: number[] }[] = [];
  try {
    for (const start of [
      () => startRingdown(undefined, MEDIA_PORTS),
      () => startKamailio('memory', 'MD5', join(import.meta.dirname, 'proxy.cfg')),
    ]) {
      const server = await start();
      const load = await startLoad(server);
      sides.push({ server, load, costs: [] });
      await load.register();
      await load.run(server.name === 'Ringdown' ? WARM_UP : WARM_UP / 25, WINDOW, plainCall);
    }
    for (let round = 0; round < rounds; round += 1) {
      for (const { server, load, costs } of sides) {
        const before = cpuNs(server.pid);
        const { done, failed, lastFailure } = await load.run(count, WINDOW, plainCall);
        costs.push(((cpuNs(server.pid) - before) / 1e9 / done) * 10_000);
        if (failed > 0) process.stdout.write(`${server.name}: ${failed} failed, the last one for ${lastFailure}\n`);
      }
    }
    heading(`CPU of ${count} calls of no length, ${WINDOW} under way, for each 10,000 of them`);
    for (const { server, costs } of sides) report(server.name, costs, ' s', 2);
    const [ours, theirs] = sides;
    report(
      'Ringdown / Kamailio as stateful proxy (at most 3)',
      (ours?.costs ?? []).map((cost, round) => cost / (theirs?.costs[round] ?? Number.NaN)),
    );
  } finally {
    for (const { server, load } of sides) {
      await load.close();
      await server.close();
    }
  }
}
