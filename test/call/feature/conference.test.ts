import { defaultShortCodes } from '../../../firmware/call/routing/default-short-codes.ts';
import { sipOfficeTest } from './sip-office.ts';

const OFFICE = {
  system: { telephony: { noAnswerSeconds: 20 } },
  users: { 201: { name: 'Anna' }, 202: { name: 'Ben' }, 203: { name: 'Carla' } },
  shortCodes: defaultShortCodes('en-GB'),
};

sipOfficeTest(
  '*47 makes one conference of the calls of its user; it ends with the last but one',
  OFFICE,
  async (t, office) => {
    // A phone of one call: the other lines are other phones that the box takes for the same device.
    const [first, ben, carla] = [await office.phone('201'), await office.phone('202'), await office.phone('203')];
    const [second, third] = [await office.phone('201', {}, '201 0'), await office.phone('201', {}, '201 0')];
    await office.conversation(first, ben, '202');
    await office.conversation(second, carla, '203');
    t.match(await third.call('*47'), { status: 200 });
    await Promise.all([first.ended(), second.ended()]);
    const conference = () => office.media.conferences[0];
    await office.until(() => conference()?.parties.size === 3, 'three in the conference');
    t.equal(office.calls.calls.size, 3, 'each has a call of his own');
    t.ok(
      office.media.open.every(({ sound }) => sound === undefined),
      'nobody hears music',
    );
    await ben.bye();
    await office.until(() => conference()?.parties.size === 2, 'two in the conference');
    await Promise.all([third.bye(), carla.ended()]);
    await office.until(() => office.media.open.length === 0, 'every port to be free');
    t.equal(conference()?.closed, true);
    t.equal(office.calls.calls.size, 0);
  },
);

sipOfficeTest('*47 again adds whom the user has called since', OFFICE, async (t, office) => {
  const [first, ben, carla] = [await office.phone('201'), await office.phone('202'), await office.phone('203')];
  const [second, third] = [await office.phone('201', {}, '201 0'), await office.phone('201', {}, '201 0')];
  await office.conversation(first, ben, '202');
  t.match(await second.call('*47'), { status: 200 });
  await first.ended();
  await office.conversation(first, carla, '203');
  t.match(await third.call('*47'), { status: 200 });
  await Promise.all([first.ended(), second.ended()]);
  await office.until(() => office.media.conferences[0]?.parties.size === 3, 'three in the conference');
  t.equal(office.media.conferences.length, 1);
  await Promise.all([ben.bye(), carla.bye(), third.ended()]);
});

sipOfficeTest(
  '*47 without a call gets 480, and of a conference that is full the party is hung up on',
  OFFICE,
  async (t, office) => {
    const [first, ben] = [await office.phone('201'), await office.phone('202')];
    const second = await office.phone('201', {}, '201 0');
    t.match(await second.call('*47'), { status: 480 });
    office.media.conferenceLimit = 1;
    await office.conversation(first, ben, '202');
    t.match(await second.call('*47'), { status: 200 });
    await second.ended();
    office.clock.advance(10_000);
    await ben.ended();
    await office.until(() => office.media.open.length === 0, 'every port to be free');
  },
);

sipOfficeTest('*47 makes one of two conferences of its user, and leaves those of others', OFFICE, async (t, office) => {
  const lines = async (count: number) => {
    const phones = [];
    for (let each = 0; each < count; each += 1) phones.push(await office.phone('201', {}, '201 0'));
    return phones;
  };
  const [first, second, third, fourth, fifth] = await lines(5);
  if (!first || !second || !third || !fourth || !fifth) throw new Error('no phones');
  const [ben, carla] = [await office.phone('202'), await office.phone('203')];
  const parties = () => office.media.conferences.filter(({ closed }) => !closed).map(({ parties: { size } }) => size);
  // Two rooms: that of a call, and that of the factory with another one in it.
  await office.conversation(first, ben, '202');
  t.match(await second.call('*47'), { status: 200 });
  await first.ended();
  await office.until(() => String(parties()) === '2', 'the first conference');
  t.match(await third.call('ConfServer'), { status: 200 });
  t.equal(await third.refer('<sip:203@box>'), 202);
  await carla.incomingCall();
  await carla.answer();
  await office.until(() => String(parties()) === '2,2', 'the second conference');
  t.match(await fourth.call('*47'), { status: 200 });
  await Promise.all([second.ended(), third.ended()]);
  await office.until(() => String(parties()) === '3', 'one conference of all');
  t.equal(office.calls.calls.size, 3);
  // Ben opens one of his own, where Anna is a guest: it is not hers.
  const bens = await office.phone('202');
  t.match(await bens.call('ConfServer'), { status: 200 });
  t.equal(await bens.refer('<sip:201@box>'), 202);
  const guest = await Promise.race(
    [first, second, third].map(async (phone) => [phone, await phone.incomingCall()] as const),
  );
  await guest[0].answer();
  await office.until(() => String(parties()) === '3,2', 'Ben’s conference');
  t.match(await fifth.call('*47'), { status: 480 }, 'nobody to add');
  t.equal(String(parties()), '3,2');
  await Promise.all([bens.bye(), guest[0].ended()]);
  await Promise.all([ben.bye(), carla.bye(), fourth.ended()]);
});
