import type { Test } from 'tap';
import { defaultShortCodes } from '../../../firmware/call/routing/default-short-codes.ts';
import type { TestPhone } from '../../support/phone/test-phone.ts';
import { type SipOffice, sipOfficeTest } from './sip-office.ts';

const OFFICE = {
  system: { telephony: { noAnswerSeconds: 20, conferenceCentre: 'ConfServer@box.example' } },
  users: { 201: { name: 'Anna' }, 202: { name: 'Ben' }, 203: { name: 'Carla' }, 204: { name: 'Dora' } },
  shortCodes: defaultShortCodes('en-GB'),
};

/** The URI in the Contact of the focus, without the parameters. */
function roomOf(phone: TestPhone): string {
  return /<(sip:[^>;]+)/.exec(phone.answerContact)?.[1] ?? '';
}

const userOf = (uri: string): string => /sip:([^@]*)/.exec(uri)?.[1] ?? '';

/** A second line of a phone: another one that the box takes for the same device. */
const otherLine = (office: SipOffice, user: string, options = {}): Promise<TestPhone> =>
  office.phone(user, options, `${user} 0`);

/** How many are in the first conference. */
const inside = (office: SipOffice, count: number): Promise<void> =>
  office.until(() => office.media.conferences[0]?.parties.size === count, `${count} in the conference`);

const replacesOf = ({ dialog: { callId, localTag, remoteTag } }: TestPhone): string =>
  encodeURIComponent(`${callId};to-tag=${remoteTag};from-tag=${localTag}`);

async function over(t: Test, office: SipOffice): Promise<void> {
  await office.until(() => office.media.open.length === 0, 'every port to be free');
  t.equal(office.calls.calls.size, 0);
  t.ok(office.media.conferences.every(({ closed }) => closed));
}

sipOfficeTest('INVITE to the factory MUST be answered by a focus', OFFICE, async (t, office) => {
  const anna = await office.phone('201', { takesOffers: true });
  t.match(await anna.call('ConfServer'), { status: 200 });
  t.match(anna.answerContact, /^<sip:conf[0-9a-f]{24}@127\.0\.0\.1:\d+>;isfocus$/);
  await inside(office, 1);
  t.equal(office.media.open[0]?.hears, 'music/default', 'who is alone does not listen to silence');
  t.equal((await anna.offerAgain('sendrecv')).status, 200);
  const contacts = (await anna.transcript()).match(/^contact: .*isfocus$/gim) ?? [];
  t.equal(contacts.length, 2, 'in the answer to what is offered later as well');
  await anna.bye();
  await over(t, office);
});

sipOfficeTest(
  'REFER to the focus MUST bring in whom it names, those of a call by Replaces, and tell of it',
  OFFICE,
  async (t, office) => {
    const [anna, ben, carla] = [await office.phone('201'), await office.phone('202'), await office.phone('203')];
    const second = await otherLine(office, '201');
    await office.conversation(second, ben, '202');
    await anna.call('ConfServer');
    t.equal(await anna.refer(`<sip:202@box?Replaces=${replacesOf(second)}>`), 202);
    t.same((await anna.notified(200)).slice(-2), [100, 200]);
    await second.ended();
    await inside(office, 2);
    t.ok(
      office.media.open.every(({ sound }) => sound === undefined),
      'nobody hears music',
    );
    t.equal(await anna.refer('<sip:203@box>'), 202);
    t.match((await carla.incomingCall()).fromUri, 'sip:201@');
    await anna.notified(180);
    t.equal(office.media.conferences[0]?.parties.size, 2);
    await carla.answer();
    await office.until(() => office.media.conferences[0]?.parties.size === 3, 'three in it');
    t.equal(office.calls.calls.size, 3, 'each has a call of his own');
    await ben.bye();
    await inside(office, 2);
    await Promise.all([anna.bye(), carla.ended()]);
    await over(t, office);
  },
);

sipOfficeTest(
  'REFER to the focus whose party cannot come in MUST be told to have failed',
  OFFICE,
  async (t, office) => {
    const [anna, ben] = [await office.phone('201'), await office.phone('202')];
    await anna.call('ConfServer');
    t.equal(await anna.refer('<sip:202@box>'), 202);
    await ben.incomingCall();
    office.calls.giveNewPlan = () => Promise.reject(new Error('broken'));
    await ben.answer();
    t.same((await anna.notified(500)).at(-1), 500);
    await ben.ended();
    t.ok(office.log.some((line) => line.includes('nobody could be called into a conference')));
    await anna.bye();
    await over(t, office);
  },
);

