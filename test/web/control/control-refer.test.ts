/** Desk phones that make the call by themselves, since a client has the box tell them to (REFER); and those that do not. */
import { sipOfficeTest } from '../../call/feature/sip-office.ts';
import type { TestPhone } from '../../support/phone/test-phone.ts';
import { hasEnded, OfficeClient } from './control-office.ts';

const OFFICE = {
  users: { 201: { name: 'Anna' }, 202: { name: 'Ben' }, 203: { name: 'Carla' } },
  extensions: { 201: { user: '201', callsByRefer: true }, 202: { user: '202' }, 203: { user: '203' } },
  system: { locale: 'en-GB' },
};

async function referTo(phone: TestPhone): Promise<string> {
  const refer = await phone.received(/\nREFER sip:/);
  return /\nRefer-To: (.*)\r/.exec(refer)?.[1] ?? '';
}

/** Rings and answers by itself: that phone is called by INVITE, with answer-after. */
async function isRung(phone: TestPhone): Promise<void> {
  await phone.received(/received\]\nINVITE [\s\S]*answer-after=0/);
}

sipOfficeTest(
  'REFER: the phone makes the call itself; what becomes of it is told as ever',
  OFFICE,
  async (t, office) => {
    const [anna, ben] = [await office.phone('201', { refer: 'calls' }), await office.phone('202')];
    const client = await new OfficeClient(office).login('201', 'desk-phone');
    const make = client.begin('make', { number: '20 2' });
    await ben.incomingCall();
    const made = await client.answerTo(make);
    t.match(made, { ok: true, call: /^[0-9a-f-]{36}$/ });
    t.match(await referTo(anna), /^<sip:202@127\.0\.0\.1:\d+>$/, 'as it is dialled');
    t.match(await anna.transcript(), /\nREFER [\s\S]*\nReferred-By: <sip:201@127\.0\.0\.1:\d+>\r/);
    t.notMatch(await anna.transcript(), /received\]\nINVITE/, 'it is not rung');
    t.match(await client.sees('calling'), { call: made.call, direction: 'out', with: { number: '202' }, at: ['desk'] });
    await ben.answer();
    t.match(await client.sees('talking'), { call: made.call });
    // RFC 6665 §4.2.2: the box has heard enough once the call is here.
    await anna.received(/received\]\nSIP\/2\.0 481 [\s\S]*NOTIFY/);
    t.match(await client.ask('drop', { call: made.call }), { ok: true });
    await Promise.all([anna.ended(), ben.ended()]);
    t.equal(office.calls.beginnings.size, 0);
  },
);

sipOfficeTest(
  'REFER is for the phones alone that say they take it, where they may be asked',
  OFFICE,
  async (t, office) => {
    const [anna, ben] = [
      await office.phone('201', { incoming: 'answer' }),
      await office.phone('202', { incoming: 'answer', refer: 'calls' }),
    ];
    await office.phone('203', { incoming: 'answer' });
    for (const [extension, phone] of [
      ['201', anna],
      ['202', ben],
    ] as const) {
      const client = await new OfficeClient(office).login(extension, 'desk-phone');
      const { ok, call } = await client.ask('make', { number: '203' });
      t.equal(ok, true);
      await isRung(phone);
      t.notMatch(await phone.transcript(), /\nREFER /);
      t.match(await client.ask('drop', { call }), { ok: true });
      await phone.ended();
    }
  },
);

sipOfficeTest(
  'REFER is for his own calls by the desk phone: not for help, nor in the mode virtual-desktop',
  {
    ...OFFICE,
    lines: { 1: { domain: 'a.example.com', userName: 'a', channels: 2, incomingGroup: 1, outgoingGroup: 1 } },
  },
  async (t, office) => {
    office.lines = {
      ...office.lines,
      state: () => ({ isInService: true, channelsInUse: 0, hasCallToDrop: false }),
      place: async () => ({ kind: 'refused', status: 503, why: 'full', isFinal: true }),
    };
    const WORKPLACE = 'Avaya Communicator/3.0 (1.1.0.35; Avaya CSDK; Microsoft Windows NT 6.2.9200.0)';
    const anna = await office.phone('201', { refer: 'calls', incoming: 'answer' });
    const computer = await office.phone('201', { refer: 'calls', incoming: 'answer', userAgent: WORKPLACE });
    await office.phone('202', { incoming: 'answer' });
    const client = await new OfficeClient(office).login('201', 'desk-phone');
    t.match(await client.ask('make', { number: '112' }), { ok: true });
    await isRung(anna);
    t.match(await client.ask('mode', { mode: 'virtual-desktop' }), { ok: true });
    t.match(await client.ask('make', { number: '202' }), { ok: true });
    await isRung(computer);
    for (const phone of [anna, computer]) t.notMatch(await phone.transcript(), /\nREFER /);
  },
);

