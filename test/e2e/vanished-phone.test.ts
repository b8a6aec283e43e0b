/** A telephone that is gone in mid-call. */
import { conversation, hearEachOther, officeTest } from './office.ts';
import { configure } from './sipp-bench.ts';

officeTest('a telephone over TCP whose connection ends in mid-call: the other one is hung up on', async (t, office) => {
  await configure(office.ringdown, ['system.media.timeoutSeconds', '10']);
  const reception = await office.registered('201', { takesOffers: true, transport: 'tcp' });
  const workshop = await office.registered('202', { takesOffers: true });
  await conversation(reception, workshop, '202');
  await hearEachOther(reception, workshop);
  await reception.close();
  await workshop.ended(60_000);
  t.match(await workshop.transcript(), /received\]\nBYE [\s\S]*Reason: Q\.850;cause=(?:102|27)/);
  t.same(await office.mediaPortsLeft(), []);
});

officeTest(
  'a telephone over UDP that is gone while its media go past the box: it is asked, and missed',
  async (t, office) => {
    await configure(office.ringdown, ['system.media.timeoutSeconds', '10']);
    const reception = await office.registered('201', { takesOffers: true });
    const workshop = await office.registered('202', { takesOffers: true });
    await conversation(reception, workshop, '202');
    await hearEachOther(reception, workshop);
    await reception.close();
    await workshop.ended(60_000);
    const transcript = await workshop.transcript();
    t.match(transcript, /received\]\nOPTIONS /, 'as is the other one, which is there');
    t.match(transcript, /received\]\nBYE [\s\S]*Reason: Q\.850;cause=102/);
    t.same(await office.mediaPortsLeft(), []);
  },
);
