/**
 * No state is reached in which somebody hears silence for ever: in each, time runs on while nobody does anything more, and the call
 * ends, or whoever is up in it hears something.
 */
import t, { type Test } from 'tap';
import type { Call } from '../../firmware/call/call.ts';
import { tellOutcome } from '../../firmware/call/feature/confirmation.ts';
import type { Leg } from '../../firmware/call/leg/leg.ts';
import { beginCollecting, nextCollecting } from '../../firmware/call/mailbox/collect-dialogue.ts';
import type { DialogueEffect, DialogueInput } from '../../firmware/call/mailbox/dialogue.ts';
import { beginLeaving, nextLeaving } from '../../firmware/call/mailbox/leave-dialogue.ts';
import { NO_LINES } from '../../firmware/call/outside.ts';
import { defaultShortCodes } from '../../firmware/call/routing/default-short-codes.ts';
import type { LineStep } from '../../firmware/call/routing/plan.ts';
import type { FakeClock } from '../support/fake-clock.ts';
import { description, FakeBox, FakeCaller, type FakeMedia, FLOW, settle } from './fakes.ts';
import { sipOfficeTest } from './feature/sip-office.ts';
import { GroupOffice } from './group/support/group-office.ts';

const STEP_MS = 5000;
/** The longest that anybody waits for anybody, parked: an hour, and the reminders on the way. */
const HORIZON_MS = 2 * 3_600_000;
/** Of somebody who is up: while the box looks for the next one to call. */
const MAX_SILENT_MS = 20_000;
/** Of somebody who has no answer: longer than any plan rings, and than timer C. */
const MAX_UNANSWERED_MS = 15 * 60_000;

interface Watched {
  readonly clock: FakeClock;
  readonly media: FakeMedia;
  readonly calls: () => Iterable<Call>;
}

/** Runs time on; what was wrong, in words. A party whose silence is watched has said nothing since then. */
async function runOn({ clock, media, calls }: Watched): Promise<readonly string[]> {
  const wrong = new Set<string>();
  const silentMs = new Map<Leg, number>();
  const unansweredMs = new Map<Leg, number>();
  const muteMs = new Map<object, number>();
  for (let atMs = 0; atMs < HORIZON_MS; atMs += STEP_MS) {
    const open = [...calls()].filter(({ phase }) => phase !== 'ended');
    if (open.length === 0) break;
    for (const session of media.open) {
      const limit = session.configured.at(-1)?.silenceMs;
      const mute = limit === undefined ? 0 : (muteMs.get(session) ?? 0) + STEP_MS;
      muteMs.set(session, mute);
      if (limit !== undefined && mute >= limit) session.tell({ kind: 'silent', durationMs: mute });
    }
    // Who pauses is asked first whether he is there.
    await settle();
    for (const { legs, waiting, phase } of open.filter((call) => call.phase !== 'ended')) {
      for (const leg of legs) {
        if (leg !== waiting && !leg.isUp) continue;
        const map = leg.isUp ? silentMs : unansweredMs;
        const hears = leg.isUp && (await hearsSomething(leg, media));
        const ms = hears ? 0 : (map.get(leg) ?? 0) + STEP_MS;
        map.set(leg, ms);
        const limit = leg.isUp ? MAX_SILENT_MS : MAX_UNANSWERED_MS;
        if (ms > limit) wrong.add(`${leg.party.number} is ${phase}, and ${leg.isUp ? 'hears nothing' : 'waits'}`);
      }
    }
    clock.advance(STEP_MS);
    await settle();
  }
  return [...wrong];
}

/** A sound; somebody who speaks, or is found to be gone; or what a party does not want to hear. */
async function hearsSomething(leg: Leg, media: FakeMedia): Promise<boolean> {
  if (leg.isHolding) return true;
  const { id } = await leg.media.session();
  const session = media.sessions.find((each) => each.id === id);
  if (session?.sound !== undefined) return true;
  if (session?.peer?.configured.at(-1)?.silenceMs !== undefined) return true;
  return media.conferences.some(({ closed, parties }) => !closed && parties.size > 1 && parties.has(id));
}

const watch = (box: FakeBox, call: Call): Watched => ({ clock: box.clock, media: box.media, calls: () => [call] });

