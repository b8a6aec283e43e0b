import t from 'tap';
import { type FraudInput, type FraudLimits, isNightHour, TollFraudGuard } from '../../firmware/trunk/toll-fraud.ts';

const LIMITS: FraudLimits = {
  action: 'block',
  callsAtOnce: 0,
  callsPerHour: 20,
  internationalPerHour: 5,
  nightCallsPerHour: 3,
  repeatedCalls: 4,
  suspectPrefixes: ['+882'],
};
const MINUTE = 60_000;
let atMs = 0;

function call(more: Partial<FraudInput> = {}): FraudInput {
  atMs += 1000;
  return { user: '201', number: `+4930${atMs}`, isInternational: false, isNight: false, atMs, ...more };
}
const verdicts = (guard: TollFraudGuard, count: number, more: Partial<FraudInput> = {}, limits = LIMITS) =>
  Array.from({ length: count }, () => guard.check(call(more), limits));

t.test('each pattern is known by its own limit, told once, and blocked where that is wanted', async (t) => {
  for (const [pattern, allowed, more] of [
    ['calls', 20, {}],
    ['international', 5, { isInternational: true }],
    ['night', 3, { isNight: true }],
    ['repeated', 4, { number: '+4930555' }],
  ] as const) {
    const guard = new TollFraudGuard();
    const before = verdicts(guard, allowed, more);
    t.ok(
      before.every(({ isAllowed, pattern }) => isAllowed && pattern === undefined),
      pattern,
    );
    t.strictSame(verdicts(guard, 1, more), [{ isAllowed: false, pattern, isNews: true }]);
    t.strictSame(verdicts(guard, 1, more), [{ isAllowed: false, pattern: undefined, isNews: false }], 'for an hour');
    t.match(guard.check(call({ user: '202', ...more }), LIMITS), { isAllowed: true }, 'of that user alone');
    atMs += 61 * MINUTE;
    t.match(guard.check(call(more), LIMITS), { isAllowed: true }, 'an hour later');
  }
});

t.test('where a notice is all that is wanted, calls go on and the notice comes once an hour', async (t) => {
  const guard = new TollFraudGuard();
  const limits = { ...LIMITS, action: 'notice' } as const;
  const all = verdicts(guard, 30, { isInternational: true }, limits);
  t.ok(all.every(({ isAllowed }) => isAllowed));
  t.equal(all.filter(({ isNews }) => isNews).length, 1);
});

t.test('suspect prefixes and short calls count for more', async (t) => {
  const guard = new TollFraudGuard();
  const satellite = { number: '+8821234', isInternational: true };
  t.strictSame(
    verdicts(guard, 2, satellite).map(({ pattern }) => pattern),
    [undefined, 'international'],
  );
  const other = new TollFraudGuard();
  for (let made = 0; made < 2; made += 1) {
    t.match(other.check(call({ isInternational: true }), LIMITS), { isAllowed: true });
    const watched = other.begin('201');
    watched.answered(atMs);
    watched.ended(atMs + 3000);
    watched.ended(atMs + 3000);
  }
  t.match(other.check(call({ isInternational: true }), LIMITS), { pattern: 'international' });
});

t.test('calls at once are limited', async (t) => {
  const guard = new TollFraudGuard();
  const limits = { ...LIMITS, callsAtOnce: 2 };
  guard.check(call(), limits);
  const first = guard.begin('201');
  guard.check(call(), limits);
  guard.begin('201');
  t.match(guard.check(call(), limits), { isAllowed: false, pattern: 'at-once', isNews: true });
  t.match(guard.check(call(), limits), { isAllowed: false, isNews: false });
  first.ended(atMs);
  t.match(guard.check(call(), limits), { isAllowed: true });
});

t.test('0 is any number, and nothing grows without bound', async (t) => {
  const guard = new TollFraudGuard();
  const none = { callsPerHour: 0, internationalPerHour: 0, nightCallsPerHour: 0, repeatedCalls: 0 };
  const limits = { ...LIMITS, ...none };
  for (let made = 0; made < 5000; made += 1) {
    const more = { isInternational: true, isNight: true, number: '+8821', atMs: 1_000_000 + made };
    if (!guard.check(call(more), limits).isAllowed) t.fail('refused');
  }
  for (let user = 0; user < 5000; user += 1) guard.check(call({ user: `u${user}` }), limits);
});

t.test('the night may go over midnight', async (t) => {
  t.ok(isNightHour(23, 22, 6));
  t.ok(isNightHour(0, 22, 6));
  t.notOk(isNightHour(6, 22, 6));
  t.notOk(isNightHour(12, 22, 6));
  t.ok(isNightHour(1, 0, 6));
  t.notOk(isNightHour(7, 0, 6));
  t.notOk(isNightHour(5, 5, 5));
});
