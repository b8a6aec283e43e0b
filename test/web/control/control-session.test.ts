/** Clients that direct telephones: what they ask, and what becomes of it at phones over real sockets. */
import { OtherPhones } from '../../../firmware/call/control/other-phones.ts';
import { sipOfficeTest } from '../../call/feature/sip-office.ts';
import { hasEnded, OfficeClient } from './control-office.ts';

const OFFICE = {
  users: {
    201: { name: 'Anna' },
    202: { name: 'Ben' },
    203: { name: 'Carla' },
    204: { name: 'Dora', profile: 'basic' },
  },
};
const WORKPLACE = { userAgent: 'Avaya Communicator/3.0 (1.1.0.35; Avaya CSDK; Microsoft Windows NT 6.2.9200.0)' };

sipOfficeTest('desk phone: make, hold by the box, retrieve, keys, drop', OFFICE, async (t, office) => {
  const [anna, ben] = [
    await office.phone('201', { incoming: 'answer' }),
    await office.phone('202', { incoming: 'answer' }),
  ];
  const client = await new OfficeClient(office).login('201', 'desk-phone');
  const made = await client.ask('make', { number: '202' });
  t.match(made, { ok: true, call: /^[0-9a-f-]{36}$/ });
  t.match(await anna.transcript(), /\r\nCall-Info: <sip:127\.0\.0\.1>;answer-after=0\r\n/);
  t.match(await client.sees('talking'), {
    call: made.call,
    direction: 'out',
    with: { number: '202', name: 'Ben' },
    at: ['desk'],
  });
  const { call } = made;
  t.match(await client.ask('hold', { call }), { ok: true });
  await client.sees('held');
  const [annas, bens] = office.media.sessions;
  t.match(
    [annas?.hears, bens?.hears],
    ['silence', /music/],
    'the phone knows nothing of it, and the other hears music',
  );
  t.match(await client.ask('hold', { call }), { ok: false, error: 'wrong-state' });
  t.match(await client.ask('retrieve', { call }), { ok: true });
  t.match([annas?.hears, bens?.hears], ['session 2', 'session 1']);
  t.match(await client.ask('retrieve', { call }), { ok: false, error: 'wrong-state' });
  t.match(await client.ask('dtmf', { call, digits: '12#' }), { ok: true });
  await office.until(() => office.media.pressed.length === 3, 'the keys');
  t.same(office.media.pressed, ['1 on 2', '2 on 2', '# on 2']);
  t.match(await client.ask('drop', { call }), { ok: true });
  await Promise.all([anna.ended(), ben.ended()]);
  await office.until(() => hasEnded(client, call ?? ''), 'the end to be told');
  t.match(await client.ask('drop', { call }), { ok: false, error: 'no-such-call' });
});

sipOfficeTest('a phone that knows talk and hold is told by NOTIFY', OFFICE, async (t, office) => {
  const [anna, ben] = [await office.phone('201', { events: ['talk', 'hold'] }), await office.phone('202')];
  const client = await new OfficeClient(office).login('201', 'desk-phone');
  await ben.invite('201');
  const { call } = await client.sees('ringing');
  await anna.incomingCall();
  t.match(await client.ask('answer', { call }), { ok: true });
  await ben.answered();
  t.match(await client.sees('talking'), { direction: 'in', with: { number: '202' } });
  t.match(await anna.transcript(), /NOTIFY [\s\S]*\r\nEvent: talk\r\n/);
  t.match(await client.ask('hold', { call }), { ok: true });
  await client.sees('held');
  t.match(
    office.media.sessions.map(({ hears }) => hears),
    [/music/],
    'who called hears music',
  );
  t.match(await client.ask('retrieve', { call }), { ok: true });
  await office.until(
    () => client.told.at(-1)?.state === 'talking' || client.told.at(-2)?.state === 'talking',
    'the retrieve',
  );
  await Promise.all([ben.bye(), anna.ended()]);
});

sipOfficeTest('a phone that knows no talk is called anew and answers by itself', OFFICE, async (t, office) => {
  const [anna, ben] = [await office.phone('201'), await office.phone('202')];
  const client = await new OfficeClient(office).login('201', 'desk-phone');
  await ben.invite('201');
  const { call } = await client.sees('ringing');
  await anna.incomingCall();
  const answer = client.begin('answer', { call });
  await anna.ended();
  await anna.incomingCall();
  t.match(await anna.transcript(), /CANCEL [\s\S]*Call completed elsewhere[\s\S]*answer-after=0/);
  await Promise.all([anna.answer(), ben.answered()]);
  t.match(await client.answerTo(answer), { ok: true });
  await client.sees('talking');
  t.notOk(hasEnded(client, call), 'it was there all the time');
  await Promise.all([ben.bye(), anna.ended()]);
});

