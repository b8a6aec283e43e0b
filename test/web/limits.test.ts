import t from 'tap';
import { RateLimit } from '../../firmware/web/rate-limit.ts';
import { FakeClock } from '../support/fake-clock.ts';

t.test('a burst at once, then a steady rate', async (t) => {
  const clock = new FakeClock();
  const limit = new RateLimit(2, 3, clock);
  const take = (count: number) => Array.from({ length: count }, () => limit.take('a'));
  t.strictSame(take(4), [true, true, true, false]);
  clock.advance(500);
  t.strictSame(take(2), [true, false]);
  clock.advance(3_600_000);
  t.strictSame(take(4), [true, true, true, false], 'no more than the burst is saved up');
  t.equal(limit.take('b'), true, 'another source has its own');
});

t.test('a flood from many addresses does not help one that is blocked among them', async (t) => {
  const clock = new FakeClock();
  const limit = new RateLimit(1, 1, clock);
  t.equal(limit.take('busy'), true);
  for (let index = 0; index < 5000; index += 1) {
    limit.take(`stranger ${index}`);
    // It goes on asking, so it is never the one seen longest ago.
    if (index % 100 === 0) t.equal(limit.take('busy'), false);
  }
});

t.test('a clock that is set back gives nothing away and blocks nobody for long', async (t) => {
  let now = 1_000_000;
  const limit = new RateLimit(1, 1, { now: () => now, elapsed: () => now, schedule: () => ({ cancel() {} }) });
  t.equal(limit.take('a'), true);
  now = 0;
  t.equal(limit.take('a'), false);
  now = 1000;
  t.equal(limit.take('a'), true);
});
