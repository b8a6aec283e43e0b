import { carriers, everyLine, isFree } from './carriers.ts';
import { hearEachOther, officeTest, talk } from './office.ts';
import { configure } from './sipp-bench.ts';

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

for (const [trunkToTrunk, goesOn] of [
  ['never', false],
  ['forwarded', true],
] as const) {
  const what = goesOn ? 'they talk on without him' : 'it ends with the last one who is here';
  officeTest(`two outside in a conference, trunkToTrunk ${trunkToTrunk}: ${what}`, async (t, office) => {
    const [first, second] = await carriers(office, { takesOffers: true }, { takesOffers: true });
    const route = JSON.stringify({ lineGroup: 7, incomingNumber: '', destination: '201' });
    await configure(office.ringdown, [...['incomingRoutes.All', route, 'system.telephony.trunkToTrunk', trunkToTrunk]]);
    const reception = await office.registered('201', { takesOffers: true });
    const line = await office.phone('201', { takesOffers: true });
    reception.secondLine = line;
    await first.invite('4930555201');
    await reception.incomingCall();
    await Promise.all([first.answered(), reception.answer()]);
    await second.invite('4930555201');
    await line.incomingCall();
    await Promise.all([second.answered(), line.answer()]);
    const third = await office.phone('201', { takesOffers: true });
    t.equal((await third.call('*47')).status, 200);
    await Promise.all([reception.ended(), line.ended()]);
    const parties = [third, first, second];
    for (const [index, sequence] of (['adbfc', 'fcebd', 'becda'] as const).entries()) {
      await parties[index]?.play(sequence);
      await Promise.all(parties.filter((_, other) => other !== index).map((phone) => phone.hears(sequence)));
    }
    await third.bye();
    if (goesOn) {
      await hearEachOther(first, second);
      await first.bye();
      await second.ended();
    } else await Promise.all([first.ended(), second.ended()]);
    await everyLine(office, isFree);
    t.same(await office.mediaPortsLeft(), []);
  });
}
