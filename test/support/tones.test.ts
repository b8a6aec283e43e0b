import t from 'tap';
import { decodePayloads } from './decode.ts';
import { type Codec, encodePayloads } from './encode.ts';
import { encodeAlaw, encodeUlaw } from './g711.ts';
import { heardNotes, makeTones, SAMPLE_RATE, soundsLike } from './tones.ts';

const SEQUENCE = 'adbfc';

/** Each note once beside each other one, in both orders. */
const ALL_PAIRS = 'abacadaeafbcbdbebfcdcecfdedfefa';

/** Uniform noise, the same at each run. */
function noise(length: number, amplitude: number): Int16Array {
  let state = 12_345;
  return Int16Array.from({ length }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.round((state / 0x1_0000_0000 - 0.5) * 2 * amplitude);
  });
}

function reversed(text: string): string {
  return [...text].reverse().join('');
}

function joined(...parts: readonly Int16Array[]): Int16Array {
  return Int16Array.from(parts.flatMap((part) => [...part]));
}

t.test('what is no sequence is not recognised', async (t) => {
  t.equal(heardNotes(new Int16Array(0)), '');
  t.equal(heardNotes(new Int16Array(3 * SAMPLE_RATE)), '', 'silence');
  for (const amplitude of [50, 3000, 30_000]) t.equal(heardNotes(noise(10 * SAMPLE_RATE, amplitude)), '', 'noise');
  const between = Int16Array.from({ length: SAMPLE_RATE }, (_, i) => 9000 * Math.sin((2 * Math.PI * 910 * i) / 8000));
  t.equal(heardNotes(between), '', 'a tone between two notes');
  t.notOk(soundsLike(makeTones(reversed(SEQUENCE)), SEQUENCE), 'the sequence reversed');
  t.notOk(soundsLike(makeTones('adbfe'), SEQUENCE), 'one note wrong');
  t.notOk(soundsLike(makeTones('adfc'), SEQUENCE), 'one note left out');
  t.notOk(soundsLike(makeTones('adbefc'), SEQUENCE), 'one note more');
  t.notOk(soundsLike(makeTones(SEQUENCE).subarray(0, SAMPLE_RATE), SEQUENCE), 'cut off');
  t.notOk(soundsLike(makeTones(SEQUENCE), ''), 'nothing is not heard everywhere');
  t.throws(() => makeTones('aab'));
  t.throws(() => makeTones('xyz'));
});

t.test('a sequence is recognised through delay, lead-in, noise and small loss', async (t) => {
  const samples = makeTones(SEQUENCE);
  t.equal(heardNotes(samples), SEQUENCE);
  t.equal(heardNotes(joined(noise(4321, 3000), samples, new Int16Array(777))), SEQUENCE, 'a lead-in of noise');
  t.equal(heardNotes(joined(samples, new Int16Array(4000), samples)), SEQUENCE + SEQUENCE, 'repeated');
  const background = noise(samples.length, 2000);
  t.equal(heardNotes(samples.map((sample, i) => sample + (background[i] ?? 0))), SEQUENCE, 'noise underneath');
  t.equal(heardNotes(samples.map((sample) => sample / 16)), SEQUENCE, '24 dB quieter');
  const silenced = samples.map((sample, i) => (i % 2400 < 320 ? 0 : sample));
  t.equal(heardNotes(silenced), SEQUENCE, 'two lost packets in each note, replaced by silence');
  const shortened = samples.filter((_, i) => i % 2400 >= 320);
  t.equal(heardNotes(shortened), SEQUENCE, 'two lost packets in each note, left out');
});

for (const codec of ['PCMA', 'PCMU', 'G729'] as const satisfies readonly Codec[]) {
  t.test(`${codec}, decoded by ffmpeg, is recognised`, async (t) => {
    const payloads = await encodePayloads(makeTones(ALL_PAIRS), codec);
    const decoded = await decodePayloads(payloads, codec);
    t.equal(decoded.length, payloads.length * 160);
    t.equal(heardNotes(decoded), ALL_PAIRS);
    for (const lost of [1, 7, 14]) {
      const lossy = payloads.filter((_, index) => index % 15 !== lost);
      t.equal(heardNotes(await decodePayloads(lossy, codec)), ALL_PAIRS, 'each fifteenth packet lost');
    }
  });
}

t.test('two codecs one after the other, as a transcoded call, are recognised', async (t) => {
  const chains: readonly (readonly Codec[])[] = [
    ['PCMA', 'G729'],
    ['G729', 'PCMA'],
    ['G729', 'PCMU', 'G729'],
  ];
  for (const chain of chains) {
    let samples = makeTones(ALL_PAIRS);
    for (const codec of chain) samples = await decodePayloads(await encodePayloads(samples, codec), codec);
    t.equal(heardNotes(samples), ALL_PAIRS, chain.join(' to '));
  }
});

t.test('the wrong codec, or noise in G.729, is not recognised', async (t) => {
  const payloads = await encodePayloads(makeTones(SEQUENCE), 'PCMA');
  t.notOk(soundsLike(await decodePayloads(payloads, 'G729'), SEQUENCE), 'A-law bytes taken for G.729');
  const coded = await encodePayloads(makeTones(SEQUENCE), 'G729');
  t.notOk(soundsLike(await decodePayloads(coded, 'PCMA'), SEQUENCE), 'G.729 bytes taken for A-law');
  const babble = await decodePayloads(await encodePayloads(noise(5 * SAMPLE_RATE, 9000), 'G729'), 'G729');
  t.equal(heardNotes(babble), '', 'noise through G.729');
});

t.test('G.711 by known values of ITU-T G.711', async (t) => {
  const known: readonly (readonly [number, number, number])[] = [
    [0, 0xd5, 0xff],
    [-1, 0x55, 0x7f],
    [32_767, 0xaa, 0x80],
    [-32_768, 0x2a, 0x00],
    [1000, 0xfa, 0xce],
    [-1000, 0x7a, 0x4e],
  ];
  for (const [sample, alaw, ulaw] of known) {
    t.equal(encodeAlaw(sample), alaw, `A-law of ${sample}`);
    t.equal(encodeUlaw(sample), ulaw, `mu-law of ${sample}`);
  }
});
