/** Clients that make one conference of calls which they have at a telephone. */
import { sipOfficeTest } from '../../call/feature/sip-office.ts';
import { OfficeClient } from './control-office.ts';

const OFFICE = {
  users: {
    201: { name: 'Anna' },
    202: { name: 'Ben' },
    203: { name: 'Carla' },
    204: { name: 'Dora', profile: 'basic' },
    205: { name: 'Emil' },
  },
};

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
  'conference: two of his own become one; that of somebody else stays as it is',
  OFFICE,
  async (t, office) => {
    const lines = [
      await office.phone('201'),
      await office.phone('201', {}, '201 0'),
      await office.phone('201', {}, '201 0'),
      await office.phone('201', {}, '201 0'),
    ] as const;
    const others = [
      await office.phone('202'),
      await office.phone('203'),
      await office.phone('204'),
      await office.phone('205'),
    ] as const;
    const client = await new OfficeClient(office).login('201', 'desk-phone');
    /** A conference of the calls of two lines. */
    const meet = async (first: 0 | 2): Promise<string> => {
      const calls: string[] = [];
      for (const at of [first, first + 1] as const) {
        const [line, other] = [lines[at as 0], others[at as 0]];
        await office.conversation(line, other, `${202 + at}`);
        const call = [...office.calls.calls].find(({ dialled }) => dialled === `${202 + at}`)?.id ?? '';
        calls.push(call);
      }
      const { ok, call } = await client.ask('conference', { calls });
      t.equal(ok, true);
      return call ?? '';
    };
    const calls = [await meet(0), await meet(2)];
    await office.until(() => office.media.conferences.every(({ parties }) => parties.size === 3), 'two of three');
    t.equal(office.media.conferences.length, 2);
    const sizes = () => office.media.conferences.filter(({ closed }) => !closed).map(({ parties }) => parties.size);
    t.match(await client.ask('conference', { calls }), { ok: true });
    await office.until(() => String(sizes()) === '5', 'one conference of all');
    // Ben has one of his own, where Anna is a guest.
    const bens = await office.phone('202');
    t.match(await bens.call('ConfServer'), { status: 200 });
    const guest = await office.phone('201', {}, '201 0');
    t.match(await guest.call(/<(sip:[^>;]+)/.exec(bens.answerContact)?.[1] ?? ''), { status: 200 });
    await office.until(() => String(sizes()) === '5,2', 'his conference');
    const all = [
      ...new Set(client.told.filter(({ state }) => state === 'talking').map(({ call }) => String(call))),
    ].filter((id) => [...office.calls.calls].some((each) => each.id === id));
    t.match(await client.ask('conference', { calls: all }), { ok: false, error: 'wrong-state', reason: /your own/ });
    t.equal(String(sizes()), '5,2', 'nobody has left, or is left out');
    await Promise.all([bens.bye(), guest.ended()]);
    await Promise.all(others.slice(0, 3).map((phone) => phone.bye()));
  },
);
