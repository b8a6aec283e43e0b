import t from 'tap';
import { readReferTo } from '../../../firmware/call/feature/referred.ts';
import { defaultShortCodes } from '../../../firmware/call/routing/default-short-codes.ts';
import { parseNameAddr } from '../../../firmware/sip/stack.ts';
import type { TestPhone } from '../../support/phone/test-phone.ts';
import { type SipOffice, sipOfficeTest } from './sip-office.ts';

const OFFICE = {
  system: { telephony: { noAnswerSeconds: 20 } },
  users: { 201: { name: 'Anna' }, 202: { name: 'Ben' }, 203: { name: 'Carla' }, 204: { name: 'Dora', enabled: false } },
  shortCodes: defaultShortCodes('en-GB'),
};

/** Replaces of a call, as the phone that is in it writes it into a Refer-To. */
function replacing({ dialog }: TestPhone): string {
  const { callId, localTag, remoteTag } = dialog;
  return encodeURIComponent(`${callId};to-tag=${remoteTag};from-tag=${localTag}`);
}

async function transferable(office: SipOffice) {
  const [anna, ben, carla] = [await office.phone('201'), await office.phone('202'), await office.phone('203')];
  await office.conversation(ben, anna, '201');
  return { anna, ben, carla };
}

sipOfficeTest(
  'blind transfer: progress is told, the party hears ring back, and talks to the target',
  OFFICE,
  async (t, office) => {
    const { anna, ben, carla } = await transferable(office);
    t.equal(await anna.refer('<sip:203@box>', [['Referred-By', '<sip:201@box>']]), 202);
    const { fromUri, fromName } = await carla.incomingCall();
    t.match(fromUri, 'sip:202@', 'the party is shown, not who transfers');
    t.equal(fromName, 'Ben');
    t.match(await carla.transcript(), /\r\nReferred-By: <sip:201@box>\r\n/);
    t.same(await anna.notified(180), [100, 180]);
    await office.until(() => office.media.sessions[0]?.hears === 'tone', 'ring back');
    await carla.answer();
    t.same(await anna.notified(200), [100, 180, 200]);
    await office.until(() => office.conversations.includes('202 203'), 'the party to talk to the target');
    office.clock.advance(2000);
    await anna.ended();
    t.same(
      office.media.open.map(({ peer }) => peer !== undefined),
      [true, true],
    );
    await Promise.all([ben.bye(), carla.ended()]);
    t.ok(office.events.some((event) => event.kind === 'started' && event.follows !== undefined));
  },
);

sipOfficeTest('a transfer that fails leaves both where they were', OFFICE, async (t, office) => {
  const { anna, carla } = await transferable(office);
  t.equal(await anna.refer('<sip:203@box>'), 202);
  await carla.incomingCall();
  await carla.reject(486);
  t.same((await anna.notified(486)).at(-1), 486);
  await office.until(() => office.conversations.includes('201 202'), 'both to talk again');
  t.equal(office.media.open.length, 2);
  t.equal(await anna.refer('<sip:203@box>'), 202, 'once more');
  await carla.incomingCall();
  await carla.answer();
  await anna.notified(200);
});

sipOfficeTest(
  'a transfer that breaks MUST be told to have ended, and leaves nobody in silence',
  OFFICE,
  async (t, office) => {
    const { anna, ben } = await transferable(office);
    const broken = (): never => {
      throw new Error('broken');
    };
    office.calls.runners.register('ring', { run: broken });
    t.equal(await anna.refer('<sip:203@box>'), 202);
    t.same((await anna.notified(487)).at(-1), 487);
    await ben.ended();
    office.clock.advance(2000);
    await anna.ended();
    await office.until(() => office.media.open.length === 0, 'every port to be free');
  },
);

sipOfficeTest('a transfer that fails rings again whoever hung up on it', OFFICE, async (t, office) => {
  const { anna, carla } = await transferable(office);
  await anna.refer('<sip:203@box>');
  await carla.incomingCall();
  await anna.notified(180);
  await anna.bye();
  await carla.reject(486);
  const { fromUri } = await anna.incomingCall();
  t.match(fromUri, 'sip:202@');
  t.match(await anna.transcript(), /Alert-Info: [^\r]*ring-back/);
  await anna.answer();
  await office.until(() => office.conversations.includes('201 202'), 'both to talk again');
});

sipOfficeTest('nobody answers in time: the party comes back', OFFICE, async (t, office) => {
  const { anna, carla } = await transferable(office);
  await anna.refer('<sip:203@box>');
  await carla.incomingCall();
  await anna.notified(180);
  office.clock.advance(20_000);
  t.same((await anna.notified(480)).at(-1), 480);
  await office.until(() => office.conversations.includes('201 202'), 'both to talk again');
});

sipOfficeTest('the party hangs up while it is transferred', OFFICE, async (t, office) => {
  const { anna, ben, carla } = await transferable(office);
  await anna.refer('<sip:203@box>');
  await carla.incomingCall();
  await anna.notified(180);
  await ben.bye();
  await anna.notified(487);
  office.clock.advance(2000);
  await anna.ended();
  await office.until(() => office.media.open.length === 0, 'every port to be free');
  t.equal(office.calls.calls.size, 0);
});

