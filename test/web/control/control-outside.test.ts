/** Telephones outside, over a line, that a client directs; and who speaks from outside. */
import { OtherPhones } from '../../../firmware/call/control/other-phones.ts';
import { withLine } from '../../call/feature/office-line.ts';
import { type SipOffice, sipOfficeTest } from '../../call/feature/sip-office.ts';
import { configurationOf } from '../../call/routing/support/office.ts';
import { hasEnded, OfficeClient } from './control-office.ts';

const OFFICE = {
  system: { telephony: { trunkToTrunk: 'never' } },
  users: { 201: { name: 'Anna', callerNumber: '02079460201' }, 202: { name: 'Ben' } },
  lines: { 1: { domain: 'a.example.com', userName: 'a', channels: 4, incomingGroup: 1, outgoingGroup: 1 } },
  incomingRoutes: {
    Main: { lineGroup: 1, incomingNumber: '02079460000', destination: '202' },
    Anna: { lineGroup: 1, incomingNumber: '02079460201', destination: '201' },
  },
  shortCodes: { '9N': { feature: 'dial', telephoneNumber: 'N' } },
};
const FORWARDED = { ...OFFICE, system: { telephony: { trunkToTrunk: 'forwarded' } } };
/** As she dials it. */
const AT_HOME = '907700900201';
const TROMBONE = { ok: false, error: 'refused', status: 403, reason: /come over a line and leave by one/ };

/** Anna is at a telephone outside, and somebody else can be called outside. */
async function atHome(office: SipOffice) {
  const [home, outside] = [await office.phone('07700900201'), await office.phone('02079462222')];
  const placed = withLine(office, [home, outside]);
  const client = await new OfficeClient(office).login('201');
  return { home, outside, placed, client };
}

sipOfficeTest(
  'other phone outside: a client calls nobody outside from there unless that is allowed',
  OFFICE,
  async (t, office) => {
    const { placed, client } = await atHome(office);
    await client.ask('mode', { mode: 'other-phone', number: AT_HOME });
    t.match(await client.ask('make', { number: '902079462222' }), TROMBONE);
    t.same(placed, [], 'nothing rings for it');
    t.match(await client.ask('mode', { mode: 'this-computer' }), { ok: true });
  },
);

sipOfficeTest('other phone outside: where it is allowed he does', FORWARDED, async (t, office) => {
  const { home, outside, placed, client } = await atHome(office);
  await client.ask('mode', { mode: 'other-phone', number: AT_HOME });
  const make = client.begin('make', { number: '902079462222' });
  await home.incomingCall();
  await home.answer();
  await outside.incomingCall();
  t.match(await client.answerTo(make), { ok: true });
  await outside.answer();
  t.match(await client.sees('talking'), { at: ['other-phone'], with: { number: '02079462222' } });
  t.same(placed, ['07700900201', '02079462222']);
  await Promise.all([outside.bye(), home.ended()]);
});

sipOfficeTest(
  'other phone outside: what was allowed when it began to ring need not be any more',
  FORWARDED,
  async (t, office) => {
    const { home, placed, client } = await atHome(office);
    await client.ask('mode', { mode: 'other-phone', number: AT_HOME });
    const make = client.begin('make', { number: '902079462222' });
    await home.incomingCall();
    office.configuration = configurationOf({ ...OFFICE, extensions: office.configuration.extensions });
    await home.answer();
    t.match(await client.answerTo(make), TROMBONE);
    await home.ended();
    t.same(placed, ['07700900201']);
  },
);

/** Anna speaks at her desk with one who has called from outside, or with Ben; her client is at the telephone outside. */
async function atDesk(office: SipOffice, from: 'carrier' | '202') {
  const { home, placed, client } = await atHome(office);
  const [caller, desk] = [await office.phone(from), await office.phone('201')];
  await caller.invite(from === 'carrier' ? '02079460201' : '201');
  await desk.incomingCall();
  await Promise.all([desk.answer(), caller.answered()]);
  const { call } = await client.sees('talking');
  await client.ask('mode', { mode: 'other-phone', number: AT_HOME });
  return { home, placed, client, caller, desk, call };
}

