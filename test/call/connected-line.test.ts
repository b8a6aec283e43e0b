/** Who talks to somebody else from now on is told who that is (RFC 3325), by UPDATE where its phone takes it. */
import t from 'tap';
import { ConnectedLine } from '../../firmware/call/leg/connected-line.ts';
import type { LegParty } from '../../firmware/call/leg/leg-party.ts';
import { type ConnectedParty, type NamedParty, NO_LINES, type PlacedCall } from '../../firmware/call/outside.ts';
import { defaultShortCodes } from '../../firmware/call/routing/default-short-codes.ts';
import type { LineStep, ShownIdentity } from '../../firmware/call/routing/plan.ts';
import { type HeaderField, type Headers, SipRequest } from '../../firmware/sip/stack.ts';
import { FakeBox, FakeCaller, FLOW, settle } from './fakes.ts';
import { sipOfficeTest } from './feature/sip-office.ts';

t.test('a call that goes on as it began tells nobody anything', async (t) => {
  const { caller, device } = await new FakeBox().conversation();
  t.match(caller.shown, [['P-Asserted-Identity', /sip:202@/]], 'the answer does');
  t.same([caller.talksTo, device.talksTo], [[], []]);
});

t.test('what could not be sent is told the next time', async (t) => {
  const line = new ConnectedLine();
  const shown = [['P-Asserted-Identity', '"Warehouse" <sip:203@box>']] as const;
  const statuses = [491, 200];
  const update = async () => ({ status: statuses.shift() ?? 0, sdp: undefined });
  for (let told = 0; told < 3; told += 1) {
    line.tell(shown, update);
    await settle();
  }
  t.same(statuses, []);
  line.tell(shown, () => {
    t.fail('told twice');
    return update();
  });
});

t.test('both of a conversation in which somebody takes the place of another', async (t) => {
  const box = new FakeBox();
  const { call, caller } = await box.conversation();
  const newcomer = await box.conversation(new FakeCaller());
  const leg = newcomer.call.other;
  const old = call.other;
  if (leg === undefined || old === undefined) throw new Error('nobody');
  leg.party = { ...leg.party, number: '203', name: 'Warehouse' };
  await newcomer.call.take([leg]);
  t.ok(await call.replaceLeg(old, leg, { how: 'transfer' }));
  await settle();
  t.match(caller.talksTo, [/Warehouse.*sip:203@/]);
  t.same(newcomer.device.talksTo, [], 'who has called the same one before hears nothing new');
});

t.test('a phone whose INVITE spoke of somebody else is told who it is, once', async (t) => {
  const cases: readonly (readonly [string, ShownIdentity, Partial<LegParty>, readonly RegExp[]])[] = [
    ['a group that was called for somebody', { number: '300', name: 'Sales', isWithheld: false }, {}, [/sip:201@/]],
    ['nobody', { number: undefined, name: undefined, isWithheld: true }, {}, [/sip:201@/]],
    ['himself', { number: '201', name: 'As the directory has it', isWithheld: false }, {}, []],
    [
      'himself, at an extension of another number',
      { number: '201', name: 'A', isWithheld: false },
      { number: '250' },
      [],
    ],
    ['nobody, as he wants it', { number: '201', name: 'A', isWithheld: true }, { isPrivate: true }, []],
  ];
  for (const [title, shown, party, told] of cases) {
    const box = new FakeBox();
    const caller = new FakeCaller();
    const { device } = await box.conversation(caller, { shown, waiting: box.leg(caller, party) });
    t.match(device.talksTo, told, title);
    t.equal(device.talksTo.length, told.length, title);
  }
});

const SAYS_NOTHING = { shows: () => [], names: () => undefined } satisfies Pick<PlacedCall, 'shows' | 'names'>;

