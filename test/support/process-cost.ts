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

/** Nanoseconds that the main thread of a process could have run and others had the core. */
export function waitedNs(pid: number): number {
  const [, waited = ''] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ');
  return Number(waited);
}

/** Puts a process, its children and all of their threads on these cores. */
export async function pin(pid: number, ...cores: readonly number[]): Promise<void> {
  for (const each of [pid, ...childrenOf(pid)])
    await outputOf('taskset', ['-a', '-c', '-p', cores.join(), String(each)]);
}

/**
 * Puts all threads of a process before whatever else the machine does, where we may: a real-time priority (SCHED_FIFO).
 * Threads that it starts later inherit it. The main thread goes before those of the media: they may need all of the core, and
 * whoever pings the process would take it for hung. V8's helpers go before the main thread, which asks over and over whether
 * they have swept their part of the heap: on one core they would never get to it. `mediaFirst`: where the media
 * leave time for the others, as they do on a box that has more cores than one.
 */
export async function prefer(pid: number, mediaFirst = false): Promise<void> {
  await outputOf('chrt', ['-a', '-f', '-p', '10', String(pid)]).catch(() => undefined);
  const isNode = nameOf(pid, pid).startsWith('node');
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const isMain = thread === String(pid);
    const isMedia = isNode && nameOf(pid, thread) === MEDIA_THREAD;
    if (isMedia ? !mediaFirst : !isMain && !isNode) continue;
    await outputOf('chrt', ['-f', '-p', isMedia ? '13' : isMain ? '11' : '12', thread]).catch(() => undefined);
  }
}

/** Takes back what `prefer` did. */
export async function preferNoMore(pid: number): Promise<void> {
  await outputOf('chrt', ['-a', '-o', '-p', '0', String(pid)]).catch(() => undefined);
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
