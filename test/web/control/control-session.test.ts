/** Clients that direct telephones: what they ask, and what becomes of it at phones over real sockets. */
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
