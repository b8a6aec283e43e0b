/** What the box holds in the name of a user whose clients go: nobody is left in silence by it. */
import type { Test } from 'tap';
import { type SipOffice, sipOfficeTest } from '../../call/feature/sip-office.ts';
import { settle } from '../../call/settle.ts';
import { holdsIn, OfficeClient } from './control-office.ts';

const OFFICE = { users: { 201: { name: 'Anna' }, 202: { name: 'Ben' } } };

/** Anna at her desk phone has Ben on hold by a client; `another` of hers shares what the office has. */
async function held(t: Test, office: SipOffice) {
  const [anna, ben] = [
    await office.phone('201', { incoming: 'answer' }),
    await office.phone('202', { incoming: 'answer' }),
  ];
  const holds = holdsIn(office);
  const another = (mode: string) =>
    new OfficeClient(office, undefined, undefined, holds).login('201', mode) as Promise<OfficeClient>;
  const client = await another('desk-phone');
  const { call } = await client.ask('make', { number: '202' });
  await client.sees('talking');
  t.match(await client.ask('hold', { call }), { ok: true });
  const hears = async (): Promise<readonly string[]> => {
    await settle();
    return office.media.sessions.map((session) => session.hears);
  };
  t.same(await hears(), ['silence', 'music/default']);
  return { anna, ben, holds, another, client, call, hears };
}

sipOfficeTest(
  'the last client is gone: the telephone gives a signal, and the call goes on',
  OFFICE,
  async (t, office) => {
    const { anna, ben, client, hears } = await held(t, office);
    client.session.closed();
    office.clock.advance(9999);
    t.same(await hears(), ['silence', 'music/default']);
    office.clock.advance(1);
    t.same(await hears(), ['tone', 'music/default'], 'who is at the telephone learns of it first');
    office.clock.advance(1000);
    t.same(await hears(), ['session 2', 'session 1']);
    await Promise.all([ben.bye(), anna.ended()]);
  },
);

sipOfficeTest('a client that has just been told of a conversation can hold it', OFFICE, async (t, office) => {
  const anna = await office.phone('201', { incoming: 'answer' });
  const ben = await office.phone('202');
  const client = await new OfficeClient(office).login('201', 'desk-phone');
  const { call } = await client.ask('make', { number: '202' });
  await ben.incomingCall();
  office.media.isSlow = true;
  await ben.answer();
  const isToldOfBen = () =>
    client.told.some((each) => each.state === 'talking' && JSON.stringify(each).includes('"202"'));
  await office.until(isToldOfBen, 'the conversation with 202');
  const hold = client.begin('hold', { call });
  await settle();
  t.notOk(
    client.told.some(({ id }) => id === hold),
    'their media are not joined yet',
  );
  office.media.isSlow = false;
  await office.media.finish();
  t.match(await client.answerTo(hold), { ok: true });
  await settle();
  t.same(
    office.media.sessions.map((session) => session.hears),
    ['silence', 'music/default'],
  );
  await Promise.all([ben.bye(), anna.ended()]);
});

sipOfficeTest('a client of the user comes back in time: what is held stays so', OFFICE, async (t, office) => {
  const { anna, ben, another, client, call, hears } = await held(t, office);
  for (const awayMs of [9000, 10_500]) {
    client.session.closed();
    office.clock.advance(awayMs);
    const back = await another('desk-phone');
    office.clock.advance(60_000);
    t.same(await hears(), ['silence', 'music/default'], `after ${awayMs} ms`);
    t.match(await back.sees('held'), { call });
    back.session.closed();
    client.session.closed();
    office.clock.advance(5000);
    await another('desk-phone');
  }
  await Promise.all([ben.bye(), anna.ended()]);
});

sipOfficeTest('another client of the user is there: he can take the call back himself', OFFICE, async (t, office) => {
  const { anna, ben, another, client, call, hears } = await held(t, office);
  const other = await another('desk-phone');
  client.session.closed();
  client.session.closed();
  office.clock.advance(60_000);
  t.same(await hears(), ['silence', 'music/default']);
  t.match(await other.ask('retrieve', { call }), { ok: true });
  t.same(await hears(), ['session 2', 'session 1']);
  await Promise.all([ben.bye(), anna.ended()]);
});

sipOfficeTest('the clients of somebody else do not count', OFFICE, async (t, office) => {
  const { anna, ben, holds, client, hears } = await held(t, office);
  await new OfficeClient(office, undefined, undefined, holds).login('202', 'desk-phone');
  client.session.closed();
  office.clock.advance(11_000);
  t.same(await hears(), ['session 2', 'session 1']);
  await Promise.all([ben.bye(), anna.ended()]);
});

sipOfficeTest('the call is over before the time: nothing is left of it', OFFICE, async (t, office) => {
  const { anna, ben, client, holds } = await held(t, office);
  client.session.closed();
  await Promise.all([ben.bye(), anna.ended()]);
  office.clock.advance(20_000);
  t.same(office.conversations, []);
  holds.close();
});

sipOfficeTest(
  'a client that goes while its telephone is told to hold: the box holds nothing for it',
  OFFICE,
  async (t, office) => {
    const anna = await office.phone('201', { incoming: 'answer', events: ['hold'] });
    const ben = await office.phone('202', { incoming: 'answer' });
    const client = await new OfficeClient(office).login('201', 'desk-phone');
    const { call } = await client.ask('make', { number: '202' });
    await client.sees('talking');
    const [leg] = office.calls.legsOf('201');
    if (leg === undefined) throw new Error('she is in no call');
    const refusal = Promise.withResolvers<undefined>();
    leg.request = () => refusal.promise;
    client.begin('hold', { call });
    client.session.closed();
    refusal.resolve(undefined);
    await settle();
    t.notOk(office.media.sessions.some(({ hears }) => hears === 'silence' || hears.startsWith('music')));
    await Promise.all([ben.bye(), anna.ended()]);
  },
);
