/** A telephone that is gone in mid-call, or half of it. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Test } from 'tap';
import type { TestPhone } from '../support/phone/test-phone.ts';
import { nothingLeft, relayed } from './lost-worker.ts';
import { conversation, hearEachOther, officeTest } from './office.ts';
import { configure } from './sipp-bench.ts';

/** Q.850: recovery on timer expiry. */
const FELL_SILENT = /received\]\nBYE [\s\S]*Reason: Q\.850;cause=102;/;
/** Of the machine that runs the test, and of the box, which looks every second. */
const SLACK_MS = 6000;

/** The box hangs up on all of these because nothing was heard of one for so long. */
async function missed(t: Test, phones: readonly TestPhone[], afterMs: number, sinceMs: number): Promise<void> {
  await Promise.all(phones.map((phone) => phone.ended(60_000)));
  const tookMs = performance.now() - sinceMs;
  t.ok(tookMs > afterMs - 1000 && tookMs < afterMs + SLACK_MS, `after ${tookMs} ms, of ${afterMs}`);
  for (const phone of phones) t.match(await phone.transcript(), FELL_SILENT);
}

officeTest('a telephone whose RTP stops: both are hung up on after the time set', async (t, office) => {
  const [reception, workshop] = await relayed(office);
  await configure(office.ringdown, ['system.media.timeoutSeconds', '13']);
  await conversation(reception, workshop, '202');
  await hearEachOther(reception, workshop);
  workshop.stream.sendsNothing = true;
  await missed(t, [reception, workshop], 13_000, performance.now());
  t.notMatch(await workshop.transcript(), 'OPTIONS sip', 'one that sends its silence is not asked');
  await nothingLeft(t, office);
});

officeTest('a telephone whose RTP stops for less than the time set: both talk on', async (t, office) => {
  const [reception, workshop] = await relayed(office);
  await configure(office.ringdown, ['system.media.timeoutSeconds', '10']);
  await conversation(reception, workshop, '202');
  for (let pause = 0; pause < 2; pause += 1) {
    workshop.stream.sendsNothing = true;
    await delay(6000);
    workshop.stream.sendsNothing = false;
    await hearEachOther(...(pause === 0 ? ([reception, workshop] as const) : ([workshop, reception] as const)));
  }
  await Promise.all([reception.bye(), workshop.ended()]);
  await nothingLeft(t, office);
});

officeTest('a telephone over TCP whose connection ends: both talk on, until its RTP stops too', async (t, office) => {
  await configure(office.ringdown, ['system.media.directMedia', 'false', 'system.media.timeoutSeconds', '10']);
  const desk = await office.registered('201', { takesOffers: true, transport: 'tcp' });
  const workshop = await office.registered('202', { takesOffers: true });
  await conversation(desk, workshop, '202');
  await hearEachOther(desk, workshop);
  await desk.loseConnection();
  await delay(12_000);
  await hearEachOther(workshop, desk);
  desk.stream.sendsNothing = true;
  await missed(t, [workshop], 10_000, performance.now());
  await nothingLeft(t, office);
});

officeTest('a telephone over TCP whose connection ends: the other one hangs up as ever', async (t, office) => {
  await configure(office.ringdown, ['system.media.directMedia', 'false']);
  const desk = await office.registered('201', { takesOffers: true, transport: 'tcp' });
  const workshop = await office.registered('202', { takesOffers: true });
  await conversation(desk, workshop, '202');
  await desk.loseConnection();
  t.equal(await workshop.bye(), 200);
  await nothingLeft(t, office);
});

officeTest(
  'a telephone over TCP whose connection ends while its media go past the box: it is missed',
  async (t, office) => {
    await configure(office.ringdown, ['system.media.timeoutSeconds', '10']);
    const desk = await office.registered('201', { takesOffers: true, transport: 'tcp' });
    const workshop = await office.registered('202', { takesOffers: true });
    await conversation(desk, workshop, '202');
    await office.ringdown.logs(/"isDirect":true/, 10_000);
    await hearEachOther(desk, workshop);
    const since = performance.now();
    await desk.loseConnection();
    // It is looked every five seconds whether the connection is there; media come back to the box, and it is heard no more.
    await missed(t, [workshop], 12_500, since);
    t.match(office.ringdown.log, /"isDirect":true[\s\S]*"isDirect":false/);
    await nothingLeft(t, office);
  },
);

officeTest('a telephone over TCP that is gone: the other one is hung up on', async (t, office) => {
  await configure(office.ringdown, ['system.media.timeoutSeconds', '10']);
  const reception = await office.registered('201', { takesOffers: true, transport: 'tcp' });
  const workshop = await office.registered('202', { takesOffers: true });
  await conversation(reception, workshop, '202');
  await hearEachOther(reception, workshop);
  await reception.close();
  await workshop.ended(60_000);
  t.match(await workshop.transcript(), FELL_SILENT);
  await nothingLeft(t, office);
});

officeTest(
  'a telephone over UDP that is gone while its media go past the box: it is asked, and missed',
  async (t, office) => {
    await configure(office.ringdown, ['system.media.timeoutSeconds', '10']);
    const reception = await office.registered('201', { takesOffers: true });
    const workshop = await office.registered('202', { takesOffers: true });
    await conversation(reception, workshop, '202');
    await office.ringdown.logs(/"isDirect":true/, 10_000);
    await hearEachOther(reception, workshop);
    await reception.close();
    await workshop.ended(60_000);
    const transcript = await workshop.transcript();
    t.match(transcript, /received\]\nOPTIONS /, 'as is the other one, which is there');
    t.match(transcript, FELL_SILENT);
    await nothingLeft(t, office);
  },
);
