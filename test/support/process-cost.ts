import { readdirSync, readFileSync } from 'node:fs';
import { childrenOf } from './children.ts';
import { outputOf } from './process-output.ts';

/** The core of the process that is measured; whatever loads it is on the other one. */
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

/** Nanoseconds of CPU, the kernel's part included, that the threads of a process and of its children have had. */
export function cpuNs(pid: number): number {
  return [pid, ...childrenOf(pid)].flatMap(threadsOf).reduce((sum, ns) => sum + ns, 0);
}

/** Puts a process, its children and all of their threads on one core. */
export async function pin(pid: number, core: number): Promise<void> {
  for (const each of [pid, ...childrenOf(pid)])
    await outputOf('taskset', ['-a', '-c', '-p', String(core), String(each)]);
}

/**
 * Puts all threads of a process before whatever else the machine does, where we may: a real-time priority (SCHED_FIFO).
 * Threads that it starts later inherit it. The main thread goes before the others: they may need all of the core, and
 * whoever pings the process would take it for hung. So do the helpers of Node, for which its main thread waits.
 */
export async function prefer(pid: number): Promise<void> {
  await outputOf('chrt', ['-a', '-f', '-p', '10', String(pid)]).catch(() => undefined);
  const isNode = nameOf(pid, pid).startsWith('node');
  const first = readdirSync(`/proc/${pid}/task`).filter((thread) =>
    isNode ? nameOf(pid, thread) !== MEDIA_THREAD : thread === String(pid),
  );
  for (const thread of first) await outputOf('chrt', ['-f', '-p', '11', thread]).catch(() => undefined);
}

/** As the media worker calls what moves packets (media/native/session/loop.c). */
const MEDIA_THREAD = 'media';

function nameOf(pid: number, thread: number | string): string {
  return readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').trim();
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