sipOfficeTest(
  'a phone that is called anew and does not answer: the plan goes on where it was, with what is to follow',
  { ...OFFICE, users: { ...OFFICE.users, 201: { name: 'Anna', forwardOnNoAnswer: { enabled: true, number: '203' } } } },
  async (t, office) => {
    const [anna, other, ben, carla] = [
      await office.phone('201'),
      await office.phone('201', WORKPLACE),
      await office.phone('202'),
      await office.phone('203'),
    ];
    const client = await new OfficeClient(office).login('201', 'desk-phone');
    await ben.invite('201');
    const { call } = await client.sees('ringing');
    await Promise.all([anna.incomingCall(), other.incomingCall()]);
    const answer = client.begin('answer', { call });
    await anna.ended();
    await anna.incomingCall();
    t.equal(office.calls.calls.size, 1);
    t.notMatch(await other.transcript(), 'CANCEL sip', 'the other device rings on');
    // The time of the plan is over first, then that of the phone.
    office.clock.advance(20_000);
    t.notMatch(await carla.transcript(), 'INVITE sip', 'not while the phone may answer');
    office.clock.advance(10_000);
    await Promise.all([anna.ended(), carla.incomingCall()]);
    t.match(await client.answerTo(answer), { ok: false, error: 'failed', reason: /did not answer/ });
    await Promise.all([carla.answer(), ben.answered()]);
    await office.until(() => office.conversations.includes('202 203'), 'whom it is forwarded to');
    await Promise.all([ben.bye(), carla.ended()]);
  },
);

sipOfficeTest(
  'another device answers while the phone is called anew: the phone is quiet',
  OFFICE,
  async (t, office) => {
    const [anna, other, ben] = [
      await office.phone('201'),
      await office.phone('201', WORKPLACE),
      await office.phone('202'),
    ];
    const client = await new OfficeClient(office).login('201', 'desk-phone');
    await ben.invite('201');
    const { call } = await client.sees('ringing');
    await Promise.all([anna.incomingCall(), other.incomingCall()]);
    const answer = client.begin('answer', { call });
    await anna.ended();
    await anna.incomingCall();
    await Promise.all([other.answer(), ben.answered(), anna.ended()]);
    t.match(await client.answerTo(answer), { ok: false, error: 'wrong-state' });
    t.match(await client.sees('talking'), { call, at: ['desktop'] });
    await Promise.all([ben.bye(), other.ended()]);
  },
);

for (const when of ['before it rings again', 'while it rings again'] as const) {
  sipOfficeTest(`a phone is called anew; dropped ${when}: the call is declined`, OFFICE, async (t, office) => {
    const [anna, other, ben] = [
      await office.phone('201'),
      await office.phone('201', WORKPLACE),
      await office.phone('202'),
    ];
    const client = await new OfficeClient(office).login('201', 'desk-phone');
    await ben.invite('201');
    const { call } = await client.sees('ringing');
    await Promise.all([anna.incomingCall(), other.incomingCall(), ben.ringing()]);
    const answer = client.begin('answer', { call });
    if (when === 'while it rings again') {
      await anna.ended();
      await anna.incomingCall();
      t.match(await client.ask('answer', { call }), { ok: false, error: 'wrong-state' }, 'once is enough');
      t.notMatch(await other.transcript(), 'CANCEL sip');
    } else {
      // The box has let go of it, and nothing has come of the CANCEL yet: no socket is read between these.
      for (let count = 0; count < 20; count += 1) await Promise.resolve();
      t.equal(office.calls.legsOf('201').length, 1);
    }
    t.match(await client.ask('drop', { call }), { ok: true });
    t.match(await ben.answered(), { status: 486 }, 'as the decline policy says');
    await Promise.all([anna.ended(), other.ended()]);
    t.match(await client.answerTo(answer), { ok: false, error: 'wrong-state' });
    await office.until(() => hasEnded(client, call) && office.media.open.length === 0, 'nothing to be left');
    const rung = (await anna.transcript()).match(/^INVITE /gm)?.length;
    t.equal(rung, when === 'while it rings again' ? 2 : 1);
  });
}

