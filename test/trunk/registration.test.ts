import t from 'tap';
import { IllegalTransitionError } from '../../firmware/core/errors.ts';
import { backOffMs } from '../../firmware/trunk/back-off.ts';
import {
  nextRegistration,
  type RegistrationEffect,
  type RegistrationInput,
  type RegistrationState,
  refreshDelayMs,
} from '../../firmware/trunk/registration.ts';
import type { RegistrationOutcome } from '../../firmware/trunk/registration-answer.ts';

const granted = (expiresSeconds: number): RegistrationOutcome => ({
  kind: 'registered',
  expiresSeconds,
  serviceRoute: [],
  associated: [],
  keepsFlow: false,
  flowTimerSeconds: undefined,
});
const failed = (retryAfterSeconds?: number): RegistrationOutcome => ({
  kind: 'failed',
  reason: '500',
  retryAfterSeconds,
});
const WRONG: RegistrationOutcome = { kind: 'credentials', reason: '403 Forbidden' };

const answer = (outcome: RegistrationOutcome, atMs = 0, random = 0.5): RegistrationInput => ({
  kind: 'answered',
  outcome,
  atMs,
  random,
});

/** Runs inputs one after the other; the last state, and every effect. */
function run(...inputs: readonly RegistrationInput[]) {
  let state: RegistrationState = { phase: 'idle' };
  const effects: RegistrationEffect[] = [];
  for (const input of inputs) {
    const step = nextRegistration(state, input);
    state = step.state;
    effects.push(...step.effects);
  }
  return { state, effects, kinds: effects.map(({ kind }) => kind) };
}

const START: RegistrationInput = { kind: 'start', askedSeconds: 3600 };
const TIMER: RegistrationInput = { kind: 'timer' };
const STOP: RegistrationInput = { kind: 'stop' };

t.test('a registration is refreshed before it ends, for as long as it is wanted', async (t) => {
  const { state, effects } = run(START, answer(granted(3600)));
  t.match(state, { phase: 'registered', untilMs: 3_600_000 });
  t.match(effects.at(-1), { kind: 'schedule', delayMs: 3_060_000 });
  const again = run(START, answer(granted(3600)), TIMER);
  t.match(again.state, { phase: 'registering', isRefresh: true, failures: 0 });
  t.match(again.effects.at(-1), { kind: 'register', expirySeconds: 3600 });
});

t.test('a refresh is in time for a REGISTER that must be repeated, and never a hammer', async (t) => {
  for (const seconds of [1, 2, 30, 60, 90, 120, 300, 3600, 86_400]) {
    for (const random of [0, 0.5, 0.999]) {
      const delayMs = refreshDelayMs(seconds, random);
      t.ok(delayMs >= 15_000, `${seconds} s: not at once`);
      if (seconds >= 90) t.ok(delayMs <= seconds * 1000 - 40_000, `${seconds} s: 40 s are left`);
      else if (seconds >= 30) t.ok(delayMs <= seconds * 500, `${seconds} s: half is left`);
    }
  }
});

t.test('423 is asked again at once with what the registrar wants (RFC 3261 §10.2.8), within reason', async (t) => {
  const brief = (minExpirySeconds: number): RegistrationInput => answer({ kind: 'too-brief', minExpirySeconds });
  t.match(run(START, brief(7200)).effects.at(-1), { kind: 'register', expirySeconds: 7200 });
  // What was learnt stays for the next refresh.
  t.match(run(START, brief(7200), answer(granted(7200)), TIMER).effects.at(-1), { expirySeconds: 7200 });
  for (const [what, lie] of [
    ['less than was asked', 60],
    ['the same', 3600],
    ['a month', 2_592_000],
    ['more than a number', 2 ** 40],
  ] as const) {
    t.equal(run(START, brief(lie)).state.phase, 'waiting', what);
  }
  const circle = [7200, 7201, 7202, 7203, 7204].map(brief);
  t.equal(run(START, ...circle).state.phase, 'waiting', 'and not for ever');
});

t.test('3xx leads to other servers, and not in circles', async (t) => {
  const redirect = answer({ kind: 'redirected', targets: ['sip:b.example'], reason: '302' });
  t.match(run(START, redirect).effects.at(-1), { kind: 'register', targets: ['sip:b.example'] });
  t.equal(run(START, redirect, redirect, redirect, redirect, redirect).state.phase, 'waiting');
});

t.test('a failure is tried again after a time that doubles, never before Retry-After', async (t) => {
  const first = run(START, answer(failed()));
  t.match(first.state, { phase: 'waiting', failures: 1, reason: '500' });
  t.match(first.effects.at(-1), { kind: 'schedule', delayMs: 45_000 });
  t.match(run(START, answer(failed()), TIMER, answer(failed())).effects.at(-1), { delayMs: 90_000 });
  t.match(run(START, answer(failed(3000))).effects.at(-1), { delayMs: 3_000_000 });
  t.equal(run(START, answer(failed()), TIMER, answer(granted(600))).state.phase, 'registered');
});

