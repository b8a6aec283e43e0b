import type { TestPhone } from '../support/phone/test-phone.ts';
import { type Ringdown, runRingdown } from '../support/ringdown.ts';
import { type Office, officeTest, talk } from './office.ts';
import { configure } from './sipp-bench.ts';

/** Hunt group 300 with the members 202 and 203. */
async function group(ringdown: Ringdown, settings: object): Promise<void> {
  const members = [{ user: '202' }, { user: '203' }];
  await configure(ringdown, [
    'huntGroups.300',
    JSON.stringify({ name: 'Sales', members, wrapUpSeconds: 0, ...settings }),
  ]);
}

async function phones(office: Office): Promise<readonly [TestPhone, TestPhone, TestPhone]> {
  return [await office.registered('201'), await office.registered('202'), await office.registered('203')];
}

officeTest('sequential: the next member rings after the group no-answer time, and has the call', async (t, office) => {
  await group(office.ringdown, { mode: 'sequential', noAnswerSeconds: 6 });
  const [reception, workshop, warehouse] = await phones(office);
  await reception.invite('300');
  t.match(await workshop.incomingCall(), { fromUri: /^sips?:201@/ });
  t.equal(await reception.ringing(), 180);
  t.notMatch(await warehouse.transcript(), 'INVITE sip', 'the second member does not ring yet');
  await warehouse.incomingCall(10_000);
  await workshop.ended();
  t.notMatch(await workshop.transcript(), 'Call completed elsewhere', 'the first one has missed a call');
  const [outcome] = await Promise.all([reception.answered(), warehouse.answer()]);
  t.equal(outcome.status, 200);
  await talk(t, reception, warehouse);
  const { stdout } = await runRingdown(['groups', 'list', '--data', office.ringdown.dataDirectory]);
  t.equal(stdout, '300  Sales  sequential\n   202  free\n   203  talking\n');
  await Promise.all([reception.bye(), warehouse.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});

officeTest('collective: all ring at once, and the others learn that somebody has answered', async (t, office) => {
  await group(office.ringdown, { mode: 'collective' });
  const [reception, workshop, warehouse] = await phones(office);
  await reception.invite('300');
  await Promise.all([workshop.incomingCall(), warehouse.incomingCall()]);
  const [outcome] = await Promise.all([reception.answered(), warehouse.answer()]);
  t.equal(outcome.status, 200);
  await workshop.ended();
  t.match(await workshop.transcript(), /CANCEL [\s\S]*Call completed elsewhere/);
  await talk(t, reception, warehouse);
  await Promise.all([warehouse.bye(), reception.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});

const turns = [
  ['rotary', ['202', '203', '202']],
  ['longest-waiting', ['202', '203', '202']],
] as const;
for (const [mode, order] of turns) {
  officeTest(`${mode}: calls one after the other ring ${order.join(', then ')}`, async (t, office) => {
    await group(office.ringdown, { mode });
    const [reception, workshop, warehouse] = await phones(office);
    for (const number of order) {
      const member = number === '202' ? workshop : warehouse;
      await reception.invite('300');
      await member.incomingCall();
      const [outcome] = await Promise.all([reception.answered(), member.answer()]);
      t.equal(outcome.status, 200);
      await Promise.all([member.bye(), reception.ended()]);
    }
  });
}

officeTest('queue: who finds nobody free hears music, then the member who is free again', async (t, office) => {
  await group(office.ringdown, { members: [{ user: '203' }] });
  const [reception, workshop, warehouse] = await phones(office);
  await reception.invite('300');
  await warehouse.incomingCall();
  await Promise.all([reception.answered(), warehouse.answer()]);
  t.equal((await workshop.call('300')).status, 200, 'answered by the box');
  const { stdout } = await runRingdown(['groups', 'list', '--data', office.ringdown.dataDirectory]);
  t.match(stdout, /203 {2}talking\n {3}call from 202 {2}\d+ s {2}waits, number 1\n/);
  t.ok((await workshop.heard()).packets > 0, 'music');
  await Promise.all([reception.bye(), warehouse.ended()]);
  await warehouse.incomingCall();
  await warehouse.answer();
  await talk(t, workshop, warehouse);
  await Promise.all([workshop.bye(), warehouse.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});

officeTest('nobody of the group is there: 480; without a queue, and all are busy: 486', async (t, office) => {
  await group(office.ringdown, { members: [{ user: '203' }], queue: { enabled: false } });
  const reception = await office.registered('201');
  t.equal((await reception.call('300')).status, 480);
  const warehouse = await office.registered('203', { incoming: 'answer' });
  const workshop = await office.registered('202');
  t.equal((await reception.call('300')).status, 200);
  t.equal((await workshop.call('300')).status, 486);
  await Promise.all([reception.bye(), warehouse.ended()]);
});
