import { officeTest, talk } from './office.ts';

officeTest('*47: a conference of what its user has, in which everybody is heard', async (t, office) => {
  const reception = await office.registered('201');
  const workshop = await office.registered('202');
  const warehouse = await office.registered('203', { codecs: ['G729'] });
  await Promise.all([reception.call('202'), workshop.incomingCall().then(() => workshop.answer())]);
  // Other lines of the reception: each phone has one call.
  const second = await office.phone('201');
  await Promise.all([second.call('203'), warehouse.incomingCall().then(() => warehouse.answer())]);
  const third = await office.phone('201');
  t.equal((await third.call('*47')).status, 200);
  await Promise.all([reception.ended(), second.ended()]);
  await talk(t, third, workshop);
  await warehouse.play('adbfc');
  await Promise.all([third.hears('adbfc'), workshop.hears('adbfc')]);
  await third.bye();
  await warehouse.bye();
  await workshop.ended();
  t.same(await office.mediaPortsLeft(), []);
});
