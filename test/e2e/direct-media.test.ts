import type { Test } from 'tap';
import type { PhoneOptions } from '../support/phone/phone.ts';
import type { TestPhone } from '../support/phone/test-phone.ts';
import { type Office, officeTest } from './office.ts';
import { configure } from './sipp-bench.ts';

const FOLLOWS: Partial<PhoneOptions> = { takesOffers: true };

/** The one plays, the other hears it from `source`: the RTP port of the one, or one of the box's. */
async function hearsFrom(t: Test, left: TestPhone, right: TestPhone, source: string | RegExp): Promise<void> {
  await left.play('adbfc');
  const { latestSource } = await right.hears('adbfc');
  t.match(latestSource, source);
}

/** Whether that address and port are those of media of the box. */
function isOfBox({ ringdown }: Office, place: string): boolean {
  const port = Number(place.split(' ')[1]);
  return port >= ringdown.mediaPorts.first && port <= ringdown.mediaPorts.last;
}

officeTest('phones of one LAN send to each other, and through the box while one of them holds', async (t, office) => {
  const left = await office.registered('201', FOLLOWS);
  const right = await office.registered('202', { ...FOLLOWS, incoming: 'answer' });
  await left.call('202');
  await office.ringdown.logs(/"isDirect":true/, 10_000);
  await hearsFrom(t, left, right, left.media);
  await hearsFrom(t, right, left, right.media);

  const held = await left.offerAgain('sendonly');
  t.equal(held.status, 200);
  t.ok(isOfBox(office, held.target), `${held.target} is the box's`);
  await office.ringdown.logs(/"isDirect":false/, 10_000);
  const deadline = performance.now() + 15_000;
  let { latestSource = '' } = await right.heard();
  while (!isOfBox(office, latestSource) && performance.now() < deadline) ({ latestSource = '' } = await right.heard());
  t.ok(isOfBox(office, latestSource), `${latestSource} is the box's: its music`);

  t.equal((await left.offerAgain('sendrecv')).status, 200);
  await office.ringdown.logs(/"isDirect":true[\s\S]*"isDirect":false[\s\S]*"isDirect":true/, 10_000);
  await right.play('fcebd');
  t.equal((await left.hears('fcebd')).latestSource, right.media);
  const [status] = await Promise.all([left.bye(), right.ended()]);
  t.equal(status, 200);
  t.same(await office.mediaPortsLeft(), []);
});

officeTest('a call whose media go past the box comes back to it to be recorded, and goes again', async (t, office) => {
  await configure(office.ringdown, [
    ...['users.202.voicemail.enabled', 'true', 'users.202.clients.desktop', 'true'],
    ...['shortCodes."*99"', JSON.stringify({ feature: 'call-record' }), 'system.recording.warning', 'none'],
  ]);
  const caller = await office.registered('201', FOLLOWS);
  const called = await office.registered('202', { ...FOLLOWS, incoming: 'answer' });
  const other = await office.registered('202', {
    userAgent: 'Avaya Communicator/3.0 (1.1.0.35; Avaya CSDK; Microsoft Windows NT 6.2.9200.0)',
    incoming: 486,
  });
  await caller.call('202');
  await office.ringdown.logs(/"isDirect":true/, 10_000);
  t.match(await other.call('*99'), { status: 200 });
  await office.ringdown.logs(/a call is being recorded[\s\S]*"isDirect":false/, 10_000);
  await caller.play('adbec');
  const toCalled = await called.hears('adbec');
  await called.play('fcebd');
  const toCaller = await caller.hears('fcebd');
  for (const { latestSource = '' } of [toCalled, toCaller]) t.ok(isOfBox(office, latestSource), latestSource);

  await other.ended();
  t.match(await other.call('*99'), { status: 200 });
  await office.ringdown.logs(/"isDirect":true[\s\S]*"isDirect":false[\s\S]*"isDirect":true/, 10_000);
  await Promise.all([caller.bye(), called.ended()]);
  t.match(await called.call('*17'), { status: 200 });
  await called.pressKey('1');
  await called.hears('adbec', 40_000);
  await called.hears('fcebd');
  await called.bye();
});

const relayed: readonly (readonly [string, Partial<PhoneOptions>, Partial<PhoneOptions>])[] = [
  ['phones without a codec in common', { codecs: ['PCMA'] }, { codecs: ['PCMU'] }],
  ['phones of different families', {}, { localAddress: '::1' }],
  ['a phone that takes no re-INVITE', {}, { takesOffers: false }],
];
for (const [title, one, other] of relayed) {
  officeTest(`${title} are relayed`, async (t, office) => {
    const left = await office.registered('201', { ...FOLLOWS, ...one });
    const right = await office.registered('202', { ...FOLLOWS, ...other, incoming: 'answer' });
    await left.call('202');
    await left.play('adbfc');
    const { latestSource = '' } = await right.hears('adbfc');
    t.not(latestSource, left.media);
    t.notMatch(office.ringdown.log, /"isDirect":true/);
    await Promise.all([left.bye(), right.ended()]);
    t.same(await office.mediaPortsLeft(), []);
  });
}
