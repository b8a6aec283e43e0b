import { officeTest } from './office.ts';

officeTest('a user switches do not disturb by a code, and back', async (t, office) => {
  const reception = await office.registered('201', { takesOffers: true });
  const workshop = await office.registered('202', { takesOffers: true });
  t.match(await reception.call('*08'), { status: 200 });
  await reception.ended();
  t.match(await workshop.call('201'), { status: 486 });
  t.match(await reception.call('*09'), { status: 200 });
  await reception.ended();
  await workshop.invite('201');
  await reception.incomingCall();
  await Promise.all([reception.answer(), workshop.answered()]);
  await Promise.all([workshop.bye(), reception.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});

officeTest(
  'a call is picked up, transferred to a slot and taken out of it, and both hear each other',
  async (t, office) => {
    const reception = await office.registered('201', { takesOffers: true });
    const workshop = await office.registered('202', { takesOffers: true });
    const warehouse = await office.registered('203', { takesOffers: true });
    await reception.invite('202');
    await workshop.incomingCall();
    await reception.ringing();
    t.match(await warehouse.call('*30'), { status: 200 });
    t.match(await reception.answered(), { status: 200 });
    await workshop.ended();
    t.equal(await warehouse.refer('<sip:*37*1%23@box>'), 202);
    await warehouse.notified(200);
    t.match(await workshop.call('*38*1%23'), { status: 200 });
    await Promise.all([reception.play('adbfc'), workshop.play('fcebd')]);
    await Promise.all([reception.hears('fcebd'), workshop.hears('adbfc')]);
    await Promise.all([workshop.bye(), reception.ended()]);
  },
);
