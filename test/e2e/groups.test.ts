import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { TestPhone } from '../support/phone/test-phone.ts';
import { runRingdown } from '../support/ringdown.ts';
import { makeTones } from '../support/tones.ts';
import { Office, talk } from './office.ts';
import { configure } from './sipp-bench.ts';

/** One box for all of these: each test has a group of its own, and no phone outlives it. */
const shared = await Office.open();
t.teardown(() => shared.close());

let lastGroup = 300;

/** A hunt group with the members 202 and 203, unless `settings` say otherwise, that has had no call yet. Its number. */
async function group(settings: object): Promise<string> {
  lastGroup += 1;
  const number = String(lastGroup);
  const members = [{ user: '202' }, { user: '203' }];
  const written = JSON.stringify({ name: `Sales ${number}`, members, wrapUpSeconds: 0, ...settings });
  await configure(shared.ringdown, [`huntGroups.${number}`, written]);
  return number;
}

/** When it fails it prints the log and what the phones sent and received. */
function groupTest(name: string, run: (t: Test, office: Office) => Promise<void>): void {
  t.test(name, async (t) => {
    let finished = false;
    try {
      await run(t, shared);
      finished = true;
    } finally {
      if (!finished || !t.passing()) t.comment(await shared.report());
      await shared.clear();
    }
  });
}

async function phones(office: Office): Promise<readonly [TestPhone, TestPhone, TestPhone]> {
  return [await office.registered('201'), await office.registered('202'), await office.registered('203')];
}