sipOfficeTest(
  'another REFER during a transfer gets 491, and BYE of who transfers ends nothing else',
  OFFICE,
  async (t, office) => {
    const { anna, ben, carla } = await transferable(office);
    t.equal(await anna.refer('<sip:203@box>'), 202);
    t.equal(await anna.refer('<sip:203@box>'), 491);
    await carla.incomingCall();
    t.equal((await anna.offerAgain('sendonly')).status, 200, 're-INVITE during transfer');
    await anna.bye();
    await carla.answer();
    await office.until(() => office.conversations.includes('202 203'), 'the party to talk to the target');
    await Promise.all([carla.bye(), ben.ended()]);
  },
);

sipOfficeTest('a transfer to oneself rings the other devices of the user', OFFICE, async (t, office) => {
  const { anna, carla } = await transferable(office);
  t.equal(await anna.refer('<sip:201@box>'), 486, 'there is none but the one in the call');
  const second = await office.phone('201');
  t.equal(await anna.refer('<sip:201@box>'), 202);
  await second.incomingCall();
  await second.answer();
  await anna.notified(200);
  await office.until(() => office.conversations.includes('201 202'), 'the other device to have the call');
  await office.until(() => office.calls.legsOf('201').length === 1, 'one device alone');
  await carla.call('999999');
});

const refused: readonly (readonly [referTo: string, status: number])[] = [
  ['<sip:299@box>', 404],
  ['<sip:204@box>', 480],
  ['<sip:900441234567@box>', 403],
  ['<sip:%2A17@box>', 403],
  ['<sip:%2A08@box>', 403],
  ['<sip:202@box>', 486],
  ['<sip:box>', 404],
  ['<sip:203@box;method=BYE>', 403],
  ['<http://203/>', 416],
  ['<203>', 400],
  ['sip:', 400],
  ['<sip:203@box?Replaces=nonsense>', 400],
  ['<sip:203@box?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>', 481],
  ['<sip:203@box?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc&Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>', 400],
  ['<sip:203@box?%%%>', 400],
  [`<sip:${'2'.repeat(3000)}@box>`, 404],
];
sipOfficeTest(
  'a REFER that leads nowhere, or to where the user may not go, is refused, and the call goes on',
  OFFICE,
  async (t, office) => {
    const { anna, ben } = await transferable(office);
    for (const [referTo, status] of refused) t.equal(await anna.refer(referTo), status, referTo.slice(0, 60));
    t.same(office.conversations, ['201 202']);
    await Promise.all([ben.bye(), anna.ended()]);
  },
);

t.test('a Refer-To as hostile as can be is read or refused, and never throws', async (t) => {
  const pieces = [
    'sip:',
    'sips:',
    'tel:',
    '203',
    '@',
    'box',
    '?',
    'Replaces=',
    '%3B',
    '%',
    ';method=',
    '&',
    '=',
    ':',
    '[',
    '\u0000',
    '"',
    '<',
  ];
  let seed = 7;
  const next = (count: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * count);
  };
  for (let round = 0; round < 5000; round += 1) {
    const uri = Array.from({ length: 1 + next(12) }, () => pieces[next(pieces.length)] ?? '').join('');
    const parsed = parseNameAddr(`<${uri}>`);
    if (parsed === undefined) continue;
    const target = readReferTo(parsed);
    if ('status' in target) t.ok([400, 403, 404, 416].includes(target.status));
    else t.type(target.number, 'string');
  }
});

sipOfficeTest(
  'attended transfer: the party and the target talk, and who transferred is out of both calls',
  OFFICE,
  async (t, office) => {
    const { anna, ben, carla } = await transferable(office);
    const consulting = await office.phone('201');
    await office.conversation(consulting, carla, '203');
    t.equal(await anna.refer(`<sip:203@box?Replaces=${replacing(consulting)}>`), 202);
    t.same((await anna.notified(200)).at(-1), 200);
    await Promise.all([anna.ended(), consulting.ended()]);
    await office.until(() => office.conversations.includes('202 203'), 'both to talk');
    t.equal(office.media.open.length, 2);
    t.ok(
      office.events.some((event) => event.kind === 'joined' && event.how === 'transfer' && event.by?.user === '201'),
    );
    await Promise.all([carla.bye(), ben.ended()]);
  },
);

sipOfficeTest('attended transfer while the target still rings', OFFICE, async (t, office) => {
  const { anna, carla } = await transferable(office);
  const consulting = await office.phone('201');
  await consulting.invite('203');
  await carla.incomingCall();
  await consulting.ringing();
  t.equal(await anna.refer(`<sip:203@box?Replaces=${replacing(consulting)}>`), 202);
  t.match(await consulting.answered(), { status: 480 });
  await carla.incomingCall();
  await carla.answer();
  await anna.notified(200);
  await office.until(() => office.conversations.includes('202 203'), 'both to talk');
});

sipOfficeTest('nobody transfers to a call of somebody else', OFFICE, async (t, office) => {
  const { anna } = await transferable(office);
  const [left, right] = [await office.phone('203'), await office.phone('203')];
  await office.conversation(left, right, '203');
  t.equal(await anna.refer(`<sip:203@box?Replaces=${replacing(left)}>`), 403);
  t.equal(office.conversations.length, 2);
});
