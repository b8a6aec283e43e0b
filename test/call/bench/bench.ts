/**
 * What calls cost, as ratios between things measured in one run: a call against Kamailio's, how soon a whole group
 * rings, and what calls leave behind.
 * README.md beside this file says how to read it.
 *
 *   node test/call/bench/bench.ts [--only PART]... [--rounds N] [--count N] [--seconds N] [--rate N]
 */
import { parseArgs } from 'node:util';
import { LOAD_CORE, pin } from '../../support/process-cost.ts';
import { ringGroups } from './group-ring.ts';
import { compareSetUp } from './set-up.ts';
import { soak } from './soak.ts';

/** Those of the limit; the time usually ends it before. */
const SOAK_CALLS = 1_000_000;

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '16' },
    count: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string' },
  },
});
const rounds = countOf(values.rounds, 100);
const count = countOf(values.count, 10_000_000);

await pin(process.pid, LOAD_CORE);
const parts: Readonly<Record<string, () => Promise<void>>> = {
  'set-up': () => compareSetUp(rounds, count),
  groups: () => ringGroups(),
  soak: () =>
    soak({
      count: SOAK_CALLS,
      seconds: countOf(values.seconds, 86_400),
      perSecond: values.rate === undefined ? undefined : countOf(values.rate, 10_000),
    }),
};
for (const name of values.only ?? Object.keys(parts)) {
  const part = parts[name];
  if (part === undefined) throw new RangeError(`${name} is none of ${Object.keys(parts).join(', ')}`);
  await part();
}

function countOf(text: string, most: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= most) return number;
  throw new RangeError(`${text} is not 1 to ${most}`);
}
