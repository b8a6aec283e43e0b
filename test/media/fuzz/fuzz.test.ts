import t from 'tap';
import { buildFuzzers, fuzzFor, fuzzTargets } from './fuzzer.ts';
import { SEEDS } from './seeds.ts';

const SECONDS = 30;

t.test('every target has seeds, and every seed its target', async (t) => {
  t.same([...fuzzTargets()].sort(), Object.keys(SEEDS).sort());
});

t.test('no input makes a parser of the media worker misbehave', { jobs: 4 }, async (t) => {
  await buildFuzzers();
  for (const target of fuzzTargets()) {
    void t.test(target, async (t) => {
      const inputs = await fuzzFor(target, SECONDS);
      t.ok(inputs > 100, `${inputs} inputs`);
    });
  }
});
