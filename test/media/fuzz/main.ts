import { buildFuzzers, fuzzFor, fuzzTargets } from './fuzzer.ts';

/** All targets one after the other, FUZZ_SECONDS together. */
const DEFAULT_SECONDS = 600;

const targets = fuzzTargets();
const total = Number(process.env.FUZZ_SECONDS ?? DEFAULT_SECONDS);
if (!(total >= targets.length)) throw new RangeError(`FUZZ_SECONDS is not at least ${targets.length}`);
const seconds = Math.floor(total / targets.length);
await buildFuzzers();
for (const target of targets) {
  try {
    process.stdout.write(`${target}: ${await fuzzFor(target, seconds)} inputs in ${seconds} s, no fault\n`);
  } catch (error) {
    process.stdout.write(`${target}: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
