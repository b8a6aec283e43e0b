import t from 'tap';
import { type CallEffect, type CallInput, type CallState, nextCallState } from '../../firmware/call/call-state.ts';

interface Case {
  readonly title: string;
  readonly inputs: readonly CallInput['kind'][];
  readonly phase: CallState['phase'];
  /** Effects in order, `kind` with what matters of it. */
  readonly effects: readonly string[];
}

/** Of an input in words; `refused up` is of somebody who is up already. */
function inputOf(kind: CallInput['kind'], isUp = false): CallInput {
  if (kind === 'refused') return { kind, status: 486, isUp };
  return kind === 'failed' ? { kind, status: 488 } : { kind };
}

const CASES: readonly Case[] = [
  {
    title: 'somebody answers and who waited hangs up',
    inputs: ['ringing', 'answered', 'connected', 'waiting-ended'],
    phase: 'ended',
    effects: ['ring-waiting', 'stop-step elsewhere', 'connect', 'end-other', 'clean-up'],
  },
  {
    title: 'somebody answers and hangs up',
    inputs: ['answered', 'connected', 'other-ended'],
    phase: 'ended',
    effects: ['stop-step elsewhere', 'connect', 'end-waiting', 'clean-up'],
  },
  {
    title: 'the plan comes to its end',
    inputs: ['ringing', 'refused'],
    phase: 'ended',
    effects: ['ring-waiting', 'stop-step', 'reject-waiting 486', 'clean-up'],
  },
  {
    title: 'who waits gives up while it rings',
    inputs: ['ringing', 'waiting-ended', 'refused', 'answered'],
    phase: 'ended',
    effects: ['ring-waiting', 'stop-step', 'clean-up'],
  },
  {
    title: 'who waits gives up while the media are joined',
    inputs: ['answered', 'waiting-ended', 'other-ended'],
    phase: 'ended',
    effects: ['stop-step elsewhere', 'connect', 'end-other', 'clean-up'],
  },
  {
    title: 'a device that answers and hangs up at once was there: the caller has the answer, then the end',
    inputs: ['answered', 'other-ended', 'other-ended', 'connected'],
    phase: 'ended',
    effects: ['stop-step elsewhere', 'connect', 'end-waiting', 'clean-up'],
  },
  {
    title: 'a device that has hung up is not told of a caller who gives up',
    inputs: ['answered', 'other-ended', 'waiting-ended'],
    phase: 'ended',
    effects: ['stop-step elsewhere', 'connect', 'clean-up'],
  },
  {
    title: 'a device that has hung up is not told of media that cannot be joined',
    inputs: ['answered', 'other-ended', 'failed'],
    phase: 'ended',
    effects: ['stop-step elsewhere', 'connect', 'reject-waiting 488', 'clean-up'],
  },
  {
    title: 'no port is left',
    inputs: ['failed'],
    phase: 'ended',
    effects: ['stop-step', 'reject-waiting 488', 'clean-up'],
  },
  {
    title: 'the answer is unusable',
    inputs: ['answered', 'failed'],
    phase: 'ended',
    effects: ['stop-step elsewhere', 'connect', 'end-other', 'reject-waiting 488', 'clean-up'],
  },
  {
    title: 'the box stops in the middle of a call',
    inputs: ['answered', 'connected', 'shut-down', 'shut-down'],
    phase: 'ended',
    effects: ['stop-step elsewhere', 'connect', 'end-other', 'end-waiting', 'clean-up'],
  },
  {
    title: 'the box stops while it rings',
    inputs: ['ringing', 'shut-down'],
    phase: 'ended',
    effects: ['ring-waiting', 'stop-step', 'reject-waiting 503', 'clean-up'],
  },
  {
    title: 'both legs of a conversation go on elsewhere',
    inputs: ['answered', 'connected', 'dissolved', 'waiting-ended'],
    phase: 'ended',
    effects: ['stop-step elsewhere', 'connect', 'clean-up'],
  },
  {
    title: 'what a step says after its end is not heard',
    inputs: ['answered', 'ringing', 'answered', 'refused', 'connected', 'ringing', 'answered', 'refused'],
    phase: 'established',
    effects: ['stop-step elsewhere', 'connect'],
  },
];

