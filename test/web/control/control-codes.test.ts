/** Short codes that a client has its telephone dial: they are its user's, though the telephone is up before they are carried out. */
import { defaultShortCodes } from '../../../firmware/call/routing/default-short-codes.ts';
import { withLine } from '../../call/feature/office-line.ts';
import { type SipOffice, sipOfficeTest } from '../../call/feature/sip-office.ts';
import { OfficeClient } from './control-office.ts';

const OFFICE = {
  users: { 201: { name: 'Anna' }, 202: { name: 'Ben' }, 203: { name: 'Carla' } },
  shortCodes: { ...defaultShortCodes('en-GB'), '9N': { feature: 'dial', telephoneNumber: 'N' } },
};
const WORKPLACE = { userAgent: 'Avaya Communicator/3.0 (1.1.0.35; Avaya CSDK; Microsoft Windows NT 6.2.9200.0)' };

async function make(office: SipOffice, number: string) {
  const client = await new OfficeClient(office).login('201', 'desk-phone');
  return { client, made: await client.ask('make', { number }) };
}

for (const number of ['*30', '*32*202#', '*45*202#']) {
  sipOfficeTest(
    `make ${number}: what rings at a colleague's is picked up at the desk phone`,
    OFFICE,
    async (t, office) => {
      const anna = await office.phone('201', { incoming: 'answer' });
      const [ben, carla] = [await office.phone('202'), await office.phone('203')];
      await carla.invite('202');
      await ben.incomingCall();
      await carla.ringing();
      const { client, made } = await make(office, number);
      t.match(made, { ok: true });
      t.match(await carla.answered(), { status: 200 });
      await ben.ended();
      await office.until(() => office.conversations.includes('201 203'), 'both to talk');
      t.match(await client.sees('talking'), { with: { number: '203', name: 'Carla' }, at: ['desk'] });
      await Promise.all([carla.bye(), anna.ended()]);
      await office.until(() => office.media.open.length === 0, 'every port to be free');
    },
  );
}

sipOfficeTest(
  'make of a pick-up where nothing rings: the telephone hears so, and it ends',
  OFFICE,
  async (t, office) => {
    const anna = await office.phone('201', { incoming: 'answer' });
    const { made } = await make(office, '*30');
    t.match(made, { ok: true });
    await office.until(() => office.media.sessions.some(({ hears }) => hears === 'tone'), 'the tone');
    office.clock.advance(8000);
    await anna.ended();
  },
);

sipOfficeTest('make of *38: a parked call is taken out at the desk phone', OFFICE, async (t, office) => {
  const anna = await office.phone('201', { incoming: 'answer' });
  const [ben, carla] = [await office.phone('202'), await office.phone('203')];
  await office.conversation(carla, ben, '202');
  t.equal(await ben.refer('<sip:*37*1%23@box>'), 202);
  await ben.notified(200);
  const { client, made } = await make(office, '*38*1#');
  t.match(made, { ok: true });
  await office.until(() => office.conversations.includes('201 203'), 'both to talk');
  t.match(await client.sees('talking'), { with: { number: '203', name: 'Carla' } });
  await Promise.all([carla.bye(), anna.ended()]);
});

sipOfficeTest('make of *45 with the own number: the call comes from the computer', OFFICE, async (t, office) => {
  const anna = await office.phone('201', { incoming: 'answer' });
  const ben = await office.phone('202', { incoming: 'answer' });
  const computer = await office.phone('201', WORKPLACE);
  await computer.call('202');
  await office.until(() => office.conversations.length === 1, 'the call at the computer');
  const { client, made } = await make(office, '*45*201#');
  t.match(made, { ok: true });
  await computer.ended();
  await office.until(() => office.conversations.includes('201 202'), 'both to talk');
  await office.until(() => client.told.some(({ at }) => at?.join() === 'desk'), 'the new place to be told');
  await Promise.all([ben.bye(), anna.ended()]);
});

sipOfficeTest('make of a setting, and of what is about one telephone alone', OFFICE, async (t, office) => {
  await office.phone('201', { incoming: 'answer' });
  const { client, made } = await make(office, '*08');
  t.match(made, { ok: true });
  await office.until(() => office.configuration.users[201]?.doNotDisturb.enabled === true, 'it to be set');
  t.match(await client.ask('make', { number: '*35*201*4711#' }), {
    ok: false,
    error: 'refused',
    reason: /dial it there/,
  });
});

const LINE = { domain: 'a.example.com', userName: 'a', channels: 4, incomingGroup: 1, outgoingGroup: 1 };
for (const [trunkToTrunk, says] of [
  ['never', 'refused'],
  ['forwarded', 'done'],
] as const) {
  sipOfficeTest(
    `make of a pick-up at a telephone outside, of a caller outside: ${says} where that is ${trunkToTrunk}`,
    {
      ...OFFICE,
      users: { ...OFFICE.users, 201: { name: 'Anna', callerNumber: '02079460201' } },
      system: { telephony: { trunkToTrunk } },
      lines: { 1: LINE },
      incomingRoutes: { Main: { lineGroup: 1, incomingNumber: '02079460000', destination: '202' } },
    },
    async (t, office) => {
      const [home, outside] = [await office.phone('07700900201'), await office.phone('carrier')];
      withLine(office, [home]);
      const ben = await office.phone('202');
      const client = await new OfficeClient(office).login('201', 'other-phone', { number: '907700900201' });
      await outside.invite('02079460000');
      await ben.incomingCall();
      const making = client.begin('make', { number: '*30' });
      await home.incomingCall();
      await home.answer();
      t.match(await client.answerTo(making), { ok: true });
      if (says === 'done') {
        t.match(await outside.answered(), { status: 200 });
        await Promise.all([outside.bye(), home.ended()]);
        return;
      }
      await office.until(() => office.media.sessions.some(({ hears }) => hears === 'tone'), 'the tone');
      t.same(office.conversations, []);
      await Promise.all([ben.answer(), outside.answered()]);
      await Promise.all([outside.bye(), ben.ended()]);
      await home.bye();
    },
  );
}
