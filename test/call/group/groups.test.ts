/** Calls to hunt groups that run, with a clock to move: who rings when, and what callers hear and get. */
import t from 'tap';
import { MAILBOX_AFTER_MS, MAX_WAIT_MS, MIN_ANNOUNCE_MS } from '../../../firmware/call/group/hunting.ts';
import type { HuntStep, RefuseStep } from '../../../firmware/call/routing/plan.ts';
import { FakeCaller, settle } from '../fakes.ts';
import { GroupOffice } from './support/group-office.ts';

const ELSEWHERE = 'CANCEL SIP;cause=200;text="Call completed elsewhere"';
const FIRST = 'en/please-hold en/queue-place en/number-1';
const MUSIC = 'music/default';
const TO_301: HuntStep = { kind: 'hunt', group: '301', alert: 'external', diversions: [], after: {} };
const BUSY: RefuseStep = { kind: 'refuse', status: 603, reason: 'busy', why: 'the branch was taken' };

t.test('sequential: one member after the other, each for the group no-answer time, and round again', async (t) => {
  const office = new GroupOffice({ mode: 'sequential', noAnswerSeconds: 6 });
  const { caller } = await office.call();
  const seen: string[] = [];
  for (let turn = 0; turn < 4; turn += 1) {
    seen.push(office.ringing);
    await office.rings(office.ringing);
    await office.pass(6);
  }
  t.same(seen, ['202', '203', '204', '202']);
  t.same(caller.told, ['180', '180', '180', '180'], 'the caller hears ring-back, and is not answered');
  caller.hangsUp();
  await settle();
  t.equal(office.ringing, '');
  t.equal(office.box.clock.pending, 0, 'no timer is left');
});

t.test('collective: all who are free ring at once; the others learn that it was answered elsewhere', async (t) => {
  const office = new GroupOffice({ mode: 'collective', noAnswerSeconds: 6 });
  const { caller } = await office.call();
  t.equal(office.ringing, '202 203 204');
  await office.pass(20);
  t.equal(office.ringing, '202 203 204', 'the time of one member does not count');
  const [first, second, third] = ['202', '203', '204'].map((number) => office.device(number));
  await office.answer('203');
  t.same([first?.told, second?.told, third?.told], [[ELSEWHERE], [], [ELSEWHERE]]);
  t.same(caller.told, ['200']);
  const released = office.box.events.filter(({ kind }) => kind === 'released');
  t.match(released, [{ cause: 'answered-elsewhere' }, { cause: 'answered-elsewhere' }]);
});

t.test('rotary: the next call begins behind whoever answered last', async (t) => {
  const office = new GroupOffice({ mode: 'rotary' });
  await office.call();
  await office.answer('202');
  await office.call();
  t.equal(office.ringing, '203');
});

t.test('longest waiting: whoever has been without a call for the longest time', async (t) => {
  const office = new GroupOffice({ mode: 'longest-waiting', wrapUpSeconds: 0 });
  for (const number of ['202', '203', '204']) {
    await office.call();
    await office.answer(number);
  }
  const [first, second, third] = office.box.devices;
  for (const device of [second, third, first]) {
    await office.pass(1);
    device?.hangsUp();
  }
  await office.look();
  await office.call();
  t.equal(office.ringing, '203');
});

t.test('wrap-up: a member gets no call of the group for so long after one', async (t) => {
  const office = new GroupOffice({ members: [{ user: '202' }], wrapUpSeconds: 10 });
  await office.call();
  const device = await office.answer('202');
  device.hangsUp();
  await office.look();
  t.match(office.groups.list()[0]?.members, [{ user: '202', activity: 'wrapping-up' }]);
  const waiting = await office.call();
  t.equal(office.ringing, '');
  t.equal(await office.hears(waiting), FIRST);
  await office.pass(9);
  t.equal(office.ringing, '');
  await office.pass(1);
  t.equal(office.ringing, '202');
});