sipOfficeTest(
  'REFER: a number that leads nowhere is refused before any phone hears of it',
  OFFICE,
  async (t, office) => {
    const anna = await office.phone('201', { refer: 'calls' });
    const client = await new OfficeClient(office).login('201', 'desk-phone');
    t.match(await client.ask('make', { number: '999' }), { ok: false, error: 'refused', status: 404 });
    t.notMatch(await anna.transcript(), /\nREFER /);
  },
);

for (const status of [401, 405, 480, 481, 501, 603]) {
  sipOfficeTest(`REFER: a phone that refuses it with ${status} is rung, and answers`, OFFICE, async (t, office) => {
    const anna = await office.phone('201', { refer: status, incoming: 'answer' });
    const ben = await office.phone('202', { incoming: 'answer' });
    const client = await new OfficeClient(office).login('201', 'desk-phone');
    const { ok, call } = await client.ask('make', { number: '202' });
    t.equal(ok, true);
    await referTo(anna);
    await isRung(anna);
    await client.sees('talking');
    t.match(await client.ask('drop', { call }), { ok: true });
    await Promise.all([anna.ended(), ben.ended()]);
    t.equal(office.calls.beginnings.size, 0);
  });
}

for (const [refer, seconds] of [
  ['silent', 3],
  ['waits', 8],
] as const) {
  sipOfficeTest(`REFER: a phone that ${refer} for ${seconds} s is rung, and answers`, OFFICE, async (t, office) => {
    const anna = await office.phone('201', { refer, incoming: 'answer' });
    const ben = await office.phone('202', { incoming: 'answer' });
    const client = await new OfficeClient(office).login('201', 'desk-phone');
    const make = client.begin('make', { number: '202' });
    await referTo(anna);
    // The box has read what there is.
    if (refer === 'waits') await anna.received(/received\]\nSIP\/2\.0 200 [\s\S]*NOTIFY/);
    office.clock.advance(1000 * seconds - 1);
    t.match(await client.ask('make', { number: '202' }), { ok: false, error: 'wrong-state' }, 'one at a time');
    t.notMatch(await anna.transcript(), /received\]\nINVITE/, 'it has its time');
    office.clock.advance(1);
    t.match(await client.answerTo(make), { ok: true });
    await isRung(anna);
    await client.sees('talking');
    await Promise.all([ben.bye(), anna.ended()]);
    if (refer === 'waits') t.equal(await anna.referred.notify(200, true), 481, 'nobody listens any more');
    t.equal(office.calls.beginnings.size, 0);
  });
}

sipOfficeTest('REFER: a phone that calls after it is rung instead has one call, its own', OFFICE, async (t, office) => {
  const [anna, ben] = [await office.phone('201', { refer: 'waits' }), await office.phone('202')];
  const second = await office.phone('201', {}, '201 0');
  const client = await new OfficeClient(office).login('201', 'desk-phone');
  const make = client.begin('make', { number: '202' });
  await anna.received(/received\]\nSIP\/2\.0 200 [\s\S]*NOTIFY/);
  office.clock.advance(8000);
  await anna.incomingCall();
  // A test phone has one call: its second line makes the other one.
  await second.invite('202');
  await Promise.all([ben.incomingCall(), anna.ended()]);
  const { ok, call } = await client.answerTo(make);
  t.equal(ok, true);
  t.same(
    [...office.calls.calls].map(({ id }) => id),
    [call],
  );
  await Promise.all([second.cancel(), ben.ended()]);
  t.equal(office.calls.beginnings.size, 0);
});

for (const status of [487, 603]) {
  sipOfficeTest(`REFER: ${status} in a NOTIFY is the word of its user: it is not rung`, OFFICE, async (t, office) => {
    const anna = await office.phone('201', { refer: 'waits' });
    await office.phone('202');
    const client = await new OfficeClient(office).login('201', 'desk-phone');
    const make = client.begin('make', { number: '202' });
    await anna.received(/received\]\nSIP\/2\.0 200 [\s\S]*NOTIFY/);
    t.equal(await anna.referred.notify(status, true), 200);
    t.match(await client.answerTo(make), { ok: false, error: 'failed', status, reason: /turned down/ });
    t.notMatch(await anna.transcript(), /received\]\nINVITE/);
    t.equal(office.calls.beginnings.size, 0);
  });
}

