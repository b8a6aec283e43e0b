import t, { type Test } from 'tap';
import { CallLoad, type Fate } from '../call/bench/call-load.ts';
import { type Held, heldBy, leftOver, rowsOf } from '../call/bench/held.ts';
import { startRingdown } from '../sip/bench/ringdown.ts';
import { numbers, passwordOf } from '../sip/bench/server.ts';

const CALLS = 300;
const WINDOW = 8;
const USERS = 40;
const FATES: readonly Fate[] = ['answered', 'cancelled', 'busy', 'answered'];
/** A transaction is kept for 32 s after its answer; the machine may be slow. */
const SETTLING_MS = 120_000;
const NONE = { calls: 0, mediaSessions: 0, legs: 0, sipSessions: 0, transactions: 0 } as const;

t.setTimeout(280_000);

t.test('hundreds of calls leave no leg, session, port, timer, transaction or open row behind', async (t) => {
  const server = await startRingdown(undefined, 160);
  const { ringdown } = server;
  t.teardown(() => server.close());
  const users = numbers().slice(0, USERS);
  const load = await CallLoad.start({ port: server.port, users, passwordOf });
  t.teardown(() => load.close());
  await load.register();
  load.fateOf = (message) => fateOf(/^From: .*<sip:(\d+)@/m.exec(message)?.[1] ?? '');

  await runs(t, load, users, 40);
  const before = await quiet(t, ringdown);
  await runs(t, load, users, CALLS);
  t.same(await leftOver(ringdown, { ...before, ...NONE }, SETTLING_MS), []);
  t.match(rowsOf(ringdown), { calls: CALLS + 40, running: 0 });
  t.notMatch(ringdown.log, /"level":[56]0/, 'nothing failed');
});

/** A caller whose number ends so is answered, gives up, or is refused. */
function fateOf(caller: string): Fate {
  return FATES[Number(caller) % FATES.length] ?? 'answered';
}

async function runs(t: Test, load: CallLoad, users: readonly string[], count: number): Promise<void> {
  const half = users.length / 2;
  const result = await load.run(count, WINDOW, (index) => {
    const from = users[index % half] ?? '';
    return { from, to: users[half + (index % half)] ?? '', fate: fateOf(from) };
  });
  t.same(result, { done: count, failed: 0, lastFailure: '' });
}

/** What it holds once the calls that warmed it up are forgotten. */
async function quiet(t: Test, ringdown: Parameters<typeof heldBy>[0]): Promise<Held> {
  const anything = Number.MAX_SAFE_INTEGER;
  const settled = { ...NONE, timers: anything, files: anything, workerFiles: anything };
  t.same(await leftOver(ringdown, settled, SETTLING_MS), []);
  return heldBy(ringdown);
}