sipOfficeTest(
  'other phone outside: a client brings nobody there who has called from outside unless that is allowed',
  OFFICE,
  async (t, office) => {
    const { placed, client, caller, desk, call } = await atDesk(office, 'carrier');
    t.match(await client.ask('retrieve', { call }), TROMBONE);
    t.same(placed, [], 'nothing rings for it');
    t.same(office.conversations, ['02079461111 201'], 'the call goes on where it is');
    await Promise.all([caller.bye(), desk.ended()]);
  },
);

for (const [title, parts, from, pair] of [
  ['who is here', OFFICE, '202', '201 202'],
  ['where it is allowed who is outside too', FORWARDED, 'carrier', '02079461111 201'],
] as const) {
  sipOfficeTest(`other phone outside: a client brings there ${title}`, parts, async (t, office) => {
    const { home, client, caller, desk, call } = await atDesk(office, from);
    const retrieve = client.begin('retrieve', { call });
    await home.incomingCall();
    await home.answer();
    t.match(await client.answerTo(retrieve), { ok: true });
    await desk.ended();
    await office.until(() => office.conversations.includes(pair), 'both to talk');
    await Promise.all([caller.bye(), home.ended()]);
  });
}

sipOfficeTest('other phone outside: it is rung over the line, then whom the user calls', OFFICE, async (t, office) => {
  const { home, placed, client } = await atHome(office);
  const [anna, ben] = [await office.phone('201'), await office.phone('202')];
  t.match(await client.ask('mode', { mode: 'other-phone', number: AT_HOME }), { ok: true });
  t.same(placed, [], 'nothing rings before there is a call');
  const make = client.begin('make', { number: '202' });
  await home.incomingCall();
  t.same(placed, ['07700900201']);
  t.notMatch(await ben.transcript(), 'INVITE', 'whom he calls waits until he is there');
  await home.answer();
  t.match(await ben.incomingCall(), { fromUri: /^sips?:201@/, fromName: 'Anna' });
  const { ok, call = '' } = await client.answerTo(make);
  t.equal(ok, true);
  await ben.answer();
  t.match(await client.sees('talking'), { call, at: ['other-phone'], with: { number: '202' } });
  t.same(office.conversations, ['201 202']);
  t.notMatch(await ben.transcript(), '07700900201', 'the number of the other phone stays with the box');
  t.match(await client.ask('drop', { call }), { ok: true });
  await Promise.all([home.ended(), ben.ended()]);
  t.ok(hasEnded(client, call));
  t.notMatch(await anna.transcript(), 'INVITE', 'his own devices are quiet');
});

sipOfficeTest('other phone outside: one that is busy calls nobody', OFFICE, async (t, office) => {
  const { home, client } = await atHome(office);
  const ben = await office.phone('202');
  await client.ask('mode', { mode: 'other-phone', number: AT_HOME });
  const make = client.begin('make', { number: '202' });
  await home.incomingCall();
  await home.reject(486);
  t.match(await client.answerTo(make), { ok: false, error: 'failed', status: 486 });
  t.notMatch(await ben.transcript(), 'INVITE');
});

sipOfficeTest('other phone outside: not help, nor where the user may not call', OFFICE, async (t, office) => {
  const otherPhones = new OtherPhones();
  const placed = withLine(office);
  const client = await new OfficeClient(office, otherPhones).login('201');
  for (const [number, reason] of [
    ['112', /^help is no telephone/],
    ['999', /^help is no telephone/],
    ['9004930123456', /leads nowhere for this user: barred/],
  ] as const) {
    const refusal = { ok: false, error: 'refused', status: 403, reason };
    t.match(await client.ask('mode', { mode: 'other-phone', number }), refusal, number);
  }
  t.equal(otherPhones.of('201'), undefined);
  t.same(placed, []);
});
