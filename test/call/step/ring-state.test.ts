import t from 'tap';
import {
  beginRinging,
  nextRingState,
  outcomeOf,
  type RingEffect,
  type RingInput,
  type RingState,
} from '../../../firmware/call/step/ring-state.ts';

interface Case {
  readonly title: string;
  /** One for each target. */
  readonly delays: readonly number[];
  readonly inputs: readonly RingInput[];
  readonly phase: RingState['phase'];
  /** Effects in order, `kind` with what matters of it. */
  readonly effects: readonly string[];
}

const answered = (target: number): RingInput => ({ kind: 'answered', target });
const rejected = (target: number, status: number): RingInput => ({ kind: 'rejected', target, status });
const ringing = (target: number): RingInput => ({ kind: 'ringing', target });
const early = (target: number): RingInput => ({ kind: 'early-media', target });

const CASES: readonly Case[] = [
  {
    title: 'the second of three devices answers: the others are told that it was answered elsewhere',
    delays: [0, 0, 0],
    inputs: [ringing(0), answered(1)],
    phase: 'over',
    effects: ['start 0', 'start 1', 'start 2', 'ring', 'end 0 elsewhere', 'end 2 elsewhere', 'answered 1'],
  },
  {
    title: 'a device that is alone and sends media before it answers is heard',
    delays: [0],
    inputs: [early(0), answered(0), early(0)],
    phase: 'over',
    effects: ['start 0', 'open-early-media 0', 'answered 0'],
  },
  {
    title: 'of several devices none is heard before one answers, unless the others are out',
    delays: [0, 0],
    inputs: [early(0), rejected(1, 486), early(1), early(0)],
    phase: 'ringing',
    effects: ['start 0', 'start 1', 'ring', 'open-early-media 0'],
  },
  {
    title: 'nor while another is to ring later',
    delays: [0, 10],
    inputs: [early(0)],
    phase: 'ringing',
    effects: ['start 0', 'ring'],
  },
  {
    title: 'an answer that crosses the CANCEL changes nothing',
    delays: [0, 0],
    inputs: [answered(1), answered(0), rejected(0, 487)],
    phase: 'over',
    effects: ['start 0', 'start 1', 'end 0 elsewhere', 'answered 1'],
  },
  {
    title: 'busy outranks a device that was not there, whichever came first',
    delays: [0, 0, 0],
    inputs: [rejected(0, 408), rejected(1, 486), rejected(2, 480)],
    phase: 'over',
    effects: ['start 0', 'start 1', 'start 2', 'finish busy 486'],
  },
  {
    title: 'a 603 speaks for the user: the other devices stop ringing',
    delays: [0, 0],
    inputs: [rejected(0, 603)],
    phase: 'over',
    effects: ['start 0', 'start 1', 'end 1', 'finish declined 603'],
  },
  {
    title: 'a device that asks for credentials or redirects is a device that was not there',
    delays: [0, 0],
    inputs: [rejected(0, 401), rejected(1, 302)],
    phase: 'over',
    effects: ['start 0', 'start 1', 'finish unreachable 480'],
  },
  {
    title: 'the no-answer time is over',
    delays: [0, 0],
    inputs: [ringing(0), { kind: 'no-answer' }, rejected(0, 487), answered(1)],
    phase: 'over',
    effects: ['start 0', 'start 1', 'ring', 'end 0', 'end 1', 'finish noAnswer 480'],
  },
  {
    title: 'a device that hangs up before its answer was heard of rings no more',
    delays: [0, 0],
    inputs: [{ kind: 'gone', target: 0 }, rejected(0, 487), rejected(1, 486)],
    phase: 'over',
    effects: ['start 0', 'start 1', 'finish busy 486'],
  },
  {
    title: 'who waits gives up: the devices stop, those that were to ring later never do',
    delays: [0, 0, 5],
    inputs: [{ kind: 'stopped', elsewhere: false }, rejected(0, 487), { kind: 'due', target: 2 }],
    phase: 'over',
    effects: ['start 0', 'start 1', 'end 0', 'end 1'],
  },
  {
    title: 'picked up: no device shows a missed call',
    delays: [0],
    inputs: [{ kind: 'stopped', elsewhere: true }],
    phase: 'over',
    effects: ['start 0', 'end 0 elsewhere'],
  },
  {
    title: 'a twinned number rings after its delay',
    delays: [0, 4],
    inputs: [ringing(0), { kind: 'due', target: 1 }, { kind: 'due', target: 1 }, answered(1)],
    phase: 'over',
    effects: ['start 0', 'ring', 'start 1', 'end 0 elsewhere', 'answered 1'],
  },
  {
    title: 'and at once when nobody else rings any more',
    delays: [0, 4],
    inputs: [rejected(0, 480), { kind: 'due', target: 1 }, rejected(1, 486)],
    phase: 'over',
    effects: ['start 0', 'start 1', 'finish busy 486'],
  },
  { title: 'or where there is nobody else', delays: [4], inputs: [], phase: 'ringing', effects: ['start 0'] },
];