t.test('a wrong password is told once and tried seldom', async (t) => {
  const first = run(START, answer(WRONG));
  t.strictSame(first.effects.at(-1), { kind: 'tell', reason: '403 Forbidden' });
  t.match(
    first.effects.find(({ kind }) => kind === 'schedule'),
    { delayMs: 675_000 },
  );
  const second = run(START, answer(WRONG), TIMER, answer(WRONG));
  t.equal(second.kinds.filter((kind) => kind === 'tell').length, 1);
  // A day of it is a handful of REGISTERs.
  let ms = 0;
  let tries = 0;
  while (ms < 86_400_000) {
    tries += 1;
    ms += backOffMs('refused', tries, 0);
  }
  t.ok(tries <= 16, `${tries} tries`);
});

t.test('back-off as RFC 5626 §4.5 has it', async (t) => {
  t.equal(backOffMs('failed', 1, 0), 30_000);
  t.equal(backOffMs('failed', 1, 1), 60_000);
  t.equal(backOffMs('failed', 4, 1), 480_000);
  for (const failures of [7, 100, 5000, Number.MAX_SAFE_INTEGER]) {
    t.equal(backOffMs('failed', failures, 1), 1_800_000, 'bounded');
  }
  t.equal(backOffMs('no-way', 1, 0), 5000, 'nothing was sent');
  t.equal(backOffMs('no-way', 9, 1), 1_800_000);
});

t.test('a flow that failed is made anew at once (RFC 5626 §4.2.1), but no faster than each 15 s', async (t) => {
  const lost = (atMs: number): RegistrationInput => ({ kind: 'flow-failed', atMs });
  t.match(run(START, answer(granted(600)), lost(20_000)).effects.at(-1), { kind: 'register' });
  const early = run(START, answer(granted(600)), lost(5000));
  t.equal(early.state.phase, 'registered');
  t.match(early.effects.at(-1), { kind: 'schedule', delayMs: 10_000 });
  t.strictSame(run(START, lost(5000)).kinds, run(START).kinds, 'one REGISTER at a time');
  t.strictSame(run(START, answer(failed()), lost(5000)).kinds, run(START, answer(failed())).kinds);
});

t.test('what is not wanted any more is unregistered, after the answer that is due', async (t) => {
  t.strictSame(run(START, answer(granted(600)), STOP).kinds.slice(-2), ['cancel-timer', 'unregister']);
  const crossing = run(START, STOP);
  t.strictSame(crossing.kinds, run(START).kinds, 'never two at once (RFC 3261 §10.2)');
  t.equal(run(START, STOP, answer(granted(600))).kinds.at(-1), 'unregister');
  t.equal(run(START, STOP, answer(failed())).kinds.at(-1), 'ended', 'nothing to take back');
  const refresh = run(START, answer(granted(600)), TIMER, STOP, answer(failed()));
  t.equal(refresh.kinds.at(-1), 'unregister', 'the binding of before may be there still');
  t.equal(run(START, answer(granted(600)), STOP, answer(failed())).kinds.at(-1), 'ended');
  t.equal(run(START, answer(failed()), STOP).kinds.at(-1), 'ended');
  t.equal(run(STOP).kinds.at(-1), 'ended');
  const after = run(STOP, STOP, TIMER);
  t.equal(after.state.phase, 'ended');
});

t.test('no order of events has two REGISTERs on their way', async (t) => {
  const outcomes: readonly RegistrationOutcome[] = [
    granted(60),
    failed(),
    WRONG,
    { kind: 'too-brief', minExpirySeconds: 9000 },
  ];
  let seed = 7;
  const pick = (of: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed % of;
  };
  for (let round = 0; round < 500; round += 1) {
    let state: RegistrationState = { phase: 'idle' };
    let inFlight = 0;
    let isTimed = false;
    let atMs = 0;
    const take = (input: RegistrationInput): void => {
      const step = nextRegistration(state, input);
      state = step.state;
      for (const { kind } of step.effects) {
        if (kind === 'register' || kind === 'unregister') inFlight += 1;
        if (kind === 'schedule') isTimed = true;
        if (kind === 'cancel-timer') isTimed = false;
      }
      if (inFlight > 1) t.fail(`round ${round}: two at once`);
    };
    take(START);
    const isOver = (): boolean => state.phase === 'ended';
    for (let event = 0; event < 30 && !isOver(); event += 1) {
      atMs += pick(60_000);
      const kind = pick(5);
      if (kind === 0 && isTimed) {
        isTimed = false;
        take(TIMER);
      } else if (kind === 1) take({ kind: 'flow-failed', atMs });
      else if (kind === 2 && event > 20) take(STOP);
      else if (inFlight > 0) {
        inFlight -= 1;
        take(answer(outcomes[pick(outcomes.length)] ?? WRONG, atMs, pick(100) / 100));
      }
    }
    t.ok(isTimed || inFlight > 0 || isOver(), `round ${round}: something goes on in ${state.phase}`);
  }
});

t.test('an input that cannot be names state and input', async (t) => {
  t.throws(() => run(START, START), IllegalTransitionError);
  t.throws(() => run(answer(granted(60))), IllegalTransitionError);
});
