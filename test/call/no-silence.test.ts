/**
 * No state is reached in which somebody hears silence for ever: in each, time runs on while nobody does anything more, and the call
 * ends, or whoever is up in it hears something.
 */
import t, { type Test } from 'tap';
import type { Call } from '../../firmware/call/call.ts';
import { tellOutcome } from '../../firmware/call/feature/confirmation.ts';
import { beginCollecting, nextCollecting } from '../../firmware/call/mailbox/collect-dialogue.ts';
import type { DialogueEffect, DialogueInput } from '../../firmware/call/mailbox/dialogue.ts';
import { beginLeaving, nextLeaving } from '../../firmware/call/mailbox/leave-dialogue.ts';
import { NO_LINES } from '../../firmware/call/outside.ts';
import { defaultShortCodes } from '../../firmware/call/routing/default-short-codes.ts';
import type { LineStep } from '../../firmware/call/routing/plan.ts';
import { OfficeClient } from '../web/control/control-office.ts';
import { description, FakeBox, FakeCaller, FLOW, settle } from './fakes.ts';
import { type SipOffice, sipOfficeTest } from './feature/sip-office.ts';
import { GroupOffice } from './group/support/group-office.ts';
import { runOn, type Watched } from './silence-watch.ts';

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
    t.same(await runOn({ ...watch(box, call), soundsEnd: !/does not end/.test(name) }), []);
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
    const others = office.box.media.open;
    const { call } = await office.call();
    t.not(call.phase, 'ended', 'it is reached');
    t.same(await runOn({ ...watch(office.box, call), others }), []);
    t.equal(call.phase, 'ended');
  });
}

const OFFICE = {
  system: { telephony: { noAnswerSeconds: 60 } },
  users: { 201: { name: 'Anna' }, 202: { name: 'Ben' }, 203: { name: 'Carla' } },
  shortCodes: defaultShortCodes('en-GB'),
};

const PAGING = { ...OFFICE, shortCodes: { '*70*N#': { feature: 'dial-paging', telephoneNumber: 'N' } } };
const MEETING = {
  ...OFFICE,
  shortCodes: {
    '*70': { feature: 'conference-meet-me' },
    '*71*N#': { feature: 'conference-meet-me', telephoneNumber: 'N' },
  },
};

/** What everybody hears in all calls of an office, from now on. */
function heardIn({ clock, media, calls }: SipOffice): Promise<readonly string[]> {
  return runOn({ clock, media, calls: () => calls.calls });
}

sipOfficeTest('a party that is parked, of whom nobody wants to be reminded', OFFICE, async (t, office) => {
  const [anna, ben] = [await office.phone('201'), await office.phone('202')];
  await office.conversation(ben, anna, '201');
  await anna.refer('<sip:*37*1%23@box>');
  await anna.notified(200);
  await anna.bye();
  await office.until(() => office.media.sessions[0]?.hears === 'music/default', 'music');
  t.same(await heardIn(office), []);
  await ben.ended();
});

sipOfficeTest('a transfer to somebody who does not answer', OFFICE, async (t, office) => {
  const [anna, ben, carla] = [await office.phone('201'), await office.phone('202'), await office.phone('203')];
  await office.conversation(ben, anna, '201');
  await anna.refer('<sip:203@box>');
  await carla.incomingCall();
  t.same(await heardIn(office), []);
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
  t.same(await heardIn(office), []);
  await Promise.all([third, ben, carla].map((phone) => phone.ended()));
});

for (const direction of ['sendonly', 'inactive'] as const) {
  sipOfficeTest(`a conference that all but one hold, ${direction}`, OFFICE, async (t, office) => {
    const [anna, ben, carla] = [await office.phone('201'), await office.phone('202'), await office.phone('203')];
    await office.conversation(anna, ben, '202');
    const second = await office.phone('201');
    await office.conversation(second, carla, '203');
    const third = await office.phone('201');
    t.match(await third.call('*47'), { status: 200 });
    await office.until(() => office.media.conferences.some(({ parties }) => parties.size === 3), 'all to be in');
    const music = (): number => office.media.open.filter(({ hears }) => hears === 'music/default').length;
    t.match(await ben.offerAgain(direction), { status: 200 });
    t.equal(music(), 0, 'two can talk');
    t.match(await carla.offerAgain(direction), { status: 200 });
    await office.until(() => music() === 1, 'music');
    t.match(await ben.offerAgain('sendrecv'), { status: 200 });
    await office.until(() => music() === 0, 'no music');
    t.match(await ben.offerAgain(direction), { status: 200 });
    await office.until(() => music() === 1, 'music again');
    t.same(await heardIn(office), []);
    // Who holds may do so for as long as he likes.
    await Promise.all([ben, carla].map((phone) => phone.bye().catch(() => 0)));
    await office.until(() => office.media.open.length === 0, 'every port to be free');
  });
}

sipOfficeTest('a call that the box holds in the name of a client', OFFICE, async (t, office) => {
  const [anna, ben] = [await office.phone('201'), await office.phone('202')];
  const client = await new OfficeClient(office).login('201', 'desk-phone');
  await office.conversation(anna, ben, '202');
  const { call } = await client.sees('talking');
  t.match(await client.ask('hold', { call }), { ok: true });
  t.same(
    office.media.open.map(({ hears }) => hears),
    ['silence', 'music/default'],
  );
  t.same(await heardIn(office), []);
  await Promise.all([anna.ended(), ben.ended()]);
});