sipOfficeTest('REFER: a phone that could not call is rung', OFFICE, async (t, office) => {
  const anna = await office.phone('201', { refer: 'waits', incoming: 'answer' });
  const ben = await office.phone('202', { incoming: 'answer' });
  const client = await new OfficeClient(office).login('201', 'desk-phone');
  const make = client.begin('make', { number: '202' });
  await anna.received(/received\]\nSIP\/2\.0 200 [\s\S]*NOTIFY/);
  t.equal(await anna.referred.notify(503, true), 200);
  t.match(await client.answerTo(make), { ok: true });
  await isRung(anna);
  await client.sees('talking');
  await Promise.all([ben.bye(), anna.ended()]);
});

sipOfficeTest('REFER: a phone that has called elsewhere is not rung', OFFICE, async (t, office) => {
  const anna = await office.phone('201', { refer: 'waits' });
  await office.phone('202');
  const client = await new OfficeClient(office).login('201', 'desk-phone');
  const make = client.begin('make', { number: '202' });
  await anna.received(/received\]\nSIP\/2\.0 200 [\s\S]*NOTIFY/);
  t.equal(await anna.referred.notify(180, false), 200);
  t.equal(await anna.referred.notify(200, true), 200);
  office.clock.advance(8000);
  t.match(await client.answerTo(make), { ok: false, error: 'failed', reason: /not by the box/ });
  t.notMatch(await anna.transcript(), /received\]\nINVITE/);
  t.equal(office.calls.beginnings.size, 0);
});

for (const how of ['cancel', 'the end of the session'] as const) {
  sipOfficeTest(`REFER: given up by ${how}; a call that it begins all the same is ended`, OFFICE, async (t, office) => {
    const [anna, ben] = [await office.phone('201', { refer: 'waits' }), await office.phone('202')];
    const client = await new OfficeClient(office).login('201', 'desk-phone');
    const make = client.begin('make', { number: '202' });
    await anna.received(/received\]\nSIP\/2\.0 200 [\s\S]*NOTIFY/);
    if (how === 'cancel') {
      t.match(await client.ask('cancel'), { ok: true });
      t.match(await client.answerTo(make), { ok: false, error: 'failed', status: 487 });
      t.match(await client.ask('cancel'), { ok: false, error: 'wrong-state' });
    } else client.session.closed();
    t.notMatch(await anna.call('202'), { status: 200 });
    t.notMatch(await ben.transcript(), / 200 OK/);
    await office.until(() => office.calls.calls.size === 0, 'nothing to be left');
    t.equal(office.calls.beginnings.size, 0);
  });
}

sipOfficeTest('REFER: given up, and no call comes of it: later ones are calls as ever', OFFICE, async (t, office) => {
  const [anna, ben] = [await office.phone('201', { refer: 'waits' }), await office.phone('202')];
  const client = await new OfficeClient(office).login('201', 'desk-phone');
  client.begin('make', { number: '202' });
  await anna.received(/received\]\nSIP\/2\.0 200 [\s\S]*NOTIFY/);
  t.match(await client.ask('cancel'), { ok: true });
  office.clock.advance(8000);
  t.equal(office.calls.beginnings.size, 0);
  await office.conversation(anna, ben, '202');
  await Promise.all([ben.bye(), anna.ended()]);
});

sipOfficeTest(
  'REFER: what another phone, or this one to another number, calls is not of it',
  OFFICE,
  async (t, office) => {
    const [anna, ben, carla] = [
      await office.phone('201', { refer: 'waits' }),
      await office.phone('202'),
      await office.phone('203'),
    ];
    const client = await new OfficeClient(office).login('201', 'desk-phone');
    const make = client.begin('make', { number: '202' });
    await anna.received(/received\]\nSIP\/2\.0 200 [\s\S]*NOTIFY/);
    await carla.invite('202');
    await ben.incomingCall();
    await Promise.all([carla.cancel(), ben.ended()]);
    await anna.invite('203');
    await carla.incomingCall();
    await Promise.all([anna.cancel(), carla.ended()]);
    t.notOk(client.told.some(({ id }) => id === make));
    const own = anna.referred.call();
    await ben.incomingCall();
    const { ok, call } = await client.answerTo(make);
    t.equal(ok, true);
    await Promise.all([ben.answer(), anna.answered()]);
    await Promise.all([ben.bye(), anna.ended()]);
    await own;
    await office.until(() => hasEnded(client, call ?? ''), 'the end to be told');
  },
);
