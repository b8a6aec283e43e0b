/** Calls that ring at a telephone which a client directs: taken by it, ignored, declined, or called anew. */
import { PhonesCalledAnew } from '../../../firmware/call/control/phones-called-anew.ts';
import { sipOfficeTest } from '../../call/feature/sip-office.ts';
import { hasEnded, OfficeClient } from './control-office.ts';

const OFFICE = { users: { 201: { name: 'Anna' }, 202: { name: 'Ben' }, 203: { name: 'Carla' } } };
const WORKPLACE = { userAgent: 'Avaya Communicator/3.0 (1.1.0.35; Avaya CSDK; Microsoft Windows NT 6.2.9200.0)' };

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

for (const verb of ['ignore', 'drop'] as const) {
  for (const when of ['before it rings again', 'while it rings again'] as const) {
    sipOfficeTest(
      `a phone is called anew; another client of the user says ${verb} ${when}: as if the first one had`,
      OFFICE,
      async (t, office) => {
        const [anna, other, ben] = [
          await office.phone('201'),
          await office.phone('201', WORKPLACE),
          await office.phone('202'),
        ];
        const calledAnew = new PhonesCalledAnew();
        const client = await new OfficeClient(office, undefined, calledAnew).login('201', 'desk-phone');
        const second = await new OfficeClient(office, undefined, calledAnew).login('201', 'desk-phone');
        const carlas = await new OfficeClient(office, undefined, calledAnew).login('203', 'desk-phone');
        await ben.invite('201');
        const { call } = await client.sees('ringing');
        await second.sees('ringing');
        await Promise.all([anna.incomingCall(), other.incomingCall(), ben.ringing()]);
        const answer = client.begin('answer', { call });
        if (when === 'while it rings again') {
          await anna.ended();
          await anna.incomingCall();
        } else {
          // No socket is read between these, and the box waits for what comes of its CANCEL.
          for (let count = 0; count < 20; count += 1) await Promise.resolve();
        }
        // All in one turn.
        const stranger = carlas.begin(verb, { call });
        const again = second.begin('answer', { call });
        const away = second.begin(verb, { call });
        t.match(await carlas.answerTo(stranger), { ok: false, error: 'no-such-call' }, 'nobody else may');
        t.match(await second.answerTo(again), { ok: false, error: 'wrong-state', reason: /anew already/ });
        t.match(await second.answerTo(away), { ok: true });
        t.match(await client.answerTo(answer), { ok: false });
        await anna.ended();
        if (verb === 'ignore') {
          t.equal(office.calls.calls.size, 1, 'the caller waits');
          t.notMatch(await other.transcript(), 'CANCEL sip', 'the other device rings on');
          // The plan is not held up by what nobody waits for.
          office.clock.advance(15_000);
          t.match(await ben.answered(), { status: 480 }, 'as for nobody who answers');
        } else t.match(await ben.answered(), { status: 486 }, 'as the decline policy says');
        await other.ended();
        await office.until(() => hasEnded(client, call) && hasEnded(second, call), 'both to be told');
        t.equal(second.told.filter(({ event }) => event === 'ended').length, 1, 'once: it was there all the time');
        const rung = (await anna.transcript()).match(/^INVITE /gm)?.length;
        t.equal(rung, when === 'while it rings again' ? 2 : 1);
      },
    );
  }
}

sipOfficeTest(
  'a phone is called anew; a client that directs another device ignores the call there: it is answered all the same',
  OFFICE,
  async (t, office) => {
    const [anna, other, ben] = [
      await office.phone('201'),
      await office.phone('201', WORKPLACE),
      await office.phone('202'),
    ];
    const calledAnew = new PhonesCalledAnew();
    const client = await new OfficeClient(office, undefined, calledAnew).login('201', 'desk-phone');
    const second = await new OfficeClient(office, undefined, calledAnew).login('201', 'virtual-desktop');
    await ben.invite('201');
    const { call } = await client.sees('ringing');
    await Promise.all([anna.incomingCall(), other.incomingCall()]);
    const answer = client.begin('answer', { call });
    await anna.ended();
    await anna.incomingCall();
    t.match(await second.ask('ignore', { call }), { ok: true });
    await other.ended();
    await Promise.all([anna.answer(), ben.answered()]);
    t.match(await client.answerTo(answer), { ok: true });
    await Promise.all([ben.bye(), anna.ended()]);
  },
);

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
