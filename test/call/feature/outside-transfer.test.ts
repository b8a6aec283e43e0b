import type { TestPhone } from '../../support/phone/test-phone.ts';
import { withLine } from './office-line.ts';
import { type SipOffice, sipOfficeTest } from './sip-office.ts';

const OFFICE = {
  system: { telephony: { trunkToTrunk: 'never' } },
  users: { 201: { name: 'Anna', classOfService: 'World' }, 202: { name: 'Ben' }, 203: { name: 'Carla' } },
  classesOfService: { World: { calls: 'international' } },
  lines: { 1: { domain: 'a.example.com', userName: 'a', channels: 2, incomingGroup: 1, outgoingGroup: 1 } },
  incomingRoutes: { Main: { lineGroup: 1, incomingNumber: '02079460000', destination: '201' } },
  shortCodes: { '9N': { feature: 'dial', telephoneNumber: 'N' } },
};
const FORWARDED = { ...OFFICE, system: { telephony: { trunkToTrunk: 'forwarded' } } };

async function calledFromOutside(office: SipOffice, reached: readonly TestPhone[] = []) {
  const placed = withLine(office, reached);
  const [carrier, anna] = [await office.phone('carrier'), await office.phone('201')];
  await carrier.invite('02079460000');
  await anna.incomingCall();
  await Promise.all([anna.answer(), carrier.answered()]);
  await office.until(() => office.conversations.length === 1, 'both to talk');
  return { carrier, anna, placed };
}

sipOfficeTest(
  'a caller from outside is not transferred to outside unless that is allowed',
  OFFICE,
  async (t, office) => {
    const { anna, carrier, placed } = await calledFromOutside(office);
    t.equal(await anna.refer('<sip:902079462222@box>'), 403);
    t.equal(await anna.refer('<sip:9004930123456@box>'), 403);
    t.same(placed, []);
    t.equal(office.conversations.length, 1, 'the call goes on');
    const carla = await office.phone('203');
    t.equal(await anna.refer('<sip:203@box>'), 202, 'within the office he is');
    t.match((await carla.incomingCall()).fromUri, 'sip:02079461111@');
    await carla.answer();
    await anna.notified(200);
    await Promise.all([carrier.bye(), carla.ended()]);
  },
);

/** Anna has two calls over the line: with one who has called, and with whom she asks about him. */
async function consultsOutside(office: SipOffice) {
  const outside = await office.phone('02079462222');
  const { carrier, anna } = await calledFromOutside(office, [outside]);
  const consulting = await office.phone('201');
  await consulting.invite('902079462222');
  await outside.incomingCall();
  await Promise.all([outside.answer(), consulting.answered()]);
  await office.until(() => office.conversations.length === 2, 'both calls');
  const { callId, localTag, remoteTag } = consulting.dialog;
  const replaces = encodeURIComponent(`${callId};to-tag=${remoteTag};from-tag=${localTag}`);
  return { outside, carrier, anna, consulting, referTo: `<sip:902079462222@box?Replaces=${replaces}>` };
}

sipOfficeTest(
  'two who are outside are not brought together by an attended transfer unless that is allowed',
  OFFICE,
  async (t, office) => {
    const { anna, carrier, consulting, outside, referTo } = await consultsOutside(office);
    t.equal(await anna.refer(referTo), 403);
    t.same([...office.conversations].sort(), ['02079461111 201', '02079462222 201'], 'both calls go on');
    await Promise.all([carrier.bye(), anna.ended(), outside.bye(), consulting.ended()]);
  },
);

sipOfficeTest('where it is allowed they talk', FORWARDED, async (t, office) => {
  const { anna, carrier, consulting, outside, referTo } = await consultsOutside(office);
  t.equal(await anna.refer(referTo), 202);
  await anna.notified(200);
  await Promise.all([anna.ended(), consulting.ended()]);
  await office.until(() => office.conversations.includes('02079461111 02079462222'), 'both to talk');
  await Promise.all([carrier.bye(), outside.ended()]);
});

