import { join } from 'node:path';
import { cpuNs, LOAD_CORE } from '../../support/process-cost.ts';
import { outputOf } from '../../support/process-output.ts';
import { testOutputPath } from '../../support/repository.ts';
import { type Algorithm, type Server, USERS } from './server.ts';

/** What became of the registrations of one run; register-load.c says what each means. */
export interface LoadResult {
  readonly done: number;
  readonly failed: number;
  readonly unexpected: number;
  readonly lastStatus: number;
  readonly stale: number;
  readonly retransmitted: number;
  readonly late: number;
  readonly skipped: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Of the server, its kernel time and its children included, for 10,000 registrations. */
  readonly cpuSecondsPer10000: number;
}

export interface Load {
  readonly count: number;
  readonly algorithm: Algorithm;
  /** Registrations a second; or `window`: this many under way at once. */
  readonly rate?: number;
  readonly window?: number;
}

const TIMEOUT_MS = 900_000;

export async function compileLoad(): Promise<string> {
  const program = testOutputPath('register-load');
  const source = join(import.meta.dirname, 'register-load.c');
  await outputOf('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', program, source, '-lcrypto']);
  return program;
}

export async function load(program: string, server: Server, { count, algorithm, rate, window }: Load) {
  const before = cpuNs(server.pid);
  const output = await outputOf(
    'taskset',
    [
      ...['-c', String(LOAD_CORE), program, '--target', `127.0.0.1:${server.port}`, '--users', String(USERS)],
      ...['--count', String(count), '--algorithm', algorithm],
      ...(rate === undefined ? [] : ['--rate', String(rate)]),
      ...(window === undefined ? [] : ['--window', String(window)]),
    ],
    undefined,
    TIMEOUT_MS,
  );
  const usedSeconds = (cpuNs(server.pid) - before) / 1e9;
  const counts = JSON.parse(output.toString('utf8')) as Omit<LoadResult, 'cpuSecondsPer10000'>;
  const result: LoadResult = { ...counts, cpuSecondsPer10000: (usedSeconds / counts.done) * 10_000 };
  return result;
}
