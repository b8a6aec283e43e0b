import t from 'tap';
import { type CallEffect, type CallInput, type CallState, nextCallState } from '../../firmware/call/call-state.ts';

interface Case {
  readonly title: string;
  readonly inputs: readonly CallInput[];
  readonly phase: CallState['phase'];
  /** Effects in order, `kind` with what matters of it. */
  readonly effects: readonly string[];
}

const forked = (...forks: number[]): CallInput => ({ kind: 'forked', forks });
const answered = (fork: number): CallInput => ({ kind: 'answered', fork });
const rejected = (fork: number, status: number): CallInput => ({ kind: 'rejected', fork, status });

const CASES: readonly Case[] = [
  {
    title: 'one device answers and the caller hangs up',
    inputs: [forked(0), { kind: 'ringing' }, answered(0), { kind: 'connected' }, { kind: 'caller-ended' }],
    phase: 'ended',
    effects: ['ring-caller', 'connect 0', 'end-fork 0', 'clean-up'],
  },
  {
    title: 'one device answers and hangs up',
    inputs: [forked(0), answered(0), { kind: 'connected' }, { kind: 'callee-ended', fork: 0 }],
    phase: 'ended',
    effects: ['connect 0', 'end-caller', 'clean-up'],
  },
  {
    title: 'the second of three devices answers: the others are told that it was answered elsewhere',
    inputs: [forked(0, 1, 2), { kind: 'ringing' }, answered(1), { kind: 'connected' }],
    phase: 'established',
    effects: ['ring-caller', 'end-fork 0 elsewhere', 'end-fork 2 elsewhere', 'connect 1'],
  },
  {
    title: 'a device that is alone and sends media before it answers is heard',
    inputs: [forked(0), { kind: 'early-media', fork: 0 }, answered(0), { kind: 'early-media', fork: 0 }],
    phase: 'answering',
    effects: ['open-early-media 0', 'connect 0'],
  },
  {
    title: 'of several devices none is heard before one answers, unless the others are out',
    inputs: [
      forked(0, 1),
      { kind: 'early-media', fork: 0 },
      rejected(1, 486),
      { kind: 'early-media', fork: 1 },
      { kind: 'early-media', fork: 0 },
    ],
    phase: 'ringing',
    effects: ['ring-caller', 'open-early-media 0'],
  },
  {
    title: 'an answer that crosses the CANCEL changes nothing',
    inputs: [forked(0, 1), answered(1), answered(0), rejected(0, 487), { kind: 'connected' }],
    phase: 'established',
    effects: ['end-fork 0 elsewhere', 'connect 1'],
  },
  {
    title: 'busy outranks a device that was not there, whichever came first',
    inputs: [forked(0, 1, 2), rejected(0, 408), rejected(1, 486), rejected(2, 480)],
    phase: 'ended',
    effects: ['reject-caller 486', 'clean-up'],
  },
  {
    title: 'a 603 speaks for the user: the other devices stop ringing',
    inputs: [forked(0, 1), rejected(0, 603)],
    phase: 'ended',
    effects: ['end-fork 1', 'reject-caller 603', 'clean-up'],
  },
  {
    title: 'a device that asks for credentials or redirects is a device that was not there',
    inputs: [forked(0, 1), rejected(0, 401), rejected(1, 302)],
    phase: 'ended',
    effects: ['reject-caller 480', 'clean-up'],
  },
  {
    title: 'nobody answers until the box gives up: the caller cancelled nothing',
    inputs: [forked(0, 1), { kind: 'ringing' }, rejected(0, 487), rejected(1, 408)],
    phase: 'ended',
    effects: ['ring-caller', 'reject-caller 480', 'clean-up'],
  },
  {
    title: 'a device that hangs up before its answer was heard of rings no more',
    inputs: [forked(0, 1), { kind: 'callee-ended', fork: 0 }, rejected(0, 487), rejected(1, 486)],
    phase: 'ended',
    effects: ['reject-caller 486', 'clean-up'],
  },
  {
    title: 'the caller gives up while it rings',
    inputs: [forked(0, 1), { kind: 'ringing' }, { kind: 'caller-ended' }, rejected(0, 487), rejected(1, 487)],
    phase: 'ended',
    effects: ['ring-caller', 'end-fork 0', 'end-fork 1', 'clean-up'],
  },
  {
    title: 'the caller gives up while the media are joined',
    inputs: [forked(0), answered(0), { kind: 'caller-ended' }, { kind: 'callee-ended', fork: 0 }],
    phase: 'ended',
    effects: ['connect 0', 'end-fork 0', 'clean-up'],
  },
  {
    title: 'a device that answers and hangs up at once was there: the caller has the answer, then the end',
    inputs: [
      forked(0, 1),
      answered(0),
      { kind: 'callee-ended', fork: 0 },
      { kind: 'callee-ended', fork: 0 },
      { kind: 'connected' },
    ],
    phase: 'ended',
    effects: ['end-fork 1 elsewhere', 'connect 0', 'end-caller', 'clean-up'],
  },
  {
    title: 'a device that has hung up is not told of a caller who gives up',
    inputs: [forked(0), answered(0), { kind: 'callee-ended', fork: 0 }, { kind: 'caller-ended' }],
    phase: 'ended',
    effects: ['connect 0', 'clean-up'],
  },
  {
    title: 'a device that has hung up is not told of media that cannot be joined',
    inputs: [forked(0), answered(0), { kind: 'callee-ended', fork: 0 }, { kind: 'failed', status: 503 }],
    phase: 'ended',
    effects: ['connect 0', 'reject-caller 503', 'clean-up'],
  },
  {
    title: 'no port is left',
    inputs: [{ kind: 'failed', status: 503 }],
    phase: 'ended',
    effects: ['reject-caller 503', 'clean-up'],
  },
  {
    title: 'the answer is unusable',
    inputs: [forked(0), answered(0), { kind: 'failed', status: 488 }],
    phase: 'ended',
    effects: ['connect 0', 'end-fork 0', 'reject-caller 488', 'clean-up'],
  },
  {
    title: 'the box stops in the middle of a call',
    inputs: [forked(0), answered(0), { kind: 'connected' }, { kind: 'shut-down' }, { kind: 'shut-down' }],
    phase: 'ended',
    effects: ['connect 0', 'end-fork 0', 'end-caller', 'clean-up'],
  },
  {
    title: 'the box stops while it rings',
    inputs: [forked(0, 1), { kind: 'shut-down' }],
    phase: 'ended',
    effects: ['end-fork 0', 'end-fork 1', 'reject-caller 503', 'clean-up'],
  },
];

