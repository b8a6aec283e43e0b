/** Calls over lines, from end to end: a phone of the test plays the carrier, and the box registers with it. */
import { ask, carriers, everyLine, isFree, lines } from './carriers.ts';
import { officeTest, talk } from './office.ts';
import { configure } from './sipp-bench.ts';

officeTest('a 9 and a number reach the carrier, both hear each other, and the caller hangs up', async (t, office) => {
  const [carrier] = await carriers(office, {});
  const codes = [{ code: '01N', number: '+441N' }, { code: '?' }];
  await configure(office.ringdown, [
    ...['shortCodes.9N', JSON.stringify({ feature: 'dial', telephoneNumber: 'N' })],
    ...['arsRoutes.Main', JSON.stringify({ codes })],
  ]);
  const reception = await office.registered('201', { takesOffers: true });
  await reception.invite('901632960123');
  const { requestUri } = await carrier.incomingCall();
  t.match(requestUri, /^sip:\+441632960123@carrier\.example/);
  t.equal(await reception.ringing(), 180);
  const [outcome] = await Promise.all([reception.answered(), carrier.answer()]);
  t.equal(outcome.status, 200);
  t.match(await lines(office), [{ line: '1', incoming: 0, outgoing: 1 }]);
  await talk(t, reception, carrier);
  await Promise.all([reception.bye(), carrier.ended()]);
  await everyLine(office, isFree);
  t.same(await office.mediaPortsLeft(), []);
});

officeTest('a number of the office rings its extension, and the carrier hangs up', async (t, office) => {
  const [carrier] = await carriers(office, { codecs: ['PCMU'] });
  const workshop = await office.registered('202', { takesOffers: true });
  const route = { lineGroup: 7, incomingNumber: '4930555202', destination: '202' };
  await configure(office.ringdown, ['incomingRoutes.Workshop', JSON.stringify(route)]);
  t.match(await carrier.call('4930555203'), { status: 404 });
  await everyLine(office, isFree);
  await carrier.invite('4930555202');
  t.match(await workshop.incomingCall(), { fromUri: /^sips?:442071234567@/ });
  t.equal(await carrier.ringing(), 180);
  const [outcome] = await Promise.all([carrier.answered(), workshop.answer()]);
  t.equal(outcome.status, 200);
  t.match(await lines(office), [{ line: '1', incoming: 1, outgoing: 0 }]);
  await talk(t, carrier, workshop);
  await Promise.all([carrier.bye(), workshop.ended()]);
  await everyLine(office, isFree);
  const told = /SIP\/2\.0 200 OK[^\0]*\r\nP-Asserted-Identity: Workshop <sip:4930555202@carrier\.example>/;
  t.notMatch(await carrier.transcript(), told, 'who answers is no business of a carrier');
  await ask(office, ['config', 'set', 'lines.1.identity.trusted', 'on']);
  await everyLine(office, ({ state }) => state === 'in-service');
  await carrier.invite('4930555202');
  await workshop.incomingCall();
  await Promise.all([carrier.answered(), workshop.answer()]);
  t.match(await carrier.transcript(), told, 'and that of another box of the office');
  await Promise.all([carrier.bye(), workshop.ended()]);
  await everyLine(office, isFree);
  t.same(await office.mediaPortsLeft(), []);
});

officeTest(
  'a caller reads who answers at another box of the office, and not what a carrier says',
  async (t, office) => {
    const [peer] = await carriers(office, { asserts: '"Their Ben" <sip:302@carrier.example>' });
    for (const [trusted, shown] of [
      ['off', /^P-Asserted-Identity: [^\r]*<sip:01632960302@/m],
      ['on', /^P-Asserted-Identity: "?Their Ben"? <sip:302@/m],
    ] as const) {
      await ask(office, ['config', 'set', 'lines.1.identity.trusted', trusted]);
      await everyLine(office, ({ state }) => state === 'in-service');
      const reception = await office.registered('201', { takesOffers: true });
      await reception.invite('01632960302');
      await peer.incomingCall();
      await Promise.all([reception.answered(), peer.answer()]);
      t.match(await reception.transcript(), shown, `trusted: ${trusted}`);
      await Promise.all([reception.bye(), peer.ended()]);
      await everyLine(office, isFree);
    }
  },
);