sipOfficeTest('the telephone of a client that makes a call rings, and is not answered', OFFICE, async (t, office) => {
  const [anna] = [await office.phone('201'), await office.phone('202')];
  const client = await new OfficeClient(office).login('201', 'desk-phone');
  const make = client.begin('make', { number: '202' });
  await anna.incomingCall();
  t.same(await heardIn(office), []);
  t.match(await client.answerTo(make), { ok: false, error: 'failed' });
  await anna.ended();
});

sipOfficeTest('a call that a client makes rings on and on', OFFICE, async (t, office) => {
  const [anna, ben] = [await office.phone('201', { incoming: 'answer' }), await office.phone('202')];
  const client = await new OfficeClient(office).login('201', 'desk-phone');
  const make = client.begin('make', { number: '202' });
  await ben.incomingCall();
  t.match(await client.answerTo(make), { ok: true });
  t.same(await heardIn(office), []);
  await Promise.all([anna.ended(), ben.ended()]);
});

sipOfficeTest('the other phone of a user rings for a call to him, and is not answered', OFFICE, async (t, office) => {
  const [ben, other] = [await office.phone('202'), await office.phone('203')];
  await new OfficeClient(office).login('201', 'other-phone', { number: '203' });
  await ben.invite('201');
  await other.incomingCall();
  t.same(await heardIn(office), []);
  t.match(await ben.answered(), { status: 480 });
  await other.ended();
});

sipOfficeTest('the other phone of a user has answered, and whom he calls does not', OFFICE, async (t, office) => {
  const [ben, other] = [await office.phone('202'), await office.phone('203', { incoming: 'answer' })];
  const client = await new OfficeClient(office).login('201', 'other-phone', { number: '203' });
  client.begin('make', { number: '202' });
  await ben.incomingCall();
  t.same(await heardIn(office), []);
  await Promise.all([ben.ended(), other.ended()]);
});

sipOfficeTest('the PIN of a conference is asked for, and no key is pressed', MEETING, async (t, office) => {
  const [anna, ben] = [await office.phone('201'), await office.phone('202')];
  t.match(await anna.call('*70'), { status: 200 });
  const [room] = [...office.calls.calls].map(({ waiting }) => office.features.conferences.roomOf(waiting));
  if (room !== undefined) room.pin = '4711';
  t.match(await ben.call('*71*201#'), { status: 200 });
  t.same(await heardIn(office), []);
  await Promise.all([anna.ended(), ben.ended()]);
});

for (const [who, code] of [
  ['who waits for others in a conference of his own', 'sip:ConfServer@box.example'],
  ['who waits in a conference that is always there', '*70'],
] as const) {
  sipOfficeTest(`${who}, and has pressed keys`, MEETING, async (t, office) => {
    const anna = await office.phone('201');
    t.match(await anna.call(code), { status: 200 });
    await office.until(() => office.media.open[0]?.sound !== undefined, 'what he hears');
    const [{ waiting }] = [...office.calls.calls] as [Call];
    for (const digit of '*1') waiting.type({ digit, durationMs: undefined });
    t.same(await heardIn(office), []);
    await anna.ended();
  });
}

sipOfficeTest('paging that rings, and that nobody answers', PAGING, async (t, office) => {
  const [anna, ben] = [await office.phone('201'), await office.phone('202')];
  t.match(await anna.call('*70*202#'), { status: 200 });
  await ben.incomingCall();
  t.same(await heardIn(office), []);
  await Promise.all([anna.ended(), ben.ended()]);
});

sipOfficeTest('paging that nobody ends', PAGING, async (t, office) => {
  const [anna, ben] = [await office.phone('201'), await office.phone('202', { incoming: 'answer' })];
  t.match(await anna.call('*70*202#'), { status: 200 });
  await office.until(() => office.media.conferences.some(({ parties }) => parties.size === 2), 'both to be in');
  const { clock, media, calls } = office;
  t.same(await runOn({ clock, media, calls: () => calls.calls, others: media.open }), []);
  await Promise.all([anna.ended(), ben.ended()]);
});

sipOfficeTest('paging in which nobody says a word', PAGING, async (t, office) => {
  const [anna, ben] = [await office.phone('201'), await office.phone('202', { incoming: 'answer' })];
  t.match(await anna.call('*70*202#'), { status: 200 });
  await office.until(() => office.media.conferences.some(({ parties }) => parties.size === 2), 'both to be in');
  t.same(await heardIn(office), []);
  await Promise.all([anna.ended(), ben.ended()]);
});

sipOfficeTest('the announcement of an emergency', OFFICE, async (t, office) => {
  const ben = await office.phone('202');
  office.calls.whenEmergency({
    ...{ number: '999', extension: '201', location: undefined, address: undefined },
    ...{ callBackSeconds: 0, notify: ['202'] },
  });
  await ben.incomingCall();
  await ben.answer();
  await office.until(() => office.media.open.some(({ sound }) => sound !== undefined), 'what is said');
  t.same(await heardIn(office), []);
  await ben.ended();
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
