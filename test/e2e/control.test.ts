/** Clients that direct telephones, over WebSocket and TLS to the running box, with what is heard. */
import { runRingdown } from '../support/ringdown.ts';
import { clientOf } from './directing.ts';
import { hearEachOther, officeTest } from './office.ts';

officeTest('a client makes a call by the desk phone, holds, retrieves and drops it', async (t, office) => {
  const reception = await office.registered('201', { takesOffers: true, incoming: 'answer' });
  const workshop = await office.registered('202', { takesOffers: true, incoming: 'answer', codecs: ['PCMU'] });
  const client = await clientOf(t, office, '201', 'desk-phone');
  const { ok, call } = await client.ask('make', { number: '202' });
  t.equal(ok, true);
  await client.until(() => client.told.some(({ event, state }) => event === 'call' && state === 'talking'));
  await Promise.all([reception.play('adbfc'), workshop.play('fcebd')]);
  await Promise.all([reception.hears('fcebd'), workshop.hears('adbfc')]);
  t.match(await client.ask('hold', { call }), { ok: true });
  await client.until(() => client.told.some(({ state }) => state === 'held'));
  await reception.play('cacac');
  t.notMatch((await workshop.heard()).notes, 'cacac', 'who is on hold does not hear the other');
  await workshop.hearsSound();
  t.match(await client.ask('retrieve', { call }), { ok: true });
  await Promise.all([reception.play('bdace'), workshop.play('ecdab')]);
  await Promise.all([reception.hears('ecdab'), workshop.hears('bdace')]);
  t.match(await client.ask('drop', { call }), { ok: true });
  await Promise.all([reception.ended(), workshop.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});

officeTest('a client that holds a call is gone: after a while both hear each other again', async (t, office) => {
  const reception = await office.registered('201', { takesOffers: true, incoming: 'answer' });
  const workshop = await office.registered('202', { takesOffers: true, incoming: 'answer', codecs: ['PCMU'] });
  const client = await clientOf(t, office, '201', 'desk-phone');
  const { call } = await client.ask('make', { number: '202' });
  await client.until(() => client.told.some(({ state }) => state === 'talking'));
  await hearEachOther(reception, workshop);
  t.match(await client.ask('hold', { call }), { ok: true });
  await workshop.hearsSound();
  client.socket.terminate();
  await office.ringdown.logs(/taken back from hold/, 20_000);
  await hearEachOther(reception, workshop);
  await Promise.all([workshop.bye(), reception.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});

officeTest('a client makes a call by a desk phone that takes REFER: the phone calls itself', async (t, office) => {
  const lines = ['config', 'set', 'extensions.201.callsByRefer', 'on', '--data', office.ringdown.dataDirectory];
  t.equal((await runRingdown(lines, '')).status, 0);
  const reception = await office.registered('201', { takesOffers: true, refer: 'calls' });
  const workshop = await office.registered('202', { takesOffers: true, incoming: 'answer', codecs: ['PCMU'] });
  const client = await clientOf(t, office, '201', 'desk-phone');
  const { ok, call } = await client.ask('make', { number: '202' });
  t.equal(ok, true);
  await client.until(() => client.told.some((each) => each.call === call && each.state === 'talking'));
  t.match(await reception.answered(), { status: 200 });
  t.match(await reception.transcript(), /received\]\nREFER sip:201@/);
  t.notMatch(await reception.transcript(), /received\]\nINVITE/);
  await hearEachOther(reception, workshop);
  t.match(await client.ask('drop', { call }), { ok: true });
  await Promise.all([reception.ended(), workshop.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});

officeTest(
  'other phone: the box rings it, then the number; both hear each other; calls come there',
  async (t, office) => {
    const reception = await office.registered('201', { takesOffers: true });
    const workshop = await office.registered('202', { takesOffers: true });
    const warehouse = await office.registered('203', { takesOffers: true });
    const client = await clientOf(t, office, '201', 'other-phone', { number: '203' });
    const make = client.ask('make', { number: '202' });
    await warehouse.incomingCall();
    t.notMatch(await workshop.transcript(), 'INVITE sip', 'not before the other phone has answered');
    await warehouse.answer();
    t.match(await workshop.incomingCall(), { fromUri: /^sips?:201@/ });
    await workshop.answer();
    t.match(await make, { ok: true });
    await Promise.all([warehouse.play('adbfc'), workshop.play('fcebd')]);
    await Promise.all([warehouse.hears('fcebd'), workshop.hears('adbfc')]);
    await Promise.all([workshop.bye(), warehouse.ended()]);
    await workshop.invite('201');
    await warehouse.incomingCall();
    await Promise.all([warehouse.answer(), workshop.answered()]);
    t.notMatch(await reception.transcript(), 'INVITE sip', 'his own phone is quiet');
    await Promise.all([warehouse.play('adbfc'), workshop.play('fcebd')]);
    await Promise.all([warehouse.hears('fcebd'), workshop.hears('adbfc')]);
    await Promise.all([workshop.bye(), warehouse.ended()]);
    t.same(await office.mediaPortsLeft(), []);
  },
);

officeTest('a client moves a call to the desk phone, and takes it back to the computer', async (t, office) => {
  const userAgent = 'Avaya Communicator/3.0 (3.30.0.1; Avaya CSDK; Microsoft Windows NT 10.0)';
  const desk = await office.registered('201', { takesOffers: true });
  const computer = await office.registered('201', { takesOffers: true, userAgent, codecs: ['PCMU'] });
  const workshop = await office.registered('202', { takesOffers: true, incoming: 'answer' });
  const client = await clientOf(t, office, '201', 'this-computer');
  t.equal((await computer.call('202')).status, 200);
  const at = (place: string): boolean => client.told.findLast(({ event }) => event === 'call')?.at?.join() === place;
  await client.until(() => at('desktop'));
  await hearEachOther(computer, workshop);
  const call = client.told.findLast(({ event }) => event === 'call')?.call;
  const move = client.ask('move', { call });
  t.match(await desk.incomingCall(), { fromUri: /^sips?:202@/ });
  await hearEachOther(computer, workshop);
  await desk.answer();
  t.match(await move, { ok: true, call });
  await computer.ended();
  await hearEachOther(desk, workshop);
  await client.until(() => at('desk'));
  const retrieve = client.ask('retrieve', { call });
  t.match(await computer.incomingCall(), { fromUri: /^sips?:202@/ });
  await computer.answer();
  t.match(await retrieve, { ok: true, call });
  await desk.ended();
  await hearEachOther(computer, workshop);
  await Promise.all([workshop.bye(), computer.ended()]);
  await client.until(() => client.told.some((each) => each.event === 'ended' && each.call === call));
  t.same(await office.mediaPortsLeft(), []);
});

officeTest('a client picks up at the desk phone what rings at a colleague’s, and sees who talks', async (t, office) => {
  const reception = await office.registered('201', { takesOffers: true, incoming: 'answer' });
  const workshop = await office.registered('202', { takesOffers: true });
  const warehouse = await office.registered('203', { takesOffers: true, codecs: ['PCMU'] });
  const client = await clientOf(t, office, '201', 'desk-phone');
  t.match((await client.ask('users')).users, [{ user: '201', state: 'idle' }, { user: '202' }, { user: '203' }]);
  const changes = (): readonly unknown[] =>
    client.told.flatMap(({ event, users }) => (event === 'users' ? (users as readonly unknown[]) : []));
  const isTold = (user: string, state: string): boolean =>
    changes().some(
      (each) => JSON.stringify(each).startsWith(`{"user":"${user}",`) && JSON.stringify(each).includes(state),
    );
  await warehouse.invite('202');
  await workshop.incomingCall();
  await warehouse.ringing();
  await client.until(() => isTold('202', 'ringing') && isTold('203', 'calling'));
  t.match(await client.ask('make', { number: '*32*202#' }), { ok: true });
  t.equal((await warehouse.answered()).status, 200);
  await workshop.ended();
  await hearEachOther(reception, warehouse);
  await client.until(() => isTold('201', 'talking') && isTold('203', 'talking') && isTold('202', 'idle'));
  await Promise.all([warehouse.bye(), reception.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});

officeTest('a client makes one conference of two calls at its desk phone: all hear each other', async (t, office) => {
  const lines = ['config', 'set', 'system.sip.devicesPerClass', '2', '--data', office.ringdown.dataDirectory];
  t.equal((await runRingdown(lines, '')).status, 0);
  // A phone has one call: the second line is another one.
  const first = await office.registered('201', { takesOffers: true });
  const second = await office.registered('201', { takesOffers: true });
  const workshop = await office.registered('202', { takesOffers: true, incoming: 'answer', codecs: ['PCMU'] });
  const warehouse = await office.registered('203', { takesOffers: true, incoming: 'answer', codecs: ['G729'] });
  const client = await clientOf(t, office, '201', 'desk-phone');
  const talking = (): readonly string[] => [
    ...new Set(client.told.flatMap(({ state, call }) => (state === 'talking' && call !== undefined ? [call] : []))),
  ];
  await first.call('202');
  await client.until(() => talking().length === 1);
  const [one] = talking();
  t.match(await client.ask('hold', { call: one }), { ok: true });
  await second.call('203');
  await client.until(() => talking().length === 2);
  const stranger = await clientOf(t, office, '202', 'desk-phone');
  t.match(await stranger.ask('conference', { calls: [one, '0b0f6e7e-5a39-4f0c-9a1e-3d1f0c8d7a11'] }), {
    error: 'no-such-call',
  });
  t.match(await client.ask('conference', { calls: [one, one] }), { ok: false, error: 'wrong-state' });
  const { ok, call } = await client.ask('conference', { calls: talking() });
  t.equal(ok, true);
  await first.ended();
  const parties = [second, workshop, warehouse];
  for (const [index, sequence] of (['adbfc', 'fcebd', 'becda'] as const).entries()) {
    const speaker = parties[index];
    await speaker?.play(sequence);
    await Promise.all(parties.filter((phone) => phone !== speaker).map((phone) => phone.hears(sequence)));
  }
  t.match(await client.ask('drop', { call }), { ok: true });
  await second.ended();
  await hearEachOther(workshop, warehouse);
  await Promise.all([workshop.bye(), warehouse.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});