officeTest('a carrier that answers 503 is passed over for the next line, a busy callee is not', async (t, office) => {
  const [broken, sound] = await carriers(office, { incoming: 503 }, {});
  const reception = await office.registered('201', { takesOffers: true });
  await reception.invite('01632960123');
  t.match(await sound.incomingCall(), { requestUri: /^sip:01632960123@/ });
  t.match(await broken.transcript(), /INVITE sip:01632960123@[\s\S]*SIP\/2\.0 503/);
  const [outcome] = await Promise.all([reception.answered(), sound.answer()]);
  t.equal(outcome.status, 200);
  await talk(t, reception, sound);
  await Promise.all([reception.bye(), sound.ended()]);
  await everyLine(office, isFree);
  await reception.invite('01632960123');
  await sound.incomingCall();
  await sound.reject(486);
  t.match(await reception.answered(), { status: 486 });
  await everyLine(office, isFree);
});

officeTest(
  'a peer that knows the box by its address: OPTIONS, calls in and out, and past it once it is gone',
  async (t, office) => {
    const [peer, second] = await carriers(office, { line: { registers: false } }, {});
    const reception = await office.registered('201');
    const workshop = await office.registered('202');
    const route = { lineGroup: 7, incomingNumber: '4930555202', destination: '202', timeProfile: 'Day' };
    const set = ['config', 'set', 'timeProfiles.Day', '{"override":"on"}', 'incomingRoutes.Workshop'];
    await ask(office, [...set, JSON.stringify({ ...route, nightDestination: '201' })]);
    t.match(await peer.transcript(), /OPTIONS sip:carrier\.example/);
    t.notMatch(await peer.transcript(), 'REGISTER');
    await peer.invite('4930555202', { headers: [['Privacy', 'id']] });
    t.match(await workshop.incomingCall(), { fromUri: /^sips?:anonymous@/ }, 'who wants no number shown');
    const [outcome] = await Promise.all([peer.answered(), workshop.answer()]);
    t.equal(outcome.status, 200);
    await talk(t, peer, workshop);
    await Promise.all([peer.bye(), workshop.ended()]);
    await ask(office, ['config', 'set', 'timeProfiles.Day.override', 'off']);
    await peer.invite('4930555202');
    await reception.incomingCall();
    t.equal((await peer.cancel()).status, 487, 'by night it rings elsewhere');
    await reception.ended();
    await workshop.invite('01632960123');
    await peer.incomingCall();
    await Promise.all([workshop.answered(), peer.answer()]);
    await Promise.all([workshop.bye(), peer.ended()]);
    // Not from the beginning: a peer that is there must not be found too slow.
    await ask(office, ['config', 'set', 'lines.1.noResponseSeconds', '1']);
    await everyLine(office, ({ state }) => state === 'in-service', 2);
    await peer.close();
    await workshop.invite('01632960124');
    t.match(await second.incomingCall(), { requestUri: /^sip:01632960124@/ });
    await Promise.all([workshop.answered(), second.answer()]);
    await Promise.all([workshop.bye(), second.ended()]);
    await everyLine(office, isFree);
  },
);

officeTest('who may not call there gets 403 and the carrier nothing, but for help', async (t, office) => {
  const [carrier] = await carriers(office, {});
  const reception = await office.registered('201');
  for (const number of ['0012125550123', '+12125550123', '%2331%230012125550123', '*670012125550123']) {
    t.match(await reception.call(number), { status: 403 }, number);
  }
  await configure(office.ringdown, [
    ...['userRights.Guests', JSON.stringify({ outgoingCallBar: true })],
    ...['users.201.userRights', 'Guests'],
  ]);
  t.match(await reception.call('01632960123'), { status: 403 }, 'who may call nobody outside');
  t.notMatch(await carrier.transcript(), 'INVITE sip');
  await reception.invite('999');
  t.match(await carrier.incomingCall(), { requestUri: /^sip:999@/ }, 'and help all the same');
  t.match(await carrier.transcript(), /INVITE sip:999@[\s\S]*Priority: emergency/);
  const [outcome] = await Promise.all([reception.answered(), carrier.answer()]);
  t.equal(outcome.status, 200);
  await Promise.all([carrier.bye(), reception.ended()]);
  await everyLine(office, isFree);
});