sipOfficeTest('a phone is called anew; ignored: it is quiet, and the plan goes on', OFFICE, async (t, office) => {
  const [anna, other, ben] = [
    await office.phone('201'),
    await office.phone('201', WORKPLACE),
    await office.phone('202'),
  ];
  const client = await new OfficeClient(office).login('201', 'desk-phone');
  await ben.invite('201');
  const { call } = await client.sees('ringing');
  await Promise.all([anna.incomingCall(), other.incomingCall(), ben.ringing()]);
  const answer = client.begin('answer', { call });
  await anna.ended();
  await anna.incomingCall();
  t.match(await client.ask('ignore', { call }), { ok: true });
  await anna.ended();
  t.match(await client.answerTo(answer), { ok: false, error: 'failed' });
  await Promise.all([other.answer(), ben.answered()]);
  await office.until(() => office.conversations.length === 1, 'his other device to have the call');
  await Promise.all([ben.bye(), other.ended()]);
});

const answers = [
  ['talk', { events: ['talk', 'hold'] }],
  ['a call anew', {}],
] as const;
for (const [how, knows] of answers) {
  sipOfficeTest(`the caller hangs up while the phone is told to answer, by ${how}`, OFFICE, async (t, office) => {
    const [anna, ben] = [await office.phone('201', knows), await office.phone('202')];
    const client = await new OfficeClient(office).login('201', 'desk-phone');
    await ben.invite('201');
    const { call } = await client.sees('ringing');
    await Promise.all([anna.incomingCall(), ben.ringing()]);
    const hungUp = ben.cancel();
    const answer = client.begin('answer', { call });
    // Whichever came first.
    const { status } = await hungUp;
    if (status < 300) await ben.bye();
    await client.answerTo(answer);
    await office.until(() => office.calls.calls.size === 0, 'the call to be over');
    await office.until(() => hasEnded(client, call) && office.media.open.length === 0, 'nothing to be left');
    t.match(await client.ask('answer', { call }), { ok: false, error: 'no-such-call' });
    t.equal(office.calls.originations.size, 0);
  });
}

sipOfficeTest(
  'ignored: that phone is quiet, and the caller goes on waiting; dropped: the call is declined',
  OFFICE,
  async (t, office) => {
    const [anna, ben] = [await office.phone('201'), await office.phone('202')];
    const client = await new OfficeClient(office).login('201', 'desk-phone');
    await ben.invite('201');
    const first = await client.sees('ringing');
    await Promise.all([anna.incomingCall(), ben.ringing()]);
    t.match(await client.ask('ignore', { call: first.call }), { ok: true });
    await anna.ended();
    t.equal(office.calls.calls.size, 1, 'the caller waits');
    office.clock.advance(15_000);
    t.match(await ben.answered(), { status: 480 }, 'as for nobody who answers');
    await ben.invite('201');
    await anna.incomingCall();
    await office.until(
      () => client.told.some((each) => each.state === 'ringing' && each.call !== first.call),
      'the second call',
    );
    const second = await client.sees('ringing');
    t.match(await client.ask('drop', { call: second.call }), { ok: true });
    t.match(await ben.answered(), { status: 486 }, 'as the decline policy says');
  },
);

sipOfficeTest('transfer, blind and to whom he has consulted', OFFICE, async (t, office) => {
  const [anna, ben, carla] = [
    await office.phone('201', { incoming: 'answer' }),
    await office.phone('202', { incoming: 'answer' }),
    await office.phone('203'),
  ];
  const client = await new OfficeClient(office).login('201', 'desk-phone');
  const { call } = await client.ask('make', { number: '202' });
  await client.sees('talking');
  t.match(await client.ask('transfer', { call, number: '999' }), { ok: false, error: 'refused', status: 404 });
  const transfer = client.begin('transfer', { call, number: '203' });
  await carla.incomingCall();
  await carla.answer();
  t.match(await client.answerTo(transfer), { ok: true });
  await office.until(() => office.conversations.includes('202 203'), 'both to talk');
  office.clock.advance(2000);
  await anna.ended();
  await Promise.all([ben.bye(), carla.ended()]);
  await ben.call('201');
  await office.until(
    () => client.told.some((each) => each.state === 'talking' && each.call !== call),
    'the call of Ben',
  );
  const held = await client.sees('talking');
  const consulting = await office.phone('201');
  await consulting.invite('203');
  await carla.incomingCall();
  await Promise.all([carla.answer(), consulting.answered()]);
  await office.until(() => office.conversations.length === 2, 'the consultation');
  await office.until(
    () => client.told.some((each) => each.state === 'talking' && each.call !== held.call && each.call !== call),
    'it to be told',
  );
  const consultation = await client.sees('talking');
  t.match(await client.ask('transfer', { call: held.call, to: consultation.call }), { ok: true });
  await office.until(() => office.conversations.includes('202 203'), 'both to talk');
  await Promise.all([anna.ended(), consulting.ended()]);
  await Promise.all([ben.bye(), carla.ended()]);
});