t.test(
  'queue: who finds nobody free is answered and hears music, then ring-back, in the order of coming',
  async (t) => {
    const office = new GroupOffice({ members: [{ user: '202' }], wrapUpSeconds: 0 });
    await office.call();
    const device = await office.answer('202');
    const second = await office.call();
    const third = await office.call();
    t.same(second.caller.told, ['200']);
    t.equal(await office.hears(second), FIRST);
    t.equal(office.groups.waitingIn('300'), 2);
    t.match(office.groups.list()[0]?.calls, [{ caller: '02071234567', place: 1 }, { place: 2 }]);
    device.hangsUp();
    await office.look();
    t.equal(office.ringing, '202');
    await office.rings('202');
    t.equal(await office.hears(second), 'tone');
    t.equal(await office.hears(third), 'en/please-hold en/queue-place en/number-2');
    const answering = await office.answer('202');
    t.match(await office.hears(second), /^session/);
    t.equal(second.call.phase, 'established');
    t.same(second.caller.told, ['200'], 'answered once');
    answering.hangsUp();
    await office.look();
    t.match(second.caller.told, ['200', /^BYE/]);
    await office.answer('202');
    t.equal(third.call.phase, 'established');
  },
);

t.test('queue: whoever waits is told so and his place, hears music, and is told again in time', async (t) => {
  const office = new GroupOffice({ members: [{ user: '202' }], wrapUpSeconds: 0, queue: { announceSeconds: 20 } });
  await office.call();
  const device = await office.answer('202');
  const [second, third] = [await office.call(), await office.call()];
  t.equal(await office.hears(third), 'en/please-hold en/queue-place en/number-2');
  await office.heardOut(third);
  t.equal(await office.hears(third), MUSIC);
  await office.pass(10);
  second.caller.hangsUp();
  await settle();
  t.equal(await office.hears(third), MUSIC, 'a better place is told when it is time');
  await office.pass(9);
  t.equal(await office.hears(third), MUSIC);
  await office.pass(1);
  t.equal(await office.hears(third), FIRST);
  // Words that are being said when somebody rings are over.
  device.hangsUp();
  await office.look();
  await office.rings('202');
  await office.heardOut(third);
  t.equal(await office.hears(third), 'tone');
  await office.refuse('202');
  t.equal(await office.hears(third), MUSIC, 'nobody is told again at once');
  await office.pass(MIN_ANNOUNCE_MS / 1000);
  t.equal(await office.hears(third), FIRST, 'nor is he forgotten');
  third.caller.hangsUp();
  await settle();
  await office.pass(60);
  t.equal(office.box.clock.pending, 0, 'no timer is left');
});

const announcements = [
  { what: 'without the place', locale: 'en-GB', queue: { announcePlace: false }, words: 'en/please-hold', again: true },
  { what: 'once alone', locale: 'en-GB', queue: { announceSeconds: 0 }, words: 'en/please-hold', again: false },
  {
    what: 'in the language of the box',
    locale: 'de-CH',
    queue: {},
    words: 'de/please-hold de/queue-place de/number-1',
    again: true,
  },
] as const;
for (const { what, locale, queue, words, again } of announcements) {
  t.test(`queue: announcements ${what}`, async (t) => {
    const office = new GroupOffice({ members: [{ user: '202' }], queue }, {}, locale);
    await office.call();
    await office.answer('202');
    const waiting = await office.call();
    t.equal(await office.hears(waiting), words);
    await office.heardOut(waiting);
    t.equal(await office.hears(waiting), MUSIC);
    await office.pass(30);
    t.equal(await office.hears(waiting), again ? words : MUSIC);
  });
}

t.test('queue: without announcements the music goes on where somebody who rang does not take the call', async (t) => {
  const office = new GroupOffice({ members: [{ user: '202' }], wrapUpSeconds: 0, queue: { announceSeconds: 0 } });
  await office.call();
  const device = await office.answer('202');
  const waiting = await office.call();
  await office.heardOut(waiting);
  device.hangsUp();
  await office.look();
  await office.rings('202');
  await office.refuse('202');
  const music = await office.soundOf(waiting);
  t.equal(await office.hears(waiting), MUSIC);
  await office.pass(MIN_ANNOUNCE_MS / 1000 + 1);
  t.equal(await office.soundOf(waiting), music, 'it is not begun anew');
});

t.test('overflow while the caller is being answered: he goes on once he is', async (t) => {
  const office = new GroupOffice({ members: [{ user: '202' }], overflow: { seconds: 20 } });
  await office.call();
  await office.answer('202');
  office.box.media.isSlow = true;
  const { caller } = await office.call({ noAnswer: TO_301 });
  await office.pass(20);
  t.equal(office.ringing, '', 'nobody has half of a caller');
  office.box.media.isSlow = false;
  await office.box.media.finish();
  t.same(caller.told, ['200']);
  t.equal(office.ringing, '205');
  await office.answer('205');
  t.same(caller.told, ['200'], 'answered once');
});

