import { existsSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { encodePayloads } from '../../support/encode.ts';
import { cpuNs, LOAD_CORE, pin, prefer, SERVER_CORE } from '../../support/process-cost.ts';
import { outputOf } from '../../support/process-output.ts';
import { repositoryPath, testOutputPath } from '../../support/repository.ts';
import { makeTones } from '../../support/tones.ts';
import { ADDRESS, LineProgram, type Side, type StartSide, type Work } from './side.ts';

/**
 * A side that loses more of the packets, or lets one of ten wait for so much longer than with a few calls, carries less
 * than what it was given. rtpengine holds transcoded packets back for 30 ms and more whatever the load is.
 */
const TOLERATED_LOSS = 0.005;
const TOLERATED_WAIT_US = 20_000;
const FEW_CALLS = 20;
/** How near to each other the most that was carried and the least that was not have to come. */
const PRECISION = 0.03;
/** The next load, as a multiple of what the CPU that was used says that a core carries. */
const STEP = 1.05;
const MAX_STEPS = 16;

export interface Measured {
  readonly name: string;
  readonly calls: number;
  /** How many such calls one core carries, by the CPU that these ones took. */
  readonly callsPerCore: number;
  /** The part of its core that it used. */
  readonly busyShare: number;
  /** Of the packets sent: not heard, and sent late. */
  readonly lostShare: number;
  readonly lateShare: number;
  /** Microseconds from a party's sending to the arrival at the other one's socket, of nine packets in ten. */
  readonly waitUs: number;
  /** The same of packets that were sent in time. */
  readonly delayUs: { readonly median: number; readonly p90: number; readonly p99: number; readonly longest: number };
}

export interface Programs {
  readonly load: string;
  readonly floor: string;
  /** The payloads of the first and of the second party. */
  readonly streams: Readonly<Record<Work, readonly [string, string]>>;
}

/** Compiles what is in C, the floor with the same flags as the addon, and encodes what the parties say. */
export async function preparePrograms(): Promise<Programs> {
  const flags = ['-std=c11', '-D_DEFAULT_SOURCE', '-O3', '-Wall', '-Wextra', '-Werror'];
  const load = testOutputPath('rtp-load');
  const floor = testOutputPath('media-floor');
  await outputOf('gcc', [...flags, '-o', load, sourcePath('./rtp-load.c')]);
  await outputOf('gcc', [
    ...flags,
    '-o',
    floor,
    sourcePath('../../../scripts/bench/media-floor.c'),
    g729Library(),
    '-lm',
  ]);
  const pcma = `8:${await streamFile('PCMA')}`;
  const g729 = `18:${await streamFile('G729')}`;
  return { load, floor, streams: { relay: [pcma, pcma], transcode: [pcma, g729] } };
}

/**
 * Lets `calls` calls talk through one side for so long. `mediaFirst`: what moves packets goes before the main thread of its process,
 * which may need a hundredth of the core in one go.
 */
export async function measure(
  programs: Programs,
  start: StartSide,
  work: Work,
  calls: number,
  seconds: number,
  mediaFirst = false,
): Promise<Measured> {
  const load = new LineProgram(programs.load, [ADDRESS, String(calls), String(seconds), ...programs.streams[work]]);
  let side: Side | undefined;
  try {
    const parties = [Number(await load.line()), Number(await load.line())] as const;
    side = await start({ work, calls, parties });
    await pin(side.pid, SERVER_CORE);
    await pin(load.pid, LOAD_CORE);
    await Promise.all([prefer(side.pid, mediaFirst), prefer(load.pid)]);
    const startedAt = performance.now();
    const before = cpuNs(side.pid);
    load.write(side.ports.map(([first, second]) => `${first} ${second}\n`).join(''));
    // What a side makes of the silence behind it, as concealment, is none of the calls' cost.
    await load.line();
    const usedNs = cpuNs(side.pid) - before;
    const talkedNs = (performance.now() - startedAt) * 1e6;
    const line = await load.line();
    const [sent = 0, heard = 0, median = 0, p90 = 0, p99 = 0, longest = 0, late = 0, waitUs = 0] = line
      .split(' ')
      .map(Number);
    return {
      name: side.name,
      calls,
      callsPerCore: (calls * (heard / sent) * talkedNs) / usedNs,
      busyShare: usedNs / talkedNs,
      lostShare: 1 - heard / sent,
      lateShare: late / sent,
      waitUs,
      delayUs: { median, p90, p99, longest },
    };
  } finally {
    await side?.close();
    await load.finish();
  }
}

/**
 * Finds the most calls that a side carries on one core, from `calls` on. Below that a process sleeps between packets, and
 * waking up for each of them costs more than moving it: only at the limit are sides compared by what they do.
 */
export async function measureMost(
  programs: Programs,
  start: StartSide,
  work: Work,
  calls: number,
  seconds: number,
): Promise<Measured> {
  const few = await measure(programs, start, work, FEW_CALLS, seconds);
  const tolerated = few.waitUs + TOLERATED_WAIT_US;
  let most: Measured | undefined;
  let tooMany = Number.POSITIVE_INFINITY;
  let given = calls;
  for (let step = 0; step < MAX_STEPS; step += 1) {
    let measured = await measure(programs, start, work, given, seconds);
    // Something else may have had the machine for a moment.
    if (!isCarried(measured, tolerated)) measured = await measure(programs, start, work, given, seconds);
    if (!isCarried(measured, tolerated)) tooMany = Math.min(tooMany, given);
    else if (most === undefined || given > most.calls) most = measured;
    const floor = most?.calls ?? 0;
    if (most !== undefined && tooMany - floor <= Math.max(1, floor * PRECISION)) return most;
    const expected = Math.ceil(measured.callsPerCore * STEP);
    const middle = tooMany === Number.POSITIVE_INFINITY ? floor * 2 : Math.floor((floor + tooMany) / 2);
    // By the CPU that was used where that is news, halfway otherwise.
    given = Math.max(1, expected > floor && expected < tooMany && step < 3 ? expected : middle);
  }
  throw new Error(`${few.name}: no end to the search for what it carries (from ${calls} calls on)`);
}

function isCarried({ lostShare, waitUs }: Measured, toleratedUs: number): boolean {
  return lostShare <= TOLERATED_LOSS && waitUs <= toleratedUs;
}

/** That of the addon, so that both have the same one. */
function g729Library(): string {
  const library = `${repositoryPath}/build/native/x64/libg729.a`;
  return existsSync(library) ? library : '-l:libbcg729.a';
}

async function streamFile(codec: 'PCMA' | 'G729'): Promise<string> {
  const payloads = await encodePayloads(makeTones('adbecfcedabdfe'), codec);
  const file = testOutputPath(`bench-${codec}.stream`);
  const framed = payloads.flatMap((payload) => [Buffer.from([payload.length >> 8, payload.length & 0xff]), payload]);
  writeFileSync(file, Buffer.concat(framed));
  return file;
}

function sourcePath(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url));
}