sipOfficeTest(
  'conference: calls that he has at the phone become one, and one more comes in',
  OFFICE,
  async (t, office) => {
    // A phone of one call: the other lines are other phones that the box takes for the same device.
    const first = await office.phone('201');
    const [second, third] = [await office.phone('201', {}, '201 0'), await office.phone('201', {}, '201 0')];
    const [ben, carla, dora] = [await office.phone('202'), await office.phone('203'), await office.phone('204')];
    const client = await new OfficeClient(office).login('201', 'desk-phone');
    await office.conversation(first, ben, '202');
    const one = await client.sees('talking');
    t.match(await client.ask('conference', { calls: [one.call, one.call] }), { ok: false, error: 'wrong-state' });
    t.match(await client.ask('hold', { call: one.call }), { ok: true });
    await office.conversation(second, carla, '203');
    await office.until(
      () => client.told.some((each) => each.call !== one.call && each.state === 'talking'),
      'the second',
    );
    const two = await client.sees('talking');
    const conference = await client.ask('conference', { calls: [one.call, two.call] });
    t.match(conference, { ok: true, call: /^[0-9a-f-]{36}$/ });
    const room = () => office.media.conferences[0];
    await Promise.all([first.ended(), office.until(() => room()?.parties.size === 3, 'three in the conference')]);
    t.ok(
      office.media.open.every(({ sound }) => sound === undefined),
      'nobody hears music, or nothing',
    );
    t.match(await client.sees('talking'), { call: conference.call, at: ['desk'], with: { number: 'conference' } });
    await office.conversation(third, dora, '204');
    await office.until(
      () => client.told.some((each) => (each.with as { name?: string })?.name === 'Dora'),
      'the third',
    );
    const three = client.told.findLast((each) => (each.with as { name?: string })?.name === 'Dora');
    const bigger = await client.ask('conference', { calls: [conference.call, three?.call] });
    t.match(bigger, { ok: true, call: conference.call });
    await Promise.all([third.ended(), office.until(() => room()?.parties.size === 4, 'four in the conference')]);
    t.equal(office.media.conferences.length, 1);
    t.match(await client.ask('dtmf', { call: bigger.call, digits: '*5203#' }), { ok: true });
    await carla.ended();
    t.match(await client.ask('drop', { call: bigger.call }), { ok: true });
    await second.ended();
    t.equal(room()?.parties.size, 2, 'the others go on');
    await Promise.all([ben.bye(), dora.ended()]);
    await office.until(() => office.media.open.length === 0 && office.calls.calls.size === 0, 'nothing to be left');
  },
);

sipOfficeTest('conference: of calls of others, or with nobody to talk by, there is none', OFFICE, async (t, office) => {
  const [first, second] = [await office.phone('201'), await office.phone('201', {}, '201 0')];
  const [ben, carla] = [await office.phone('202'), await office.phone('203')];
  const [annas, doras] = [
    await new OfficeClient(office).login('201', 'desk-phone'),
    await new OfficeClient(office).login('204', 'virtual-desktop'),
  ];
  await office.conversation(first, ben, '202');
  await office.conversation(second, carla, '203');
  await office.until(() => new Set(annas.told.flatMap(({ call }) => call ?? [])).size === 2, 'both to be told');
  const calls = [...new Set(annas.told.flatMap(({ call }) => call ?? []))];
  t.match(await doras.ask('conference', { calls }), { ok: false, error: 'no-such-call' });
  t.match(await annas.ask('conference', { calls: [calls[0], '0b0f6e7e-5a39-4f0c-9a1e-3d1f0c8d7a11'] }), {
    error: 'no-such-call',
  });
  await Promise.all([first.offerAgain('sendonly'), second.offerAgain('sendonly')]);
  await office.until(() => office.calls.legsOf('201').every(({ isHolding }) => isHolding), 'both to be held');
  t.match(await annas.ask('conference', { calls }), { ok: false, error: 'wrong-state', reason: /retrieve/ });
  t.same(office.conversations, ['201 202', '201 203'], 'both are as they were');
  await Promise.all([ben.bye(), carla.bye(), first.ended(), second.ended()]);
});

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
    t.notMatch(await ben.transcript(), /203/, 'the number of the other phone stays with the box');
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
  'desk phone: help that is called by it is sent to where the phone is',
  {
    ...OFFICE,
    lines: { 1: { domain: 'a.example.com', userName: 'a', channels: 2, incomingGroup: 1, outgoingGroup: 1 } },
    locations: { 'Head office': {}, Depot: { subnet: '127.0.0.0/8' } },
    emergencyNumbers: { 5555: { location: 'Depot' } },
    system: { locale: 'en-GB', emergency: { location: 'Head office' } },
  },
  async (t, office) => {
    office.lines = {
      ...office.lines,
      state: () => ({ isInService: true, channelsInUse: 0, hasCallToDrop: false }),
      place: async () => ({ kind: 'refused', status: 503, why: 'full', isFinal: true }),
    };
    const help: unknown[] = [];
    office.calls.whenEmergency = ({ location }) => help.push(location);
    await office.phone('201', { incoming: 'answer' });
    const client = await new OfficeClient(office).login('201', 'desk-phone');
    const { ok, call } = await client.ask('make', { number: '112' });
    t.equal(ok, true);
    t.same(help, ['Depot']);
    t.match(await client.ask('drop', { call }), { ok: true });
    t.match(await client.ask('make', { number: '5555' }), { ok: true }, 'a number of that place alone');
    t.same(help, ['Depot', 'Depot']);
  },
);

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

