/** Plans that are run: rings with branches, lines one after the other, parties that wait. */
import t from 'tap';
import type { OutsideCall, OutsideLines, PlacedCall } from '../../firmware/call/outside.ts';
import type { LineStep, RefuseStep, RingOutcome } from '../../firmware/call/routing/plan.ts';
import { description, FakeBox, FakeCaller, FLOW, settle } from './fakes.ts';

const REFUSE: RefuseStep = { kind: 'refuse', status: 484, reason: 'incomplete', why: 'more is to come' };

t.test('a number that is not complete gets 484', async (t) => {
  const box = new FakeBox();
  const caller = new FakeCaller();
  await box.call(caller, REFUSE);
  t.same(caller.told, ['484']);
  t.same(box.history, ['started', 'ended unknown-number by box']);
});

t.test('all devices ring at once; the others are told that it was answered elsewhere', async (t) => {
  const box = new FakeBox();
  const caller = new FakeCaller();
  await box.call(caller, box.ring([{}, {}, {}]));
  t.equal(box.devices.length, 3);
  for (const device of box.devices) device.rings();
  box.devices[1]?.answers();
  await settle();
  t.same(
    box.devices.map(({ told }) => told),
    [
      ['CANCEL SIP;cause=200;text="Call completed elsewhere"'],
      [],
      ['CANCEL SIP;cause=200;text="Call completed elsewhere"'],
    ],
  );
  t.same(caller.told, ['180', '180', '180', '200']);
});

const outcomes: readonly (readonly [RingOutcome, (box: FakeBox) => void])[] = [
  ['busy', (box) => box.devices[0]?.refuses(486)],
  ['declined', (box) => box.devices[0]?.refuses(603)],
  ['unreachable', (box) => box.devices[0]?.refuses(480)],
  ['noAnswer', (box) => box.clock.advance(15_000)],
];
for (const [outcome, happens] of outcomes) {
  t.test(`${outcome}: on with the branch for it`, async (t) => {
    const box = new FakeBox();
    const caller = new FakeCaller();
    const other = box.ring([{ extension: '203' }], { party: { number: '203', name: 'Warehouse' } });
    const call = await box.call(caller, box.ring([{}], { noAnswerSeconds: 15, after: { [outcome]: other } }));
    box.devices[0]?.rings();
    happens(box);
    await settle();
    t.equal(box.devices.length, 2);
    t.equal(box.devices[1]?.options.to.uri, 'sip:203@192.0.2.1');
    box.devices[1]?.answers();
    await settle();
    t.equal(call.phase, 'established');
    t.equal(box.media.open.length, 2, 'the device that did not answer holds no port');
  });
}

t.test('where there is no branch the caller gets the status', async (t) => {
  for (const [refused, status] of [
    [486, '486'],
    [603, '486'],
    [600, '600'],
    [480, '480'],
    [488, '488'],
  ] as const) {
    const box = new FakeBox();
    const caller = new FakeCaller();
    await box.call(caller, box.ring([{}], { declineStatus: 486 }));
    box.devices[0]?.rings();
    box.devices[0]?.refuses(refused);
    await settle();
    t.same(caller.told, ['180', status]);
    t.same(box.devices[0]?.told, [], 'RFC 3261 §9.1: no CANCEL after a final response');
  }
  const box = new FakeBox();
  const caller = new FakeCaller();
  await box.call(caller, box.ring());
  box.clock.advance(180_000);
  await settle();
  t.same(caller.told, ['480'], 'nobody waits for ever');
});

t.test('whoever rings no longer is out of a call that goes on, with the reason', async (t) => {
  const released = (box: FakeBox): readonly string[] => box.history.filter((event) => event.startsWith('released'));
  const box = new FakeBox();
  const next = box.ring([{ extension: '203' }, { extension: '203' }]);
  const call = await box.call(new FakeCaller(), box.ring([{}], { noAnswerSeconds: 15, after: { noAnswer: next } }));
  const [missed] = [...call.legs].filter((leg) => leg !== call.waiting);
  box.devices[0]?.rings();
  box.clock.advance(15_000);
  await settle();
  t.same(released(box), ['released 1 no-answer']);
  t.equal(call.legs.has(missed as never), false, 'nobody picks it up any more');
  box.devices[1]?.answers();
  await settle();
  t.same(released(box), ['released 1 no-answer', 'released 3 answered-elsewhere']);
  t.equal(call.legs.size, 2);
  const declined = new FakeBox();
  const after = { declined: declined.ring([{ extension: '203' }]) };
  const goesOn = await declined.call(new FakeCaller(), declined.ring([{}, {}], { after }));
  declined.devices[1]?.refuses(603);
  await settle();
  t.same(released(declined), ['released 2 declined', 'released 1 declined']);
  goesOn.shutDown();
  t.equal(released(declined).length, 2, 'the end of the call is that of whoever is left');
});

