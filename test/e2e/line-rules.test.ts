/** What outside callers and callees are shown, which line takes a call, and who may make one. */

import type { TestPhone } from '../support/phone/test-phone.ts';
import { runRingdown } from '../support/ringdown.ts';
import { ask, carriers, everyLine, isFree, OUTSIDE } from './carriers.ts';
import { type Office, officeTest, talk } from './office.ts';
import { configure } from './sipp-bench.ts';

const PASSWORD = 'carrier says so';
const BRITISH = { numbers: { countryCode: '44', send: 'e164', receive: 'national' } };

/** The newest INVITE that came, without its body. */
async function invite(phone: TestPhone): Promise<string> {
  const all = (await phone.transcript()).split('received]\nINVITE ');
  return all.at(-1)?.split('\r\n\r\n', 1)[0] ?? '';
}

async function calls(phone: TestPhone, number: string, carrier: TestPhone): Promise<void> {
  await phone.invite(number);
  await carrier.incomingCall();
  await Promise.all([phone.answered(), carrier.answer()]);
}

async function over(office: Office, phone: TestPhone, carrier: TestPhone): Promise<void> {
  await Promise.all([phone.bye(), carrier.ended()]);
  await everyLine(office, isFree);
}

officeTest(
  'a call out proves who it is by digest, in E.164, with the number of its user or none',
  async (t, office) => {
    const callers = { username: '49305550', password: PASSWORD };
    const [carrier] = await carriers(office, { callers, line: BRITISH });
    const data = ['--data', office.ringdown.dataDirectory];
    await runRingdown(
      ['config', 'set', 'lines.1.password', '-', 'users.201.callerNumber', '02079460201', ...data],
      PASSWORD,
    );
    await everyLine(office, ({ state }) => state === 'in-service');
    const reception = await office.registered('201');
    await calls(reception, '01632960123', carrier);
    const shown = await invite(carrier);
    t.match(shown, /^sip:\+441632960123@/);
    t.match(shown, /Proxy-Authorization: Digest /);
    t.match(shown, /\r\nFrom: [^\r]*<sip:\+442079460201@/);
    t.match(shown, /\r\nP-Asserted-Identity: [^\r]*<sip:\+442079460201@/);
    await talk(t, reception, carrier);
    await over(office, reception, carrier);
    await configure(office.ringdown, ['users.201.withholdNumber', 'on']);
    await calls(reception, '01632960123', carrier);
    t.match(await invite(carrier), /\r\nFrom: [^\r]*anonymous[^\r]*;tag=/i);
    t.match(await invite(carrier), /\r\nPrivacy: id/);
    await over(office, reception, carrier);
  },
);

officeTest(
  'a forwarded call shows who calls and who forwards; from outside it stays in the office',
  async (t, office) => {
    const [carrier, other] = await carriers(office, { line: BRITISH }, { line: BRITISH });
    const reception = await office.registered('201');
    await configure(office.ringdown, [
      ...['incomingRoutes.202', '{"lineGroup":7,"incomingNumber":"02079460202","destination":"202"}'],
      ...['users.202.forwardUnconditional', '{"enabled":true,"number":"07700900123"}'],
    ]);
    await calls(reception, '202', carrier);
    t.match(await invite(carrier), /^sip:\+447700900123@/);
    t.match(await invite(carrier), /\r\nDiversion: <sip:\+442079460202@[^\r]*;reason=unconditional/);
    await over(office, reception, carrier);
    t.match(await other.call('442079460202'), { status: 403 }, 'no call goes from line to line');
    await configure(office.ringdown, ['system.telephony.trunkToTrunk', 'forwarded']);
    await other.invite('442079460202');
    await carrier.incomingCall();
    t.match(await invite(carrier), new RegExp(`\r\nFrom: [^\r]*<sip:\\+${OUTSIDE}@`), 'shown is who calls');
    await Promise.all([other.answered(), carrier.answer()]);
    await talk(t, other, carrier);
    await over(office, other, carrier);
  },
);

