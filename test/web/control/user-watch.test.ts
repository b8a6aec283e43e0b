/** What every user does, told to the clients that want to know: all of them first, then each change. */
import { type SipOffice, sipOfficeTest } from '../../call/feature/sip-office.ts';
import { configurationOf } from '../../call/routing/support/office.ts';
import { OfficeClient } from './control-office.ts';
import type { Told } from './test-client.ts';

const OFFICE = { users: { 201: { name: 'Anna' }, 202: { name: 'Ben' }, 203: { name: 'Carla' } } };

interface View {
  readonly user: string;
  readonly state: string;
}

const viewsOf = (told: Told | undefined): readonly View[] => (told?.['users'] as readonly View[]) ?? [];
const statesOf = (told: Told | undefined): readonly string[] =>
  viewsOf(told).map(({ user, state }) => `${user} ${state}`);

/** After all that has happened by now. */
function toldLast(office: SipOffice, client: OfficeClient): readonly string[] {
  office.clock.advance(250);
  return statesOf(client.told.findLast(({ event }) => event === 'users'));
}

sipOfficeTest('each change of each user is told: a call from its beginning to its end', OFFICE, async (t, office) => {
  const [ben, carla] = [await office.phone('202'), await office.phone('203')];
  const client = await new OfficeClient(office).login('201');
  const other = await new OfficeClient(office).login('201');
  t.same(statesOf(await client.ask('users')), ['201 idle', '202 idle', '203 idle']);
  t.match(viewsOf(await client.ask('users')), [{ name: 'Anna' }, { name: 'Ben' }, { name: 'Carla' }]);
  await ben.invite('203');
  await carla.incomingCall();
  await ben.ringing();
  t.same(toldLast(office, client), ['202 calling', '203 ringing']);
  await Promise.all([carla.answer(), ben.answered()]);
  await office.until(() => office.conversations.length === 1, 'both to talk');
  t.same(toldLast(office, client), ['202 talking', '203 talking']);
  t.same(statesOf(await client.ask('users')), ['201 idle', '202 talking', '203 talking']);
  t.equal((await ben.offerAgain('sendonly')).status, 200);
  t.same(toldLast(office, client), ['202 holding']);
  await Promise.all([ben.bye(), carla.ended()]);
  await office.until(() => office.conversations.length === 0, 'the end');
  t.same(toldLast(office, client), ['202 idle', '203 idle']);
  t.equal(client.told.filter(({ event }) => event === 'users').length, 4, 'once each, though it was asked for twice');
  t.notOk(
    other.told.some(({ event }) => event === 'users'),
    'nor to who has not asked',
  );
});

sipOfficeTest('who may watch nobody is told so, and nothing more', OFFICE, async (t, office) => {
  const ben = await office.phone('202');
  await office.phone('203');
  const client = await new OfficeClient(office).login('201');
  t.match(await client.ask('users'), { ok: true });
  const { extensions } = office.configuration;
  office.configuration = configurationOf({ ...OFFICE, extensions, system: { lamps: { watchers: 'nobody' } } });
  t.match(await client.ask('users'), { ok: false, error: 'refused', status: 403, reason: /system\.lamps\.watchers/ });
  await ben.invite('203');
  await ben.ringing();
  t.same(toldLast(office, client), []);
  await ben.cancel();
});

sipOfficeTest('a client that is gone is told nothing, and leaves nothing behind', OFFICE, async (t, office) => {
  const ben = await office.phone('202');
  await office.phone('203');
  const client = await new OfficeClient(office).login('201');
  await client.ask('users');
  client.session.closed();
  const { pending } = office.clock;
  office.presences.recheck();
  await ben.call('299');
  t.equal(office.clock.pending, pending, 'nothing waits to be told');
  t.same(toldLast(office, client), []);
});
