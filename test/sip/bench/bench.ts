/**
 * What SIP costs, as ratios between things measured in one run: a registration against Kamailio's, a message against a copy
 * of its bytes, a call under a flood against one without. README.md beside this file says how to read it.
 *
 *   node test/sip/bench/bench.ts [--only PART]... [--rounds N] [--count N] [--algorithm MD5|SHA-256] [--full]
 */
import { parseArgs } from 'node:util';
import { compileLoad } from './register-load.ts';
import { cleanRate, compareRegistrations } from './registrations.ts';

const CLEAN_RATE = 6000;

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '5' },
    count: { type: 'string', default: '30000' },
    algorithm: { type: 'string', default: 'MD5' },
    full: { type: 'boolean', default: false },
  },
});
const rounds = countOf(values.rounds, 100);
const count = countOf(values.count, 10_000_000);
const algorithm = values.algorithm;
if (algorithm !== 'MD5' && algorithm !== 'SHA-256') throw new RangeError(`${algorithm} is neither MD5 nor SHA-256`);

const registrations = { program: await compileLoad(), algorithm, rounds, count } as const;
const parts: Readonly<Record<string, () => Promise<void>>> = {
  registrations: () => compareRegistrations(registrations),
  clean: () => cleanRate({ ...registrations, rounds: 3 }, CLEAN_RATE, values.full ? 30 : 10),
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
