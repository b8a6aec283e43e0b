/** A client in a virtual desktop directs that of its user's own computer, which carries the media. */
import { TestClient } from '../web/control/test-client.ts';
import { hearEachOther, officeTest, passwordOf } from './office.ts';

const COMPUTER = { userAgent: 'Avaya Communicator/3.0 (3.30.0.1; Avaya CSDK; Microsoft Windows NT 10.0)' };

officeTest('virtual desktop: calls are made, held and dropped at the computer before it', async (t, office) => {
  const desk = await office.registered('201', { takesOffers: true });
  const computer = await office.registered('201', { takesOffers: true, incoming: 'answer', ...COMPUTER });
  const workshop = await office.registered('202', { takesOffers: true });
  const client = await TestClient.connect(t, office.ringdown.ports.https);
  t.match(await client.login('201', passwordOf('201')), { ok: true });
  t.match(await client.ask('mode', { mode: 'virtual-desktop' }), { ok: true });
  const make = client.ask('make', { number: '202' });
  t.match(await workshop.incomingCall(), { fromUri: /^sips?:201@/ });
  await workshop.answer();
  const { ok, call } = await make;
  t.equal(ok, true);
  await hearEachOther(computer, workshop);
  t.notMatch(await desk.transcript(), 'INVITE sip', 'the desk phone is not asked for it');
  t.match(await client.ask('hold', { call }), { ok: true });
  await client.until(() => client.told.some(({ state }) => state === 'held'));
  t.match(await client.ask('retrieve', { call }), { ok: true });
  t.match(await client.ask('mute'), { ok: false, error: 'not-in-this-mode' });
  t.match(await client.ask('drop', { call }), { ok: true });
  await Promise.all([computer.ended(), workshop.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});