function describe(effect: CallEffect): string {
  if (effect.kind === 'end-fork') return `end-fork ${effect.fork}${effect.elsewhere ? ' elsewhere' : ''}`;
  if (effect.kind === 'connect') return `connect ${effect.fork}`;
  if (effect.kind === 'open-early-media') return `open-early-media ${effect.fork}`;
  if (effect.kind === 'reject-caller') return `reject-caller ${effect.status}`;
  return effect.kind;
}

for (const { title, inputs, phase, effects } of CASES) {
  t.test(title, async (t) => {
    let state: CallState = { phase: 'starting' };
    const seen: string[] = [];
    for (const input of inputs) {
      const step = nextCallState(state, input);
      state = step.state;
      seen.push(...step.effects.map(describe));
    }
    t.equal(state.phase, phase);
    t.same(seen, effects);
  });
}

t.test('an input that the code around it must never give throws, naming state and input', async (t) => {
  t.throws(() => nextCallState({ phase: 'starting' }, { kind: 'connected' }), /starting.*connected/);
  t.throws(
    () => nextCallState({ phase: 'established', fork: 0 }, { kind: 'forked', forks: [0] }),
    /established.*forked/,
  );
});

t.test(
  'in any order of events the caller is dismissed once, every device once, and the call cleaned up once',
  async (t) => {
    let seed = 20_261_122;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    for (let run = 0; run < 3000; run++) {
      const forks = Array.from({ length: 1 + random(3) }, (_, fork) => fork);
      let state: CallState = nextCallState({ phase: 'starting' }, { kind: 'forked', forks }).state;
      const gone = new Set<number>();
      const effects: CallEffect[] = [];
      let callerGone = false;
      for (let step = 0; step < 40 && state.phase !== 'ended'; step++) {
        const fork = random(forks.length);
        const inputs: CallInput[] = [
          { kind: 'ringing' },
          { kind: 'early-media', fork },
          { kind: 'answered', fork },
          { kind: 'rejected', fork, status: [408, 480, 486, 503, 603][random(5)] ?? 480 },
          ...(state.phase === 'answering' ? [{ kind: 'connected' } as const] : []),
          { kind: 'caller-ended' },
          { kind: 'callee-ended', fork },
          { kind: 'failed', status: 500 },
          { kind: 'shut-down' },
        ];
        const input = inputs[random(inputs.length)] ?? { kind: 'shut-down' };
        const left = input.kind === 'rejected' || input.kind === 'callee-ended';
        if (left && state.phase === 'ringing') gone.add(input.fork);
        if (input.kind === 'callee-ended' && 'fork' in state && state.fork === input.fork) gone.add(input.fork);
        if (input.kind === 'caller-ended') callerGone = true;
        const next = nextCallState(state, input);
        state = next.state;
        effects.push(...next.effects);
      }
      if (state.phase !== 'ended') effects.push(...nextCallState(state, { kind: 'shut-down' }).effects);
      const dismissed = effects.filter(({ kind }) => kind === 'reject-caller' || kind === 'end-caller').length;
      const ended = effects.flatMap((effect) => (effect.kind === 'end-fork' ? [effect.fork] : []));
      const problem =
        dismissed + (callerGone ? 1 : 0) !== 1 ||
        effects.filter(({ kind }) => kind === 'clean-up').length !== 1 ||
        new Set(ended).size !== ended.length ||
        forks.some((fork) => ended.includes(fork) === gone.has(fork));
      if (problem) {
        t.fail(`run ${run}: ${effects.map(describe).join(', ')}; gone ${[...gone]}, caller gone ${callerGone}`);
        return;
      }
    }
    t.pass('3000 runs');
  },
);
