import t from 'tap';
import { framerTarget } from './framer.ts';
import { fuzz, secondsEach, seedOfRun } from './fuzz.ts';

t.test('no input makes it throw or break a promise', async (t) => {
  const seed = seedOfRun();
  t.comment(`FUZZ_SEED=${seed}`);
  const { inputs, fault } = fuzz(framerTarget, { seed, seconds: secondsEach(3, 60) });
  t.comment(`${inputs} inputs`);
  if (fault !== undefined) t.comment(`FUZZ_SEED=${seed} gives ${fault.file}`);
  t.equal(fault?.error, undefined);
  t.ok(inputs > 100, `${inputs} inputs were tried`);
});
