/** Help is reached whatever stands in the way, and people of the office hear of it. */
import type { TestPhone } from '../support/phone/test-phone.ts';
import { ask, carriers, everyLine, isFree, lines } from './carriers.ts';
import { type Office, officeTest, talk } from './office.ts';
import { configure } from './sipp-bench.ts';

const HEAD_OFFICE = { address: '1 High Street', callerNumber: '+442079460999' };

/** Somebody calls help over the carrier, and is answered. */
async function reachesHelp(caller: TestPhone, carrier: TestPhone, dialled = '999'): Promise<void> {
  await caller.invite(dialled);
  const { requestUri } = await carrier.incomingCall();
  if (!requestUri.startsWith('sip:999@')) throw new Error(`help is not called: ${requestUri}`);
  const [{ status }] = await Promise.all([caller.answered(), carrier.answer()]);
  if (status !== 200) throw new Error(`help answered, and the caller got ${status}`);
}

async function over(office: Office, caller: TestPhone, carrier: TestPhone): Promise<void> {
  await Promise.all([carrier.bye(), caller.ended()]);
  await everyLine(office, isFree);
}

officeTest('a user who may call nobody outside reaches help, with and without the prefix', async (t, office) => {
  const [carrier] = await carriers(office, {});
  const reception = await office.registered('201');
  await configure(office.ringdown, [
    ...['userRights.Guests', JSON.stringify({ outgoingCallBar: true })],
    ...['users.201.userRights', 'Guests'],
  ]);
  t.match(await reception.call('01632960123'), { status: 403 });
  for (const dialled of ['999', '9999']) {
    await reachesHelp(reception, carrier, dialled);
    await over(office, reception, carrier);
  }
  t.match(await carrier.transcript(), /INVITE sip:999@[\s\S]*Priority: emergency/);
});

officeTest('an extension where nobody is logged in reaches help, and nobody else', async (t, office) => {
  const [carrier] = await carriers(office, {});
  const warehouse = await office.registered('203');
  await ask(office, ['config', 'unset', 'users.203', 'extensions.203.user']);
  t.match(await warehouse.call('201'), { status: 403 });
  await reachesHelp(warehouse, carrier);
  await talk(t, warehouse, carrier);
  await over(office, warehouse, carrier);
});

officeTest('an account that is switched off reaches help, and nobody else', async (t, office) => {
  const [carrier] = await carriers(office, {});
  const warehouse = await office.phone('203');
  await configure(office.ringdown, ['users.203.enabled', 'off']);
  t.match(await warehouse.register(), { status: 403 });
  t.match(await warehouse.call('201'), { status: 403 });
  await reachesHelp(warehouse, carrier);
  await over(office, warehouse, carrier);
});

officeTest('where licences have lapsed a client that may not register reaches help', async (t, office) => {
  const [carrier] = await carriers(office, {});
  const unlicensed = ['201', '202', '203'].flatMap((user) => [`users.${user}.profile`, 'non-licensed']);
  await configure(office.ringdown, ['system.licensing', 'perpetual', ...unlicensed]);
  const userAgent = 'Avaya Communicator/3.0 (1.1.0.35; Avaya CSDK; Microsoft Windows NT 6.2.9200.0)';
  const client = await office.phone('203', { userAgent });
  t.match(await client.register(), { status: 403 });
  await reachesHelp(client, carrier);
  await over(office, client, carrier);
});

officeTest('where all channels are busy the youngest other call makes way', async (t, office) => {
  const [older, younger] = await carriers(office, { line: { channels: 1 } }, { line: { channels: 1 } });
  const [reception, workshop, warehouse] = [
    await office.registered('201'),
    await office.registered('202'),
    await office.registered('203'),
  ];
  await workshop.invite('01632960123');
  await older.incomingCall();
  await Promise.all([workshop.answered(), older.answer()]);
  await warehouse.invite('01632960124');
  await younger.incomingCall();
  await Promise.all([warehouse.answered(), younger.answer()]);
  t.match(await reception.call('01632960125'), { status: 503 }, 'a call like any other is refused');
  await reachesHelp(reception, younger);
  await warehouse.ended();
  t.match(await warehouse.transcript(), /BYE [\s\S]*Reason: Q\.850;cause=46/);
  t.match(await lines(office), [{ outgoing: 1 }, { outgoing: 1 }]);
  await talk(t, workshop, older);
  await talk(t, reception, younger);
  await Promise.all([reception.bye(), younger.ended()]);
  await Promise.all([workshop.bye(), older.ended()]);
  await everyLine(office, isFree);
});