/** A call of 201 over a line to another office, with what that line does; its peer has answered, with these headers. */
async function overLine(
  line: Partial<Pick<PlacedCall, 'shows' | 'names'>>,
  answer: readonly HeaderField[] = [],
  more: { readonly isWithheld?: boolean } = {},
) {
  const { isWithheld = false } = more;
  const identity = { number: '02079460201', name: 'Reception', isWithheld };
  const step: LineStep = {
    kind: 'line',
    call: { attempts: [{ line: '1', number: '5202', identity }] },
    diversions: [],
    after: {},
  };
  const box = new FakeBox();
  box.outside = {
    ...NO_LINES,
    place: async () => ({
      kind: 'placed',
      invite: {
        flow: FLOW,
        requestUri: 'sip:5202@other-office',
        from: { uri: 'sip:02079460201@other-office' },
        to: { uri: 'sip:5202@other-office' },
      },
      abilities: { codecs: undefined, security: 'system', dtmf: 'automatic' },
      answerWithinMs: 4000,
      ...SAYS_NOTHING,
      ...line,
      answered: () => undefined,
      ended: () => undefined,
      rejected: () => 'final',
    }),
  };
  const caller = new FakeCaller();
  const call = await box.call(caller, step);
  const peer = box.devices.at(-1);
  if (peer === undefined) throw new Error('nobody was called');
  peer.answers(undefined, answer);
  await box.media.finish();
  caller.acknowledges();
  await settle();
  return { box, caller, call, peer };
}

t.test('the peer of a line is told as the line has it, or nothing', async (t) => {
  const [theirs, hidden] = ['<sip:203@other-office>', '<sip:anonymous@anonymous.invalid>'];
  const cases = [
    { trusted: true, isWithheld: false, told: [theirs, '<sip:201@other-office>'] },
    { trusted: true, isWithheld: true, told: [theirs, hidden] },
    { trusted: false, isWithheld: false, told: [] },
  ];
  for (const { trusted, isWithheld, told } of cases) {
    const shows = ({ number, isPrivate }: ConnectedParty): readonly HeaderField[] =>
      trusted ? [['Remote-Party-ID', isPrivate === true ? hidden : `<sip:${number}@other-office>`]] : [];
    const { box, call, peer } = await overLine({ shows }, [], { isWithheld });
    t.same(peer.talksTo, [], 'its INVITE said who calls');
    const newcomer = await box.conversation(new FakeCaller());
    const { other } = newcomer.call;
    if (other === undefined) throw new Error('nobody');
    other.party = { ...other.party, number: '203', name: 'Warehouse' };
    await newcomer.call.take([other]);
    t.ok(await call.replaceLeg(call.waiting, other, { how: 'transfer' }));
    await settle();
    t.same(peer.talksTo, told.slice(0, 1));
    const again = await box.conversation(new FakeCaller());
    const back = again.call.other;
    if (back === undefined) throw new Error('nobody');
    back.party = { ...back.party, number: '201', name: 'Reception' };
    await again.call.take([back]);
    t.ok(await call.replaceLeg(other, back, { how: 'transfer' }));
    await settle();
    t.same(peer.talksTo, told, 'and whoever called first');
  }
});

const WHO = 'X-Who';
/** What a line reads of its peer, in a header of its own. */
const names = (headers: Headers): NamedParty | undefined => {
  const who = headers.get(WHO);
  if (who === undefined) return undefined;
  const isPrivate = who === 'nobody';
  return { number: isPrivate ? '' : who, name: isPrivate ? '' : `Name of ${who}`, isPrivate };
};

t.test('who answers at the other end of a line is shown to the caller, as its peer says', async (t) => {
  const cases: readonly (readonly [string, readonly HeaderField[], RegExp])[] = [
    ['nothing said', [], /sip:5202@/],
    ['somebody', [[WHO, '303']], /Name of 303[^<]*<sip:303@/],
    ['one who wants no number shown: the one that was dialled', [[WHO, 'nobody']], /sip:5202@/],
  ];
  for (const [what, answer, shown] of cases) {
    const { caller, call } = await overLine({ names }, answer);
    t.match(caller.shown, [['P-Asserted-Identity', shown]], what);
    t.match(call.other?.party.number, /^(?:5202|303)$/);
    t.equal(call.other?.party.line, '1', what);
  }
});

