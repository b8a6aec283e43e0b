/** Codecs that are there for who wants them: neither offered nor taken until a box is configured to speak them. */
import { officeTest, talk } from './office.ts';
import { configure } from './sipp-bench.ts';

const DEFAULT_CODECS = ['PCMA', 'PCMU', 'G729'] as const;
const OTHER_CODECS = ['G722', 'G726', 'OPUS'] as const;
const ALL_CODECS = [...DEFAULT_CODECS, ...OTHER_CODECS] as const;

officeTest('a box with defaults neither offers nor accepts Opus, G.726 and G.722', async (t, office) => {
  const callee = await office.registered('202', { codecs: ALL_CODECS });
  for (const codec of OTHER_CODECS) {
    const caller = await office.registered('201', { codecs: [codec] });
    t.equal((await caller.call('202')).status, 488, codec);
    t.match(await caller.transcript(), /Warning: 305 /, codec);
    await caller.close();
  }
  await t.rejects(callee.incomingCall(1), 'nothing rang');

  const caller = await office.registered('201', { codecs: ALL_CODECS.toReversed() });
  await caller.invite('202');
  const { offered, sdp } = await callee.incomingCall();
  t.same(offered.toSorted(), DEFAULT_CODECS.toSorted());
  t.notMatch(sdp, /opus|G726|G722/i);
  const [{ codec }] = await Promise.all([caller.answered(), callee.answer()]);
  t.ok(
    DEFAULT_CODECS.some((known) => known === codec),
    `the caller, who likes Opus best, is answered with ${codec}`,
  );
  await Promise.all([caller.bye(), callee.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});

for (const codec of OTHER_CODECS) {
  officeTest(`${codec} is spoken by a box that is configured to, and no longer once it is not`, async (t, office) => {
    await configure(office.ringdown, ['system.media.codecs', `PCMA,${codec}`]);
    const other = await office.registered('201', { codecs: [codec] });
    const plain = await office.registered('202', { codecs: ['PCMA'] });
    for (const [caller, callee, number] of [
      [other, plain, '202'],
      [plain, other, '201'],
    ] as const) {
      await caller.invite(number);
      t.ok((await callee.incomingCall()).offered.includes(codec), 'offered');
      await Promise.all([caller.answered(), callee.answer()]);
      await talk(t, caller, callee);
      await Promise.all([caller.bye(), callee.ended()]);
    }
    await configure(office.ringdown, ['system.media.codecs', 'PCMA']);
    t.equal((await other.call('202')).status, 488);
    t.same(await office.mediaPortsLeft(), []);
  });
}

officeTest('one extension alone may be configured to speak Opus', async (t, office) => {
  await configure(office.ringdown, ['extensions.201.codecs', 'OPUS,PCMA']);
  const own = await office.registered('201', { codecs: ['OPUS'] });
  const plain = await office.registered('202', { codecs: ['G729'] });
  await own.invite('202');
  t.notOk((await plain.incomingCall()).offered.includes('OPUS'), 'not for the other one');
  await Promise.all([own.answered(), plain.answer()]);
  await talk(t, own, plain);
  await Promise.all([own.bye(), plain.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});
