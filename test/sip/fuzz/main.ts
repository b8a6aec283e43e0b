import { framerTarget } from './framer.ts';
import { type FuzzTarget, fuzz, secondsEach, seedOfRun } from './fuzz.ts';
import { parserTarget } from './parser.ts';
import { sdpTarget } from './sdp.ts';

/** All targets one after the other, FUZZ_SECONDS together; FUZZ_SEED repeats a run. */
const targets: readonly FuzzTarget[] = [parserTarget, framerTarget, sdpTarget];
const DEFAULT_SECONDS = 600;

const seed = seedOfRun();
const seconds = secondsEach(targets.length, DEFAULT_SECONDS);
process.stdout.write(`FUZZ_SEED=${seed}, ${seconds.toFixed(0)} s each\n`);
for (const target of targets) {
  const { inputs, fault } = fuzz(target, { seed, seconds });
  process.stdout.write(
    `${target.name}: ${inputs} inputs${fault === undefined ? ', no fault' : `, ${fault.file} fails`}\n`,
  );
  if (fault === undefined) continue;
  process.stdout.write(`${fault.error instanceof Error ? fault.error.stack : String(fault.error)}\n`);
  process.exitCode = 1;
}