t.test('each member is planned for once, whatever number of questions there are of him', async (t) => {
  const office = new GroupOffice({ mode: 'collective' });
  await office.call();
  t.equal(office.ringing, '202 203 204');
  t.equal(office.planned, 3);
});

t.test('queue limit: one more is busy, or goes where the branch leads', async (t) => {
  const office = new GroupOffice({ members: [{ user: '202' }], queue: { limit: 1 } });
  await office.call();
  await office.answer('202');
  await office.call();
  t.same((await office.call()).caller.told, ['486']);
  t.same((await office.call({ busy: BUSY })).caller.told, ['603']);
  await office.call({ busy: TO_301 });
  t.equal(office.ringing, '205');
});

t.test('without a queue nobody waits: 486', async (t) => {
  const office = new GroupOffice({ members: [{ user: '202' }], queue: { enabled: false } });
  await office.call();
  await office.answer('202');
  t.same((await office.call()).caller.told, ['486']);
});

t.test('overflow: after its time the call goes on, and nobody of the group rings for it', async (t) => {
  const office = new GroupOffice({ overflow: { seconds: 20, group: '301' }, noAnswerSeconds: 15 });
  const { caller } = await office.call({ noAnswer: TO_301 });
  await office.pass(19);
  t.equal(office.ringing, '203');
  const device = office.device('203');
  await office.pass(1);
  t.equal(office.ringing, '205');
  t.match(device.told, ['CANCEL'], 'a missed call');
  await office.answer('205');
  t.same(caller.told, ['200']);
});

t.test('overflow of a call that waits with music: answered already, it rings the next group', async (t) => {
  const office = new GroupOffice({ members: [{ user: '202' }], overflow: { seconds: 20, group: '301' } });
  await office.converse('202');
  const waiting = await office.call({ noAnswer: TO_301 });
  t.equal(await office.hears(waiting), FIRST);
  await office.pass(20);
  await office.rings('205');
  t.equal(await office.hears(waiting), 'tone');
  await office.answer('205');
  t.equal(waiting.call.phase, 'established');
});

t.test('a mailbox without an overflow time takes the call after a while', async (t) => {
  const office = new GroupOffice({ noAnswerSeconds: 100 });
  const { caller } = await office.call({ noAnswer: BUSY });
  await office.pass(MAILBOX_AFTER_MS / 1000);
  t.same(caller.told, ['603']);
});

t.test('a caller whose telephone rings for long is answered, and hears ring-back; each wait has its end', async (t) => {
  const office = new GroupOffice({ noAnswerSeconds: 99999, members: [{ user: '202' }] });
  const waiting = await office.call();
  await office.rings('202');
  await office.pass(120);
  t.same(waiting.caller.told, ['180', '200']);
  t.equal(await office.hears(waiting), 'tone');
  office.box.clock.advance(MAX_WAIT_MS);
  await settle();
  t.equal(office.ringing, '');
  await office.pass(10);
  t.match(waiting.caller.told.at(-1), /^BYE/);
  t.equal(office.box.clock.pending, 0);
});

const AWAY: readonly (readonly [string, (office: GroupOffice) => Promise<void>])[] = [
  ['is logged out', async (office) => void office.registered.delete('202')],
  ['does not want to be disturbed', (office) => office.configure({}, { 202: { doNotDisturb: { enabled: true } } })],
  [
    'is not enabled in the group',
    (office) => office.configure({ members: [{ user: '202', enabled: false }, { user: '203' }] }),
  ],
  ['has no account any more', (office) => office.configure({}, { 202: { enabled: false } })],
  ['is in another call', async (office) => void (await office.converse('202'))],
  ['rings for another call', async (office) => void (await office.run(office.box.ring([{ extension: '202' }])))],
];
for (const [what, happens] of AWAY) {
  t.test(`a member who ${what} is passed over`, async (t) => {
    const office = new GroupOffice();
    await happens(office);
    const before = office.ringing;
    await office.call();
    t.equal(office.ringing.slice(before.length).trim(), '203');
  });
}

t.test('do not disturb lets its exceptions through, for their calls alone', async (t) => {
  const office = new GroupOffice(
    { members: [{ user: '202' }], queue: { enabled: false } },
    { 202: { doNotDisturb: { enabled: true, exceptions: ['201'] } } },
  );
  t.same((await office.call()).caller.told, ['480']);
  await office.call({}, { caller: { kind: 'user', user: '201', extension: '201' } });
  t.equal(office.ringing, '202');
});