sipOfficeTest('move and retrieve between the client and the desk phone', OFFICE, async (t, office) => {
  const [desk, ben] = [
    await office.phone('201', { incoming: 'ring' }),
    await office.phone('202', { incoming: 'answer' }),
  ];
  const computer = await office.phone('201', WORKPLACE);
  const client = await new OfficeClient(office).login('201');
  await computer.call('202');
  const { call, at } = await client.sees('talking');
  t.same(at, ['desktop']);
  t.match(await client.ask('retrieve', { call }), { ok: false, error: 'wrong-state' }, 'it is here');
  const move = client.begin('move', { call });
  t.match(await desk.incomingCall(), { fromUri: /^sips?:202@/ });
  t.equal(office.conversations.length, 1, 'they talk on meanwhile');
  await desk.answer();
  t.match(await client.answerTo(move), { ok: true, call });
  await Promise.all([computer.ended()]);
  await office.until(() => client.told.some((each) => each.at?.includes('desk') === true), 'the new place to be told');
  t.match(await client.ask('move', { call }), { ok: false, error: 'no-such-call' }, 'it is not here');
  const retrieve = client.begin('retrieve', { call });
  await computer.incomingCall();
  await computer.answer();
  t.match(await client.answerTo(retrieve), { ok: true, call });
  await desk.ended();
  t.same(office.conversations, ['201 202']);
  await Promise.all([ben.bye(), computer.ended()]);
});

sipOfficeTest('virtual desktop: the client on the computer before him has the sound', OFFICE, async (t, office) => {
  await office.phone('201');
  const local = await office.phone('201', { ...WORKPLACE, incoming: 'answer' });
  const ben = await office.phone('202', { incoming: 'answer' });
  const client = await new OfficeClient(office).login('201', 'virtual-desktop');
  t.match(await client.ask('make', { number: '202' }), { ok: true });
  t.match(await client.sees('talking'), { at: ['desktop'] });
  t.match(await client.ask('mute'), { ok: false, error: 'not-in-this-mode' });
  await Promise.all([ben.bye(), local.ended()]);
});

sipOfficeTest('nobody touches, or sees, the calls of another', OFFICE, async (t, office) => {
  const [anna, ben] = [await office.phone('201', { incoming: 'answer' }), await office.phone('202')];
  const annas = await new OfficeClient(office).login('201', 'desk-phone');
  const carlas = await new OfficeClient(office).login('203', 'desk-phone');
  await ben.call('201');
  const { call } = await annas.sees('talking');
  for (const verb of ['answer', 'ignore', 'hold', 'retrieve', 'drop', 'move']) {
    t.match(await carlas.ask(verb, { call }), { ok: false, error: 'no-such-call' }, verb);
  }
  t.match(await carlas.ask('transfer', { call, number: '203' }), { error: 'no-such-call' });
  t.match(await carlas.ask('dtmf', { call, digits: '1' }), { error: 'no-such-call' });
  t.same((await carlas.ask('calls')).calls, []);
  t.notOk(carlas.told.some((each) => each.event === 'call'));
  t.equal(office.conversations.length, 1);
  await Promise.all([ben.bye(), anna.ended()]);
});
