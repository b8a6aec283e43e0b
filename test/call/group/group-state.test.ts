import t from 'tap';
import {
  type Availability,
  EMPTY_GROUP,
  type GroupEffect,
  type GroupInput,
  type GroupRules,
  type GroupState,
  MAX_WAITING,
  nextGroupState,
  REFUSED_REST_MS,
} from '../../../firmware/call/group/group-state.ts';

/** Steps are inputs, what becomes of a member (`201 busy`), or milliseconds that pass. */
type Step = GroupInput | string | number;

interface Case {
  readonly title: string;
  readonly rules?: Partial<GroupRules>;
  readonly steps: readonly Step[];
  /** One line for each effect, in order; wakes are left out. */
  readonly effects: readonly string[];
}

const RULES: GroupRules = {
  mode: 'sequential',
  members: ['201', '202', '203'],
  noAnswerSeconds: 15,
  wrapUpSeconds: 2,
  mayWait: true,
  waitingLimit: 0,
};

const call = (id: string): GroupInput => ({ kind: 'call', id });
const notAnswered = (id: string): GroupInput => ({ kind: 'not-answered', id });
const refused = (id: string, user: string): GroupInput => ({ kind: 'refused', id, user });
const answered = (id: string, user: string): GroupInput => ({ kind: 'answered', id, user });
const left = (id: string): GroupInput => ({ kind: 'left', id });
const ended = (user: string): GroupInput => ({ kind: 'call-ended', user });