groupTest('sequential: the next member rings after the group no-answer time, and has the call', async (t, office) => {
  const sales = await group({ mode: 'sequential', noAnswerSeconds: 6 });
  const [reception, workshop, warehouse] = await phones(office);
  await reception.invite(sales);
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
  t.equal(listed(stdout, sales), `${sales}  Sales ${sales}  sequential\n   202  free\n   203  talking\n`);
  await Promise.all([reception.bye(), warehouse.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});

groupTest('collective: all ring at once, and the others learn that somebody has answered', async (t, office) => {
  const sales = await group({ mode: 'collective' });
  const [reception, workshop, warehouse] = await phones(office);
  await reception.invite(sales);
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
  groupTest(`${mode}: calls one after the other ring ${order.join(', then ')}`, async (t, office) => {
    const sales = await group({ mode });
    const [reception, workshop, warehouse] = await phones(office);
    for (const user of order) {
      const member = user === '202' ? workshop : warehouse;
      await reception.invite(sales);
      await member.incomingCall();
      const [outcome] = await Promise.all([reception.answered(), member.answer()]);
      t.equal(outcome.status, 200);
      await Promise.all([member.bye(), reception.ended()]);
    }
  });
}

groupTest('queue: who finds nobody free hears music, then the member who is free again', async (t, office) => {
  const sales = await group({ members: [{ user: '203' }] });
  const [reception, workshop, warehouse] = await phones(office);
  await reception.invite(sales);
  await warehouse.incomingCall();
  await Promise.all([reception.answered(), warehouse.answer()]);
  t.equal((await workshop.call(sales)).status, 200, 'answered by the box');
  const { stdout } = await runRingdown(['groups', 'list', '--data', office.ringdown.dataDirectory]);
  t.match(listed(stdout, sales), /203 {2}talking\n {3}call from 202 {2}\d+ s {2}waits, number 1\n/);
  t.ok((await workshop.heard()).packets > 0, 'music');
  await Promise.all([reception.bye(), warehouse.ended()]);
  await warehouse.incomingCall();
  await warehouse.answer();
  await talk(t, workshop, warehouse);
  await Promise.all([workshop.bye(), warehouse.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});

groupTest('queue: who waits is told his place, and again in time', async (t, office) => {
  // Words of its own, which can be told from each other.
  const sounds = join(office.ringdown.dataDirectory, 'sounds/en');
  mkdirSync(sounds, { recursive: true });
  t.teardown(() => rmSync(sounds, { recursive: true }));
  writeFileSync(join(sounds, 'queue-place.wav'), wavOf(makeTones('adb')));
  writeFileSync(join(sounds, 'number-1.wav'), wavOf(makeTones('ec')));
  const sales = await group({ members: [{ user: '203' }], queue: { announceSeconds: 10 } });
  const [reception, workshop, warehouse] = await phones(office);
  await reception.invite(sales);
  await warehouse.incomingCall();
  await Promise.all([reception.answered(), warehouse.answer()]);
  t.equal((await workshop.call(sales)).status, 200);
  t.match(await workshop.hears('adbec'), { malformed: 0 });
  t.match(await workshop.hears('adbecadbec', 40_000), { malformed: 0 }, 'music, and then again');
  await Promise.all([workshop.bye(), reception.bye(), warehouse.ended()]);
});

groupTest('longest waiting: whose call ended first has the next one, whoever rang last', async (t, office) => {
  const sales = await group({ mode: 'longest-waiting' });
  const [reception, workshop, warehouse] = await phones(office);
  await reception.invite(sales);
  await workshop.incomingCall();
  await Promise.all([reception.answered(), workshop.answer()]);
  const second = await office.phone('201');
  await second.invite(sales);
  await warehouse.incomingCall();
  await Promise.all([second.answered(), warehouse.answer()]);
  await Promise.all([warehouse.bye(), second.ended()]);
  await Promise.all([workshop.bye(), reception.ended()]);
  await reception.invite(sales);
  await warehouse.incomingCall();
  const [outcome] = await Promise.all([reception.answered(), warehouse.answer()]);
  t.equal(outcome.status, 200);
  await Promise.all([reception.bye(), warehouse.ended()]);
});

groupTest('wrap-up: a member is left alone after his call, and then has the one that waits', async (t, office) => {
  const sales = await group({ members: [{ user: '203' }], wrapUpSeconds: 5 });
  const [reception, workshop, warehouse] = await phones(office);
  await reception.invite(sales);
  await warehouse.incomingCall();
  await Promise.all([reception.answered(), warehouse.answer()]);
  await Promise.all([reception.bye(), warehouse.ended()]);
  const endedAtMs = performance.now();
  t.equal((await workshop.call(sales)).status, 200, 'the queue answers');
  const { stdout } = await runRingdown(['groups', 'list', '--data', office.ringdown.dataDirectory]);
  t.match(listed(stdout, sales), /203 {2}wrapping up\n/);
  await warehouse.incomingCall();
  t.ok(performance.now() - endedAtMs > 4500, 'not before its time');
  await warehouse.answer();
  await talk(t, workshop, warehouse);
  await Promise.all([workshop.bye(), warehouse.ended()]);
});

groupTest(
  'queue limit: who finds the queue full goes on to the overflow group, who waits keeps his place',
  async (t, office) => {
    const behind = await group({ members: [{ user: '202' }] });
    const sales = await group({ members: [{ user: '203' }], queue: { limit: 1 }, overflow: { group: behind } });
    const [reception, workshop, warehouse] = await phones(office);
    const [waiting, third] = [await office.phone('201'), await office.phone('201')];
    await reception.invite(sales);
    await warehouse.incomingCall();
    await Promise.all([reception.answered(), warehouse.answer()]);
    t.equal((await waiting.call(sales)).status, 200, 'the one place in the queue');
    await third.invite(sales);
    t.match(await workshop.incomingCall(), { fromUri: /^sips?:201@/ });
    const [outcome] = await Promise.all([third.answered(), workshop.answer()]);
    t.equal(outcome.status, 200);
    await talk(t, third, workshop);
    await Promise.all([reception.bye(), warehouse.ended()]);
    await warehouse.incomingCall();
    await warehouse.answer();
    await talk(t, waiting, warehouse);
    await Promise.all([waiting.bye(), warehouse.ended(), third.bye(), workshop.ended()]);
  },
);

groupTest('queue limit: without an overflow group it is 486', async (t, office) => {
  const sales = await group({ members: [{ user: '203' }], queue: { limit: 1 } });
  const [reception, workshop, warehouse] = await phones(office);
  await reception.invite(sales);
  await warehouse.incomingCall();
  await Promise.all([reception.answered(), warehouse.answer()]);
  t.equal((await workshop.call(sales)).status, 200);
  const third = await office.phone('201');
  t.equal((await third.call(sales)).status, 486);
  await Promise.all([workshop.bye(), reception.bye(), warehouse.ended()]);
});

groupTest('nobody of the group is there: 480; without a queue, and all are busy: 486', async (t, office) => {
  const sales = await group({ members: [{ user: '203' }], queue: { enabled: false } });
  const reception = await office.registered('201');
  t.equal((await reception.call(sales)).status, 480);
  const warehouse = await office.registered('203', { incoming: 'answer' });
  const workshop = await office.registered('202');
  t.equal((await reception.call(sales)).status, 200);
  t.equal((await workshop.call(sales)).status, 486);
  await Promise.all([reception.bye(), warehouse.ended()]);
});

/** What `groups list` says of one group. */
function listed(list: string, number: string): string {
  return new RegExp(`^${number} .*\\n(?: .*\\n)*`, 'm').exec(list)?.[0] ?? '';
}

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
