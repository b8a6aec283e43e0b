import t from 'tap';
import { PinGuard, type PinVerdict } from '../../firmware/call/pin-guard.ts';
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
    let answer: PinVerdict | undefined;
    void guard.verify({ owner, pin, stored }).then((verdict) => {
      answer = verdict;
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
  t.same(await verify(RIGHT), { answer: 'later', afterMs: 8000 }, 'not looked at, and so not called wrong');
  t.same(await verify('0000'), { answer: 'later', afterMs: 8000 }, 'which tells nobody whether it is right');
  t.same(await verify(RIGHT, '202'), { answer: 'right', afterMs: 0 }, 'each owner by himself');
});

t.test('right ones at once are all right, and count for nothing', async (t) => {
  const { clock, guard } = setUp();
  const stored = { hashed: await hashPassword(RIGHT) };
  const answers: PinVerdict[] = [];
  const count = 12;
  for (let each = 0; each < count; each += 1) {
    void guard.verify({ owner: '201', pin: RIGHT, stored }).then((verdict) => answers.push(verdict));
  }
  // More than may wait for one owner: the others are held, and looked at as well.
  while (answers.length < count) {
    await new Promise<void>((resolve) => setTimeout(resolve, 5));
    if (answers.length >= 8) clock.advance(500);
  }
  t.same(new Set(answers), new Set(['right']));
  t.equal(clock.pending, 0);
});

t.test(
  'a flood takes no more work than one after the other, and a right one in it is never called wrong',
  async (t) => {
    const { clock, guard, verify, log } = setUp();
    const answers: PinVerdict[] = [];
    for (let count = 0; count < 1000; count += 1) {
      void guard
        .verify({ owner: String(count), pin: '0000', stored: { plain: RIGHT } })
        .then((verdict) => answers.push(verdict));
    }
    let right: PinVerdict | undefined;
    void guard.verify({ owner: '1000', pin: RIGHT, stored: { plain: RIGHT } }).then((verdict) => {
      right = verdict;
    });
    t.same(answers, []);
    for (let looks = 0; looks < 1000; looks += 1) await turn();
    t.equal(log.length, 32, 'a bounded number was looked at');
    for (let half = 0; half < 40; half += 1) {
      clock.advance(500);
      for (let looks = 0; looks < 200; looks += 1) await turn();
    }
    t.same([answers.length, answers.includes('right')], [1000, false]);
    t.ok(answers.includes('later'), 'what there was no time for');
    t.equal(log.length, answers.filter((each) => each === 'wrong').length);
    t.equal(right, 'later');
    t.same(await verify(RIGHT, '1000'), { answer: 'right', afterMs: 0 });
    t.equal(clock.pending, 0);
  },
);

t.test('where there is no PIN none is right', async (t) => {
  const { verify } = setUp({ hashed: '' });
  t.match(await verify(''), { answer: 'wrong' });
});