t.test('who speaks there later is shown as well, once each (RFC 4916)', async (t) => {
  const { caller, peer } = await overLine({ names }, [[WHO, '303']]);
  for (const who of ['303', '304', '304', 'nobody']) {
    peer.handlers.onChanged?.(new SipRequest('UPDATE', 'sip:box', [[WHO, who]]));
    await settle();
  }
  peer.handlers.onChanged?.(new SipRequest('UPDATE', 'sip:box', []));
  await settle();
  t.match(caller.talksTo, [/Name of 304[^<]*<sip:304@/, /anonymous@anonymous\.invalid/]);
  t.equal(caller.talksTo.length, 2);
});

t.test('a party that was transferred, and whoever answers it', async (t) => {
  const box = new FakeBox();
  const { call, caller } = await box.conversation();
  const { waiting } = call;
  await call.take([waiting]);
  await box.call(new FakeCaller(), box.ring([{ extension: '203' }]), { waiting });
  const target = box.devices.at(-1);
  target?.answers();
  await settle();
  t.match(caller.talksTo, [/sip:203@/]);
  t.same(target?.talksTo, [], 'its INVITE said so');
});

t.test('nobody is told the number of who wants none shown, and a carrier is told nothing', async (t) => {
  const box = new FakeBox();
  const { call, caller } = await box.conversation();
  const { waiting, other } = call;
  if (other === undefined) throw new Error('nobody');
  await call.take([waiting]);
  waiting.party = { number: '02071234567', name: 'A customer', line: '1' };
  const step = box.ring([{ extension: '203' }]);
  const next = await box.call(new FakeCaller(), step, { waiting });
  box.devices.at(-1)?.answers();
  await settle();
  t.same(caller.talksTo, []);
  waiting.party = { number: '201', name: 'Reception', isPrivate: true };
  const third = await box.conversation(new FakeCaller());
  const leg = third.call.other;
  const old = next.other;
  if (leg === undefined || old === undefined) throw new Error('nobody');
  await third.call.take([leg]);
  t.ok(await next.replaceLeg(old, leg, { how: 'transfer' }));
  await settle();
  t.match(third.device.talksTo, [/anonymous@anonymous\.invalid/]);
});

const OFFICE = {
  users: { 201: { name: 'Anna' }, 202: { name: 'Ben' }, 203: { name: 'Carla' } },
  shortCodes: defaultShortCodes('en-GB'),
};

sipOfficeTest(
  'an attended transfer shows both phones who they talk to; one without UPDATE is left alone',
  OFFICE,
  async (t, office) => {
    const takesUpdate = true;
    const ben = await office.phone('202', { takesUpdate });
    const [anna, carla] = [await office.phone('201'), await office.phone('203', { takesUpdate })];
    await office.conversation(ben, anna, '201');
    const second = await office.phone('201');
    await office.conversation(second, carla, '203');
    const { callId, localTag, remoteTag } = second.dialog;
    const replaces = encodeURIComponent(`${callId};to-tag=${remoteTag};from-tag=${localTag}`);
    t.equal(await anna.refer(`<sip:203@box?Replaces=${replaces}>`), 202);
    t.match(await ben.received(/\nUPDATE sip/), /P-Asserted-Identity: [^\r]*Carla[^\r]*sip:203@/);
    t.match(await carla.received(/\nUPDATE sip/), /P-Asserted-Identity: [^\r]*Ben[^\r]*sip:202@/);
    t.notMatch(await anna.transcript(), 'UPDATE sip');
    await Promise.all([ben.bye(), carla.ended()]);
  },
);

sipOfficeTest(
  'a call that is stolen shows the other phone the extension where it goes on',
  OFFICE,
  async (t, office) => {
    const [anna, ben] = [await office.phone('201'), await office.phone('202', { takesUpdate: true })];
    await office.conversation(anna, ben, '202');
    const other = await office.phone('201');
    t.match(await other.call('*45*201%23'), { status: 200 });
    await anna.ended();
    await office.until(() => office.conversations.includes('201 202'), 'both to talk');
    t.notMatch(await ben.transcript(), 'UPDATE sip', 'the same one, on another telephone of his');
    await Promise.all([other.bye(), ben.ended()]);
  },
);
