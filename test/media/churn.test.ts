/** Thousands of sessions opened and closed through the real worker leave nothing. `make bench-media` does so with more of them. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { takenUdpPorts } from '../support/free-ports.ts';
import { churn, holdingsOf } from './churn.ts';
import { eventually, startClient } from './conversation.ts';

/** Whether the engine has every place back, which are more than these, is native/engine-check.c's. */
const SESSIONS = 4500;
const WARM_UP = 1000;
const TOGETHER = 8;
/** What is lost with sessions is lost in every stretch of them; caches, and code that is compiled, grow in one or another. */
const STRETCHES = 5;
const STRETCH = (SESSIONS - WARM_UP) / STRETCHES;
/** Less than anything that a session has for itself. */
const MOST_BYTES = { worker: 3000, client: 300 };

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

function heapUsed(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

t.test(
  'sessions that are opened and closed leave no file, no port, no thread, and no memory of their own',
  async (t) => {
    // A snapshot of all is asked for each second, and the standby comes: neither may be there at one look and not at the other.
    const { client, low } = await startClient(t, 2 * TOGETHER, undefined, 2);
    const folder = t.testdir();
    const pid = client.workerPid ?? 0;
    const some = { client, address: '127.0.0.1', folder, together: TOGETHER };
    const idle = holdingsOf(pid);
    await churn(some, 0, WARM_UP);
    const before = holdingsOf(pid);
    let own = heapUsed();
    const grown: number[] = [];
    for (let stretch = 0; stretch < STRETCHES; stretch += 1) {
      await churn(some, WARM_UP + stretch * STRETCH, STRETCH);
      const now = heapUsed();
      grown.push(now - own);
      own = now;
    }
    t.equal(client.workerPid, pid);
    t.equal(client.sessionCount, 0);
    t.ok(Math.min(...grown) < MOST_BYTES.client * STRETCH, `${grown} bytes of ours`);
    const after = await eventually(() => {
      const now = holdingsOf(pid);
      return now.files === idle.files ? now : undefined;
    }, 'every file closed');
    // The one that writes recordings stays.
    t.ok(after.threads <= before.threads, `${after.threads} threads, ${before.threads} before`);
    const bytes = after.anonymous - before.anonymous;
    t.ok(bytes < MOST_BYTES.worker * (SESSIONS - WARM_UP), `${bytes} bytes of the worker`);
    t.same(await takenUdpPorts('127.0.0.1', low, low + 8 * TOGETHER - 1), []);
    // Nor is one missing in the pool.
    const address = '127.0.0.1';
    const all = await Promise.all(Array.from({ length: 2 * TOGETHER }, () => client.openSession([address, address])));
    await Promise.all(all.map((session) => session.close()));
    t.comment(`${SESSIONS - WARM_UP} sessions: ${grown} bytes here, ${bytes} in the worker`);
  },
);
