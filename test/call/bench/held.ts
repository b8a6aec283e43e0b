import { existsSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../../../firmware/config/database.ts';
import { requestCommand } from '../../../firmware/console/control.ts';
import { holdingsOf } from '../../media/churn.ts';
import { childrenOf } from '../../support/children.ts';
import { residentBytes } from '../../support/process-cost.ts';
import { repositoryPath } from '../../support/repository.ts';
import type { Ringdown } from '../../support/ringdown.ts';

/** What a box holds, by its own status, and what its processes do. */
export interface Held {
  readonly calls: number;
  readonly mediaSessions: number;
  readonly legs: number;
  readonly sipSessions: number;
  readonly transactions: number;
  readonly timers: number;
  readonly files: number;
  /** Open files and sockets of the media worker: two for each leg. */
  readonly workerFiles: number;
}

export async function heldBy(ringdown: Ringdown): Promise<Held> {
  const { output } = await requestCommand(join(ringdown.dataDirectory, 'control.sock'), ['status']);
  const number = (pattern: RegExp): number => Number(pattern.exec(output)?.[1] ?? Number.NaN);
  return {
    calls: number(/^(\d+) calls?$/m),
    mediaSessions: number(/^Media: .*?(\d+) sessions?$/m),
    legs: number(/^Held: (\d+) legs?/m),
    sipSessions: number(/ (\d+) SIP sessions?/m),
    transactions: number(/ (\d+) transactions?/m),
    timers: number(/ (\d+) timers?/m),
    files: number(/ (\d+) files?$/m),
    workerFiles: childrenOf(ringdown.pid).reduce((sum, pid) => sum + holdingsOf(pid).files, 0),
  };
}

/** What is left that was not there before, once nothing changes any more or `timeoutMs` are over; the names of it. */
export async function leftOver(ringdown: Ringdown, before: Held, timeoutMs: number): Promise<readonly string[]> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const now = await heldBy(ringdown);
    const left = (Object.keys(now) as (keyof Held)[])
      .filter((name) => !(now[name] <= before[name]))
      .map((name) => `${name}: ${before[name]} before, ${now[name]} now`);
    if (left.length === 0 || performance.now() > deadline) return left;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

/** Rows of the call records and of the users' logs. */
export function rowsOf(ringdown: Ringdown): {
  readonly calls: number;
  readonly userCalls: number;
  readonly running: number;
} {
  const database = openDatabase(join(ringdown.dataDirectory, 'calls.db'), 'NORMAL');
  try {
    const count = (sql: string): number => Number(database.prepare(sql).pluck().get());
    return {
      calls: count('SELECT count(*) FROM calls'),
      userCalls: count('SELECT count(*) FROM user_calls'),
      running: count('SELECT count(*) FROM calls WHERE cause IS NULL'),
    };
  } finally {
    database.close();
  }
}

const LIVE_HEAP = join(tmpdir(), `ringdown-live-heap-${process.pid}`);
const LIVE_HEAP_TIMEOUT_MS = 30_000;

/** Starts a runtime whose live heap can be asked for. */
export async function watched<Started>(start: () => Promise<Started>): Promise<Started> {
  process.env['LIVE_HEAP'] = LIVE_HEAP;
  process.env['NODE_OPTIONS'] = `--import=${join(repositoryPath, 'test/support/live-heap.ts')}`;
  try {
    return await start();
  } finally {
    delete process.env['LIVE_HEAP'];
    delete process.env['NODE_OPTIONS'];
  }
}

/** Bytes that the JavaScript of a watched runtime holds once all garbage is collected. */
export async function liveHeapBytes(ringdown: Ringdown): Promise<number> {
  rmSync(LIVE_HEAP, { force: true });
  process.kill(ringdown.pid, 'SIGUSR2');
  const deadline = performance.now() + LIVE_HEAP_TIMEOUT_MS;
  while (!existsSync(LIVE_HEAP)) {
    if (performance.now() > deadline) throw new Error('the runtime does not say how much it holds');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const bytes = Number(readFileSync(LIVE_HEAP, 'utf8'));
  rmSync(LIVE_HEAP, { force: true });
  return bytes;
}

/** Memory of the runtime, in MB. */
export function megabytesOf(ringdown: Ringdown): number {
  return Math.round(residentBytes(ringdown.pid) / 1e6);
}
