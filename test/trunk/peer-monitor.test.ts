import t from 'tap';
import { type LineFacts, lineCondition } from '../../firmware/trunk/line-state.ts';
import {
  FIRST_MONITOR_STATE,
  type MonitorInput,
  type MonitorState,
  nextMonitor,
  nextOptionsSeconds,
} from '../../firmware/trunk/peer-monitor.ts';

const HIT: MonitorInput = { kind: 'answered', status: 200, reason: 'OK' };
const MISS: MonitorInput = { kind: 'silent', reason: 'no answer' };
const status = (code: number): MonitorInput => ({ kind: 'answered', status: code, reason: 'X' });
const after = (...inputs: readonly MonitorInput[]): MonitorState => inputs.reduce(nextMonitor, FIRST_MONITOR_STATE);

t.test('the first answer is believed, a packet lost is no outage, an answer in one no recovery', async (t) => {
  const cases: readonly (readonly [string, readonly MonitorInput[], MonitorState['belief']])[] = [
    ['nothing yet', [], 'unknown'],
    ['one answer', [HIT], 'up'],
    ['two misses at first', [MISS, MISS], 'unknown'],
    ['three misses at first', [MISS, MISS, MISS], 'down'],
    ['two misses', [HIT, MISS, MISS], 'up'],
    ['three misses', [HIT, MISS, MISS, MISS], 'down'],
    ['misses that are not in a row', [HIT, MISS, MISS, HIT, MISS, MISS], 'up'],
    ['one answer in an outage', [HIT, MISS, MISS, MISS, HIT], 'down'],
    ['two answers in an outage', [HIT, MISS, MISS, MISS, HIT, HIT], 'up'],
    ['answers that are not in a row', [MISS, MISS, MISS, HIT, MISS, HIT], 'down'],
  ];
  for (const [what, inputs, belief] of cases) t.equal(after(...inputs).belief, belief, what);
});

t.test('any answer shows that the peer is there, but for those that say it is of no use (RFC 3261 §11)', async (t) => {
  for (const code of [200, 301, 401, 403, 404, 405, 481, 486, 501, 603]) t.equal(after(status(code)).belief, 'up');
  for (const code of [408, 502, 503, 504]) t.equal(after(status(code), status(code), status(code)).belief, 'down');
  t.equal(after(status(503)).lastAnswer, '503 X');
});

t.test('who is not sure asks soon, and nobody is asked without end', async (t) => {
  t.equal(nextOptionsSeconds(after(HIT), 60), 60);
  t.equal(nextOptionsSeconds(after(HIT, MISS), 60), 10);
  t.equal(nextOptionsSeconds(after(HIT, MISS), 5), 5);
  t.equal(nextOptionsSeconds(after(MISS, MISS, MISS), 5), 30);
  t.equal(nextOptionsSeconds(after(MISS, MISS, MISS), 3600), 60, 'back within two minutes');
});

const FACTS: LineFacts = {
  isEnabled: true,
  lacks: undefined,
  registration: undefined,
  monitor: undefined,
  heldUntilMs: 0,
  nowMs: 1000,
};
const REGISTERED = { phase: 'registered', atMs: 0, untilMs: 9e9, askedSeconds: 60 } as const;
const REGISTERING = { phase: 'registering', askedSeconds: 60, turns: 0, isUnwanted: false } as const;
const WAITING = { phase: 'waiting', failures: 2, askedSeconds: 60, cause: 'failed', nextAtMs: 0 } as const;

t.test('the state of a line and its reason', async (t) => {
  const cases: readonly (readonly [Partial<LineFacts>, string, RegExp])[] = [
    [{ isEnabled: false, registration: REGISTERED }, 'disabled', /^$/],
    [{ lacks: 'it has no user name' }, 'out-of-service', /no user name/],
    [{}, 'in-service', /not monitored/],
    [{ monitor: FIRST_MONITOR_STATE }, 'starting', /not answered yet/],
    [{ monitor: after(HIT) }, 'in-service', /^$/],
    [{ monitor: after(MISS, MISS, MISS) }, 'out-of-service', /no answer/],
    [{ registration: { phase: 'idle' } }, 'starting', /./],
    [{ registration: { ...REGISTERING, failures: 0, isRefresh: false } }, 'starting', /registering/],
    [{ registration: { ...REGISTERING, failures: 0, isRefresh: true } }, 'in-service', /^$/],
    [{ registration: { ...REGISTERING, failures: 3, isRefresh: false } }, 'out-of-service', /3 failures/],
    [{ registration: REGISTERED }, 'in-service', /^$/],
    [{ registration: REGISTERED, monitor: after(MISS, MISS, MISS) }, 'out-of-service', /OPTIONS/],
    [{ registration: { ...WAITING, reason: '403 Forbidden' } }, 'out-of-service', /403 Forbidden/],
    [{ registration: REGISTERED, heldUntilMs: 31_000 }, 'out-of-service', /30 s/],
    [{ registration: REGISTERED, heldUntilMs: 1000 }, 'in-service', /^$/],
    [{ registration: { phase: 'ended' } }, 'disabled', /unregistered/],
  ];
  for (const [facts, state, reason] of cases) {
    const condition = lineCondition({ ...FACTS, ...facts });
    t.equal(condition.state, state, JSON.stringify(facts));
    t.match(condition.reason, reason);
  }
});
