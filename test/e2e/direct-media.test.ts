import type { Test } from 'tap';
import type { PhoneOptions } from '../support/phone/phone.ts';
import type { TestPhone } from '../support/phone/test-phone.ts';
import { officeTest } from './office.ts';

const FOLLOWS: Partial<PhoneOptions> = { takesOffers: true };

/** The one plays, the other hears it from `source`: the RTP port of the one, or one of the box's. */
async function hearsFrom(t: Test, left: TestPhone, right: TestPhone, source: string | RegExp): Promise<void> {
  await left.play('adbfc');
  const { latestSource } = await right.hears('adbfc');
  t.match(latestSource, source);
}

officeTest('phones of one LAN send to each other, and through the box while one of them holds', async (t, office) => {
  const left = await office.registered('201', FOLLOWS);
  const right = await office.registered('202', { ...FOLLOWS, incoming: 'answer' });
  await left.call('202');
  await office.ringdown.logs(/"isDirect":true/, 10_000);
  await hearsFrom(t, left, right, left.media);
  await hearsFrom(t, right, left, right.media);

  const { first, last } = office.ringdown.mediaPorts;
  const isOfBox = (target: string): boolean =>
    Number(target.split(' ')[1]) >= first && Number(target.split(' ')[1]) <= last;
  const held = await left.offerAgain('sendonly');
  t.equal(held.status, 200);
  t.ok(isOfBox(held.target), `${held.target} is the box's`);
  await office.ringdown.logs(/"isDirect":false/, 10_000);
  const deadline = performance.now() + 15_000;
  let { latestSource = '' } = await right.heard();
  while (!isOfBox(latestSource) && performance.now() < deadline) ({ latestSource = '' } = await right.heard());
  t.ok(isOfBox(latestSource), `${latestSource} is the box's: its music`);

  t.equal((await left.offerAgain('sendrecv')).status, 200);
  await office.ringdown.logs(/"isDirect":true[\s\S]*"isDirect":false[\s\S]*"isDirect":true/, 10_000);
  await right.play('fcebd');
  t.equal((await left.hears('fcebd')).latestSource, right.media);
  const [status] = await Promise.all([left.bye(), right.ended()]);
  t.equal(status, 200);
  t.same(await office.mediaPortsLeft(), []);
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
