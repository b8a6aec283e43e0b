/** Calls that begin in the box: the telephone of whoever calls is rung first (RFC 3725). */
import t, { type Test } from 'tap';
import { type Originated, Originations } from '../../firmware/call/origination.ts';
import type { Caller, RingStep } from '../../firmware/call/routing/plan.ts';
import { createLogger } from '../../firmware/core/logger.ts';
import { type SipOffice, sipOfficeTest } from './feature/sip-office.ts';

const OFFICE = {
  users: {
    201: { name: 'Anna' },
    202: { name: 'Ben' },
    203: { name: 'Carla', doNotDisturb: { enabled: true } },
  },
};

const ANNA: Extract<Caller, { readonly kind: 'user' }> = { kind: 'user', user: '201', extension: '201' };

/** Rings Anna's telephones for a call to `number`. */
function ringFirst(office: SipOffice, number: string, more: Partial<RingStep> = {}) {
  const targets = office.calls.state
    .devicesOf('201')
    .map(({ id }) => ({ kind: 'device', extension: '201', device: id, isWaiting: false, delaySeconds: 0 }) as const);
  return office.calls.originations.begin({
    caller: ANNA,
    shown: { number, name: undefined, isWithheld: false },
    step: {
      kind: 'ring',
      party: { number: '201', name: 'Anna' },
      targets,
      noAnswerSeconds: 20,
      alert: 'internal',
      autoAnswer: true,
      declineStatus: 603,
      diversions: [],
      after: {},
      ...more,
    },
  });
}

function legOf(t: Test, originated: Originated) {
  if (originated.kind === 'answered') return originated.leg;
  t.fail(`nobody answered: ${originated.status}`);
  throw new Error('nobody answered');
}

sipOfficeTest(
  'his telephone rings first; once it answers it goes on as if he had dialled',
  OFFICE,
  async (t, office) => {
    const [anna, ben] = [await office.phone('201'), await office.phone('202')];
    const origination = ringFirst(office, '202');
    const incoming = await anna.incomingCall();
    t.match(incoming.fromUri, /^sips?:202@/, 'it shows whom it will be connected with');
    const transcript = await anna.transcript();
    t.match(transcript, /\r\nCall-Info: <sip:127\.0\.0\.1>;answer-after=0\r\n/);
    t.equal(office.calls.originations.size, 1);
    t.notMatch(await ben.transcript(), 'INVITE', 'nobody else rings yet');
    await anna.answer();
    const leg = legOf(t, await origination.outcome);
    t.equal(office.calls.originations.size, 0);
    const call = office.calls.dial(leg, ANNA, '202');
    t.match(await ben.incomingCall(), { fromUri: /^sips?:201@/, fromName: 'Anna' });
    await office.until(() => office.media.sessions[0]?.hears === 'tone', 'the ring-back tone');
    await ben.answer();
    await office.until(() => office.conversations.includes('201 202'), 'both to talk');
    t.equal(office.media.sessions[0]?.hears, 'session 2');
    t.match(
      office.events.filter((event) => event.call === call.id),
      [{ kind: 'started', direction: 'internal', dialled: '202', caller: { party: { number: '201', user: '201' } } }],
      'the record begins as that of any call of his',
    );
    await Promise.all([ben.bye(), anna.ended()]);
    await office.until(() => office.calls.calls.size === 0, 'the call to be over');
    t.same(office.media.open, [], 'nothing is left of the media');
  },
);

sipOfficeTest('who cannot be reached then: busy tone, and the box hangs up', OFFICE, async (t, office) => {
  const anna = await office.phone('201', { incoming: 'answer' });
  const leg = legOf(t, await ringFirst(office, '203').outcome);
  office.calls.dial(leg, ANNA, '203');
  await office.until(() => office.media.sessions[0]?.hears === 'tone', 'the tone');
  office.clock.advance(8000);
  await anna.ended();
  t.match(await anna.transcript(), /\r\nReason: SIP;cause=486\r\n/);
});

const failures = [
  ['it declines', 603, 'reject'],
  ['it does not answer in time', 480, 'wait'],
  ['it is given up', 487, 'cancel'],
  ['the box stops', 487, 'stop'],
] as const;
for (const [title, status, what] of failures) {
  sipOfficeTest(
    `nothing is left of a call whose first telephone does not answer: ${title}`,
    OFFICE,
    async (t, office) => {
      const [anna, ben] = [await office.phone('201'), await office.phone('202')];
      const origination = ringFirst(office, '202');
      await anna.incomingCall();
      if (what === 'reject') await anna.reject(603);
      else if (what === 'wait') office.clock.advance(20_000);
      else if (what === 'cancel') origination.cancel();
      else office.calls.shutDown();
      t.same(await origination.outcome, { kind: 'failed', status });
      if (what !== 'reject') await anna.ended();
      t.equal(office.calls.originations.size, 0);
      await office.until(() => office.media.open.length === 0, 'the media to be closed');
      t.notMatch(await ben.transcript(), 'INVITE');
      t.same(office.events, [], 'no call was made');
      origination.cancel();
    },
  );
}

sipOfficeTest('an answer that is unusable ends it', OFFICE, async (t, office) => {
  await office.phone('201', { incoming: 'answer' });
  office.media.isSlow = true;
  const origination = ringFirst(office, '202');
  await office.until(() => office.media.waiting.length === 1, 'the answer to come');
  office.media.waiting.shift()?.(new Error('no worker'));
  t.same(await origination.outcome, { kind: 'failed', status: 500 });
  await office.until(() => office.media.open.length === 0, 'the media to be closed');
});

sipOfficeTest('a box that has as many calls as it carries rings nobody', OFFICE, async (t, office) => {
  const anna = await office.phone('201');
  const begun = Array.from({ length: 400 }, () => ringFirst(office, '202', { targets: [] }));
  t.equal(office.calls.originations.size, 400);
  t.same(await ringFirst(office, '202').outcome, { kind: 'failed', status: 503 });
  for (const each of begun) each.cancel();
  t.equal(office.calls.originations.size, 0);
  t.notMatch(await anna.transcript(), 'INVITE');
});

t.test('one that cannot even be begun fails, and leaves its place to others', async (t) => {
  const originations = new Originations({
    ring: () => {
      throw new Error('no such device');
    },
    isFull: () => false,
    logger: createLogger('silent'),
  });
  const step = { kind: 'ring', party: { number: '201', name: 'Anna' } } as RingStep;
  const shown = { number: '202', name: undefined, isWithheld: false };
  t.same(await originations.begin({ caller: ANNA, step, shown }).outcome, { kind: 'failed', status: 500 });
  t.equal(originations.size, 0);
});
