/**
 * Each mode and each verb: what the mode does not have is refused with the reason, and what it has is not. By the seeds, chapter 8
 * (desk phone), "Virtual client limitations" (virtual desktop) and "Avaya Workplace Client Modes" (other phone, this computer).
 */
import t from 'tap';
import { MODES, type Mode, type Verb } from '../../../firmware/call/control/mode.ts';
import { VERBS } from '../../../firmware/web/control/protocol.ts';
import { SipOffice, sipOfficeTest } from '../../call/feature/sip-office.ts';
import { OfficeClient } from './control-office.ts';

const OFFICE = { users: { 201: { name: 'Anna' }, 202: { name: 'Ben' }, 203: { name: 'Carla' } } };
const CALL = '0b0f6e7e-5a39-4f0c-9a1e-3d1f0c8d7a11';

/** What is asked with each verb, of a user who has no call. */
const FIELDS: Readonly<Record<Verb, object>> = {
  make: { number: '202' },
  cancel: {},
  answer: { call: CALL },
  ignore: { call: CALL },
  hold: { call: CALL },
  retrieve: { call: CALL },
  drop: { call: CALL },
  transfer: { call: CALL, number: '202' },
  conference: { calls: [CALL, '1b0f6e7e-5a39-4f0c-9a1e-3d1f0c8d7a11'] },
  dtmf: { call: CALL, digits: '1' },
  move: { call: CALL },
  mute: {},
  unmute: {},
  video: {},
  add: {},
};

/** By a pattern: refused, for that reason. By a word: the mode has it, and the box says that of a user without calls. */
type Expected = RegExp | 'no-such-call' | 'wrong-state' | 'no-device' | 'refused';

const ELSEWHERE = /microphone/;
const VIDEO = /no video/;
const DRAGGED = /nobody is dragged/;
const ITSELF = /the client is the telephone/;

/** Of who directs another device: what can be asked of a call is there. */
const DIRECTED = {
  cancel: 'wrong-state',
  ignore: 'no-such-call',
  hold: 'no-such-call',
  retrieve: 'no-such-call',
  drop: 'no-such-call',
  transfer: 'no-such-call',
  conference: 'no-such-call',
  dtmf: 'no-such-call',
  move: 'no-such-call',
  mute: ELSEWHERE,
  unmute: ELSEWHERE,
  video: VIDEO,
  add: DRAGGED,
} as const;

const EXPECTED: Readonly<Record<Mode, Readonly<Record<Verb, Expected>>>> = {
  'this-computer': {
    make: ITSELF,
    cancel: ITSELF,
    answer: ITSELF,
    ignore: ITSELF,
    hold: ITSELF,
    retrieve: 'no-such-call',
    drop: ITSELF,
    transfer: ITSELF,
    conference: ITSELF,
    dtmf: ITSELF,
    move: 'no-such-call',
    mute: ITSELF,
    unmute: ITSELF,
    video: ITSELF,
    add: ITSELF,
  },
  'desk-phone': { ...DIRECTED, make: 'no-device', answer: 'no-such-call' },
  // Nobody is registered as 202: that is what it says of the number.
  'other-phone': { ...DIRECTED, make: 'refused', answer: /answer it there/ },
  'virtual-desktop': { ...DIRECTED, make: 'no-device', answer: 'no-such-call' },
};

t.test('every verb of calls is in the table', async (t) => {
  const notOfCalls = ['login', 'mode', 'calls', 'users'];
  t.same(Object.keys(FIELDS).sort(), VERBS.filter((verb) => !notOfCalls.includes(verb)).sort());
});

for (const mode of MODES) {
  t.test(`in the mode ${mode}`, async (t) => {
    const office = await SipOffice.open(OFFICE);
    t.teardown(() => office.close());
    await office.phone('203');
    const client = await new OfficeClient(office).login('201');
    t.match(await client.ask('mode', { mode, ...(mode === 'other-phone' ? { number: '203' } : {}) }), { ok: true });
    for (const [verb, expected] of Object.entries(EXPECTED[mode])) {
      const answer = await client.ask(verb, FIELDS[verb as Verb]);
      const isForbidden = expected instanceof RegExp;
      const error = isForbidden ? 'not-in-this-mode' : expected;
      const reason = isForbidden ? expected : /./;
      t.match(answer, { ok: false, error, reason }, `${verb}: ${isForbidden ? 'refused' : 'there'}`);
    }
  });
}

const TALKING = [
  ['desk-phone', {}, undefined],
  ['virtual-desktop', {}, 'Avaya Communicator/3.0 (1.1.0.35; Avaya CSDK; Microsoft Windows NT 6.2.9200.0)'],
] as const;
for (const [mode, fields, userAgent] of TALKING) {
  sipOfficeTest(`in a call in the mode ${mode}: what is refused leaves it as it was`, OFFICE, async (t, office) => {
    const anna = await office.phone('201', userAgent === undefined ? {} : { userAgent });
    const ben = await office.phone('202');
    const client = await new OfficeClient(office).login('201', mode, fields);
    await office.conversation(anna, ben, '202');
    const { call } = await client.sees('talking');
    const before = office.media.open.map(({ hears }) => hears);
    for (const verb of ['mute', 'unmute', 'video', 'add']) {
      t.match(await client.ask(verb), { ok: false, error: 'not-in-this-mode', reason: /./ }, verb);
    }
    t.match(await client.ask('calls'), { calls: [{ call, state: 'talking' }] });
    t.same(
      office.media.open.map(({ hears }) => hears),
      before,
    );
    t.notMatch(await anna.transcript(), /received\]\n(?:INVITE|UPDATE|NOTIFY|BYE|REFER)/);
    t.match(await client.ask('drop', { call }), { ok: true });
    await Promise.all([anna.ended(), ben.ended()]);
  });
}

sipOfficeTest('in a call at the other phone: what is refused leaves it as it was', OFFICE, async (t, office) => {
  const [ben, other] = [await office.phone('202'), await office.phone('203')];
  const client = await new OfficeClient(office).login('201', 'other-phone', { number: '203' });
  await ben.invite('201');
  await other.incomingCall();
  const { call } = await client.sees('ringing');
  t.match(await client.ask('answer', { call }), { ok: false, error: 'not-in-this-mode', reason: /answer it there/ });
  await Promise.all([other.answer(), ben.answered()]);
  await client.sees('talking');
  for (const verb of ['mute', 'unmute', 'video', 'add']) {
    t.match(await client.ask(verb), { ok: false, error: 'not-in-this-mode', reason: /./ }, verb);
  }
  t.same(office.conversations, ['201 202']);
  t.match(await client.ask('drop', { call }), { ok: true });
  await Promise.all([other.ended(), ben.ended()]);
});