const CASES: readonly Case[] = [
  {
    title: 'sequential: each call begins with the first member, and goes round while nobody answers',
    steps: [
      call('a'),
      notAnswered('a'),
      notAnswered('a'),
      notAnswered('a'),
      answered('a', '201'),
      '201 busy',
      call('b'),
    ],
    effects: [
      'ring a 201 15',
      'stop a 201',
      'ring a 202 15',
      'stop a 202',
      'ring a 203 15',
      'stop a 203',
      'ring a 201 15',
      'ring b 202 15',
    ],
  },
  {
    title: 'sequential: who is busy or away is passed over, and rings once he is free',
    steps: ['201 busy', '202 away', call('a'), '201 free', notAnswered('a')],
    effects: ['ring a 203 15', 'stop a 203', 'ring a 201 15'],
  },
  {
    title: 'collective: all ring until one answers, and the others are told that it was answered',
    rules: { mode: 'collective' },
    steps: [call('a'), answered('a', '202')],
    effects: ['ring a 201,202,203', 'stop a 201,203 answered'],
  },
  {
    title: 'collective: who becomes free rings with the others',
    rules: { mode: 'collective' },
    steps: ['202 busy', call('a'), '202 free', refused('a', '201')],
    effects: ['ring a 201,203', 'ring a 202'],
  },
  {
    title: 'collective: who refused rings again after a rest',
    rules: { mode: 'collective', members: ['201', '202'] },
    steps: [call('a'), refused('a', '201'), REFUSED_REST_MS - 1, 1],
    effects: ['ring a 201,202', 'ring a 201'],
  },
  {
    title: 'rotary: begins behind whoever answered last',
    rules: { mode: 'rotary' },
    steps: [
      call('a'),
      answered('a', '201'),
      call('b'),
      notAnswered('b'),
      answered('b', '203'),
      ended('201'),
      2000,
      call('c'),
    ],
    effects: ['ring a 201 15', 'ring b 202 15', 'stop b 202', 'ring b 203 15', 'ring c 201 15'],
  },
  {
    title: 'longest waiting: who has had no call yet comes first, then whose call ended first',
    rules: { mode: 'longest-waiting', wrapUpSeconds: 0, members: ['201', '202'] },
    steps: [
      call('a'),
      answered('a', '201'),
      1000,
      ended('201'),
      call('b'),
      answered('b', '202'),
      1000,
      ended('202'),
      call('c'),
      notAnswered('c'),
    ],
    effects: ['ring a 201 15', 'ring b 202 15', 'ring c 201 15', 'stop c 201', 'ring c 202 15'],
  },
  {
    title: 'nobody rings for two calls, and who came first is served first',
    rules: { members: ['201'], wrapUpSeconds: 0 },
    steps: [call('a'), call('b'), call('c'), answered('a', '201'), left('b'), ended('201'), ended('201')],
    effects: ['ring a 201 15', 'wait b 1', 'wait c 2', 'wait c 1', 'ring c 201 15'],
  },
  {
    title: 'wrap-up: no call of the group for so long after one',
    rules: { members: ['201'], wrapUpSeconds: 2 },
    steps: [call('a'), answered('a', '201'), ended('201'), call('b'), 1999, 1],
    effects: ['ring a 201 15', 'wait b 1', 'ring b 201 15'],
  },
  {
    title: 'without a queue the caller is told that nobody is free',
    rules: { mayWait: false, members: ['201'] },
    steps: ['201 busy', call('a')],
    effects: ['end a busy'],
  },
  {
    title: 'without a queue a call ends once everybody has refused it',
    rules: { mayWait: false, members: ['201', '202'] },
    steps: [call('a'), refused('a', '201'), refused('a', '202')],
    effects: ['ring a 201 15', 'ring a 202 15', 'end a busy'],
  },
  {
    title: 'a full queue takes nobody else, and keeps whom it has',
    rules: { members: ['201'], waitingLimit: 1 },
    steps: ['201 busy', call('a'), call('b'), '201 free', call('c'), notAnswered('a')],
    effects: ['wait a 1', 'end b busy', 'ring a 201 15', 'wait c 1', 'stop a 201', 'ring a 201 15'],
  },
  {
    title: 'nobody of the group is there',
    steps: ['201 away', '202 away', '203 away', call('a')],
    effects: ['end a unreachable'],
  },
  {
    title: 'those who wait are told when the last member goes',
    rules: { members: ['201'] },
    steps: ['201 busy', call('a'), '201 away'],
    effects: ['wait a 1', 'end a unreachable'],
  },
  { title: 'a group without members', rules: { members: [] }, steps: [call('a')], effects: ['end a unreachable'] },
  {
    title: 'the caller hangs up while somebody rings',
    steps: [call('a'), left('a'), answered('a', '201'), notAnswered('a'), refused('a', '201'), left('a')],
    effects: ['ring a 201 15', 'stop a 201'],
  },
  {
    title: 'the same call twice is one',
    steps: [call('a'), call('a')],
    effects: ['ring a 201 15'],
  },
  {
    title: 'a refusal that crosses the end of the ringing changes nothing',
    rules: { members: ['201', '202'] },
    steps: [call('a'), notAnswered('a'), refused('a', '201')],
    effects: ['ring a 201 15', 'stop a 201', 'ring a 202 15'],
  },
];

class Office {
  readonly rules: GroupRules;
  readonly availability = new Map<string, Availability>();
  state: GroupState = EMPTY_GROUP;
  nowMs = 1_000_000;

  constructor(rules: GroupRules) {
    this.rules = rules;
  }

  take(step: Step): readonly GroupEffect[] {
    if (typeof step === 'number') this.nowMs += step;
    if (typeof step === 'string') {
      const [user = '', availability] = step.split(' ');
      this.availability.set(user, availability as Availability);
    }
    const turn = nextGroupState(this.state, typeof step === 'object' ? step : { kind: 'look' }, {
      rules: this.rules,
      availability: (user) => this.availability.get(user) ?? 'free',
      nowMs: this.nowMs,
    });
    this.state = turn.state;
    return turn.effects;
  }
}

