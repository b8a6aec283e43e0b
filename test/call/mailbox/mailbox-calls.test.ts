/** A user is called for new messages: when, how often, and what he hears. */
import t, { type Test } from 'tap';
import { AFTER_MS, BETWEEN_MS, MailboxCalls } from '../../../firmware/call/mailbox/mailbox-calls.ts';
import type { VoiceMessage } from '../../../firmware/call/mailbox/message.ts';
import type { Originated } from '../../../firmware/call/origination.ts';
import { createLogger } from '../../../firmware/core/logger.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { settle } from '../fakes.ts';
import { configurationOf, stateOf } from '../routing/support/office.ts';

function setUp(t: Test, user: object = { voicemail: { enabled: true, ringBack: true } }) {
  const clock = new FakeClock();
  const messages: VoiceMessage[] = [];
  const rung: { number: string | undefined; devices: number; answer: (outcome: Originated) => void }[] = [];
  const collected: unknown[] = [];
  const present = { state: 'idle' };
  const configuration = configurationOf({
    users: { 201: { name: 'Anna', ...user } },
    extensions: { 201: { user: '201' } },
    shortCodes: { '*17': { feature: 'voicemail-collect', telephoneNumber: 'U' } },
  });
  const calls = new MailboxCalls({
    calls: {
      state: stateOf({ devices: { 201: [0] } }),
      originations: {
        begin: ({ shown, step }: { shown: { number?: string }; step: { targets: readonly unknown[] } }) => ({
          outcome: new Promise<Originated>((answer) => {
            rung.push({ number: shown.number, devices: step.targets.length, answer });
          }),
          cancel: () => undefined,
        }),
      },
      giveNewPlan: async (_leg: unknown, step: unknown) => {
        collected.push(step);
      },
    } as never,
    mailboxes: () => ({ list: () => messages }),
    presences: { of: () => present as never },
    configuration: () => configuration,
    clock,
    logger: createLogger('silent'),
  });
  t.teardown(() => calls.close());
  const receive = (id: string): void => {
    messages.push({
      ...{ id, user: '201', callerNumber: '', callerName: '', durationMs: 2000, sizeBytes: 1, isOld: false },
      receivedAtMs: clock.now() + messages.length,
    });
    calls.look('201');
  };
  return { clock, messages, rung, collected, present, calls, receive };
}

const LEG = { party: { name: 'Anna' }, close: () => undefined };

t.test('a message comes: his devices ring, and whoever answers is in his mailbox', async (t) => {
  const { clock, rung, collected, receive, calls } = setUp(t);
  receive('a');
  t.equal(rung.length, 0, 'not in the same moment');
  clock.advance(AFTER_MS);
  t.match(rung, [{ number: '*17', devices: 1 }]);
  rung[0]?.answer({ kind: 'answered', leg: LEG as never });
  await settle();
  t.match(collected, [{ kind: 'mailbox', purpose: 'collect', mailbox: '201' }]);
  // He has hung up without hearing it.
  calls.look('201');
  clock.advance(10 * BETWEEN_MS);
  t.equal(rung.length, 1, 'nobody is called twice for the same messages');
  receive('b');
  clock.advance(AFTER_MS);
  t.equal(rung.length, 2);
});

t.test('nobody answers: again when he has ended a call, and not sooner than in a while', async (t) => {
  const { clock, rung, receive, calls } = setUp(t);
  receive('a');
  clock.advance(AFTER_MS);
  rung[0]?.answer({ kind: 'failed', status: 480 });
  await settle();
  clock.advance(10_000);
  calls.look('201');
  calls.look('201');
  clock.advance(BETWEEN_MS - 10_001);
  t.equal(rung.length, 1);
  clock.advance(1);
  t.equal(rung.length, 2);
  rung[1]?.answer({ kind: 'failed', status: 480 });
  await settle();
  clock.advance(10 * BETWEEN_MS);
  t.equal(rung.length, 2, 'nobody is called without a reason');
});

t.test('who is in a call, has heard his messages, does not want it, or has no voicemail is not called', async (t) => {
  const busy = setUp(t);
  busy.present.state = 'talking';
  busy.receive('a');
  busy.clock.advance(BETWEEN_MS);
  t.equal(busy.rung.length, 0);
  busy.present.state = 'idle';
  busy.calls.look('201');
  busy.present.state = 'calling';
  busy.clock.advance(BETWEEN_MS);
  t.equal(busy.rung.length, 0, 'he has begun another call meanwhile');
  const heard = setUp(t);
  heard.receive('a');
  heard.messages.splice(0);
  heard.clock.advance(BETWEEN_MS);
  t.equal(heard.rung.length, 0);
  for (const voicemail of [{ enabled: true }, { enabled: false, ringBack: true }]) {
    const other = setUp(t, { voicemail });
    other.receive('a');
    other.clock.advance(BETWEEN_MS);
    t.equal(other.rung.length, 0);
    t.equal(other.clock.pending, 0);
  }
});
