/** A user has his conversation recorded: what both sides hear, and what his mailbox gets. */
import t, { type Test } from 'tap';
import { LOOK_MS } from '../../../firmware/call/feature/call-recording.ts';
import { RecordCall } from '../../../firmware/call/feature/record-call.ts';
import type { Leg } from '../../../firmware/call/leg/leg.ts';
import type { LegParty } from '../../../firmware/call/leg/leg-party.ts';
import type { Draft } from '../../../firmware/call/mailbox/message.ts';
import type { FeatureStep } from '../../../firmware/call/routing/plan.ts';
import { description, FakeBox, FakeCaller, settle } from '../fakes.ts';
import { configurationOf } from '../routing/support/office.ts';

const WORDS = 'en/recording-started';
const STEP = { kind: 'feature', feature: 'call-record', argument: '', user: '201', extension: '201' } as const;

async function setUp(_t: Test, { recording = {}, voicemail = { enabled: true }, room = 99, disk = 99 } = {}) {
  const box = new FakeBox();
  const kept: unknown[] = [];
  const dropped: string[] = [];
  const configuration = configurationOf({ system: { recording }, users: { 201: { name: 'Anna', voicemail } } });
  const { call, caller, device } = await box.conversation();
  let begun = 0;
  const draft = (): Draft => ({
    ...{ user: '201', id: `part${++begun}`, folder: '/messages', name: `part${begun}.wav`, maxMs: 60_000 },
    ...{ maxBytes: 1_000_000, maxFolderBytes: 1_000_000, keepFreeBytes: 0 },
  });
  const feature = new RecordCall({
    calls: {
      runners: box.runners,
      legsOf: (user) => [...call.legs].filter(({ party }) => party.user === user),
      callOf: (leg: Leg) => (call.legs.has(leg) ? call : undefined),
    },
    mailboxes: () => ({
      hasRoom: () => begun < room,
      begin: () => (begun < Math.min(room, disk) ? draft() : undefined),
      keep: async ({ id }, { number, durationMs }) => {
        kept.push([id, number, durationMs]);
        return undefined as never;
      },
      drop: ({ id }) => dropped.push(id),
    }),
    configuration: () => configuration,
    clock: box.clock,
    logger: box.services.logger,
  });
  const sessionOf = (leg: Leg | undefined) => {
    const port =
      leg?.media.side === undefined ? undefined : box.media.sessions.find(({ id }) => id === legIds.get(leg));
    if (port === undefined) throw new Error('no session');
    return port;
  };
  const legIds = new Map<Leg, number>();
  for (const leg of [call.waiting, call.other]) {
    if (leg !== undefined) legIds.set(leg, (await leg.media.session()).id);
  }
  /** Dials the code by another telephone; what it heard. */
  const dial = async (step: Partial<FeatureStep> = {}, party: Partial<LegParty> = {}): Promise<string> => {
    const before = box.media.sessions.length;
    const by = new FakeCaller();
    const waiting = box.leg(by, party);
    await box.call(by, (context) => feature.run({ ...STEP, ...step }, context), { waiting });
    const { sound } = box.media.sessions[before] ?? {};
    by.hangsUp();
    await settle();
    return sound?.kind === 'tone' && sound.tone.steps.some(({ frequencies }) => frequencies[0]?.hz === 1400)
      ? 'done'
      : 'not done';
  };
  const own = sessionOf(call.waiting);
  return { box, call, caller, device, kept, dropped, dial, own, peer: sessionOf(call.other) };
}

t.test('both sides hear that it begins; what is said until he dials again is a message', async (t) => {
  const { box, kept, dial, own, peer, call } = await setUp(t);
  t.equal(await dial(), 'done');
  t.same([own.hears, peer.hears], [WORDS, WORDS]);
  t.match(own.recordings, [{ options: { folder: '/messages', name: 'part1.wav', who: 'both' }, isEnded: false }]);
  t.ok(box.events.some((event) => event.kind === 'recorded' && event.recording === 'mailbox/201/part1'));
  t.equal(await dial(), 'done');
  t.same(kept, [['part1', '202', 5000]]);
  t.equal(call.phase, 'established');
  t.equal(own.recordings.length, 1);
});

t.test('Call Listen off: either side ends the recording of its conversation, and nobody else does', async (t) => {
  const listenOff = { feature: 'call-listen-off' } as const;
  const by = (number: string): Partial<LegParty> => ({ number, user: number, extension: number });
  const { call, dial, own, kept } = await setUp(t);
  t.equal(await dial(listenOff), 'not done', 'where nothing is recorded');
  await dial();
  t.equal(await dial({ ...listenOff, user: '203' }, by('203')), 'not done', 'of a third one');
  t.equal(own.recordings[0]?.isEnded, false);
  t.equal(await dial({ ...listenOff, user: '202' }, by('202')), 'done', 'of who did not begin it');
  t.same([own.recordings[0]?.isEnded, call.phase], [true, 'established']);
  t.same(kept, [['part1', '202', 5000]]);
  await dial();
  t.equal(await dial(listenOff), 'done', 'of who began it');
  t.ok(own.recordings.every(({ isEnded }) => isEnded));
});

