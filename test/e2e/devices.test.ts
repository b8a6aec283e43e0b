import { officeTest, talk } from './office.ts';

/** Another class of device than that of a phone that says nothing: of each a user has one. */
const DESKTOP = { userAgent: 'Avaya Communicator/3.0 (3.30.0.1; Avaya CSDK; Microsoft Windows NT 10.0)' };

officeTest('all devices of a user ring; one answers, the other shows no missed call', async (t, office) => {
  const caller = await office.registered('201');
  const desk = await office.registered('202', { codecs: ['G729'] });
  const desktop = await office.registered('202', {
    ...DESKTOP,
    localAddress: '::1',
    transport: 'tcp',
    codecs: ['PCMU'],
  });
  await caller.invite('202');
  await Promise.all([desk.incomingCall(), desktop.incomingCall()]);
  await Promise.all([caller.answered(), desktop.answer()]);
  await desk.ended();
  // RFC 3326: the reason is in the CANCEL.
  t.match(await desk.transcript(), /CANCEL sip:[\s\S]*Reason: SIP;cause=200;text="Call completed elsewhere"/);
  await talk(t, caller, desktop);
  const [status] = await Promise.all([caller.bye(), desktop.ended()]);
  t.equal(status, 200);
  t.same(await office.mediaPortsLeft(), []);
});

officeTest('one device refuses, the other one answers', async (t, office) => {
  const caller = await office.registered('201');
  const desk = await office.registered('202');
  const desktop = await office.registered('202', { ...DESKTOP, localAddress: '::1' });
  await caller.invite('202');
  await Promise.all([desk.incomingCall(), desktop.incomingCall()]);
  await desk.reject(486);
  const [outcome] = await Promise.all([caller.answered(), desktop.answer()]);
  t.match(outcome, { status: 200 });
  t.equal((await office.takenMediaPorts()).length, 4, 'RTP and RTCP of two legs: the device that refused holds none');
  await Promise.all([desktop.bye(), caller.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});

officeTest('a device whose connection is gone is not waited for', async (t, office) => {
  const caller = await office.registered('201');
  const gone = await office.registered('202', { ...DESKTOP, transport: 'tcp' });
  await gone.close();
  const desk = await office.registered('202');
  await caller.invite('202');
  await desk.incomingCall();
  const [outcome] = await Promise.all([caller.answered(), desk.answer()]);
  t.match(outcome, { status: 200 });
  t.ok(outcome.tookMs < 10_000, 'nobody waited for a time-out');
  await Promise.all([caller.bye(), desk.ended()]);
});

officeTest('nobody rings the very phone that calls', async (t, office) => {
  const phone = await office.registered('201');
  t.match(await phone.call('201'), { status: 486 });
});
