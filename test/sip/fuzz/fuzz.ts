import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mutated } from './mutator.ts';
import { Random } from './random.ts';

export interface FuzzTarget {
  /** Names the folder of fixtures, too. */
  readonly name: 'parser' | 'framer' | 'sdp';
  readonly corpus: () => readonly Buffer[];
  /** Throws where a property does not hold, or whatever the code under test throws. */
  readonly check: (bytes: Buffer, random: Random) => void;
}

export interface FuzzReport {
  readonly seed: number;
  readonly inputs: number;
  /** The first input that failed and what it did; undefined when all went well. */
  readonly fault: { readonly file: string; readonly error: unknown } | undefined;
}

/** Where inputs that failed are left: one that is understood becomes a fixture in test/sip/fixtures/fuzz/. */
const FAULTS = join(import.meta.dirname, '..', '..', '..', 'build', 'fuzz');

/** Seconds of each of `share` targets, of FUZZ_SECONDS (default `otherwise`) for all together. */
export function secondsEach(share: number, otherwise: number): number {
  const all = Number(process.env.FUZZ_SECONDS ?? otherwise);
  if (!(all > 0)) throw new Error('FUZZ_SECONDS is not a number above 0');
  return all / share;
}

/** FUZZ_SEED, or one that no run had before. */
export function seedOfRun(): number {
  const given = process.env.FUZZ_SEED;
  if (given === undefined) return Math.floor(Math.random() * 2 ** 32);
  if (!/^\d+$/.test(given)) throw new Error('FUZZ_SEED is not a whole number');
  return Number(given);
}

/** The corpus as it is, then mutations of it until the time is over or one fails. */
export function fuzz(target: FuzzTarget, { seed, seconds }: { seed: number; seconds: number }): FuzzReport {
  const corpus = target.corpus();
  const random = new Random(seed);
  const end = performance.now() + seconds * 1000;
  let inputs = 0;
  const attempt = (bytes: Buffer): FuzzReport['fault'] => {
    inputs += 1;
    try {
      // A seed of its own for each input: what fails can be tried alone.
      target.check(bytes, new Random(bytes.length));
      return undefined;
    } catch (error) {
      return { file: keep(target.name, bytes), error };
    }
  };
  for (const bytes of corpus) {
    const fault = attempt(bytes);
    if (fault !== undefined) return { seed, inputs, fault };
  }
  while (performance.now() < end) {
    const fault = attempt(mutated(corpus, random));
    if (fault !== undefined) return { seed, inputs, fault };
  }
  return { seed, inputs, fault: undefined };
}

function keep(target: string, bytes: Buffer): string {
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 12);
  const file = join(FAULTS, target, `${digest}.dat`);
  mkdirSync(join(FAULTS, target), { recursive: true });
  writeFileSync(file, bytes);
  return file;
}
