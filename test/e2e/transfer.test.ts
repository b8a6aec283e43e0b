import { officeTest } from './office.ts';

officeTest(
  'blind transfer through the real media worker: the party and the target hear each other',
  async (t, office) => {
    const reception = await office.registered('201', { takesOffers: true });
    const workshop = await office.registered('202', { takesOffers: true, codecs: ['PCMU'] });
    const warehouse = await office.registered('203', { takesOffers: true });
    await workshop.invite('201');
    await reception.incomingCall();
    await Promise.all([reception.answer(), workshop.answered()]);
    t.equal(await reception.refer('<sip:203@box>'), 202);
    t.match((await warehouse.incomingCall()).fromUri, 'sip:202@');
    t.same(await reception.notified(180), [100, 180]);
    await warehouse.answer();
    t.same((await reception.notified(200)).at(-1), 200);
    await Promise.all([workshop.play('adbfc'), warehouse.play('fcebd')]);
    await Promise.all([workshop.hears('fcebd'), warehouse.hears('adbfc')]);
    await reception.ended();
    await Promise.all([workshop.bye(), warehouse.ended()]);
    t.same(await office.mediaPortsLeft(), [], 'no port is held after the calls');
  },
);

officeTest('attended transfer through the real media worker', async (t, office) => {
  const reception = await office.registered('201', { takesOffers: true });
  const workshop = await office.registered('202', { takesOffers: true });
  await workshop.invite('201');
  await reception.incomingCall();
  await Promise.all([reception.answer(), workshop.answered()]);
  const consulting = await office.registered('201', { takesOffers: true });
  const warehouse = await office.registered('203', { takesOffers: true, incoming: 'answer' });
  t.match(await consulting.call('203'), { status: 200 });
  const { callId, localTag, remoteTag } = consulting.dialog;
  const replaces = encodeURIComponent(`${callId};to-tag=${remoteTag};from-tag=${localTag}`);
  t.equal(await reception.refer(`<sip:203@box?Replaces=${replaces}>`), 202);
  await Promise.all([reception.notified(200), reception.ended(), consulting.ended()]);
  await Promise.all([workshop.play('adbfc'), warehouse.play('fcebd')]);
  await Promise.all([workshop.hears('fcebd'), warehouse.hears('adbfc')]);
  await Promise.all([warehouse.bye(), workshop.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});