/** A call of a box without sockets, in some state. */
const states: readonly (readonly [string, (box: FakeBox) => Promise<Call>])[] = [
  ['a device that says nothing', (box) => box.call(new FakeCaller())],
  [
    'a device that rings on and on',
    async (box) => {
      const call = await box.call(new FakeCaller());
      box.devices[0]?.rings();
      return call;
    },
  ],
  [
    'a device that speaks before it answers, and says nothing more',
    async (box) => {
      const call = await box.call(new FakeCaller());
      box.devices[0]?.sendsEarly(description(9100));
      await settle();
      return call;
    },
  ],
  [
    'one device after the other, none of which answers',
    (box) => box.call(new FakeCaller(), box.ring([{}], { noAnswerSeconds: 30, after: { noAnswer: box.ring([{}]) } })),
  ],
  ['a device whose turn comes late', (box) => box.call(new FakeCaller(), box.ring([{ delaySeconds: 100 }]))],
  ['a conversation of which neither says a word', async (box) => (await box.conversation()).call],
  [
    'a party on hold',
    async (box) => {
      const { call, caller } = await box.conversation();
      await caller.handlers.onReinvite?.(description(9000, 'a=sendonly'));
      await settle();
      return call;
    },
  ],
  [
    'two who pause where nobody speaks',
    async (box) => {
      const pauses = (port: number) => description(port).replace('RTP/AVP 8', 'RTP/AVP 8 13');
      const caller = new FakeCaller({ offer: pauses(9000) });
      const call = await box.call(caller);
      box.devices[0]?.answers(pauses(9100));
      await settle();
      caller.acknowledges();
      await settle();
      return call;
    },
  ],
  [
    'a party that is up, and nobody is there for it',
    async (box) => {
      const { call } = await box.conversation();
      const leg = call.waiting;
      await call.take([leg]);
      return box.call(new FakeCaller(), { kind: 'refuse', status: 486, reason: 'busy', why: '' }, { waiting: leg });
    },
  ],
  [
    'a party that is up, and rings somebody who does not answer',
    async (box) => {
      const { call } = await box.conversation();
      const leg = call.waiting;
      await call.take([leg]);
      leg.hearMusic();
      return box.call(new FakeCaller(), box.ring(), { waiting: leg });
    },
  ],
  [
    'a short code whose tone does not end',
    (box) => box.call(new FakeCaller(), (context) => tellOutcome(context, box.clock, true)),
  ],
  [
    'a line that rings on and on',
    async (box) => {
      const call = await callOverLine(box);
      box.devices[0]?.rings();
      return call;
    },
  ],
  [
    'a line that speaks before it answers, again and again',
    async (box) => {
      const call = await callOverLine(box);
      box.devices[0]?.sendsEarly(description(9100));
      await settle();
      return call;
    },
  ],
];

function callOverLine(box: FakeBox): Promise<Call> {
  const identity = { number: '0301234', name: undefined, isWithheld: false };
  const step: LineStep = {
    kind: 'line',
    call: { attempts: [{ line: '1', number: '00491', identity }] },
    diversions: [],
    after: {},
  };
  box.outside = {
    ...NO_LINES,
    place: async () => ({
      kind: 'placed',
      invite: {
        flow: FLOW,
        requestUri: 'sip:00491@carrier',
        from: { uri: 'sip:box' },
        to: { uri: 'sip:00491@carrier' },
      },
      abilities: {
        codecs: undefined,
        security: 'system',
        dtmf: 'automatic',
        speaks: { reinvite: true, update: true, refer: true, reliable: true },
      },
      answerWithinMs: 4000,
      shows: () => [],
      names: () => undefined,
      answered: () => undefined,
      ended: () => undefined,
      rejected: () => 'final',
    }),
  };
  return box.call(new FakeCaller(), step, { direction: 'outgoing' });
}

for (const [name, begin] of states) {
  t.test(name, async (t) => {
    const box = new FakeBox();
    const call = await begin(box);
    t.not(call.phase, 'ended', 'it is reached');
    t.same(await runOn(watch(box, call)), []);
    if (call.phase !== 'ended') t.match(name, /on hold/, 'this one may go on');
  });
}