t.test('a second device rings after its delay', async (t) => {
  const box = new FakeBox();
  await box.call(new FakeCaller(), box.ring([{}, { delaySeconds: 4 }]));
  t.equal(box.devices.length, 1);
  box.clock.advance(4000);
  await settle();
  t.equal(box.devices.length, 2);
});

/** Lines that say what becomes of each attempt. */
function linesWith(answers: Readonly<Record<string, number | 'placed'>>) {
  const told: string[] = [];
  const calls: OutsideCall[] = [];
  const lines: OutsideLines = {
    state: () => ({ isInService: true, channelsInUse: 0, hasCallToDrop: false }),
    receive: () => ({ kind: 'stranger' }),
    place: async (call) => {
      calls.push(call);
      const { line, number } = call.attempt;
      const answer = answers[line];
      if (answer !== 'placed') return { kind: 'refused', status: answer ?? 503, why: 'full', isFinal: false };
      const placed: PlacedCall = {
        kind: 'placed',
        invite: {
          flow: FLOW,
          requestUri: `sip:${number}@carrier`,
          from: { uri: 'sip:box' },
          to: { uri: `sip:${number}@carrier` },
        },
        abilities: {
          codecs: undefined,
          security: 'system',
          dtmf: 'automatic',
        },
        answerWithinMs: 4000,
        shows: () => [],
        names: () => undefined,
        answered: () => told.push(`${line} answered`),
        ended: () => told.push(`${line} ended`),
        rejected: (status) => {
          told.push(`${line} ${status}`);
          return status >= 500 || status === 408 ? 'next' : 'final';
        },
      };
      return placed;
    },
  };
  return { lines, told, calls };
}

function lineStep(...lines: readonly string[]): LineStep {
  const identity = { number: '0301234', name: undefined, isWithheld: false };
  return {
    kind: 'line',
    call: { attempts: lines.map((line) => ({ line, number: `0049${line}`, identity })) },
    diversions: [],
    after: {},
  };
}

t.test('an outgoing call takes the first line that works, and frees its channel', async (t) => {
  const box = new FakeBox();
  const { lines, told } = linesWith({ 1: 503, 2: 'placed', 3: 'placed' });
  box.outside = lines;
  const caller = new FakeCaller();
  const call = await box.call(caller, lineStep('1', '2', '3'), { direction: 'outgoing' });
  t.equal(box.devices[0]?.options.requestUri, 'sip:00492@carrier');
  box.devices[0]?.refuses(503);
  await settle();
  t.equal(box.devices[1]?.options.requestUri, 'sip:00493@carrier');
  box.devices[1]?.rings();
  box.devices[1]?.answers();
  await settle();
  t.equal(call.phase, 'established');
  caller.acknowledges();
  caller.hangsUp();
  await settle();
  t.same(told, ['2 503', '2 ended', '3 answered', '3 ended']);
  t.same(caller.told, ['180', '200']);
});

t.test(
  'help takes the channel while the next line is looked for: that one is freed, and nobody is called',
  async (t) => {
    const box = new FakeBox();
    const { lines, told, calls } = linesWith({ 1: 'placed', 2: 'placed' });
    let look: () => void = () => undefined;
    box.outside = {
      ...lines,
      place: async (call) => {
        if (call.attempt.line === '2') await new Promise<void>((resolve) => (look = resolve));
        return lines.place(call);
      },
    };
    const caller = new FakeCaller();
    await box.call(caller, lineStep('1', '2'), { direction: 'outgoing' });
    box.devices[0]?.refuses(503);
    await settle();
    calls[0]?.drop();
    look();
    await settle();
    t.same(caller.told, ['503']);
    t.equal(box.devices.length, 1);
    t.same(told, ['1 503', '1 ended', '2 ended']);
  },
);

