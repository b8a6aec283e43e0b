import t from 'tap';
import { MAX_WRONG_PINS, PinGuard } from '../../firmware/call/pin-guard.ts';
import { hashPassword } from '../../firmware/config/secrets/scrypt.ts';
import { createLogger } from '../../firmware/core/logger.ts';
import { FakeClock } from '../support/fake-clock.ts';

const RIGHT = '7391';
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function setUp(stored: { readonly hashed: string } | { readonly plain: string } = { plain: RIGHT }) {
  const clock = new FakeClock();
  const log: string[] = [];
  const guard = new PinGuard('PIN', clock, createLogger('info', { write: (line) => log.push(line) }));
  /** When the answer came, in milliseconds from now, and what it was. */
  const verify = async (pin: string, owner = '201') => {
    const begunMs = clock.elapsed();
    let answer: boolean | undefined;
    void guard.verify({ owner, pin, stored }).then((isRight) => {
      answer = isRight;
    });
    for (let looks = 0; looks < 20; looks += 1) await turn();
    while (answer === undefined) {
      clock.advance(500);
      for (let looks = 0; looks < 20; looks += 1) await turn();
    }
    return { answer, afterMs: clock.elapsed() - begunMs };
  };
  return { clock, guard, verify, log };
}

t.test('each wrong one is answered later than the one before, up to eight seconds', async (t) => {
  const { verify } = setUp();
  const delays: number[] = [];
  for (let count = 0; count < 7; count += 1) delays.push((await verify('0000')).afterMs);
  t.same(delays, [500, 1000, 2000, 4000, 8000, 8000, 8000]);
  t.same(await verify(RIGHT), { answer: false, afterMs: 8000 });
  t.same(await verify(RIGHT, '202'), { answer: true, afterMs: 0 }, 'each owner by himself');
});

t.test('right ones at once are all right, and count for nothing', async (t) => {
  const { guard } = setUp({ hashed: await hashPassword(RIGHT) });
  const stored = { hashed: await hashPassword(RIGHT) };
  const all = Array.from({ length: MAX_WRONG_PINS + 1 }, () => guard.verify({ owner: '201', pin: RIGHT, stored }));
  t.same(new Set(await Promise.all(all)), new Set([true]));
});

t.test('of a flood a few are looked at, and the others are wrong without being counted', async (t) => {
  const { clock, guard, verify, log } = setUp();
  const answers: boolean[] = [];
  for (let count = 0; count < 1000; count += 1) {
    void guard.verify({ owner: String(count), pin: '0000', stored: { plain: RIGHT } }).then((is) => answers.push(is));
  }
  t.same(answers, []);
  for (let looks = 0; looks < 1000; looks += 1) await turn();
  t.equal(log.length, 32, 'a bounded number was looked at');
  clock.advance(8000);
  await turn();
  t.same([answers.length, answers.includes(true)], [1000, false]);
  t.same(await verify(RIGHT, '999'), { answer: true, afterMs: 0 });
  t.equal(clock.pending, 0);
});

t.test('where there is no PIN none is right', async (t) => {
  const { verify } = setUp({ hashed: '' });
  t.match(await verify(''), { answer: false });
});
