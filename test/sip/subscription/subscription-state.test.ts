import t from 'tap';
import { IllegalTransitionError } from '../../../firmware/core/errors.ts';
import {
  newSubscription,
  nextSubscription,
  type SubscriptionInput,
} from '../../../firmware/sip/subscription/subscription-state.ts';

interface Case {
  readonly title: string;
  readonly pending?: boolean;
  readonly intervalMs?: number;
  readonly inputs: readonly (SubscriptionInput | SubscriptionInput['kind'])[];
  readonly effects: readonly string[];
  readonly end: string;
}

const lost = (retryAfterMs?: number): SubscriptionInput => ({ kind: 'lost', retryAfterMs });

const CASES: readonly Case[] = [
  {
    title: 'an accepted SUBSCRIBE MUST be followed by a NOTIFY at once (RFC 6665 §4.2.1.2)',
    inputs: ['subscribed'],
    effects: ['start-expiry', 'notify'],
    end: 'active sending nothing',
  },
  {
    title: 'changes while a NOTIFY is on its way make one more, not more',
    inputs: ['subscribed', 'changed', 'changed', 'changed', 'answered'],
    effects: ['start-expiry', 'notify', 'notify'],
    end: 'active sending nothing',
  },
  {
    title: 'a package may ask for time between two NOTIFYs',
    intervalMs: 5000,
    inputs: ['subscribed', 'answered', 'changed', 'changed', 'pause-over', 'answered', 'pause-over'],
    effects: ['start-expiry', 'notify', 'start-pause 5000', 'notify', 'start-pause 5000'],
    end: 'active idle nothing',
  },
  {
    title: 'a refresh and the end do not wait for it',
    intervalMs: 5000,
    inputs: ['subscribed', 'subscribed', 'answered', 'answered', 'ended', 'answered'],
    effects: [
      ...['start-expiry', 'notify', 'start-expiry', 'notify', 'start-pause 5000'],
      ...['stop-expiry', 'unlist', 'stop-pause', 'notify', 'forget'],
    ],
    end: 'gone idle nothing',
  },
  {
    title: 'a lost NOTIFY is repeated with a pause that grows, and the subscription lives on',
    inputs: ['subscribed', lost(), 'pause-over', lost(), 'pause-over', lost(60_000), 'pause-over', lost(9e9)],
    effects: [
      ...['start-expiry', 'notify', 'start-pause 4000', 'notify', 'start-pause 8000', 'notify', 'start-pause 60000'],
      ...['notify', 'start-pause 300000'],
    ],
    end: 'active pausing changes',
  },
  {
    title: 'an answer, or a SUBSCRIBE, begins the pauses anew',
    inputs: [
      'subscribed',
      lost(),
      'pause-over',
      lost(),
      'subscribed',
      lost(),
      'pause-over',
      'answered',
      'changed',
      lost(),
    ],
    effects: [
      ...['start-expiry', 'notify', 'start-pause 4000', 'notify', 'start-pause 8000', 'start-expiry', 'stop-pause'],
      ...['notify', 'start-pause 4000', 'notify', 'notify', 'start-pause 4000'],
    ],
    end: 'active pausing changes',
  },
  {
    title: '481 ends it without another word (RFC 6665 §4.2.2)',
    inputs: ['subscribed', 'changed', 'refused', 'changed', 'ended', 'answered'],
    effects: ['start-expiry', 'notify', 'stop-expiry', 'unlist', 'forget'],
    end: 'gone idle nothing',
  },
  {
    title: 'the end waits for the NOTIFY on its way, and is told once',
    inputs: ['subscribed', 'ended', 'ended', lost(), lost()],
    effects: ['start-expiry', 'notify', 'stop-expiry', 'unlist', 'notify', 'forget'],
    end: 'gone idle nothing',
  },
  {
    title: 'a pending subscription is told of nothing but its approval (RFC 6665 §4.2.1.3)',
    pending: true,
    inputs: ['subscribed', 'answered', 'changed', 'approved', 'approved'],
    effects: ['start-expiry', 'notify', 'notify'],
    end: 'active sending nothing',
  },
];

for (const { title, pending = false, intervalMs = 0, inputs, effects, end } of CASES) {
  t.test(title, async (t) => {
    let state = newSubscription(pending);
    const done: string[] = [];
    for (const input of inputs) {
      const step = nextSubscription(
        state,
        typeof input === 'string' ? ({ kind: input } as SubscriptionInput) : input,
        intervalMs,
      );
      state = step.state;
      for (const effect of step.effects)
        done.push('delayMs' in effect ? `${effect.kind} ${effect.delayMs}` : effect.kind);
    }
    t.same(done, effects);
    const { phase, notifier, due } = state;
    t.equal(`${phase} ${notifier} ${due}`, end);
  });
}

t.test('no order of inputs breaks the rules', async (t) => {
  const kinds: readonly SubscriptionInput[] = [
    ...(['subscribed', 'changed', 'approved', 'ended', 'answered', 'refused', 'pause-over'] as const).map(
      (kind) => ({ kind }) as SubscriptionInput,
    ),
    lost(),
  ];
  let steps = 0;
  const walk = (state: ReturnType<typeof newSubscription>, forgotten: number, depth: number): void => {
    for (const input of kinds) {
      // What the code around the machine never does.
      const answers = input.kind === 'answered' || input.kind === 'lost' || input.kind === 'refused';
      if (answers && state.notifier !== 'sending') continue;
      if (input.kind === 'pause-over' && state.notifier !== 'pausing') continue;
      if (input.kind === 'subscribed' && (state.phase === 'terminated' || state.phase === 'gone')) continue;
      const step = nextSubscription(state, input, 1000);
      const notifies = step.effects.filter(({ kind }) => kind === 'notify').length;
      const forgets = step.effects.filter(({ kind }) => kind === 'forget').length;
      if (notifies > 1) t.fail('two NOTIFYs at once');
      if (notifies === 1 && state.notifier === 'sending' && !answers) t.fail('a NOTIFY beside another');
      if (forgotten + forgets > 1) t.fail('forgotten twice');
      if (step.state.phase === 'gone' && forgotten + forgets !== 1) t.fail('gone and not forgotten');
      steps += 1;
      if (depth > 1) walk(step.state, forgotten + forgets, depth - 1);
    }
  };
  walk(newSubscription(true), 0, 7);
  t.ok(steps > 1000);
  t.throws(
    () => nextSubscription(newSubscription(false), { kind: 'pause-over' }, 0),
    IllegalTransitionError,
    'an idle notifier has no pause',
  );
});
