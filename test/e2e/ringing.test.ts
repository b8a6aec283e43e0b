/** Who rings for a user, when and how, and what stands in the way: with telephones over sockets. */
import type { TestPhone } from '../support/phone/test-phone.ts';
import { ask, carriers, everyLine, isFree } from './carriers.ts';
import { officeTest, talk } from './office.ts';
import { configure } from './sipp-bench.ts';

/** Another class of device than that of a phone that says nothing: of each a user has one. */
const DESKTOP = { userAgent: 'Avaya Communicator/3.0 (3.30.0.1; Avaya CSDK; Microsoft Windows NT 10.0)' };

/** Calls that came to a telephone, whether it rang for them or not. */
async function came(phone: TestPhone): Promise<number> {
  const ids = (await phone.transcript()).matchAll(/received\]\nINVITE [\s\S]*?\r\nCall-ID: (\S+)/g);
  return new Set([...ids].map(([, id]) => id)).size;
}

/** What the newest INVITE said. */
async function invite(phone: TestPhone): Promise<string> {
  const all = (await phone.transcript()).split('received]\nINVITE ');
  return all.at(-1)?.split('\r\n\r\n', 1)[0] ?? '';
}

officeTest('forwards of all calls, on busy and on no answer, with who forwarded and why', async (t, office) => {
  const reception = await office.registered('201');
  const workshop = await office.registered('202');
  const warehouse = await office.registered('203');
  const to203 = '{"enabled":true,"number":"203"}';
  const set = (...settings: readonly string[]) => configure(office.ringdown, settings);
  const forwards = async (reason: string): Promise<void> => {
    await warehouse.incomingCall();
    t.match(await invite(warehouse), new RegExp(`Diversion: <sip:202@[^\r]*;reason=${reason}`));
    await reception.ringing();
    const [outcome] = await Promise.all([reception.answered(), warehouse.answer()]);
    t.equal(outcome.status, 200, reason);
    await Promise.all([reception.bye(), warehouse.ended()]);
  };
  await set('users.202.forwardUnconditional', to203);
  await reception.invite('202');
  await forwards('unconditional');
  t.equal(await came(workshop), 0, 'his own telephone does not ring');
  await set('users.202.forwardUnconditional.enabled', 'off', 'users.202.forwardOnBusy', to203);
  await reception.invite('202');
  await workshop.incomingCall();
  await workshop.reject(486);
  await forwards('user-busy');
  await set('users.202.forwardOnBusy.enabled', 'off', 'users.202.forwardOnNoAnswer', to203);
  await set('users.202.noAnswerSeconds', '6');
  await reception.invite('202');
  await workshop.incomingCall();
  await forwards('no-answer');
  await workshop.ended();
  t.notMatch(await workshop.transcript(), 'Call completed elsewhere', 'he has missed a call');
  t.same(await office.mediaPortsLeft(), []);
});

officeTest('follow me, and do not disturb with an exception', async (t, office) => {
  const reception = await office.registered('201');
  const workshop = await office.registered('202');
  const warehouse = await office.registered('203');
  await configure(office.ringdown, ['users.202.followMe', '203']);
  await reception.invite('202');
  await warehouse.incomingCall();
  t.equal(await came(workshop), 0);
  await Promise.all([reception.answered(), warehouse.answer()]);
  await Promise.all([reception.bye(), warehouse.ended()]);
  await configure(office.ringdown, [
    ...['users.202.followMe', ''],
    ...['users.202.doNotDisturb', '{"enabled":true,"exceptions":["203"]}'],
  ]);
  t.match(await reception.call('202'), { status: 486 });
  t.equal(await came(workshop), 0);
  await warehouse.invite('202');
  await workshop.incomingCall();
  await Promise.all([warehouse.answered(), workshop.answer()]);
  await Promise.all([warehouse.bye(), workshop.ended()]);
});

officeTest('what nobody answers goes to whoever covers, and then to the mailbox', async (t, office) => {
  const reception = await office.registered('201');
  const workshop = await office.registered('202');
  const warehouse = await office.registered('203');
  await configure(office.ringdown, [
    ...['users.202.noAnswerSeconds', '6', 'users.202.coverageNumber', '203'],
    ...['users.202.voicemail.enabled', 'on'],
  ]);
  await reception.invite('202');
  await workshop.incomingCall();
  await warehouse.incomingCall();
  t.match(await invite(warehouse), /Diversion: <sip:202@[^\r]*;reason=no-answer/);
  await workshop.ended();
  await Promise.all([reception.answered(), warehouse.answer()]);
  await Promise.all([reception.bye(), warehouse.ended()]);
  await configure(office.ringdown, ['users.202.coverageNumber', '']);
  await reception.invite('202');
  await workshop.incomingCall();
  await workshop.reject(486);
  t.match(await reception.answered(), { status: 200 }, 'the mailbox answers');
  await reception.bye();
  t.same(await office.mediaPortsLeft(), []);
});