sipOfficeTest('the URI of the conference joins it: by INVITE, by a transfer to it', OFFICE, async (t, office) => {
  const [anna, ben, carla] = [await office.phone('201'), await office.phone('202'), await office.phone('203')];
  await anna.call('ConfServer');
  const room = roomOf(anna);
  t.match(await ben.call(room), { status: 200 });
  t.match(ben.answerContact, `<${room}>;isfocus`);
  await inside(office, 2);
  const second = await otherLine(office, '201');
  await office.conversation(second, carla, '203');
  t.equal(await second.refer(`<${room}>`), 202);
  await second.notified(200);
  await inside(office, 3);
  await second.bye();
  await Promise.all([anna.bye(), ben.bye(), carla.ended()]);
  await over(t, office);
});

sipOfficeTest(
  'an attended transfer into a conference gives away the place of who transfers, and ends it for nobody',
  OFFICE,
  async (t, office) => {
    const [anna, ben, carla] = [await office.phone('201'), await office.phone('202'), await office.phone('203')];
    await anna.call('ConfServer');
    const room = roomOf(anna);
    await ben.call(room);
    await inside(office, 2);
    const second = await otherLine(office, '201');
    await office.conversation(second, carla, '203');
    const other = await office.phone('204');
    t.match(await other.call(room), { status: 200 });
    await inside(office, 3);
    t.equal(await second.refer(`<${room}?Replaces=${replacesOf(other)}>`), 403, 'the place of somebody else');
    await other.bye();
    await inside(office, 2);
    t.equal(await second.refer(`<${room}?Replaces=${replacesOf(anna)}>`), 202);
    await Promise.all([anna.ended(), second.ended(), second.notified(200)]);
    await inside(office, 2);
    t.same(office.calls.legsOf('202').length + office.calls.legsOf('203').length, 2, 'the others talk to each other');
    await Promise.all([carla.bye(), ben.ended()]);
    await over(t, office);
  },
);

sipOfficeTest(
  'REFER with method=BYE: the owner drops a party, others nobody but themselves',
  OFFICE,
  async (t, office) => {
    const phones = [await office.phone('201'), await office.phone('202'), await office.phone('203')] as const;
    const [anna, ben, carla] = phones;
    await anna.call('ConfServer');
    const room = roomOf(anna);
    for (const phone of [ben, carla]) await phone.call(room);
    await inside(office, 3);
    t.equal(await ben.refer('<sip:203@box;method=BYE>'), 403, 'not by who is no owner');
    t.equal(await ben.refer(`<${room};method=BYE>`), 403);
    t.equal(await anna.refer('<sip:204@box;method=BYE>'), 404, 'who is not in it');
    t.equal(await anna.refer('<sip:203@box;method=BYE>'), 202);
    await carla.ended();
    await anna.notified(200);
    await carla.call(room);
    await inside(office, 3);
    t.equal(await anna.refer(`<${room};method=BYE>`), 202, 'everybody');
    await Promise.all(phones.map((phone) => phone.ended()));
    await over(t, office);
  },
);

sipOfficeTest('REFER with the parameter mute: the owner mutes one, or all others', OFFICE, async (t, office) => {
  const phones = [await office.phone('201'), await office.phone('202'), await office.phone('203')] as const;
  const [anna, ben, carla] = phones;
  await anna.call('ConfServer');
  const room = roomOf(anna);
  for (const phone of [ben, carla]) await phone.call(room);
  await inside(office, 3);
  const muted = (): readonly number[] => [...(office.media.conferences[0]?.muted ?? [])];
  t.equal(await ben.refer('<sip:203@box;mute=on>'), 403);
  t.equal(await anna.refer('<sip:203@box;mute=maybe>'), 400);
  t.equal(await anna.refer('<sip:203@box;mute=on>'), 202);
  await office.until(() => muted().length === 1, 'one to be muted');
  t.equal(office.media.sessions.find(({ id }) => id === muted()[0])?.hears, 'en/muted');
  t.equal(await carla.refer('<sip:203@box;mute=off>'), 202, 'his own affair');
  await office.until(() => muted().length === 0, 'nobody to be muted');
  t.equal(await anna.refer(`<${room};mute=on>`), 202);
  await office.until(() => muted().length === 2, 'all others to be muted');
  await Promise.all(phones.map((phone) => phone.bye().catch(() => undefined)));
});

sipOfficeTest('REFER outside of any call is for who is in the conference', OFFICE, async (t, office) => {
  const [anna, ben, carla] = [await office.phone('201'), await office.phone('202'), await office.phone('203')];
  await anna.call('ConfServer');
  const room = roomOf(anna);
  const refer = (phone: TestPhone, target: string, to = room) =>
    phone.send('REFER', to, [['Refer-To', target]]).then(({ status }) => status);
  t.equal(await refer(ben, '<sip:203@box>'), 403, 'who is not in it');
  t.equal(await refer(anna, '<sip:203@box>', 'sip:conf0123456789abcdef01234567@127.0.0.1'), 404, 'what is not there');
  t.equal(await refer(anna, '<sip:203@box>'), 202);
  await carla.incomingCall();
  await carla.answer();
  await inside(office, 2);
  await Promise.all([anna.bye(), carla.ended()]);
});