function lineOf(effect: GroupEffect): string {
  switch (effect.kind) {
    case 'ring':
      return `ring ${effect.id} ${effect.users}${effect.seconds === undefined ? '' : ` ${effect.seconds}`}`;
    case 'stop':
      return `stop ${effect.id} ${effect.users}${effect.answered ? ' answered' : ''}`;
    case 'wait':
      return `wait ${effect.id} ${effect.place}`;
    case 'end':
      return `end ${effect.id} ${effect.outcome}`;
    case 'wake':
      return `wake ${effect.atMs}`;
  }
}

for (const { title, rules, steps, effects } of CASES) {
  t.test(title, async (t) => {
    const office = new Office({ ...RULES, ...rules });
    const seen = steps.flatMap((step) => office.take(step)).filter(({ kind }) => kind !== 'wake');
    t.same(seen.map(lineOf), effects);
  });
}

t.test('says when time alone will change something', async (t) => {
  const office = new Office({ ...RULES, members: ['201'], wrapUpSeconds: 2 });
  office.take(call('a'));
  office.take(answered('a', '201'));
  t.same(office.take(ended('201')), [], 'nobody waits: nothing to look for');
  t.same(office.take(call('b')).map(lineOf), ['wait b 1', `wake ${office.nowMs + 2000}`]);
});

t.test('a queue without a limit has one all the same', async (t) => {
  const office = new Office({ ...RULES, members: ['201'] });
  office.take('201 busy');
  for (let i = 0; i < MAX_WAITING; i++) t.same(office.take(call(`c${i}`)).map(lineOf), [`wait c${i} ${i + 1}`]);
  t.same(office.take(call('late')).map(lineOf), ['end late busy']);
});

t.test('whatever happens nobody rings twice, nobody is forgotten, and no memory grows', async (t) => {
  let seed = 20_261_126;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  const modes = ['sequential', 'collective', 'rotary', 'longest-waiting'] as const;
  const members = ['201', '202', '203', '204'];
  for (let run = 0; run < 200; run++) {
    const mode = modes[run % modes.length] ?? 'sequential';
    const office = new Office({ ...RULES, mode, members, mayWait: run % 3 !== 0, waitingLimit: run % 5 });
    const open = new Set<string>();
    const ringing = new Map<string, string>();
    const drop = (id: string) => {
      open.delete(id);
      for (const [user, of] of [...ringing]) if (of === id) ringing.delete(user);
    };
    for (let step = 0; step < 120; step++) {
      const id = `c${random(6)}`;
      const user = members[random(members.length)] ?? '201';
      const steps: readonly Step[] = [
        call(id),
        notAnswered(id),
        refused(id, user),
        answered(id, user),
        left(id),
        ended(user),
        random(6000),
        `${user} ${['free', 'busy', 'away'][random(3)]}`,
      ];
      const chosen = steps[random(steps.length)] ?? call(id);
      if (typeof chosen === 'object' && chosen.kind === 'call') open.add(id);
      if (typeof chosen === 'object' && chosen.kind === 'refused' && ringing.get(user) === id) ringing.delete(user);
      const isOver = typeof chosen === 'object' && (chosen.kind === 'left' || chosen.kind === 'answered');
      const effects = office.take(chosen);
      if (isOver) drop(id);
      for (const effect of effects) {
        if (effect.kind === 'stop')
          for (const each of effect.users) if (ringing.get(each) === effect.id) ringing.delete(each);
      }
      for (const effect of effects) {
        if (effect.kind === 'end') drop(effect.id);
        if (effect.kind !== 'ring') continue;
        for (const each of effect.users) {
          if (ringing.has(each)) t.fail(`${each} rings for ${ringing.get(each)} and ${effect.id}`);
          ringing.set(each, effect.id);
        }
      }
      const here = office.state.calls.map((each) => each.id);
      if (here.toSorted().join() !== [...open].toSorted().join()) t.fail(`here ${here}, open ${[...open]}`);
      if (office.state.wrapUpUntilMs.size > members.length) t.fail('memory grows');
    }
  }
  t.pass('24,000 inputs');
});