t.test('what the called party says is for the caller; no other line is tried', async (t) => {
  const box = new FakeBox();
  const { lines, told } = linesWith({ 1: 'placed', 2: 'placed' });
  box.outside = lines;
  const caller = new FakeCaller();
  await box.call(caller, lineStep('1', '2'), { direction: 'outgoing' });
  box.devices[0]?.refuses(486);
  await settle();
  t.same(caller.told, ['486']);
  t.equal(box.devices.length, 1);
  t.equal(told.filter((each) => each === '1 ended').length, 1);
});

t.test('a carrier that says nothing at all is left for the next line', async (t) => {
  const box = new FakeBox();
  const { lines } = linesWith({ 1: 'placed', 2: 'placed' });
  box.outside = lines;
  await box.call(new FakeCaller(), lineStep('1', '2'), { direction: 'outgoing' });
  box.clock.advance(4000);
  await settle();
  t.equal(box.devices.length, 2);
  box.devices[1]?.handlers.onTrying?.();
  box.clock.advance(4000);
  await settle();
  t.equal(box.devices.length, 2, 'one that says 100 is waited for');
});

t.test('a call that makes way for an emergency call ends with the cause', async (t) => {
  const box = new FakeBox();
  const { lines, calls } = linesWith({ 1: 'placed' });
  box.outside = lines;
  const caller = new FakeCaller();
  await box.call(caller, lineStep('1'), { direction: 'outgoing' });
  box.devices[0]?.answers();
  await settle();
  calls[0]?.drop();
  await settle();
  t.match(caller.told.at(-1), /^BYE Q\.850;cause=46/);
  t.equal(box.history.at(-1), 'ended no-line by connected');
});

t.test('a party that is up already waits with tones, and hears busy for a while', async (t) => {
  const box = new FakeBox();
  const { call, device } = await box.conversation();
  const leg = call.other;
  if (leg === undefined) throw new Error('nobody answered');
  await call.take([leg]);
  t.equal(leg.isUp, true);
  const session = box.media.sessions[1];
  const next = await box.call(new FakeCaller(), box.ring([{ extension: '203' }]), { waiting: leg });
  box.devices[1]?.rings();
  await settle();
  t.equal(session?.hears, 'tone', 'ring-back tone');
  box.devices[1]?.refuses(486);
  await settle();
  t.equal(next.phase, 'refused');
  t.equal(session?.hears, 'tone', 'busy tone');
  box.clock.advance(10_000);
  await settle();
  t.equal(next.phase, 'ended');
  t.same(device.told, ['BYE SIP;cause=486']);
  t.equal(box.clock.pending, 0);
});

t.test('a party that is up already is joined with who answers', async (t) => {
  const box = new FakeBox();
  const { call } = await box.conversation();
  const leg = call.other;
  if (leg === undefined) throw new Error('nobody answered');
  await call.take([leg]);
  const next = await box.call(new FakeCaller(), box.ring([{ extension: '203' }]), { waiting: leg });
  box.devices[1]?.rings();
  box.devices[1]?.answers(description(9700));
  await settle();
  t.equal(next.phase, 'established');
  t.equal(box.media.sessions[1]?.hears, 'session 3');
  t.equal(box.media.open.length, 2);
});

t.test('a step of one’s own answers for the box, plays, and hangs up', async (t) => {
  const box = new FakeBox();
  const caller = new FakeCaller();
  let stopped = 0;
  const call = await box.call(caller, (context) => {
    context.run(
      context.answer('announcement').then(async () => {
        await context.waiting.media.announce({ kind: 'files', names: ['en/not-available'] });
        context.hangUp();
      }),
    );
    return {
      stop: () => {
        stopped += 1;
      },
    };
  });
  t.same(caller.told, ['200']);
  t.equal(box.media.sessions[0]?.hears, 'en/not-available');
  box.media.sessions[0]?.tell({ kind: 'playbackEnded', playback: 1 });
  await settle();
  t.same(caller.told, ['200', 'BYE']);
  t.equal(call.phase, 'ended');
  t.equal(stopped, 0, 'the step was over');
  t.same(box.history, ['started', 'answered', 'ended normal by box']);
});
