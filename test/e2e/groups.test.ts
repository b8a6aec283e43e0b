import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestPhone } from '../support/phone/test-phone.ts';
import { type Ringdown, runRingdown } from '../support/ringdown.ts';
import { makeTones } from '../support/tones.ts';
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

officeTest('queue: who waits is told his place, and again in time', async (t, office) => {
  // Words of its own, which can be told from each other.
  const sounds = join(office.ringdown.dataDirectory, 'sounds/en');
  mkdirSync(sounds, { recursive: true });
  writeFileSync(join(sounds, 'queue-place.wav'), wavOf(makeTones('adb')));
  writeFileSync(join(sounds, 'number-1.wav'), wavOf(makeTones('ec')));
  await group(office.ringdown, { members: [{ user: '203' }], queue: { announceSeconds: 10 } });
  const [reception, workshop, warehouse] = await phones(office);
  await reception.invite('300');
  await warehouse.incomingCall();
  await Promise.all([reception.answered(), warehouse.answer()]);
  t.equal((await workshop.call('300')).status, 200);
  t.match(await workshop.hears('adbec'), { malformed: 0 });
  t.match(await workshop.hears('adbecadbec', 40_000), { malformed: 0 }, 'music, and then again');
  await Promise.all([workshop.bye(), reception.bye(), warehouse.ended()]);
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

/** Of one channel of 16 bits at 8 kHz. */
function wavOf(samples: Int16Array): Buffer {
  const head = Buffer.alloc(44);
  head.write('RIFF');
  head.writeUInt32LE(36 + samples.byteLength, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(8000, 24);
  head.writeUInt32LE(16_000, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(samples.byteLength, 40);
  return Buffer.concat([head, Buffer.from(samples.buffer)]);
}
