import { defaultShortCodes } from '../../../firmware/call/routing/default-short-codes.ts';
import { sipOfficeTest } from './sip-office.ts';

const OFFICE = {
  system: { telephony: { noAnswerSeconds: 20 } },
  users: { 201: { name: 'Anna' }, 202: { name: 'Ben' }, 203: { name: 'Carla' } },
  shortCodes: defaultShortCodes('en-GB'),
};
const PARK_1 = '*37*1%23';
const UNPARK_1 = '*38*1%23';

sipOfficeTest(
  'a call is transferred to a slot, hears music, and is taken out by another user',
  OFFICE,
  async (t, office) => {
    const [anna, ben, carla] = [await office.phone('201'), await office.phone('202'), await office.phone('203')];
    await office.conversation(ben, anna, '201');
    t.equal(await anna.refer(`<sip:${PARK_1}@box>`), 202);
    t.same((await anna.notified(200)).at(-1), 200);
    await office.until(() => office.media.sessions[0]?.hears === 'music/default', 'music');
    office.clock.advance(2000);
    await anna.ended();
    t.match(await anna.call(PARK_1), { status: 486 }, 'the slot is taken');
    t.match(await carla.call('*38*2%23'), { status: 404 }, 'nobody is there');
    t.match(await carla.call(UNPARK_1), { status: 200 });
    await office.until(() => office.conversations.includes('202 203'), 'both to talk');
    t.match(await anna.call(UNPARK_1), { status: 404 }, 'the slot is free again');
    await Promise.all([carla.bye(), ben.ended()]);
    await office.until(() => office.media.open.length === 0, 'every port to be free');
  },
);

sipOfficeTest(
  'the code parks the call that its user has on this phone, in a slot of his',
  OFFICE,
  async (t, office) => {
    const [anna, ben] = [await office.phone('201'), await office.phone('202')];
    await office.conversation(ben, anna, '201');
    // A phone of one call: its second line is another phone that the box takes for the same device.
    const line = await office.phone('201', {}, '201 0');
    t.match(await line.call('*37*%23'), { status: 200 });
    await anna.ended();
    await office.until(() => office.media.sessions[0]?.hears === 'music/default', 'music');
    office.clock.advance(5000);
    await line.ended();
    t.match(await line.call('*38*2010%23'), { status: 200 });
    await office.until(() => office.conversations.includes('201 202'), 'both to talk');
    await Promise.all([ben.bye(), line.ended()]);
    t.match(await line.call(PARK_1), { status: 480 }, 'there is nothing to park');
  },
);

sipOfficeTest('a parked call reminds of itself, and stays parked when nobody answers', OFFICE, async (t, office) => {
  const [anna, ben] = [await office.phone('201'), await office.phone('202')];
  await office.conversation(ben, anna, '201');
  await anna.refer(`<sip:${PARK_1}@box>`);
  await anna.notified(200);
  await anna.bye();
  office.clock.advance(300_000);
  t.match((await anna.incomingCall()).fromUri, 'sip:202@');
  t.match(await anna.transcript(), /Alert-Info: [^\r]*ring-back/);
  t.equal(office.media.sessions[0]?.hears, 'music/default');
  office.clock.advance(20_000);
  await anna.ended();
  office.clock.advance(300_000);
  await anna.incomingCall();
  await anna.answer();
  await office.until(() => office.conversations.includes('201 202'), 'both to talk');
  await Promise.all([ben.bye(), anna.ended()]);
  await office.until(() => office.media.open.length === 0, 'every port to be free');
});

const SOON = { ...OFFICE, system: { telephony: { noAnswerSeconds: 20, parkReminderSeconds: 30 } } };
sipOfficeTest('the reminder comes after the time that is set, then and there', SOON, async (t, office) => {
  const [anna, ben] = [await office.phone('201'), await office.phone('202')];
  await office.conversation(ben, anna, '201');
  await anna.refer(`<sip:${PARK_1}@box>`);
  await anna.notified(200);
  await anna.bye();
  office.clock.advance(29_000);
  t.equal(office.calls.legsOf('201').length, 0);
  office.clock.advance(1000);
  await anna.incomingCall();
  const { system } = office.configuration;
  office.configuration = {
    ...office.configuration,
    system: { ...system, telephony: { ...system.telephony, parkReminderSeconds: 60 } },
  };
  office.clock.advance(20_000);
  await anna.ended();
  office.clock.advance(59_000);
  t.equal(office.calls.legsOf('201').length, 0, 'the other time counts from the next one on');
  office.clock.advance(1000);
  await anna.incomingCall();
  await ben.bye();
  await anna.ended();
});

sipOfficeTest('a party that hangs up while it is parked leaves its slot', OFFICE, async (t, office) => {
  const [anna, ben, carla] = [await office.phone('201'), await office.phone('202'), await office.phone('203')];
  await office.conversation(ben, anna, '201');
  await anna.refer(`<sip:${PARK_1}@box>`);
  await anna.notified(200);
  await ben.bye();
  t.match(await carla.call(UNPARK_1), { status: 404 });
  await anna.bye();
  await office.until(() => office.media.open.length === 0, 'every port to be free');
  t.equal(office.calls.calls.size, 0);
});

sipOfficeTest('nobody waits in a slot for ever', OFFICE, async (t, office) => {
  const [anna, ben] = [await office.phone('201', { incoming: 486 }), await office.phone('202')];
  await office.conversation(anna, ben, '202');
  await anna.refer(`<sip:${PARK_1}@box>`);
  await anna.notified(200);
  await anna.bye();
  for (let reminder = 1; reminder <= 13; reminder += 1) {
    office.clock.advance(300_000);
    const again = new RegExp(`(?:received\\]\\nINVITE [^]*){${Math.min(reminder, 12)}}`);
    await office.until(() => office.log.length >= 0, 'a turn');
    while (!again.test(await anna.transcript())) await new Promise((resolve) => setTimeout(resolve, 10));
    await office.until(() => office.calls.legsOf('201').length === 0, 'the phone to refuse');
  }
  office.clock.advance(8000);
  await ben.ended();
  t.equal(office.calls.calls.size, 0);
});
