import { startRingdown } from '../../sip/bench/ringdown.ts';
import { heading } from '../../support/bench-report.ts';
import type { Fate } from './call-load.ts';
import { heldBy, leftOver, liveHeapBytes, megabytesOf, rowsOf, watched } from './held.ts';
import { MEDIA_PORTS, plainCall, startLoad } from './set-up.ts';

const WINDOW = 24;
const WARM_UP = 1000;
const STEPS = 10;
/** A transaction is kept for 32 s after its answer, for copies of what was answered. */
const SETTLING_MS = 60_000;
/** Caches, and code that is compiled late; less than a hundred bytes of each call of a short run. */
const MOST_GROWN_BYTES = 8_000_000;
/** As configured, and what comes in while the oldest are taken away. */
const MOST_RECORDS = 100_000 + 2000;
const LIMIT = 1_000_000;
/** Every few calls one is cancelled, and one finds a device busy. */
const FATES: readonly Fate[] = ['answered', 'answered', 'cancelled', 'answered', 'busy'];

export interface SoakOptions {
  readonly count: number;
  readonly seconds: number;
  /** As fast as they go where there is no limit. */
  readonly perSecond: number | undefined;
}

/** Calls until they are so many or the time is over; what the box holds afterwards that it did not before. */
export async function soak({ count, seconds, perSecond }: SoakOptions): Promise<void> {
  heading(`At most ${count} calls within ${seconds} s, ${WINDOW} under way: what they leave behind`);
  const server = await watched(() => startRingdown(undefined, MEDIA_PORTS));
  const { ringdown } = server;
  const load = await startLoad(server);
  const fateOf = (index: number): Fate => FATES[index % FATES.length] ?? 'answered';
  try {
    await load.register();
    // The device knows by whom it is called: one that is to be refused calls from a number that nobody else calls from.
    load.fateOf = (message) => fateOf(Number(/^From: .*<sip:(\d+)@/m.exec(message)?.[1] ?? 0));
    const next = (index: number) => {
      const call = plainCall(index);
      return { ...call, fate: fateOf(Number(call.from)) };
    };
    await load.run(WARM_UP, WINDOW, next);
    const before = await settled(ringdown);
    const heldBefore = await liveHeapBytes(ringdown);
    const beganMs = performance.now();
    const until = beganMs + seconds * 1000;
    let done = 0;
    let failed = 0;
    process.stdout.write(`${String(WARM_UP).padEnd(10)} ${megabytesOf(ringdown)} MB\n`);
    for (let step = 1; step <= STEPS && performance.now() < until; step += 1) {
      const stepUntil = performance.now() + (until - performance.now()) / (STEPS - step + 1);
      const result = await load.run(Math.ceil(count / STEPS), WINDOW, next, stepUntil, perSecond);
      done += result.done;
      failed += result.failed;
      if (result.failed > 0) process.stdout.write(`${result.failed} failed, the last one for ${result.lastFailure}\n`);
      process.stdout.write(`${String(WARM_UP + done).padEnd(10)} ${megabytesOf(ringdown)} MB\n`);
    }
    const minutes = ((performance.now() - beganMs) / 60_000) * (LIMIT / done);
    const left = await leftOver(ringdown, before, SETTLING_MS);
    const grown = (await liveHeapBytes(ringdown)) - heldBefore;
    const rows = rowsOf(ringdown);
    process.stdout.write(
      `${done} calls, ${failed} failed; a million takes ${minutes.toFixed(0)} minutes at this pace\n`,
    );
    process.stdout.write(
      `JavaScript holds ${(heldBefore / 1e6).toFixed(1)} MB after ${WARM_UP} calls, and ${(grown / 1e6).toFixed(1)} MB more after all\n`,
    );
    process.stdout.write(left.length === 0 ? 'nothing is left behind\n' : `${left.join('\n')}\n`);
    process.stdout.write(
      `${rows.calls} call records, ${rows.running} of them running; ${rows.userCalls} in users' logs\n`,
    );
    const isTooMuch = grown > MOST_GROWN_BYTES || rows.calls > MOST_RECORDS;
    if (left.length > 0 || failed > 0 || rows.running > 0 || isTooMuch) process.exitCode = 1;
  } finally {
    await load.close();
    await server.close();
  }
}

/** Once the transactions of the warm-up are over. */
async function settled(ringdown: Parameters<typeof heldBy>[0]) {
  const quiet = { ...(await heldBy(ringdown)), transactions: 0, legs: 0, sipSessions: 0, calls: 0, mediaSessions: 0 };
  await leftOver(ringdown, { ...quiet, timers: Number.MAX_SAFE_INTEGER, files: Number.MAX_SAFE_INTEGER }, SETTLING_MS);
  return heldBy(ringdown);
}
