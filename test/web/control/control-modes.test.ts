/** Modes of sessions, profiles, and what the box itself answers; what a mode does not have: control-refusals.test.ts. */
import { OtherPhones } from '../../../firmware/call/control/other-phones.ts';
import { defaultShortCodes } from '../../../firmware/call/routing/default-short-codes.ts';
import { sipOfficeTest } from '../../call/feature/sip-office.ts';
import { OfficeClient } from './control-office.ts';

const OFFICE = {
  users: {
    201: { name: 'Anna' },
    202: { name: 'Ben' },
    203: { name: 'Carla' },
  },
};

sipOfficeTest(
  'each session has its mode; a session that ends leaves the calls where they are, and the next one sees them',
  OFFICE,
  async (t, office) => {
    const [anna, ben] = [await office.phone('201', { incoming: 'answer' }), await office.phone('202')];
    const directing = await new OfficeClient(office).login('201', 'desk-phone');
    const other = await new OfficeClient(office).login('201');
    t.match(await other.ask('make', { number: '202' }), { ok: false, error: 'not-in-this-mode' });
    const make = directing.begin('make', { number: '202' });
    await ben.incomingCall();
    await ben.answer();
    const { call } = await directing.answerTo(make);
    await directing.sees('talking');
    t.match(await other.sees('talking'), { call }, 'each sees all calls of the user');
    t.match(await other.ask('drop', { call }), { ok: false, error: 'not-in-this-mode' });
    directing.session.closed();
    t.same(office.conversations, ['201 202'], 'they talk on');
    const again = await new OfficeClient(office).login('201', 'desk-phone');
    t.match(await again.sees('talking'), { call });
    t.match(await again.ask('drop', { call }), { ok: true });
    await Promise.all([anna.ended(), ben.ended()]);
  },
);

sipOfficeTest(
  'the desk phone collects voicemail, by the code as he would dial it',
  { ...OFFICE, shortCodes: defaultShortCodes('en-GB') },
  async (t, office) => {
    const collected: string[] = [];
    office.calls.runners.register('mailbox', {
      run: ({ mailbox, purpose }) => {
        collected.push(`${purpose} ${mailbox}`);
        return { stop: () => undefined };
      },
    });
    const anna = await office.phone('201', { incoming: 'answer' });
    const client = await new OfficeClient(office).login('201', 'desk-phone');
    const { ok, call } = await client.ask('make', { number: '*17' });
    t.equal(ok, true);
    t.same(collected, ['collect 201']);
    t.match(await client.ask('drop', { call }), { ok: true });
    await anna.ended();
  },
);

sipOfficeTest(
  'other phone: that of the configuration where the client names none',
  { ...OFFICE, users: { ...OFFICE.users, 201: { name: 'Anna', otherPhone: '203' } } },
  async (t, office) => {
    const otherPhones = new OtherPhones();
    const client = await new OfficeClient(office, otherPhones).login('201');
    await office.phone('203');
    await office.phone('202');
    t.match(await client.ask('mode', { mode: 'other-phone' }), { ok: true });
    t.equal(otherPhones.of('201'), '203');
    t.match(await client.ask('mode', { mode: 'other-phone', number: '202' }), { ok: true });
    t.equal(otherPhones.of('201'), '202');
  },
);

const profiles = [
  ['basic', 'none'],
  ['teleworker', 'no virtual desktop'],
  ['office-worker', 'no virtual desktop'],
  ['power', 'all'],
] as const;
for (const [profile, has] of profiles) {
  sipOfficeTest(
    `licences: of the modes beside this-computer a user with the profile ${profile} has ${has}`,
    { users: { 201: { name: 'Anna', profile }, 203: { name: 'Carla' } } },
    async (t, office) => {
      const { system, ...rest } = office.configuration;
      office.configuration = { ...rest, system: { ...system, licensing: 'perpetual' } };
      await office.phone('203');
      const client = await new OfficeClient(office).login('201');
      const isAllowed = async (mode: string, fields: object = {}): Promise<boolean> => {
        const { ok, error } = await client.ask('mode', { mode, ...fields });
        t.equal(error, ok === true ? undefined : 'not-licensed');
        return ok === true;
      };
      t.equal(await isAllowed('desk-phone'), has !== 'none');
      t.equal(await isAllowed('other-phone', { number: '203' }), has !== 'none');
      t.equal(await isAllowed('virtual-desktop'), has === 'all');
      t.equal(await isAllowed('this-computer'), true);
    },
  );
}

sipOfficeTest('who goes on asking for more than is his is hung up on, at any pace', OFFICE, async (t, office) => {
  const client = await new OfficeClient(office).login('201');
  const rounds = (count: number, messages: number): void => {
    for (let round = 0; round < count; round += 1) {
      office.clock.advance(50);
      for (let message = 0; message < messages; message += 1) client.begin('calls');
    }
  };
  rounds(1, 100);
  t.equal(client.told.filter(({ error }) => error === 'too-many').length, 1);
  rounds(400, 1);
  t.equal(client.closedWith, undefined, 'as many as he may');
  rounds(400, 3);
  t.equal(client.closedWith, 1008);
});