const groups: readonly (readonly [string, object, string])[] = [
  ['a group whose members’ devices say nothing', {}, ''],
  ['a group where nobody is free, and a queue', { members: [{ user: '202' }] }, '202'],
  ['a group without a queue', { queue: { enabled: false } }, ''],
];
for (const [name, settings, busy] of groups) {
  t.test(name, async (t) => {
    const office = new GroupOffice(settings);
    if (busy !== '') await office.converse(busy);
    // Whoever is in one of these has a lot to say.
    for (const { legs } of office.calls) for (const leg of legs) leg.media.watch(false);
    const { call } = await office.call();
    t.not(call.phase, 'ended', 'it is reached');
    t.same(await runOn({ clock: office.box.clock, media: office.box.media, calls: () => [call] }), []);
    t.equal(call.phase, 'ended');
  });
}

const OFFICE = {
  system: { telephony: { noAnswerSeconds: 20 } },
  users: { 201: { name: 'Anna' }, 202: { name: 'Ben' }, 203: { name: 'Carla' } },
  shortCodes: defaultShortCodes('en-GB'),
};

sipOfficeTest('a party that is parked, of whom nobody wants to be reminded', OFFICE, async (t, office) => {
  const [anna, ben] = [await office.phone('201'), await office.phone('202')];
  await office.conversation(ben, anna, '201');
  await anna.refer('<sip:*37*1%23@box>');
  await anna.notified(200);
  await anna.bye();
  await office.until(() => office.media.sessions[0]?.hears === 'music/default', 'music');
  const { clock, media } = office;
  t.same(await runOn({ clock, media, calls: () => office.calls.calls }), []);
  await ben.ended();
});

sipOfficeTest('a transfer to somebody who does not answer', OFFICE, async (t, office) => {
  const [anna, ben, carla] = [await office.phone('201'), await office.phone('202'), await office.phone('203')];
  await office.conversation(ben, anna, '201');
  await anna.refer('<sip:203@box>');
  await carla.incomingCall();
  const { clock, media } = office;
  t.same(await runOn({ clock, media, calls: () => office.calls.calls }), []);
  await Promise.all([anna.ended(), ben.ended()]);
});

sipOfficeTest('a conference in which nobody says a word', OFFICE, async (t, office) => {
  const [anna, ben, carla] = [await office.phone('201'), await office.phone('202'), await office.phone('203')];
  await office.conversation(anna, ben, '202');
  const second = await office.phone('201');
  await office.conversation(second, carla, '203');
  const third = await office.phone('201');
  t.match(await third.call('*47'), { status: 200 });
  await office.until(() => office.media.conferences.some(({ parties }) => parties.size === 3), 'all to be in');
  const { clock, media } = office;
  t.same(await runOn({ clock, media, calls: () => office.calls.calls }), []);
  await Promise.all([third, ben, carla].map((phone) => phone.ended()));
});

/** What a mailbox has done at a time, and whether something of it will end. */
function dialogue(
  t: Test,
  begun: { readonly effects: readonly DialogueEffect[] },
  next: (input: DialogueInput) => readonly DialogueEffect[],
): void {
  let pending = begun.effects;
  for (let count = 0; count < 200; count += 1) {
    const kinds = pending.map(({ kind }) => kind);
    if (kinds.includes('hang-up')) {
      t.pass(`hangs up after ${count} things`);
      return;
    }
    // Nobody presses a key: what the box does by itself has to come to an end.
    if (kinds.includes('play')) pending = next({ kind: 'played', heard: true });
    else if (kinds.includes('record')) pending = next({ kind: 'recorded', why: 'quiet', durationMs: 6000 });
    else if (kinds.some((kind) => ['keep', 'keep-greeting', 'verify-pin', 'change-pin'].includes(kind))) {
      pending = next({ kind: 'done', ok: true });
    } else if (kinds.includes('wait')) pending = next({ kind: 'waited' });
    else {
      t.fail(`nothing follows ${kinds.join(', ') || 'nothing'}`);
      return;
    }
  }
  t.fail('it goes on and on');
}

t.test('a mailbox that nobody says or presses anything to', async (t) => {
  for (const [greeting, hasRoom] of [
    [undefined, true],
    ['greeting', true],
    [undefined, false],
  ] as const) {
    const begun = beginLeaving(greeting, hasRoom);
    let { state } = begun;
    dialogue(t, begun, (input) => {
      const step = nextLeaving(state, input);
      state = step.state;
      return step.effects;
    });
  }
  for (const needsPin of [false, true]) {
    const begun = beginCollecting({ messages: [], needsPin, nowMs: 0, timeZone: 'UTC' });
    let { state } = begun;
    dialogue(t, begun, (input) => {
      const step = nextCollecting(state, input);
      state = step.state;
      return step.effects;
    });
  }
});