t.test('a member who calls the group himself does not ring', async (t) => {
  const office = new GroupOffice();
  await office.call({}, { caller: { kind: 'user', user: '202', extension: '202' } });
  t.equal(office.ringing, '203');
});

t.test('what a member set for his own calls does not apply: no forward, no voicemail, no other time', async (t) => {
  const office = new GroupOffice(
    { members: [{ user: '202' }], noAnswerSeconds: 30 },
    {
      202: {
        voicemail: { enabled: true },
        noAnswerSeconds: 6,
        forwardUnconditional: { enabled: true, number: '205' },
        forwardOnNoAnswer: { enabled: true, number: '205' },
        forwardOnBusy: { enabled: true, number: '205' },
      },
    },
  );
  await office.call();
  t.equal(office.ringing, '202');
  await office.pass(29);
  t.equal(office.ringing, '202');
  await office.refuse('202', 486);
  t.equal(office.ringing, '');
  await office.pass(5);
  t.equal(office.ringing, '202', 'asked again, as he is all that there is');
});

t.test('a member who forwards calls of groups too rings where he is', async (t) => {
  const office = new GroupOffice(
    { members: [{ user: '202' }] },
    { 202: { forwardUnconditional: { enabled: true, number: '205', huntGroupCalls: true } } },
  );
  await office.call();
  t.equal(office.ringing, '205');
});

t.test('nobody is there: 480, or the branch', async (t) => {
  const office = new GroupOffice();
  for (const number of ['202', '203', '204']) office.registered.delete(number);
  t.same((await office.call()).caller.told, ['480']);
  await office.call({ unreachable: TO_301 });
  t.equal(office.ringing, '205');
});

t.test('a member whose phone vanishes while it rings: the next one rings at once', async (t) => {
  const office = new GroupOffice();
  await office.call();
  const device = office.device('202');
  office.registered.delete('202');
  device.refuses(503);
  await settle();
  t.equal(office.ringing, '203');
});

t.test('a member whose phone vanishes in a call: the call ends, and he is free once he is back', async (t) => {
  const office = new GroupOffice({ members: [{ user: '202' }], wrapUpSeconds: 0 });
  const { caller } = await office.call();
  const device = await office.answer('202');
  device.vanishes();
  office.registered.delete('202');
  await office.look();
  t.match(caller.told, ['200', /^BYE Q.850;cause=27/]);
  t.same((await office.call()).caller.told, ['480']);
  office.registered.add('202');
  await office.call();
  t.equal(office.ringing, '202');
});

t.test('while calls wait: the last member logs out, and they go where the branch leads', async (t) => {
  const office = new GroupOffice({ members: [{ user: '202' }] });
  const other = await office.converse('202');
  const waiting = await office.call({ unreachable: TO_301 });
  t.equal(await office.hears(waiting), FIRST);
  office.registered.delete('202');
  other.vanishes();
  await office.look();
  t.equal(office.ringing, '205');
});

t.test('while calls wait: a member is added and rings; the group is removed and they end', async (t) => {
  const office = new GroupOffice({ members: [{ user: '202' }] });
  await office.converse('202');
  const waiting = await office.call();
  await office.configure({ members: [{ user: '202' }, { user: '204' }] });
  t.equal(office.ringing, '204');
  await office.configure({ members: [{ user: '202' }] });
  t.equal(office.ringing, '204', 'who rings already may answer');
  await office.refuse('204', 480);
  t.equal(await office.hears(waiting), FIRST);
  const { 300: _removed, ...rest } = office.configuration.huntGroups;
  office.configuration = { ...office.configuration, huntGroups: rest };
  await office.look();
  await office.pass(10);
  t.match(waiting.caller.told, ['200', /^BYE/]);
  t.equal(office.groups.waitingIn('300'), 0);
});

t.test('a caller who hangs up while it rings: the member shows a missed call, and is free', async (t) => {
  const office = new GroupOffice();
  const { caller } = await office.call();
  const device = office.device('202');
  caller.hangsUp('Q.850;cause=16');
  await settle();
  t.same(device.told, ['CANCEL Q.850;cause=16']);
  await office.call();
  t.equal(office.ringing, '202');
});

