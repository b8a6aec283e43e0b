/** Losing the media worker in some state of a call, and what must be left of the call at its end. */
import type { Test } from 'tap';
import { leftOver } from '../call/bench/held.ts';
import type { TestPhone } from '../support/phone/test-phone.ts';
import { conversation, hearEachOther, type Office, three } from './office.ts';
import { configure } from './sipp-bench.ts';

/** Kills the media worker and the one that stands by; what is returned waits until another one has taken its place. */
export function killWorker(t: Test, { ringdown }: Office): () => Promise<void> {
  const before = ringdown.children();
  t.ok(before.length > 0, 'there is one');
  for (const worker of before) process.kill(worker, 'SIGKILL');
  return async () => {
    await ringdown.logs(/media worker lost, replacing it[\s\S]*media worker is back/, 20_000);
  };
}

/** Kills each worker that is started, until what is returned is called. */
export function killWorkers({ ringdown }: Office): () => void {
  const killing = setInterval(() => {
    for (const worker of ringdown.children()) {
      try {
        process.kill(worker, 'SIGKILL');
      } catch {
        // It was gone by itself.
      }
    }
  }, 10);
  return () => clearInterval(killing);
}

export async function loseWorker(t: Test, office: Office): Promise<void> {
  await killWorker(t, office)();
}

/** No call, no leg of one, and no media of it, neither as the box counts them nor as the ports of this machine tell. */
export async function nothingLeft(t: Test, office: Office): Promise<void> {
  const any = Number.POSITIVE_INFINITY;
  const others = { sipSessions: any, transactions: any, timers: any, files: any, workerFiles: any };
  t.same(await leftOver(office.ringdown, { calls: 0, legs: 0, mediaSessions: 0, ...others }, 20_000), []);
  t.same(await office.mediaPortsLeft(), []);
}

/** The phones of all three extensions, whose media go through the box. */
export async function relayed(office: Office): Promise<readonly [TestPhone, TestPhone, TestPhone]> {
  await configure(office.ringdown, ['system.media.directMedia', 'false']);
  return three(office);
}

/** Both are in conversation and hear each other. */
export async function talking(from: TestPhone, to: TestPhone, dialled: string): Promise<void> {
  await conversation(from, to, dialled);
  await hearEachOther(from, to);
}
