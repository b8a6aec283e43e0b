import t from 'tap';
import { oncePerTurn } from '../../firmware/core/once-per-turn.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

t.test('what is read holds for the turn, and no longer', async (t) => {
  let value = 0;
  const read = oncePerTurn(() => {
    value += 1;
    return value;
  });
  t.strictSame([read(), read(), read()], [1, 1, 1]);
  await turn();
  t.strictSame([read(), read()], [2, 2]);
});

t.test('undefined is read once too, and a failure is not kept', async (t) => {
  let calls = 0;
  const read = oncePerTurn(() => {
    calls += 1;
    if (calls === 1) throw new Error('not yet');
  });
  t.throws(read, /not yet/);
  t.equal(read(), undefined);
  t.equal(read(), undefined);
  t.equal(calls, 2);
});
