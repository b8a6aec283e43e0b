/**
 * What sessions leave behind in the media worker: many of them opened, used and closed, several at a time, and what the
 * worker and this process hold after each tenth of them.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { systemClock } from '../../../firmware/core/clock.ts';
import { createLogger } from '../../../firmware/core/logger.ts';
import { MediaClient } from '../../../firmware/media/client.ts';
import { heading } from '../../support/bench-report.ts';
import { churn, holdingsOf } from '../churn.ts';
import { ADDRESS, LOWEST_PORT } from './side.ts';

const TOGETHER = 16;
const STEPS = 10;

export async function measureSessions(bundle: string, sessions: number): Promise<void> {
  heading(`sessions: ${sessions} opened, used and closed, ${TOGETHER} at a time`);
  if (!existsSync(bundle)) throw new Error(`${bundle} is missing: make build`);
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const folder = mkdtempSync(join(tmpdir(), 'ringdown-sessions-'));
  const client = await MediaClient.start({
    ports: { low: LOWEST_PORT, high: LOWEST_PORT + 8 * TOGETHER - 1 },
    logger: createLogger('warn'),
    clock: systemClock,
    threads: 2,
    workerEntry: bundle,
  });
  const print = (opened: number): number => {
    const { files, threads, anonymous } = holdingsOf(client.workerPid ?? 0);
    collect();
    const own = process.memoryUsage().heapUsed;
    const worker = `${(anonymous / 1e6).toFixed(2)} MB, ${files} files, ${threads} threads`;
    process.stdout.write(`${String(opened).padEnd(10)} worker ${worker}; client ${(own / 1e6).toFixed(2)} MB\n`);
    return anonymous;
  };
  try {
    print(0);
    const step = Math.ceil(sessions / STEPS);
    let first = 0;
    let last = 0;
    for (let opened = 0; opened < sessions; opened += step) {
      await churn({ client, address: ADDRESS, folder, together: TOGETHER }, opened, step);
      last = print(opened + step);
      if (opened === 0) first = last;
    }
    const share = (last - first) / (sessions - step);
    process.stdout.write(
      `${'after the first tenth'.padEnd(44)} ${share.toFixed(1)} bytes of the worker for each session\n`,
    );
  } finally {
    await client.close();
    rmSync(folder, { recursive: true });
  }
}