sipOfficeTest('where it is allowed the class of service of who transfers counts', FORWARDED, async (t, office) => {
  const { anna, placed } = await calledFromOutside(office);
  t.equal(await anna.refer('<sip:9004930123456@box>'), 202);
  await anna.notified(503);
  t.same(placed, ['004930123456']);
  await office.until(() => office.conversations.length === 1, 'both to talk again');
  const [ben, carla] = [await office.phone('202'), await office.phone('203')];
  await office.conversation(carla, ben, '202');
  t.equal(await ben.refer('<sip:9004930123456@box>'), 403, 'Ben calls no other countries');
  t.equal(placed.length, 1);
});

sipOfficeTest('who is transferred to help has called for help: people are told of it', FORWARDED, async (t, office) => {
  const { anna, placed } = await calledFromOutside(office);
  const told: string[] = [];
  office.calls.whenEmergency = ({ extension, number }) => told.push(`${number} by ${extension}`);
  t.equal(await anna.refer('<sip:112@box>'), 202);
  await anna.notified(503);
  t.same(told, ['112 by 201']);
  t.ok(placed.length > 0 && placed.every((number) => number === '112'));
  const ben = await office.phone('202');
  t.match(await ben.call('112'), { status: 503 });
  t.same(told, ['112 by 201', '112 by 202'], 'as of whoever dials it');
});

const PLACES = {
  ...OFFICE,
  locations: { 'Head office': {}, Depot: {} },
  extensions: {
    201: { user: '201', location: 'Head office' },
    202: { user: '202', location: 'Depot' },
    203: { user: '203' },
  },
};
sipOfficeTest('help is sent to where whoever is transferred to it speaks', PLACES, async (t, office) => {
  withLine(office);
  const told: string[] = [];
  office.calls.whenEmergency = ({ extension, location }) => told.push(`${extension} in ${location}`);
  const [anna, ben] = [await office.phone('201'), await office.phone('202')];
  await office.conversation(anna, ben, '202');
  t.equal(await anna.refer('<sip:112@box>'), 202);
  await anna.notified(503);
  t.same(told, ['202 in Depot']);
  t.equal(office.conversations.length, 1, 'both talk again, where no line takes it');
  t.notOk(
    office.calls.legsOf('202').some(({ party }) => party.isEmergency === true),
    'and of neither it is a call for help',
  );
  await Promise.all([ben.bye(), anna.ended()]);
});

const TOLD = { ...OFFICE, system: { emergency: { notify: ['202', '203'] } } };
sipOfficeTest('who calls for help himself is not rung for the call of another', TOLD, async (t, office) => {
  withLine(office);
  office.lines = { ...office.lines, place: () => new Promise(() => undefined) };
  const [anna, ben, carla] = [await office.phone('201'), await office.phone('202'), await office.phone('203')];
  await ben.invite('112');
  t.match(await carla.incomingCall(), { fromUri: 'sip:202@' });
  await carla.reject(486);
  await anna.invite('112');
  t.match(await carla.incomingCall(), { fromUri: 'sip:201@' });
  t.equal(office.media.sessions.length, 4, 'one of each who calls, and of each time that Carla rang');
  await Promise.all([anna.cancel(), ben.cancel()]);
});

sipOfficeTest('a carrier transfers nobody, and takes no place', OFFICE, async (t, office) => {
  const { anna, carrier } = await calledFromOutside(office);
  t.equal(await carrier.refer('<sip:203@box>'), 403);
  const { callId, localTag, remoteTag } = anna.dialog;
  const other = await office.phone('carrier');
  const replaces = ['Replaces', `${callId};to-tag=${remoteTag};from-tag=${localTag}`] as const;
  t.match(await other.call('02079460000', { headers: [replaces] }), { status: 403 });
  t.equal(office.conversations.length, 1);
  await Promise.all([carrier.bye(), anna.ended()]);
});
