import type { PhoneOptions } from '../support/phone/phone.ts';
import { officeTest } from './office.ts';
import { configure } from './sipp-bench.ts';

const COMFORT_NOISE = 13;

/** What each of the two hears: whether the other's pauses come as such. */
const pairs: readonly (readonly [
  title: string,
  caller: Partial<PhoneOptions>,
  callee: Partial<PhoneOptions>,
  callerHears: boolean,
  calleeHears: boolean,
])[] = [
  ['G.729 with Annex B to A-law', { codecs: ['G729'], pauses: true }, { codecs: ['PCMA'] }, true, false],
  ['A-law to G.729 with Annex B', { codecs: ['PCMA'] }, { codecs: ['G729'], pauses: true }, false, true],
  ['G.729 to itself with Annex B', { codecs: ['G729'], pauses: true }, { codecs: ['G729'], pauses: true }, true, true],
  [
    'RFC 7261: G.729 with Annex B to one without',
    { codecs: ['G729'], pauses: true },
    { codecs: ['G729'] },
    false,
    false,
  ],
  ['mu-law to A-law with comfort noise', { codecs: ['PCMU'], pauses: true }, { pauses: true }, true, true],
  ['G.722 to A-law with comfort noise', { codecs: ['G722'], pauses: true }, { pauses: true }, true, true],
  ['A-law to itself with comfort noise', { pauses: true }, { pauses: true }, true, true],
  ['A-law with comfort noise to one without', { pauses: true }, {}, false, false],
];
for (const [title, caller, callee, callerHears, calleeHears] of pairs) {
  officeTest(title, async (t, office) => {
    await configure(office.ringdown, ['system.media.codecs', 'G722,PCMA,PCMU,G729']);
    const left = await office.registered('201', caller);
    const right = await office.registered('202', { ...callee, incoming: 'answer' });
    t.match(await left.call('202'), { status: 200 });
    // RFC 3551 §4.2: a packet before a pause may be shorter than others.
    await Promise.all([left.play('adbfc'), right.play('fcebd')]);
    await Promise.all([left.hears('fcebd'), right.hears('adbfc')]);
    // After a pause they are heard again.
    await Promise.all([left.play('cabed'), right.play('debac')]);
    await Promise.all([left.hears('debac'), right.hears('cabed')]);
    const [toLeft, toRight] = await Promise.all([left.heard(), right.heard()]);
    t.equal(toLeft.silences > 0, callerHears, `the caller is told ${toLeft.silences} times that nothing is said`);
    t.equal(toRight.silences > 0, calleeHears, `the callee is told ${toRight.silences} times that nothing is said`);
    for (const [{ codecs }, { payloadTypes, silences }] of [
      [caller, toLeft],
      [callee, toRight],
    ] as const) {
      const hasNoise = silences > 0 && codecs?.[0] !== 'G729';
      t.equal(payloadTypes.includes(COMFORT_NOISE), hasNoise, 'RFC 3389: comfort noise where it was agreed');
    }
    await Promise.all([left.bye(), right.ended()]);
  });
}
