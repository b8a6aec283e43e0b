import t, { type Test } from 'tap';
import { MailboxPins } from '../../../firmware/call/mailbox/mailbox-pins.ts';
import { MAX_WRONG_PINS, type PinVerdict } from '../../../firmware/call/pin-guard.ts';
import { createLogger } from '../../../firmware/core/logger.ts';
import { addUser, openStore } from '../../config/support/store.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function setUp(t: Test) {
  const clock = new FakeClock();
  const store = openStore(t);
  addUser(store, '201', 'Reception');
  const pins = new MailboxPins(store, clock, createLogger('silent'));
  /** With the time that a wrong one takes. */
  const verify = async (pin: string, isOwnPhone = false) => {
    const verdict: Promise<PinVerdict> = pins.verify('201', pin, isOwnPhone);
    while (clock.pending === 0 && !(await Promise.race([verdict.then(() => true), turn()])));
    clock.advance(10_000);
    return verdict;
  };
  return { clock, store, pins, verify };
}

const turn = () => new Promise<false>((resolve) => setTimeout(() => resolve(false), 5));

t.test('a PIN is set, checked and changed; none of it is kept in the clear', async (t) => {
  const { store, pins, verify } = setUp(t);
  t.equal(pins.isOpen('201', true), true, 'without a PIN for the user’s own phones');
  t.equal(pins.isOpen('201', false), false, 'and for nobody else');
  t.equal(await verify('7391'), 'wrong', 'there is none yet');
  t.equal(await pins.change('201', '7391'), true);
  t.equal(pins.isOpen('201', true), false);
  t.equal(await verify('7391'), 'right');
  t.equal(await verify('7392'), 'wrong');
  t.equal(await verify(''), 'wrong');
  t.match(store.current.users['201']?.voicemail.pin, /^scrypt\$/);
  t.notMatch(JSON.stringify(store.log.list(5)), '7391');
  t.match(store.log.list(1), [{ author: { who: '201', origin: 'system' }, comment: 'mailbox PIN' }]);
});

t.test('PINs that others guess first are refused', async (t) => {
  const { store, pins } = setUp(t);
  for (const pin of ['1234', '1111', '201', '1', '', '1'.repeat(16), 'abcd']) {
    t.equal(await pins.change('201', pin), false, pin);
  }
  t.equal(store.current.users['201']?.voicemail.pin, undefined);
});

t.test(
  'who tries PINs out waits longer each time, then finds the mailbox closed, with the right one too',
  async (t) => {
    const { clock, pins, verify } = setUp(t);
    await pins.change('201', '7391');
    for (let count = 0; count < MAX_WRONG_PINS; count += 1) t.equal(await verify('0000'), 'wrong');
    t.equal(await verify('7391'), 'later');
    clock.advance(15 * 60_000);
    t.equal(await verify('7391'), 'right');
  },
);

t.test('whoever goes on trying keeps nobody out for longer, and the user at his own phone not at all', async (t) => {
  const { clock, pins, verify } = setUp(t);
  await pins.change('201', '7391');
  for (let count = 0; count < MAX_WRONG_PINS; count += 1) await verify('0000');
  // Each look takes ten seconds of this.
  for (let count = 0; count < 80; count += 1) t.equal(await verify('0000'), 'later');
  t.equal(await verify('7391', true), 'right', 'at his own phone');
  clock.advance(100_000);
  t.equal(await verify('7391'), 'right', 'a quarter of an hour after the last that counted');
  for (let count = 0; count < MAX_WRONG_PINS; count += 1) await verify('0000', true);
  t.equal(await verify('7391', true), 'later', 'there are no more tries at his own phone');
  t.equal(await verify('7391'), 'right');
});