officeTest('a twinned user rings at once, a twinned mobile after its delay', async (t, office) => {
  const [carrier] = await carriers(office, {});
  const reception = await office.registered('201');
  const workshop = await office.registered('202');
  const warehouse = await office.registered('203');
  const mobile = { enabled: true, number: '07700900123', delaySeconds: 3 };
  await configure(office.ringdown, [
    ...['users.202.internalTwinning', '203', 'users.202.twinning', JSON.stringify(mobile)],
  ]);
  await reception.invite('202');
  await Promise.all([workshop.incomingCall(), warehouse.incomingCall()]);
  t.equal(await came(carrier), 0, 'the mobile does not ring yet');
  t.match(await carrier.incomingCall(), { requestUri: /^sip:07700900123@/ });
  const [outcome] = await Promise.all([reception.answered(), carrier.answer()]);
  t.equal(outcome.status, 200);
  await Promise.all([workshop.ended(), warehouse.ended()]);
  t.match(await workshop.transcript(), /CANCEL [\s\S]*Call completed elsewhere/);
  await talk(t, reception, carrier);
  await Promise.all([reception.bye(), carrier.ended()]);
  await everyLine(office, isFree);
  const invites = async (): Promise<number> =>
    (await warehouse.transcript()).match(/received\]\nINVITE /g)?.length ?? 0;
  t.equal(await invites(), 1);
  await configure(office.ringdown, ['users.203.doNotDisturb.enabled', 'on']);
  await reception.invite('202');
  await workshop.incomingCall();
  await Promise.all([workshop.answer(), reception.answered()]);
  t.equal(await invites(), 1, 'the twin wants quiet');
  await Promise.all([reception.bye(), workshop.ended()]);
});

officeTest('who is absent says so while it rings; who is here is told how to ring', async (t, office) => {
  const [carrier] = await carriers(office, {});
  const reception = await office.registered('201');
  const workshop = await office.registered('202');
  const warehouse = await office.registered('203');
  const route = { lineGroup: 7, incomingNumber: '', destination: '202' };
  await configure(office.ringdown, [
    ...['users.202.absentText', 'At lunch', 'incomingRoutes.All', JSON.stringify(route)],
  ]);
  await reception.invite('202');
  await workshop.incomingCall();
  await reception.ringing();
  t.match(await invite(workshop), 'Alert-Info: <urn:alert:source:internal>');
  t.notMatch(await invite(workshop), 'answer-after');
  await reception.cancel();
  // In the second 180, which the final response of the CANCEL follows.
  t.match(
    await reception.transcript(),
    /SIP\/2\.0 180 [\s\S]*P-Asserted-Identity: "?Workshop \(At lunch\)"? <sip:202@/,
  );
  await workshop.ended();
  await carrier.invite('4930555202');
  await workshop.incomingCall();
  await carrier.ringing();
  t.notMatch(await carrier.transcript(), 'At lunch', 'nobody outside is told');
  t.match(await invite(workshop), 'Alert-Info: <urn:alert:source:external>');
  await carrier.cancel();
  await workshop.ended();
  await everyLine(office, isFree);
  await workshop.invite('201');
  await reception.incomingCall();
  await Promise.all([workshop.answered(), reception.answer()]);
  t.equal(await reception.refer('<sip:203@box>'), 202);
  await warehouse.incomingCall();
  await reception.bye();
  await warehouse.reject(486);
  await reception.incomingCall();
  t.match(await invite(reception), 'Alert-Info: <urn:alert:service:recall:callback>', 'the party comes back');
  await reception.answer();
  await Promise.all([workshop.bye(), reception.ended()]);
});

officeTest('a telephone answers by itself where its user wants that, and calls from here alone', async (t, office) => {
  const [carrier] = await carriers(office, {});
  const reception = await office.registered('201');
  const workshop = await office.registered('202');
  const route = { lineGroup: 7, incomingNumber: '', destination: '202' };
  await configure(office.ringdown, ['users.202.autoAnswer', 'internal', 'incomingRoutes.All', JSON.stringify(route)]);
  await reception.invite('202');
  await workshop.incomingCall();
  t.match(await invite(workshop), /Call-Info: <sip:[^>]*>;answer-after=0/);
  t.match(await invite(workshop), /Alert-Info: [^\r]*info=alert-autoanswer/);
  await Promise.all([reception.answered(), workshop.answer()]);
  await Promise.all([reception.bye(), workshop.ended()]);
  await carrier.invite('4930555202');
  await workshop.incomingCall();
  t.notMatch(await invite(workshop), 'answer-after');
  await carrier.cancel();
});

officeTest(
  'a declined call is busy or declined, as the policy says; half a number is not enough',
  async (t, office) => {
    const reception = await office.registered('201');
    const workshop = await office.registered('202');
    for (const [policy, status] of [
      ['busy', 486],
      ['decline', 603],
    ] as const) {
      await configure(office.ringdown, ['system.telephony.declinePolicy', policy]);
      await reception.invite('202');
      await workshop.incomingCall();
      await workshop.reject(603);
      t.match(await reception.answered(), { status }, policy);
    }
    for (const dialled of ['20', '*0', '*12*']) t.match(await reception.call(dialled), { status: 484 }, dialled);
    t.match(await ask(office, ['call', 'explain', '--from', '201', '--dial', '20']), '484');
  },
);

officeTest('a user who talks on one device gets further calls there alone, or none', async (t, office) => {
  const reception = await office.registered('201');
  const desk = await office.registered('202');
  const desktop = await office.registered('202', DESKTOP);
  const warehouse = await office.registered('203');
  await reception.invite('202');
  await Promise.all([desk.incomingCall(), desktop.incomingCall()]);
  await Promise.all([reception.answered(), desk.answer()]);
  await desktop.ended();
  t.match(await warehouse.call('202'), { status: 486 }, 'the telephone of the test refuses what waits');
  t.same([await came(desk), await came(desktop)], [2, 1]);
  await configure(office.ringdown, ['users.202.callWaiting', 'off']);
  t.match(await warehouse.call('202'), { status: 486 });
  t.same([await came(desk), await came(desktop)], [2, 1], 'nobody was asked');
  await Promise.all([reception.bye(), desk.ended()]);
  await warehouse.invite('202');
  await Promise.all([desk.incomingCall(), desktop.incomingCall()]);
  await warehouse.cancel();
});