t.test('a tone again and again, or nothing, where the box is configured so', async (t) => {
  const tone = await setUp(t, { recording: { warning: 'tone' } });
  await tone.dial();
  t.same([tone.own.hears, tone.peer.hears], ['tone', 'tone']);
  for (const session of [tone.own, tone.peer]) session.sound = undefined;
  tone.box.clock.advance(59_000);
  t.match(tone.peer.hears, /^session/);
  tone.box.clock.advance(1500);
  await settle();
  t.equal(tone.peer.hears, 'tone');
  const nothing = await setUp(t, { recording: { warning: 'none' } });
  await nothing.dial();
  t.match([nothing.own.hears, nothing.peer.hears], [/^session/, /^session/]);
  t.equal(nothing.own.recordings.length, 1);
});

t.test('not while he holds: it begins when he takes the call back', async (t) => {
  const { box, caller, dial, own } = await setUp(t);
  await caller.handlers.onReinvite?.(description(9000, 'a=sendonly'));
  await settle();
  t.equal(await dial(), 'done');
  box.clock.advance(10 * LOOK_MS);
  t.equal(own.recordings.length, 0);
  await caller.handlers.onReinvite?.(description(9000));
  await settle();
  box.clock.advance(LOOK_MS);
  await settle();
  t.equal(own.recordings.length, 1);
});

t.test(
  'nothing is recorded while a side holds, by its phone or by the box; it goes on as another message',
  async (t) => {
    const { box, call, caller, device, kept, dial, own } = await setUp(t);
    await dial();
    const look = async (): Promise<void> => {
      box.clock.advance(LOOK_MS);
      await settle();
    };
    const ended = () => own.recordings.map(({ isEnded }) => isEnded);
    const holds: readonly (readonly [title: string, hold: () => unknown, retrieve: () => unknown])[] = [
      [
        'his phone',
        () => caller.handlers.onReinvite?.(description(9000, 'a=sendonly')),
        () => caller.handlers.onReinvite?.(description(9000)),
      ],
      [
        'that of the other one',
        () => device.handlers.onReinvite?.(description(9002, 'a=sendonly')),
        () => device.handlers.onReinvite?.(description(9002)),
      ],
      ['the box, for him', () => call.hold(call.waiting, true), () => call.hold(call.waiting, false)],
    ];
    const expected = [false];
    for (const [title, hold, retrieve] of holds) {
      await hold();
      await look();
      t.same(
        ended(),
        expected.map(() => true),
        title,
      );
      box.clock.advance(120_000);
      await settle();
      t.equal(own.recordings.length, expected.length, 'however long it is');
      await retrieve();
      await look();
      expected.unshift(true);
      t.same(ended(), expected, `after the hold by ${title}`);
    }
    t.equal(await dial(), 'done');
    t.same(
      kept.map((message) => (message as unknown[])[0]),
      ['part1', 'part2', 'part3', 'part4'],
    );
    t.equal(call.phase, 'established');
  },
);

t.test(
  'what was said between two holds may be too short for a message, which does not end the recording',
  async (t) => {
    const { own, dropped, kept, dial } = await setUp(t);
    await dial();
    own.recordings[0]?.end('stopped', 400);
    await settle();
    t.same([dropped, kept, own.recordings.length], [['part1'], [], 2]);
  },
);

t.test('a long one is several messages, up to the limits; whoever hangs up ends it', async (t) => {
  const { box, kept, dial, own, device } = await setUp(t, { recording: { maxMinutes: 3 }, room: 2 });
  await dial();
  box.clock.advance(60_000);
  await settle();
  t.same(
    own.recordings.map(({ isEnded }) => isEnded),
    [true, false],
  );
  device.hangsUp();
  await settle();
  t.same(kept, [
    ['part1', '202', 5000],
    ['part2', '202', 5000],
  ]);
  t.equal(box.clock.pending, 0, 'no timer is left');
  const limited = await setUp(t, { recording: { maxMinutes: 1 } });
  await limited.dial();
  limited.box.clock.advance(60_000);
  await settle();
  t.ok(limited.own.recordings.every(({ isEnded }) => isEnded));
});

t.test('nothing is recorded without a mailbox, or room in it', async (t) => {
  for (const options of [{ voicemail: { enabled: false } }, { room: 0 }, { disk: 0 }]) {
    const { dial, own } = await setUp(t, options);
    for (const attempt of [1, 2]) t.equal(await dial(), 'not done', `${attempt}`);
    t.equal(own.recordings.length, 0);
  }
});

t.test('a recording is of the two who heard of it: it ends when the call moves, or gets somebody else', async (t) => {
  const replaced = await setUp(t);
  await replaced.dial();
  const { call: other } = await replaced.box.conversation();
  await other.take([other.waiting]);
  t.equal(await replaced.call.replaceLeg(replaced.call.other as Leg, other.waiting, { how: 'transfer' }), true);
  await settle();
  t.equal(replaced.call.phase, 'established');
  t.same([replaced.own.recordings.length, replaced.own.recordings[0]?.isEnded], [1, true]);
  const moved = await setUp(t);
  await moved.dial();
  const leg = moved.call.waiting;
  await moved.call.take([leg, moved.call.other as Leg]);
  t.equal(leg.isUp, true);
  moved.box.clock.advance(LOOK_MS);
  await settle();
  t.same([moved.own.recordings.length, moved.own.recordings[0]?.isEnded], [1, true]);
  t.same(moved.kept, [['part1', '202', 5000]]);
});

t.test('a disk that is full at once is not tried again without end', async (t) => {
  const { box, own, dropped, dial } = await setUp(t);
  await dial();
  own.recordings[0]?.end('quota', 0);
  await settle();
  t.same([own.recordings.length, dropped], [1, ['part1']]);
  box.clock.advance(60_000);
  await settle();
  t.equal(own.recordings.length, 1);
});