t.test('a caller who hangs up while he waits: whoever is behind him moves up', async (t) => {
  const office = new GroupOffice({ members: [{ user: '202' }] });
  await office.converse('202');
  const first = await office.call();
  await office.call();
  first.caller.hangsUp();
  await settle();
  t.match(office.groups.list()[0]?.calls, [{ place: 1 }]);
  t.equal(office.groups.waitingIn('300'), 1);
});

t.test('nobody rings for two groups at once', async (t) => {
  const office = new GroupOffice({ members: [{ user: '205' }, { user: '202' }] });
  await office.run(TO_301);
  t.equal(office.ringing, '205');
  await office.call();
  t.equal(office.ringing, '205 202');
});

for (const hangsUp of [false, true]) {
  const what = hangsUp ? 'and hangs up: the caller hears that it is over' : 'gets him all the same';
  t.test(`a member who answers while the caller is being answered ${what}`, async (t) => {
    const office = new GroupOffice({ members: [{ user: '202' }], wrapUpSeconds: 0 });
    await office.call();
    const first = await office.answer('202');
    office.box.media.isSlow = true;
    const waiting = await office.call();
    t.same(waiting.caller.told, [], 'the answer waits for the media worker');
    first.hangsUp();
    await office.look();
    const device = await office.answer('202');
    t.same(waiting.caller.told, []);
    if (hangsUp) device.hangsUp();
    await office.box.media.finish();
    t.equal(waiting.call.phase, hangsUp ? 'ended' : 'established');
    t.same(waiting.caller.told, hangsUp ? ['200', 'BYE'] : ['200']);
    const answers = office.box.events.filter((event) => event.kind === 'answered' && event.call === waiting.call.id);
    t.match(answers, hangsUp ? [{ service: 'queue' }] : [{ service: 'queue' }, { leg: 1 }]);
    t.equal(answers.length, hangsUp ? 1 : 2);
  });
}

t.test(
  'a member who answers while the caller cannot be answered: the call fails, and his device is let go',
  async (t) => {
    const office = new GroupOffice({ members: [{ user: '202' }], wrapUpSeconds: 0 });
    await office.call();
    const first = await office.answer('202');
    office.box.media.isSlow = true;
    const { call } = await office.call();
    first.hangsUp();
    await office.look();
    const device = await office.answer('202');
    office.box.media.waiting.shift()?.(new Error('the media worker is gone'));
    await settle();
    await office.box.media.finish();
    t.equal(call.phase, 'ended');
    t.match(device.told, [/^BYE/]);
  },
);

t.test('a call that somebody picks up: no device of the group shows a missed one', async (t) => {
  const office = new GroupOffice({ mode: 'collective' });
  const { call } = await office.call();
  const ringing = ['202', '203', '204'].map((number) => office.device(number));
  const colleague = office.box.leg(new FakeCaller());
  colleague.readInvite();
  t.equal(call.pickUp(colleague), true);
  await settle();
  t.same(
    ringing.map(({ told }) => told),
    [[ELSEWHERE], [ELSEWHERE], [ELSEWHERE]],
  );
  t.equal(call.phase, 'established');
  t.equal(office.groups.list()[0]?.calls.length, 0);
});

t.test('while calls wait: a member who is free without anybody telling so is found', async (t) => {
  const office = new GroupOffice({ members: [{ user: '202' }, { user: '203' }] });
  office.registered.delete('203');
  await office.converse('202');
  await office.call();
  office.registered.add('203');
  await office.pass(4);
  t.equal(office.ringing, '');
  await office.pass(1);
  t.equal(office.ringing, '203');
});

t.test('each leg says for which group it rang', async (t) => {
  const office = new GroupOffice();
  await office.call();
  t.match(
    office.box.events.filter(({ kind }) => kind === 'ringing'),
    [{ leg: { huntGroup: '300', party: { user: '202' } } }],
  );
});

t.test('what members do is seen', async (t) => {
  const office = new GroupOffice({
    members: [{ user: '201' }, { user: '202' }, { user: '203' }, { user: '204', enabled: false }, { user: '205' }],
  });
  office.registered.delete('201');
  await office.call();
  await office.answer('202');
  await office.call();
  await office.pass(3);
  const [group] = office.groups.list();
  t.same(
    group?.members.map(({ user, activity }) => `${user} ${activity}`),
    ['201 away', '202 talking', '203 ringing', '204 disabled', '205 free'],
  );
  t.match(group?.calls, [{ ringing: ['203'], seconds: 3, place: 0 }]);
});