sipOfficeTest('whoever is being called is given up when who referred leaves', OFFICE, async (t, office) => {
  const [anna, carla] = [await office.phone('201'), await office.phone('203')];
  await anna.call('ConfServer');
  t.equal(await anna.refer('<sip:203@box>'), 202);
  await carla.incomingCall();
  await anna.bye();
  await carla.ended();
  await over(t, office);
});

sipOfficeTest('who waits alone for somebody hears music until he comes', OFFICE, async (t, office) => {
  const [anna, ben, carla] = [await office.phone('201'), await office.phone('202'), await office.phone('203')];
  await anna.call('ConfServer');
  await ben.call(roomOf(anna));
  await inside(office, 2);
  t.equal(await anna.refer('<sip:203@box>'), 202);
  await carla.incomingCall();
  await ben.bye();
  await office.until(() => office.media.open[0]?.hears === 'music/default', 'music');
  await carla.answer();
  await inside(office, 2);
  await anna.notified(200);
  t.ok(
    office.media.open.every(({ sound }) => sound === undefined),
    'they hear each other',
  );
  await Promise.all([anna.bye(), carla.ended()]);
  await over(t, office);
});

sipOfficeTest('one who declines leaves the conference as it is, and is told of', OFFICE, async (t, office) => {
  const [anna] = [await office.phone('201'), await office.phone('203', { incoming: 486 })];
  await anna.call('ConfServer');
  t.equal(await anna.refer('<sip:203@box>'), 202);
  await anna.notified(486);
  t.equal(office.media.conferences[0]?.parties.size, 1);
  office.clock.advance(600_000);
  await anna.ended();
  await over(t, office);
});

sipOfficeTest('a conference takes 64, and gives 486 to the next one', OFFICE, async (t, office) => {
  const anna = await office.phone('201');
  await anna.call('ConfServer');
  const room = roomOf(anna);
  const others: TestPhone[] = [];
  for (let count = 0; count < 63; count += 1) {
    const phone = await otherLine(office, '202');
    t.equal((await phone.call(room)).status, 200);
    others.push(phone);
  }
  await inside(office, 64);
  const late = await office.phone('203');
  t.match(await late.call(room), { status: 486 });
  t.equal(await anna.refer('<sip:203@box>'), 486);
  t.equal(await anna.refer(`<${room};method=BYE>`), 202);
  await Promise.all(others.map((phone) => phone.ended()));
  await over(t, office);
});

const HOSTILE: readonly (readonly [what: string, referTo: string, status: number])[] = [
  ['no URI', '<>', 400],
  ['another scheme', '<mailto:a@b>', 416],
  ['another method', '<sip:203@box;method=MESSAGE>', 403],
  ['nobody', '<sip:box>', 404],
  ['a number of nobody', '<sip:999999@box>', 404],
  ['a number without end', `<sip:${'2'.repeat(5000)}@box>`, 404],
  ['Replaces of nothing', '<sip:203@box?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>', 481],
  ['Replaces that is none', '<sip:203@box?Replaces=%00>', 400],
  ['Replaces twice', '<sip:203@box?Replaces=a&Replaces=b>', 400],
  ['the conference itself', 'ROOM', 403],
  ['the factory', '<sip:ConfServer@box>', 403],
  ['a code', '<sip:*47@box>', 403],
  ['the mailbox', '<sip:*17@box>', 403],
  ['oneself, in another dialog', '<sip:201@box;method=BYE;mute=x>', 400],
];

sipOfficeTest('what a focus cannot obey is refused, and nothing else happens', OFFICE, async (t, office) => {
  const anna = await office.phone('201');
  await anna.call('ConfServer');
  const room = roomOf(anna);
  for (const [what, referTo, status] of HOSTILE) {
    t.equal(await anna.refer(referTo === 'ROOM' ? `<${room}>` : referTo), status, what);
  }
  const ben = await office.phone('202');
  for (const name of ['conf', `conf${'0'.repeat(24)}`, `${userOf(room)}0`, `x${userOf(room)}`]) {
    t.ok([403, 404].includes((await ben.call(name)).status), `nobody comes in by ${name}`);
  }
  t.equal(office.media.conferences[0]?.parties.size, 1);
  await anna.bye();
  await over(t, office);
});
