import t from 'tap';
import { loggedIn, loggedOut } from '../../../firmware/call/feature/extension-login.ts';
import { defaultShortCodes } from '../../../firmware/call/routing/default-short-codes.ts';
import { hashPassword } from '../../../firmware/config/secrets/scrypt.ts';
import { configurationOf } from '../routing/support/office.ts';
import { type SipOffice, sipOfficeTest } from './sip-office.ts';

const loginCode = await hashPassword('4711');
const OFFICE = {
  users: { 201: { name: 'Anna', loginCode }, 202: { name: 'Ben' }, 203: { name: 'Carla' } },
  extensions: { 201: { user: '201' }, 202: { user: '202' }, 203: { user: '203' }, 290: {} },
  shortCodes: defaultShortCodes('en-GB'),
};

/** A little of the office's time with each look, for what is scheduled nobody knows when. */
async function whileTimePasses<T>(office: SipOffice, awaited: Promise<T>): Promise<T> {
  let isOver = false;
  const over = (): void => {
    isOver = true;
  };
  awaited.then(over, over);
  await office.until(() => {
    office.clock.advance(100);
    return isOver;
  }, 'what takes time');
  return awaited;
}

sipOfficeTest('*35 makes a telephone that is nobody’s that of a user, *36 gives it back', OFFICE, async (t, office) => {
  const phone = await office.phone('290');
  const userOf = (extension: string): string | undefined => office.configuration.extensions[extension]?.user;
  const dial = async (code: string): Promise<void> => {
    t.match(await phone.call(code), { status: 200 });
    await office.until(() => office.media.open[0]?.sound !== undefined, 'the tone');
    const [session] = office.media.open;
    session?.tell({ kind: 'playbackEnded', playback: 1 });
    await phone.ended();
  };
  await dial('*35*201*4711#');
  t.equal(userOf('290'), '201');
  t.match(office.edits, [{ author: { who: 'user 201' }, comment: 'logs in on extension 290' }]);
  await dial('*36');
  t.equal(userOf('290'), undefined);
  t.equal(office.edits.length, 2);
});

sipOfficeTest(
  'no code, a user without one, no such user; the telephone of another user is his',
  OFFICE,
  async (t, office) => {
    const phone = await office.phone('202');
    for (const code of ['*35*201#', '*35*203*4711#', '*35*299*4711#', '*35*201*4711#', '*36']) {
      // The delay of a wrong code, which begins once it is known to be wrong; then what is heard is over by itself.
      t.match(await whileTimePasses(office, phone.call(code)), { status: 200 }, code);
      await whileTimePasses(office, phone.ended());
    }
    t.same(office.edits, []);
  },
);

t.test('whoever logs out leaves the telephone to nobody, where he can come back', (t) => {
  const configuration = configurationOf({
    ...OFFICE,
    extensions: { 201: { user: '201' }, 202: { user: '202' }, 290: { user: '201' }, 291: { user: '202' }, 292: {} },
  });
  const after = (number: string) => loggedOut(configuration, number)?.extensions[number];
  t.match(after('290'), { user: undefined });
  for (const stays of ['201', '202', '291', '292', '999']) t.equal(after(stays), undefined, stays);
  t.end();
});

t.test('whoever logs in takes the telephone of nobody who could not come back', (t) => {
  const configuration = configurationOf({
    ...OFFICE,
    extensions: { 201: { user: '201' }, 202: { user: '202' }, 290: { user: '201' }, 291: { user: '202' }, 292: {} },
  });
  const userAt = (number: string, user: string) => loggedIn(configuration, number, user)?.extensions[number]?.user;
  t.equal(userAt('292', '201'), '201');
  t.equal(userAt('290', '203'), '203');
  t.equal(userAt('291', '202'), '202');
  for (const stays of ['291', '999']) t.equal(userAt(stays, '201'), undefined, stays);
  t.end();
});