officeTest('where SRTP is enforced a telephone without it reaches help by RTP', async (t, office) => {
  const [carrier] = await carriers(office, { line: { mediaSecurity: 'enforced' } });
  const reception = await office.registered('201');
  await configure(office.ringdown, ['system.media.security', 'enforced']);
  t.match(await reception.call('01632960123'), { status: 488 });
  await reachesHelp(reception, carrier);
  await talk(t, reception, carrier);
  await over(office, reception, carrier);
});

officeTest('help sees the number of the place, and calls it back for a while', async (t, office) => {
  const [carrier] = await carriers(office, { line: { numbers: { countryCode: '44' } } });
  const reception = await office.registered('201');
  await office.registered('202');
  const route = { lineGroup: 7, incomingNumber: '', destination: '202' };
  await configure(office.ringdown, [
    ...['locations.HeadOffice', JSON.stringify(HEAD_OFFICE), 'extensions.201.location', 'HeadOffice'],
    ...['users.201.withholdNumber', 'on', 'users.201.doNotDisturb.enabled', 'on'],
    ...['incomingRoutes.All', JSON.stringify(route)],
  ]);
  await reachesHelp(reception, carrier);
  const sent = await carrier.transcript();
  t.match(sent, /From: [^\r\n]*<sip:\+442079460999@/);
  t.match(sent, /P-Asserted-Identity: [^\r\n]*<sip:\+442079460999@/);
  await over(office, reception, carrier);
  for (const called of ['+442079460999', '442079460999', '02079460999']) {
    await carrier.invite(called);
    await reception.incomingCall();
    await Promise.all([carrier.answered(), reception.answer()]);
    await over(office, reception, carrier);
  }
  await configure(office.ringdown, ['system.emergency.callBackSeconds', '0']);
  await reachesHelp(reception, carrier);
  await over(office, reception, carrier);
  const workshop = await office.registered('202');
  await carrier.invite('+442079460999');
  await workshop.incomingCall();
  await carrier.cancel();
});

officeTest('whom the configuration names are told, at the telephone, in the log and by a notice', async (t, office) => {
  const [carrier] = await carriers(office, {});
  const [reception, workshop, warehouse] = [
    await office.registered('201'),
    await office.registered('202', { codecs: ['PCMU'] }),
    await office.registered('203'),
  ];
  await configure(office.ringdown, [
    ...['huntGroups.300', JSON.stringify({ name: 'Wardens', members: [{ user: '203' }, { user: '201' }] })],
    ...['locations.HeadOffice', JSON.stringify(HEAD_OFFICE), 'extensions.201.location', 'HeadOffice'],
    ...['system.emergency.notify', '202,300'],
  ]);
  await reachesHelp(reception, carrier);
  const text = 'Emergency 999: 201 Reception, HeadOffice, 1 High Street';
  for (const phone of [workshop, warehouse]) {
    t.match(await phone.incomingCall(), { fromName: text, fromUri: /^sip:201@/ });
    const told = await phone.transcript();
    t.match(told, new RegExp(`MESSAGE sip:[\\s\\S]*Content-Type: text/plain[\\s\\S]*\r\n\r\n${text}`));
    t.match(told, /Alert-Info: <urn:alert:priority:high>/);
  }
  await workshop.answer();
  await workshop.ended();
  t.ok((await workshop.heard()).packets > 100, 'it is said which extension calls');
  await office.ringdown.logs(/"number":"999","extension":"201","location":"HeadOffice"[^\n]*emergency call/, 10_000);
  t.match(await ask(office, ['notices']), text);
  await warehouse.reject(486);
  await over(office, reception, carrier);
  t.notMatch(await reception.transcript(), 'MESSAGE sip', 'who calls knows of it');
  t.same(await office.mediaPortsLeft(), []);
});