officeTest('a caller is shown as he is dialled from here; a full line is passed over', async (t, office) => {
  const line = { ...BRITISH, channels: 1 };
  const [carrier, other] = await carriers(office, { line }, { line });
  const reception = await office.registered('201');
  const workshop = await office.registered('202');
  const warehouse = await office.registered('203');
  await configure(office.ringdown, ['incomingRoutes.All', '{"lineGroup":7,"incomingNumber":"","destination":"202"}']);
  await carrier.invite('442079460202');
  t.match(await workshop.incomingCall(), { fromUri: /^sip:02071234567@/ });
  await Promise.all([carrier.answered(), workshop.answer()]);
  await calls(reception, '01632960123', other);
  t.match(await warehouse.call('01632960124'), { status: 503 });
  t.match(await ask(office, ['lines', 'list']), /1 of 1 channels[\s\S]*1 of 1 channels/);
  await Promise.all([carrier.bye(), workshop.ended()]);
  await over(office, reception, other);
});

officeTest('the cheapest line by the time of day, and the other one where that fails', async (t, office) => {
  const [day, night] = await carriers(office, { line: { outgoingGroup: 1 } }, { line: { outgoingGroup: 2 } });
  const reception = await office.registered('201');
  const codes = (lineGroup: number) => [{ code: '0N', number: '0N', lineGroup }];
  await configure(office.ringdown, [
    ...['timeProfiles.Day', '{"override":"on"}'],
    ...['arsRoutes.Night', JSON.stringify({ codes: codes(2) })],
    ...['arsRoutes.Other', JSON.stringify({ codes: codes(2) })],
    ...[
      'arsRoutes.Main',
      JSON.stringify({ codes: codes(1), timeProfile: 'Day', outOfHoursRoute: 'Night', alternateRoute: 'Other' }),
    ],
  ]);
  await calls(reception, '01632960123', day);
  await over(office, reception, day);
  await configure(office.ringdown, ['timeProfiles.Day.override', 'off']);
  await calls(reception, '01632960123', night);
  await over(office, reception, night);
  await configure(office.ringdown, ['timeProfiles.Day.override', 'on']);
  await reception.invite('01632960123');
  await day.incomingCall();
  await day.reject(503);
  await night.incomingCall();
  const [outcome] = await Promise.all([reception.answered(), night.answer()]);
  t.equal(outcome.status, 200);
  await over(office, reception, night);
});

officeTest('abroad only by a class of service, in its time, and no more often than is usual', async (t, office) => {
  const [carrier] = await carriers(office, {});
  const reception = await office.registered('201');
  const workshop = await office.registered('202');
  await configure(office.ringdown, [
    ...['timeProfiles.Office', '{"override":"off"}'],
    ...['classesOfService.Export', '{"calls":"international","timeProfile":"Office","barred":["00900N"]}'],
    ...['users.201.classOfService', 'Export', 'system.tollFraud', '{"action":"block","internationalPerHour":1}'],
  ]);
  t.match(await reception.call('0012125550123'), { status: 403 }, 'not at this time');
  await configure(office.ringdown, ['timeProfiles.Office.override', 'on']);
  t.match(await reception.call('00900123456'), { status: 403 }, 'barred all the same');
  t.match(await workshop.call('0012125550123'), { status: 403 }, 'another user');
  await calls(reception, '0012125550123', carrier);
  await over(office, reception, carrier);
  t.match(await reception.call('0012125550124'), { status: 403 }, 'once too often');
  t.match(await ask(office, ['notices']), /calls of user 201 look like toll fraud/);
  await office.ringdown.logs(/outside calls look like toll fraud/, 10_000);
});

officeTest('a call from outside that its destination does not take falls back on another user', async (t, office) => {
  const [carrier] = await carriers(office, {});
  const reception = await office.registered('201', { takesOffers: true });
  const route = { lineGroup: 7, incomingNumber: '4930555202', destination: '202', fallback: '201' };
  await configure(office.ringdown, ['incomingRoutes.Workshop', JSON.stringify(route)]);
  // Nobody of 202 is there; then he is, and busy.
  for (const device of ['none', 'busy'] as const) {
    if (device === 'busy') await office.registered('202', { incoming: 486 });
    await carrier.invite('4930555202');
    await reception.incomingCall();
    const [outcome] = await Promise.all([carrier.answered(), reception.answer()]);
    t.equal(outcome.status, 200, device);
    await talk(t, carrier, reception);
    await Promise.all([carrier.bye(), reception.ended()]);
    await everyLine(office, isFree);
  }
});
