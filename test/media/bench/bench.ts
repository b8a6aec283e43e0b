/**
 * What calls cost the media worker, against Debian's rtpengine and against a C program that does nothing but move packets
 * (scripts/bench/media-floor.c), all in one run and in turns. README.md beside this file says how to read it.
 *
 *   node test/media/bench/bench.ts [--only PART]... [--rounds N] [--seconds N] [--sessions N]
 */
import { parseArgs } from 'node:util';
import { heading, median, report } from '../../support/bench-report.ts';
import { repositoryPath } from '../../support/repository.ts';
import { buildAddon } from '../conversation.ts';
import { startFloor } from './floor.ts';
import { type Measured, measure, measureMost, preparePrograms } from './load.ts';
import { measureMemory } from './memory.ts';
import { startRingdown } from './ringdown.ts';
import { startRtpengine } from './rtpengine.ts';
import { measureSessions } from './sessions.ts';
import type { StartSide, Work } from './side.ts';

/** Of one core, as the limits have it. */
const LATENCY_LOAD = 0.8;
/** Where the search for the load begins. */
const FIRST_CALLS = { relay: 900, transcode: 200 } as const;

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    sessions: { type: 'string', default: '100000' },
  },
});
const rounds = countOf(values.rounds);
const seconds = countOf(values.seconds);
const sessions = countOf(values.sessions, 10_000_000);
const bundle = `${repositoryPath}/build/runtime/media-worker.cjs`;

await buildAddon();
const programs = await preparePrograms();
const floor: StartSide = (load) => startFloor(programs.floor, load);

const parts: Readonly<Record<string, () => Promise<void>>> = {
  relay: () => compare('relay'),
  transcode: () => compare('transcode'),
  memory: () => measureMemory(bundle, seconds),
  sessions: () => measureSessions(bundle, sessions),
};
for (const name of values.only ?? Object.keys(parts)) {
  const part = parts[name];
  if (part === undefined) throw new RangeError(`${name} is none of ${Object.keys(parts).join(', ')}`);
  await part();
}

async function compare(work: Work): Promise<void> {
  heading(`${work}: calls of 50 packets a second each way that one core carries, ${rounds} rounds of ${seconds} s`);
  const sides = { ours: startRingdown, theirs: startRtpengine, bare: floor };
  const results = { ours: [] as Measured[], theirs: [] as Measured[], bare: [] as Measured[] };
  for (let round = 0; round < rounds; round += 1) {
    for (const side of ['ours', 'theirs', 'bare'] as const) {
      const calls = results[side].at(-1)?.calls ?? FIRST_CALLS[work];
      results[side].push(await measureMost(programs, sides[side], work, calls, seconds));
    }
  }
  const { ours, theirs, bare } = results;
  for (const side of [ours, theirs, bare])
    report(
      side[0]?.name ?? '',
      side.map(({ calls }) => calls),
      '',
      0,
    );
  const limits = work === 'relay' ? ['1.4', '0.9'] : ['2.0', '0.9'];
  report(`Ringdown / rtpengine (at least ${limits[0]})`, ratios(ours, theirs));
  report(`Ringdown / C floor (at least ${limits[1]})`, ratios(ours, bare));

  const busy = Math.floor(median(ours.map(({ calls }) => calls)) * LATENCY_LOAD);
  heading(`${work}: delay that the box adds, ${busy} calls, ${LATENCY_LOAD * 100} % of a core; microseconds`);
  const perCore: number[] = [];
  const p99s: number[] = [];
  for (const start of [startRingdown, floor]) {
    const measured = await measure(programs, start, work, busy, seconds, true);
    const { name, callsPerCore, delayUs, lostShare, lateShare } = measured;
    perCore.push(callsPerCore);
    p99s.push(delayUs.p99);
    const { median: half, p90, p99, longest } = delayUs;
    const shares = `lost ${percent(lostShare)}, sent late ${percent(lateShare)}`;
    process.stdout.write(`${name.padEnd(20)} median ${half}, p90 ${p90}, p99 ${p99}, longest ${longest}; ${shares}\n`);
  }
  const most = work === 'relay' ? 'at most 1' : 'at most 5, and the codec’s own';
  report(
    `p99 of Ringdown (${most})`,
    p99s.slice(0, 1).map((us) => us / 1000),
    ' ms',
  );
  const [ours80 = Number.NaN, bare80 = Number.NaN] = perCore;
  report('C floor / Ringdown, processor time of such a call', [ours80 / bare80]);
}

function ratios(ours: readonly Measured[], others: readonly Measured[]): readonly number[] {
  return ours.map(({ calls }, round) => calls / (others[round]?.calls ?? Number.NaN));
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

function countOf(text: string, most = 5000): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= most) return count;
  throw new RangeError(`${text} is not 1 to ${most}`);
}
