import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { outputOf } from '../../support/process-output.ts';
import { repositoryPath } from '../../support/repository.ts';
import { SEEDS } from './seeds.ts';

/** What fails is kept there. */
const FAULTS = `${repositoryPath}/build/fuzz`;
const MAX_INPUT_BYTES = 4096;
/** libFuzzer ends by itself; a target that does not is killed. */
const GRACE_MS = 60_000;
/** For `nice`: behind the tests that run beside it, some of which talk in real time. */
const LAST = ['-n', '19'];

/** The names of the targets, by their sources. */
export function fuzzTargets(): readonly string[] {
  const files = readdirSync(`${repositoryPath}/test/media/native/fuzz`);
  return files.filter((file) => file.endsWith('.c')).map((file) => file.slice(0, -2));
}

export async function buildFuzzers(): Promise<void> {
  await outputOf('nice', [...LAST, `${repositoryPath}/scripts/build-native`, 'fuzz'], undefined, 280_000);
}

/** Throws with the words of the sanitizer when an input makes the target fail. Returns how many were tried. */
export async function fuzzFor(target: string, seconds: number): Promise<number> {
  mkdirSync(FAULTS, { recursive: true });
  const corpus = mkdtempSync(join(FAULTS, `${target}-`));
  try {
    const seeds = SEEDS[target];
    if (seeds === undefined) throw new Error(`${target} has no seeds`);
    for (const [index, hex] of seeds.entries()) writeFileSync(join(corpus, `seed-${index}`), Buffer.from(hex, 'hex'));
    const options = [
      `-max_total_time=${seconds}`,
      `-max_len=${MAX_INPUT_BYTES}`,
      `-artifact_prefix=${FAULTS}/${target}-`,
    ];
    // libFuzzer writes to standard error alone; the shell joins the two.
    const program = `${repositoryPath}/build/native/fuzz/${target}`;
    const script = 'exec nice "$@" 2>&1';
    const args = [
      '-c',
      script,
      'sh',
      ...LAST,
      program,
      ...options,
      '-verbosity=0',
      '-print_final_stats=1',
      '-timeout=20',
      corpus,
    ];
    const output = (await outputOf('sh', args, undefined, seconds * 1000 + GRACE_MS)).toString();
    return Number(/number_of_executed_units: *([0-9]+)/.exec(output)?.[1] ?? Number.NaN);
  } finally {
    rmSync(corpus, { recursive: true, force: true });
  }
}
