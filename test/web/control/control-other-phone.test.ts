/** Users who speak at another telephone than theirs, by a client that says which. */
import { OtherPhones } from '../../../firmware/call/control/other-phones.ts';
import { sipOfficeTest } from '../../call/feature/sip-office.ts';
import { OfficeClient } from './control-office.ts';

const OFFICE = {
  users: {
    201: { name: 'Anna' },
    202: { name: 'Ben' },
    203: { name: 'Carla' },
    204: { name: 'Dora', profile: 'basic' },
  },
};

sipOfficeTest(
  'other phone: calls of the user begin there, and come there; nobody sees its number',
  OFFICE,
  async (t, office) => {
    const [anna, ben, other] = [await office.phone('201'), await office.phone('202'), await office.phone('203')];
    const client = await new OfficeClient(office).login('201', 'other-phone', { number: '203' });
    const make = client.begin('make', { number: '202' });
    await other.incomingCall();
    t.match(await client.ask('cancel'), { ok: true });
    await other.ended();
    t.match(await client.answerTo(make), { ok: false, error: 'failed', status: 487 });
    const again = client.begin('make', { number: '202' });
    t.notMatch(await other.incomingCall(), { fromUri: /201@/ });
    await other.answer();
    t.match(await ben.incomingCall(), { fromUri: /^sips?:201@/, fromName: 'Anna' });
    t.match(await client.answerTo(again), { ok: true });
    await ben.answer();
    t.match(await client.sees('talking'), { at: ['other-phone'], with: { number: '202' } });
    t.notMatch(await ben.transcript(), /[:" ]203[@" ]/, 'the number of the other phone stays with the box');
    await Promise.all([ben.bye(), other.ended()]);
    await ben.invite('201');
    await other.incomingCall();
    const { call } = await client.sees('ringing');
    t.match(await client.ask('answer', { call }), { ok: false, error: 'not-in-this-mode' });
    await Promise.all([other.answer(), ben.answered()]);
    t.notMatch(await anna.transcript(), 'INVITE', 'his own devices are quiet');
    await office.until(() => office.conversations.includes('201 202'), 'both to talk, as whom he is');
    t.match(await client.ask('drop', { call }), { ok: true });
    await Promise.all([ben.ended(), other.ended()]);
    client.session.closed();
    await ben.invite('201');
    await anna.incomingCall();
    await Promise.all([ben.cancel(), anna.ended()]);
  },
);

sipOfficeTest('other phone: numbers that are no telephone, and help, are refused', OFFICE, async (t, office) => {
  const otherPhones = new OtherPhones();
  const client = await new OfficeClient(office, otherPhones).login('201');
  await office.phone('203');
  for (const number of ['999', '112', '*37*1#']) {
    t.match(await client.ask('mode', { mode: 'other-phone', number }), { ok: false, error: 'refused' }, number);
  }
  t.match(await client.ask('mode', { mode: 'other-phone' }), { ok: false, error: 'refused', status: 484 });
  t.equal(otherPhones.of('201'), undefined);
  t.match(await client.ask('mode', { mode: 'other-phone', number: '203' }), { ok: true });
  t.match(await client.ask('make', { number: '112' }), { ok: false, error: 'refused' });
  t.match(await client.ask('mode', { mode: 'desk-phone' }), { ok: true });
  t.equal(otherPhones.of('201'), undefined);
});

sipOfficeTest(
  'other phone: whom he transfers to help is in the office, and help is sent to him; not one from outside',
  {
    ...OFFICE,
    lines: { 1: { domain: 'a.example.com', userName: 'a', channels: 2, incomingGroup: 1, outgoingGroup: 1 } },
    locations: { 'Head office': {}, Depot: {} },
    extensions: {
      201: { user: '201', location: 'Head office' },
      202: { user: '202', location: 'Depot' },
      203: { user: '203' },
    },
    shortCodes: { '9N': { feature: 'dial', telephoneNumber: 'N' } },
  },
  async (t, office) => {
    office.lines = {
      ...office.lines,
      state: () => ({ isInService: true, channelsInUse: 0, hasCallToDrop: false }),
      place: async () => ({ kind: 'refused', status: 503, why: 'full', isFinal: true }),
    };
    const help: unknown[] = [];
    office.calls.whenEmergency = ({ location }) => help.push(location);
    const [ben, other] = [
      await office.phone('202', { incoming: 'answer' }),
      await office.phone('203', { incoming: 'answer' }),
    ];
    const client = await new OfficeClient(office).login('201', 'other-phone', { number: '203' });
    const { call } = await client.ask('make', { number: '202' });
    await client.sees('talking');
    t.match(await client.ask('transfer', { call, number: '112' }), { ok: false, error: 'refused', status: 503 });
    t.same(help, ['Depot']);
    await office.until(() => office.conversations.includes('201 202'), 'Ben to be back');
    const back = await client.sees('talking');
    const leg = office.calls.legsOf('202')[0];
    if (leg !== undefined) leg.party = { ...leg.party, line: '1' };
    t.match(await client.ask('transfer', { call: back.call, number: '112' }), {
      ok: false,
      error: 'refused',
      status: 403,
      reason: /help would be sent to the office/,
    });
    t.same(help, ['Depot']);
    await Promise.all([ben.bye(), other.ended()]);
  },
);
