/**
 * Speech through every pair of codecs, both directions, with losses: what is heard against what was said. The limits are what
 * was measured (README.md), less a margin for another version of espeak-ng. Without concealment they do not hold.
 */
import t from 'tap';
import { buildNativeChecks } from '../support/native-checks.ts';
import { outputOf } from '../support/process-output.ts';
import { repositoryPath } from '../support/repository.ts';
import { bytesOf, makeSpeech, samplesOf } from './speech.ts';
import { gapsIn, perceptualScore, type Speech, segmentalSnr } from './speech-score.ts';

const check = `${repositoryPath}/build/native/x64/media-check`;
const CODECS = ['pcmu', 'pcma', 'g722', 'g726', 'g729', 'opus'] as const;
type Name = (typeof CODECS)[number] | 'pcm8' | 'pcm16';

/**
 * Moments of 10 ms, of some 500 in which somebody speaks. Concealed there are 0 to 3 at a loss of 3 %, 0 to 4 at 10 %, and not
 * concealed 18 to 91; G.729 makes 7 by itself, and where it conceals up to 20.
 */
const MOST_GAPS = { 0: 2, 3: 6, 10: 10 } as const;
const MOST_GAPS_INTO_G729 = 12;
const MOST_GAPS_FROM_G729 = 30;

/** Of the waveform, nothing lost, by how many of the two codecs are G.722. */
const LEAST_SNR = [32, 28, 24];
/** With G.726, whatever the other one is. */
const LEAST_SNR_OF_G726 = 21.5;
/** Nothing lost, with G.726 and without G.729. */
const LEAST_SCORE_OF_G726 = 4;
/** Nothing lost, with Opus beside G.711 and G.722; and at a loss of 10 %, from Opus to any but G.729. */
const LEAST_SCORE_OF_OPUS = 4.2;
const LEAST_SCORE_OF_LOST_OPUS = 3.25;
/** What hears the form of a waveform tells nothing of these: they keep what it sounds like. */
const MODELS: readonly Name[] = ['g729', 'opus'];
/** What is heard in 16 kHz from one of these to another. */
const WIDEBAND: readonly Name[] = ['g722', 'opus', 'pcm16'];

/** By percent lost, then by how many of the two codecs are G.729. What G.729 itself conceals is worse than what is made of PCM. */
const LEAST_SCORE = {
  0: { into: [4.3, 3.8, 3.5], from: [4.3, 3.8, 3.5] },
  3: { into: [3.65, 3.55, 3.4], from: [3.65, 3.65, 3.4] },
  10: { into: [3.45, 3.3, 2.8], from: [3.45, 3, 2.8] },
} as const;
/** At a loss of 3 %, by what is said; that of G.722 to where it can be heard. Not concealed it is less by 0.15 and more. */
const LEAST_SCORE_OF_FEW_LOST = { g722: 3.82, opus: 3.97, 'opus to g729': 3.8 } as const;

const pairs = CODECS.flatMap((from) => CODECS.map((to) => ({ from, to })));

function leastScore(from: Name, to: Name, percent: 0 | 3 | 10): number {
  const pair = [from, to];
  if (percent === 0 && pair.includes('g726') && !pair.includes('g729')) return LEAST_SCORE_OF_G726;
  if (percent === 0 && pair.includes('opus') && !pair.includes('g729')) return LEAST_SCORE_OF_OPUS;
  if (percent === 3 && from === 'opus') return LEAST_SCORE_OF_FEW_LOST[to === 'g729' ? 'opus to g729' : 'opus'];
  if (percent === 3 && from === 'g722' && WIDEBAND.includes(to)) return LEAST_SCORE_OF_FEW_LOST.g722;
  if (percent === 10 && from === 'opus') return LEAST_SCORE_OF_LOST_OPUS - (to === 'g729' ? 0.15 : 0);
  const row = LEAST_SCORE[percent][from === 'g729' ? 'from' : 'into'];
  return row[pair.filter((codec) => codec === 'g729').length] ?? Number.NaN;
}

function mostGaps(from: Name, to: Name, percent: 0 | 3 | 10): number {
  if (from === 'g729') return MOST_GAPS_FROM_G729;
  return to === 'g729' ? MOST_GAPS_INTO_G729 : MOST_GAPS[percent];
}

let speech: Uint8Array;
const said = new Map<number, Speech>();

async function heard(
  from: Name,
  to: Name,
  percent: number,
  losses: 'conceal' | 'silence' = 'conceal',
): Promise<Speech> {
  const bytes = await outputOf(check, ['chain', from, to, String(percent), losses], speech);
  const wide = WIDEBAND.includes(from) && WIDEBAND.includes(to);
  return { samples: samplesOf(bytes), sampleRate: wide ? 16_000 : 8000 };
}

function saidAs(speech: Speech): Speech {
  const found = said.get(speech.sampleRate);
  if (found === undefined) throw new Error(`nothing was said at ${speech.sampleRate} Hz`);
  return found;
}

t.before(async () => {
  await buildNativeChecks();
  speech = bytesOf(await makeSpeech());
  for (const name of ['pcm8', 'pcm16'] as const) {
    const reference = await heard(name, name, 0);
    said.set(reference.sampleRate, reference);
  }
});

for (const { from, to } of pairs) {
  t.test(`speech from ${from} to ${to}`, async (t) => {
    for (const percent of [0, 3, 10] as const) {
      const through = await heard(from, to, percent);
      const original = saidAs(through);
      const score = perceptualScore(original, through);
      const gaps = gapsIn(original, through);
      t.ok(score >= leastScore(from, to, percent), `${percent} % lost: a score of ${score.toFixed(2)}`);
      t.ok(gaps <= mostGaps(from, to, percent), `${percent} % lost: ${gaps} gaps`);
      if (percent > 0 || MODELS.includes(from) || MODELS.includes(to)) continue;
      const snr = segmentalSnr(original, through);
      const wide = [from, to].filter((codec) => codec === 'g722').length;
      const least = from === 'g726' || to === 'g726' ? LEAST_SNR_OF_G726 : (LEAST_SNR[wide] ?? Number.NaN);
      t.ok(snr >= least, `a segmental SNR of ${snr.toFixed(1)} dB`);
    }
  });

  t.test(`the judge hears that nothing is concealed from ${from} to ${to}`, async (t) => {
    const through = await heard(from, to, 10, 'silence');
    const original = saidAs(through);
    const gaps = gapsIn(original, through);
    t.ok(gaps > mostGaps(from, to, 10), `${gaps} gaps`);
    // G.729 that decodes on without the lost frame is as far from the waveform as what it makes in its stead.
    if (from !== 'g729') t.ok(perceptualScore(original, through) < leastScore(from, to, 10));
  });

  // With losses so few the scores lie close, and narrowband has no limit of its own that tells them apart.
  if (!WIDEBAND.includes(from) || !WIDEBAND.includes(to)) continue;
  t.test(`the judge hears that few losses are not concealed from ${from} to ${to}`, async (t) => {
    const through = await heard(from, to, 3, 'silence');
    const score = perceptualScore(saidAs(through), through);
    t.ok(score < leastScore(from, to, 3), `a score of ${score.toFixed(2)}`);
  });
}