function describe(effect: CallEffect): string {
  if (effect.kind === 'stop-step') return `stop-step${effect.elsewhere ? ' elsewhere' : ''}`;
  return effect.kind === 'reject-waiting' ? `reject-waiting ${effect.status}` : effect.kind;
}

function run(inputs: readonly CallInput[]): { readonly state: CallState; readonly effects: readonly string[] } {
  let state: CallState = { phase: 'starting' };
  const effects: string[] = [];
  for (const input of inputs) {
    const next = nextCallState(state, input);
    state = next.state;
    effects.push(...next.effects.map(describe));
  }
  return { state, effects };
}

for (const { title, inputs, phase, effects } of CASES) {
  t.test(title, async (t) => {
    const done = run(inputs.map((kind) => inputOf(kind)));
    t.equal(done.state.phase, phase);
    t.same(done.effects, effects);
  });
}

t.test('who is up already hears that it leads nowhere, until the tone is over or he hangs up', async (t) => {
  for (const last of ['over', 'waiting-ended'] as const) {
    const refused = inputOf('refused', true);
    t.equal(run([refused]).state.phase, 'refused');
    t.same(run([refused, { kind: 'answered' }, { kind: last }]), {
      state: { phase: 'ended' },
      effects: ['stop-step', 'reject-waiting 486', 'clean-up'],
    });
  }
  t.same(run([inputOf('refused', true), { kind: 'shut-down' }]).effects.slice(-2), ['end-waiting', 'clean-up']);
});

t.test('an input that the code around it must never give throws, naming state and input', async (t) => {
  t.throws(() => nextCallState({ phase: 'starting' }, { kind: 'connected' }), /starting.*connected/);
  t.throws(() => nextCallState({ phase: 'established' }, { kind: 'connected' }), /established.*connected/);
  t.throws(() => nextCallState({ phase: 'ringing' }, { kind: 'over' }), /ringing.*over/);
});

t.test('in any order of events each party is dismissed once, and the call cleaned up once', async (t) => {
  const kinds: readonly CallInput['kind'][] = [
    ...(['ringing', 'answered', 'refused', 'connected', 'failed'] as const),
    ...(['waiting-ended', 'other-ended', 'dissolved', 'shut-down'] as const),
  ];
  let orders = 0;
  const follow = (inputs: readonly CallInput[], state: CallState, effects: readonly CallEffect[]): void => {
    if (state.phase === 'ended' || inputs.length === 6) {
      const all =
        state.phase === 'ended' ? effects : [...effects, ...nextCallState(state, { kind: 'shut-down' }).effects];
      const count = (...wanted: CallEffect['kind'][]) => all.filter(({ kind }) => wanted.includes(kind)).length;
      const has = (kind: CallInput['kind']) => inputs.some((input) => input.kind === kind);
      const goesOn = has('dissolved');
      const isGone = has('waiting-ended');
      const isAnswered = all.some(({ kind }) => kind === 'connect');
      const problem =
        count('clean-up') !== 1 ||
        count('reject-waiting', 'end-waiting') >
          (inputs.some((input) => input.kind === 'refused' && input.isUp) ? 2 : 1) ||
        (!isGone && !goesOn && count('reject-waiting', 'end-waiting') === 0) ||
        count('end-other') > 1 ||
        (!isAnswered && count('end-other') > 0) ||
        (isAnswered && !goesOn && !has('other-ended') && count('end-other') !== 1) ||
        count('stop-step') !== 1;
      orders += 1;
      if (problem) t.fail(`${inputs.map(({ kind }) => kind).join(', ')}: ${all.map(describe).join(', ')}`);
      return;
    }
    for (const kind of kinds) {
      if (kind === 'connected' && state.phase !== 'answering') continue;
      for (const isUp of kind === 'refused' ? [false, true] : [false]) {
        const input = inputOf(kind, isUp);
        const next = nextCallState(state, input);
        // What changes nothing need not be tried once more.
        if (next.state === state && next.effects.length === 0 && inputs.at(-1)?.kind === kind) continue;
        follow([...inputs, input], next.state, [...effects, ...next.effects]);
      }
    }
  };
  follow([], { phase: 'starting' }, []);
  t.ok(orders > 1000, `${orders} orders`);
});
