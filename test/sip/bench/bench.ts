/**
 * What SIP costs, as ratios between things measured in one run: a registration against Kamailio's, a message against a copy
 * of its bytes, a call under a flood against one without. README.md beside this file says how to read it.
 *
 *   node test/sip/bench/bench.ts [--only PART]... [--rounds N] [--count N] [--algorithm MD5|SHA-256] [--full]
 */
import { parseArgs } from 'node:util';
import { heading } from '../../support/bench-report.ts';
import { floodedCalls } from './flooded-calls.ts';
import { idleTls } from './idle-tls.ts';
import { memory } from './memory.ts';
import { messageCost } from './message-cost.ts';
import { compileLoad } from './register-load.ts';
import { cleanRate, compareRegistrations } from './registrations.ts';

const CLEAN_RATE = 6000;
const TLS_CONNECTIONS = 10_000;
/** A tenth of what the limits speak of, unless --full. */
const SHORT_SHARE = 10;
const REGISTRATIONS = 2_000_000;
const MALFORMED = 500_000;

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '4' },
    count: { type: 'string', default: '20000' },
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
  message: async () => messageCost(rounds),
  tls: weighTls,
  memory: () =>
    memory({
      program: registrations.program,
      algorithm,
      registrations: values.full ? REGISTRATIONS : REGISTRATIONS / SHORT_SHARE,
      malformed: values.full ? MALFORMED : MALFORMED / SHORT_SHARE,
    }),
  flood: floodedCalls,
};
for (const name of values.only ?? Object.keys(parts)) {
  const part = parts[name];
  if (part === undefined) throw new RangeError(`${name} is none of ${Object.keys(parts).join(', ')}`);
  await part();
}

async function weighTls(): Promise<void> {
  const { connections, emptyBytes, fullBytes } = await idleTls(TLS_CONNECTIONS);
  heading(`${connections} idle TLS connections (at most 400 MB)`);
  process.stdout.write(
    `${Math.round(fullBytes / 1e6)} MB, ${Math.round(emptyBytes / 1e6)} MB of them before the first\n`,
  );
}

function countOf(text: string, most: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= most) return number;
  throw new RangeError(`${text} is not 1 to ${most}`);
}