function describe(effect: RingEffect): string {
  switch (effect.kind) {
    case 'end':
      return `end ${effect.target}${effect.elsewhere ? ' elsewhere' : ''}`;
    case 'finish':
      return `finish ${effect.outcome} ${effect.status}`;
    case 'ring':
      return 'ring';
    default:
      return `${effect.kind} ${effect.target}`;
  }
}

for (const { title, delays, inputs, phase, effects } of CASES) {
  t.test(title, async (t) => {
    const begun = beginRinging(delays);
    let { state } = begun;
    const seen = begun.effects.map(describe);
    for (const input of inputs) {
      const next = nextRingState(state, input);
      state = next.state;
      seen.push(...next.effects.map(describe));
    }
    t.equal(state.phase, phase);
    t.same(seen, effects);
  });
}

t.test('what a status says of the user', async (t) => {
  t.same([486, 600, 603, 604, 480, 408, 503, 488].map(outcomeOf), [
    ...['busy', 'busy', 'declined', 'declined'],
    ...['unreachable', 'unreachable', 'unreachable', 'unreachable'],
  ]);
});

t.test('in any order of events every target that was started is dismissed once, and the step ends once', async (t) => {
  let seed = 20_261_122;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  for (let run = 0; run < 3000; run++) {
    const delays = Array.from({ length: 1 + random(4) }, () => random(2) * 5);
    const begun = beginRinging(delays);
    let { state } = begun;
    const effects = [...begun.effects];
    const out = new Set<number>();
    for (let step = 0; step < 60 && state.phase !== 'over'; step++) {
      const target = random(delays.length);
      const inputs: readonly RingInput[] = [
        { kind: 'due', target },
        ringing(target),
        early(target),
        answered(target),
        rejected(target, [408, 480, 486, 503, 603][random(5)] ?? 480),
        { kind: 'gone', target },
        { kind: 'no-answer' },
        { kind: 'stopped', elsewhere: random(2) === 0 },
      ];
      const input = inputs[random(inputs.length)] ?? { kind: 'no-answer' };
      if ((input.kind === 'rejected' || input.kind === 'gone') && state.pending.includes(target)) out.add(target);
      const next = nextRingState(state, input);
      state = next.state;
      effects.push(...next.effects);
    }
    if (state.phase !== 'over') effects.push(...nextRingState(state, { kind: 'stopped', elsewhere: false }).effects);
    const of = (kind: RingEffect['kind']) =>
      effects.flatMap((each) => (each.kind === kind && 'target' in each ? [each.target] : []));
    const started = of('start');
    const dismissed = [...of('end'), ...of('answered'), ...out];
    const ends = effects.filter(({ kind }) => kind === 'finish' || kind === 'answered').length;
    const problem =
      new Set(started).size !== started.length ||
      dismissed.length !== started.length ||
      started.some((target) => !dismissed.includes(target)) ||
      ends > 1;
    if (problem) {
      t.fail(`run ${run}: ${effects.map(describe).join(', ')}; out ${[...out]}`);
      return;
    }
  }
  t.pass('3000 runs');
});
