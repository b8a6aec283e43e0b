import { readdirSync, readFileSync } from 'node:fs';
import { childrenOf } from '../../support/children.ts';
import { outputOf } from '../../support/process-output.ts';

/** The phones are numbered from here on, as many as the box takes. */
export const FIRST_NUMBER = 1000;
export const USERS = 384;
/** The core of the server that is measured; whatever loads it is on the other one. */
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

export type Algorithm = 'MD5' | 'SHA-256';

/** A registrar that the bench has started. */
export interface Server {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  close(): Promise<void>;
}

export function numbers(): readonly string[] {
  return Array.from({ length: USERS }, (_, index) => String(FIRST_NUMBER + index));
}

/** As register-load.c makes it. */
export function passwordOf(number: string): string {
  return `only-for-bench-${number}`;
}

/** Nanoseconds of CPU, the kernel's part included, that the threads of a process and of its children have had. */
export function cpuNs(pid: number): number {
  return [pid, ...childrenOf(pid)].flatMap(threadsOf).reduce((sum, ns) => sum + ns, 0);
}

/** Puts a process, its children and all of their threads on one core. */
export async function pin(pid: number, core: number): Promise<void> {
  for (const each of [pid, ...childrenOf(pid)])
    await outputOf('taskset', ['-a', '-c', '-p', String(core), String(each)]);
}

/** Bytes of memory that a process holds. */
export function residentBytes(pid: number): number {
  const [, kilobytes = ''] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

function threadsOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const [ran = ''] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
    return Number(ran);
  });
}
