import t from 'tap';
import { SourceLog } from '../../firmware/core/logger.ts';
import { FAILURE_WINDOW_MS, LoginGuard, PROVEN_FACTOR } from '../../firmware/registrar/login-guard.ts';
import { Admission, type Flow } from '../../firmware/sip/stack.ts';
import { silent } from '../sip/support/stacks.ts';
import { FakeClock } from '../support/fake-clock.ts';

const LIMIT = 5;

function make(): { guard: LoginGuard; admission: Admission; clock: FakeClock } {
  const clock = new FakeClock();
  const limits = { packetsPerSecond: 500, blockSeconds: 600, allowList: [] };
  const admission = new Admission({ limits, clock, logger: silent, sourceLog: new SourceLog(silent, clock) });
  return { guard: new LoginGuard({ admission, failedLogins: () => LIMIT, clock }), admission, clock };
}

function from(remotePort: number, remoteAddress = '198.51.100.1'): Flow {
  return { protocol: 'udp', localAddress: '192.0.2.1', localPort: 5060, remoteAddress, remotePort };
}

function fail(guard: LoginGuard, flow: Flow, user: string, times: number): void {
  for (let time = 0; time < times; time += 1) guard.failed(flow, user);
}

t.test('a stranger is blocked after so many failed logins, under one name or many', async (t) => {
  for (const users of [1, LIMIT]) {
    const { guard, admission } = make();
    for (let time = 1; time <= LIMIT; time += 1) {
      t.equal(admission.isBlocked(from(5060)), false);
      guard.failed(from(5060 + time), String(200 + (time % users)));
    }
    t.match(admission.blocks(), [{ source: '198.51.100.1', user: undefined, reason: `${LIMIT} failed logins` }]);
    t.equal(admission.isBlocked(from(5060, '198.51.100.2')), false);
  }
});

t.test('failures long ago are forgotten', async (t) => {
  const { guard, admission, clock } = make();
  fail(guard, from(5060), '201', LIMIT - 1);
  clock.advance(FAILURE_WINDOW_MS);
  fail(guard, from(5060), '201', LIMIT - 1);
  t.same(admission.blocks(), []);
});

t.test('a login forgives what the same user failed before, and not what others failed', async (t) => {
  const { guard, admission } = make();
  fail(guard, from(5060), '201', LIMIT - 1);
  guard.succeeded(from(5060), '201');
  fail(guard, from(5060), '201', LIMIT - 1);
  t.same(admission.blocks(), []);

  const guesser = make();
  // Whoever has one account must not buy guesses at others with it.
  for (let time = 0; time < LIMIT * PROVEN_FACTOR; time += 1) {
    guesser.guard.failed(from(5060), `3${time}`);
    guesser.guard.succeeded(from(5060), '201');
  }
  t.match(guesser.admission.blocks(), [{ source: '198.51.100.1', user: undefined }]);
});

t.test('who guesses at another’s password in its own name is not forgiven for knowing its own', async (t) => {
  const { guard, admission } = make();
  guard.succeeded(from(5060), '201');
  for (let time = 0; time < LIMIT * PROVEN_FACTOR; time += 1) {
    guard.failed(from(7000 + time), '201', '202');
    guard.succeeded(from(5060), '201');
  }
  t.match(admission.blocks(), [{ source: '198.51.100.1', user: '201' }]);
});

t.test('one mistyped phone of an office cuts off itself alone', async (t) => {
  const { guard, admission } = make();
  guard.succeeded(from(5061), '201');
  fail(guard, from(5062), '202', LIMIT);
  t.match(admission.blocks(), [{ source: '198.51.100.1', user: '202' }]);
  t.equal(admission.blocks().length, 1);
  t.equal(admission.refuses(from(5061)), undefined, 'the phone that works');
  t.equal(admission.refuses(from(5063)), undefined, 'a phone that starts only now');
});

t.test('who guesses at many users from within an office is blocked with what is not logged in there', async (t) => {
  const { guard, admission } = make();
  guard.succeeded(from(5061), '201');
  for (let time = 0; time < LIMIT * PROVEN_FACTOR; time += 1) guard.failed(from(7000 + time), `3${time}`);
  t.equal(admission.isBlocked(from(5061)), false, 'the phone that works');
  t.equal(admission.isBlocked(from(7000)), true);
});

t.test('what strangers fail with stays bounded', async (t) => {
  const { guard, admission } = make();
  const before = process.memoryUsage().heapUsed;
  for (let at = 0; at < 100_000; at += 1) {
    guard.failed(from(5060, `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`), 'x'.repeat(60_000) + at);
  }
  const grown = process.memoryUsage().heapUsed - before;
  t.ok(grown < 64 * 1024 * 1024, `${grown} bytes`);
  t.same(admission.blocks(), []);
});
