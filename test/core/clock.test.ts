import t from 'tap';
import { pendingTimers, systemClock } from '../../firmware/core/clock.ts';

/** Timers of the clock keep no process alive. */
async function awake(until: Promise<void>): Promise<void> {
  const keeper = setInterval(() => undefined, 1000);
  await until;
  clearInterval(keeper);
}

t.test('timers are counted until they are over or cancelled, each once', async (t) => {
  const before = pendingTimers();
  const over = new Promise<void>((resolve) => void systemClock.schedule(1, resolve));
  const cancelled = systemClock.schedule(60_000, () => undefined);
  t.equal(pendingTimers(), before + 2);
  cancelled.cancel();
  cancelled.cancel();
  t.equal(pendingTimers(), before + 1);
  await awake(over);
  t.equal(pendingTimers(), before);
  await awake(
    new Promise((resolve) => {
      const late = systemClock.schedule(0, () => {
        late.cancel();
        resolve();
      });
    }),
  );
  t.equal(pendingTimers(), before, 'one that is cancelled once it is over counts no less');
});
