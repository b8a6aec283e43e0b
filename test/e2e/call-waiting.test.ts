/** A second call at a device that has one: it rings there alone, and its user goes from one to the other. */
import { conversation, hearEachOther, officeTest } from './office.ts';

officeTest(
  'call waiting: the first one is held, the second one talks, and back again; both end by themselves',
  async (t, office) => {
    const workshop = await office.registered('202', { takesOffers: true });
    // The user's other device is not to ring: he is at the one that has the call.
    const userAgent = 'Avaya Communicator/3.0 (3.30.0.1; Avaya CSDK; Microsoft Windows NT 10.0)';
    const computer = await office.registered('202', { takesOffers: true, userAgent });
    const second = await office.phone('202', { takesOffers: true });
    workshop.secondLine = second;
    const reception = await office.registered('201', { takesOffers: true });
    const warehouse = await office.registered('203', { takesOffers: true, codecs: ['PCMU'] });
    await conversation(reception, workshop, '202');
    await computer.ended();
    const invites = async (): Promise<number> => (await computer.transcript()).split('received]\nINVITE ').length - 1;
    t.equal(await invites(), 1);
    await warehouse.invite('202');
    t.match(await second.incomingCall(), { fromUri: /^sips?:203@/ });
    t.equal(await warehouse.ringing(), 180);
    await hearEachOther(reception, workshop);
    t.equal((await workshop.offerAgain('sendonly')).status, 200);
    await reception.hearsSound();
    const [outcome] = await Promise.all([warehouse.answered(), second.answer()]);
    t.equal(outcome.status, 200);
    await hearEachOther(warehouse, second);
    t.equal((await second.offerAgain('sendonly')).status, 200);
    t.equal((await workshop.offerAgain('sendrecv')).status, 200);
    await hearEachOther(reception, workshop);
    await warehouse.hearsSound();
    t.equal(await invites(), 1, 'the other device is quiet');
    await Promise.all([reception.bye(), workshop.ended()]);
    t.equal((await second.offerAgain('sendrecv')).status, 200);
    await hearEachOther(warehouse, second);
    await Promise.all([second.bye(), warehouse.ended()]);
    t.same(await office.mediaPortsLeft(), []);
  },
);
