import { sipOfficeTest } from './sip-office.ts';

const member = (user: string) => ({ user, enabled: true });
const OFFICE = {
  users: {
    201: { name: 'Anna' },
    202: { name: 'Ben' },
    203: { name: 'Carla' },
    204: { name: 'Dora', doNotDisturb: { enabled: true } },
  },
  huntGroups: {
    300: { name: 'Shop', members: ['201', '202', '203', '204'].map(member) },
    301: { name: 'Quiet', members: [member('204')] },
  },
  shortCodes: { '*70*N#': { feature: 'dial-paging', telephoneNumber: 'N' } },
};

sipOfficeTest('a group is paged: its free telephones answer by themselves and only hear', OFFICE, async (t, office) => {
  const anna = await office.phone('201');
  const [ben, carla] = [await office.phone('202', { incoming: 'answer' }), await office.phone('203')];
  const dora = await office.phone('204');
  t.match(await anna.call('*70*300#'), { status: 200 });
  const { sdp: _, ...called } = await ben.incomingCall();
  t.match(called, { fromName: 'Anna' });
  t.match(await ben.transcript(), /Call-Info: <sip:127\.0\.0\.1>;answer-after=0/);
  await carla.incomingCall();
  await carla.answer();
  const conference = () => office.media.conferences[0];
  await office.until(() => conference()?.parties.size === 3, 'all to hear');
  t.equal(conference()?.muted.size, 2, 'who is paged is not heard');
  t.notMatch(await dora.transcript(), /INVITE/, 'who does not want to be disturbed is not');
  await Promise.all([anna.bye(), ben.ended(), carla.ended()]);
  await office.until(() => office.media.open.length === 0, 'every port to be free');
});

sipOfficeTest(
  'a telephone that is set not to answer by itself rings',
  { ...OFFICE, extensions: { 201: { user: '201' }, 202: { user: '202', autoAnswer: false } } },
  async (t, office) => {
    const [anna, ben] = [await office.phone('201'), await office.phone('202')];
    t.match(await anna.call('*70*202#'), { status: 200 });
    await ben.incomingCall();
    t.notMatch(await ben.transcript(), /answer-after/);
    await ben.answer();
    await Promise.all([anna.bye(), ben.ended()]);
  },
);

sipOfficeTest(
  'a telephone that does not answer is left alone soon, and then the page is over',
  OFFICE,
  async (t, office) => {
    const [anna, ben] = [await office.phone('201'), await office.phone('202')];
    t.match(await anna.call('*70*202#'), { status: 200 });
    await ben.incomingCall();
    t.equal(office.media.open[0]?.hears, 'tone', 'who speaks hears that it rings');
    office.clock.advance(10_000);
    await Promise.all([ben.ended(), anna.ended()]);
  },
);

sipOfficeTest('a page that nobody ends is over after ten minutes', OFFICE, async (t, office) => {
  const [anna, ben] = [await office.phone('201'), await office.phone('202', { incoming: 'answer' })];
  t.match(await anna.call('*70*202#'), { status: 200 });
  await office.until(() => office.media.conferences[0]?.parties.size === 2, 'both to be in');
  office.clock.advance(599_000);
  t.equal(office.media.conferences[0]?.closed, false);
  office.clock.advance(1000);
  await Promise.all([anna.ended(), ben.ended()]);
  await office.until(() => office.media.open.length === 0, 'every port to be free');
});

sipOfficeTest('nobody to page', OFFICE, async (t, office) => {
  const [anna, ben] = [await office.phone('201'), await office.phone('202')];
  const [other, carla] = [await office.phone('201'), await office.phone('203')];
  t.match(await anna.call('*70*999#'), { status: 404 });
  t.match(await anna.call('*70*301#'), { status: 480 }, 'nobody wants to be disturbed');
  await office.conversation(carla, ben, '202');
  t.match(await other.call('*70*202#'), { status: 480 }, 'in a call');
  await carla.bye();
});
