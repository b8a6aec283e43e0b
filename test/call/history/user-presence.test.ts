import t from 'tap';
import { type UserPresence, UserPresences } from '../../../firmware/call/history/user-presence.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { eventsOf, OUTSIDE, type Sample, START_MS, WAREHOUSE, WORKSHOP } from './sample-calls.ts';

function office() {
  const clock = new FakeClock(START_MS);
  const users = ['201', '202', '203'];
  const quiet = new Set<string>();
  const errors: unknown[] = [];
  const presences = new UserPresences({
    users: () => users,
    doesNotDisturb: (user) => quiet.has(user),
    now: () => clock.now(),
    report: (error) => errors.push(error),
  });
  const told: string[] = [];
  const note = ({ user, state, calls }: UserPresence) => told.push(`${user} ${state} ${calls}`);
  const take = (sample: Sample, from = 0, to = 100) => {
    for (const event of eventsOf(sample).slice(from, to)) presences.take(event);
  };
  return { presences, clock, users, quiet, errors, told, note, take };
}

t.test('a snapshot has every user, and each change is told once', async (t) => {
  const { presences, told, note, take, clock } = office();
  t.strictSame(
    presences.snapshot().map(({ user, state }) => `${user} ${state}`),
    ['201 idle', '202 idle', '203 idle'],
  );
  const stop = presences.subscribe(note);
  const call: Sample = {
    steps: [
      { ring: 1, party: WORKSHOP },
      { ring: 2, party: WORKSHOP },
      { release: 1, cause: 'answered-elsewhere' },
      { answer: 2 },
      { hold: 0 },
      { end: 'normal' },
    ],
  };
  take(call, 0, 6);
  t.strictSame(told, ['201 calling 1', '202 ringing 1', '201 talking 1', '202 talking 1', '201 holding 1']);
  t.match(presences.of('202'), { state: 'talking', sinceMs: START_MS });
  clock.advance(1000);
  take(call, 6);
  t.strictSame(told.slice(5), ['201 idle 0', '202 idle 0']);
  t.equal(presences.of('202').sinceMs, START_MS + 1000);
  stop();
  take({ ...call, id: 'call-2' });
  t.equal(told.length, 7);
  t.strictSame(presences.legsOf('202'), []);
});

t.test('whoever begins to ring, or ends, is news for himself alone', async (t) => {
  const { presences, take } = office();
  const told: string[] = [];
  presences.onLegs((user, released) => told.push(`${user}${released.length > 0 ? ' over' : ''}`));
  const call: Sample = {
    steps: [
      { ring: 1, party: WORKSHOP },
      { ring: 2, party: WAREHOUSE },
      { release: 2, cause: 'busy' },
      { answer: 1 },
      { end: 'normal' },
    ],
  };
  take(call, 0, 2);
  t.strictSame(told.splice(0), ['201', '201', '202'], 'and for the caller that the first one does');
  take(call, 2, 3);
  t.strictSame(told.splice(0), ['203']);
  t.match(presences.legsOf('202'), [{ phase: 'ringing', call: { legs: { length: 3 } } }], 'who sees the call as it is');
  take(call, 3, 4);
  t.strictSame(told.splice(0), ['203 over']);
  take(call, 4, 5);
  t.strictSame(told.splice(0), ['201', '202', '203'], 'an answer is for everybody');
  take(call, 5);
  t.strictSame(told.splice(0), ['201 over', '202 over', '203']);
});

t.test('who talks does not ring, whoever else calls', async (t) => {
  const { presences, take } = office();
  take({ steps: [{ ring: 1, party: WORKSHOP }, { answer: 1 }] });
  take({ id: 'call-2', caller: OUTSIDE, steps: [{ ring: 1, party: WORKSHOP }] });
  t.match(presences.of('202'), { state: 'talking', calls: 2 });
  take({ id: 'call-2', caller: OUTSIDE, steps: [{ end: 'cancelled' }] }, 1);
  t.match(presences.of('202'), { state: 'talking', calls: 1 });
});

t.test('do not disturb, and users who come and go', async (t) => {
  const { presences, users, quiet, told, note, take } = office();
  presences.subscribe(note);
  quiet.add('203');
  presences.recheck(['203']);
  t.match(presences.snapshot()[2], { user: '203', state: 'do-not-disturb', doesNotDisturb: true });
  t.strictSame(told, ['203 do-not-disturb 0']);
  take({ caller: { number: '203', user: '203' }, steps: [{ end: 'cancelled' }] });
  t.strictSame(told.slice(1), ['203 calling 1', '203 do-not-disturb 0']);
  quiet.clear();
  presences.recheck();
  t.strictSame(told.slice(3), ['203 idle 0']);
  users.pop();
  presences.recheck();
  t.equal(presences.snapshot().length, 2);
});

t.test('a listener that fails keeps the others from nothing', async (t) => {
  const { presences, told, note, take, errors } = office();
  presences.subscribe(() => {
    throw new Error('broken');
  });
  presences.subscribe(note);
  take({ steps: [] });
  t.strictSame(told, ['201 calling 1']);
  t.equal(errors.length, 1);
});
