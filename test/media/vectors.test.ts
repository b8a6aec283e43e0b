/** `make test-vectors` over a folder that is made here in the formats of the recommendations, by programs that are not ours. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { g729Encoder } from '../support/encode.ts';
import { encodeAlaw } from '../support/g711.ts';
import { buildNativeChecks } from '../support/native-checks.ts';
import { outputOf } from '../support/process-output.ts';
import { repositoryPath } from '../support/repository.ts';
import { samplesOf } from './speech.ts';
import { runVectors } from './vectors.ts';

const check = `${repositoryPath}/build/native/x64/media-check`;
const NARROW = ['-f', 's16le', '-ar', '8000', '-ac', '1'];
const NOISE = 'anoisesrc=duration=2:color=pink:amplitude=0.6:seed=1:sample_rate=';

function ffmpeg(args: readonly string[], input: Uint8Array = new Uint8Array(0)): Promise<Buffer> {
  return outputOf('ffmpeg', ['-v', 'error', ...args, 'pipe:1'], input);
}

/** Frames of ten bytes as serial bits, most significant byte of a word first. */
function serial(frames: Buffer): Buffer {
  const words: number[] = [];
  for (let start = 0; start < frames.length; start += 10) {
    words.push(0x6b21, 80);
    for (let bit = 0; bit < 80; bit += 1) {
      words.push((((frames[start + (bit >> 3)] ?? 0) >> (7 - (bit & 7))) & 1) === 1 ? 0x81 : 0x7f);
    }
  }
  return Buffer.from(Uint16Array.from(words).buffer).swap16();
}

/** Words as lines of hexadecimal digits with their sum, under a line of text, as the sequences of G.722 are printed. */
function hexadecimal(words: readonly number[]): string {
  const lines: string[] = ['/* a test sequence */'];
  for (let start = 0; start < words.length; start += 16) {
    const line = words.slice(start, start + 16);
    const digits = (word: number): string => word.toString(16).toUpperCase().padStart(4, '0');
    lines.push(line.map(digits).join('') + digits(line.reduce((sum, word) => sum + word, 0) & 0xffff));
  }
  return `${lines.join('\r\n')}\r\n`;
}

/** Taps by which ffmpeg, as the recommendation, makes PCM of the two bands of G.722. */
const TAPS = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];

function synthesised(low: Int16Array, high: Int16Array): Int16Array {
  const pcm = new Int16Array(2 * low.length);
  for (let index = 0; index < low.length; index += 1) {
    let [even, odd] = [0, 0];
    for (const [tap, weight] of TAPS.entries()) {
      const [backTo, from] = [index - tap, index - 11 + tap];
      even += weight * (((low[backTo] ?? 0) - (high[backTo] ?? 0)) >> 1);
      odd += weight * (((low[from] ?? 0) + (high[from] ?? 0)) >> 1);
    }
    pcm[2 * index] = even >> 11;
    pcm[2 * index + 1] = odd >> 11;
  }
  return pcm;
}

t.before(buildNativeChecks);

t.test('test sequences of G.711 and G.729 are found by name and judged', async (t) => {
  const folder = t.testdir({});
  const write = (name: string, bytes: Uint8Array | string): void => writeFileSync(join(folder, name), bytes);
  const pcm = (await ffmpeg(['-f', 'lavfi', '-i', `${NOISE}8000`, ...NARROW])).subarray(0, 8000 * 2);
  write('SWEEP.SRC', pcm);
  // Not ffmpeg's encoder: it takes the nearest level, which at the decision values is not the recommendation's.
  const coded = Uint8Array.from(samplesOf(pcm), encodeAlaw);
  const codes = Uint8Array.from({ length: 256 }, (_, code) => code);
  const decoded = (format: string, bytes: Uint8Array): Promise<Buffer> =>
    ffmpeg(['-f', format, '-ar', '8000', '-i', 'pipe:0', '-f', 's16le'], bytes);
  write('SWEEP.A', coded);
  write('SWEEP.A-A', await decoded('alaw', coded));
  write('CODES.U', codes);
  write('CODES.U-U', await decoded('mulaw', codes));
  const frames = await outputOf(await g729Encoder(), [], pcm);
  write('TEST.IN', pcm);
  write('TEST.BIT', serial(frames));
  const judged = new Map((await runVectors(folder)).map((outcome) => [outcome.expected, outcome.wrong]));
  t.same(Object.fromEntries(judged), { 'CODES.U-U': 0, 'SWEEP.A': 0, 'SWEEP.A-A': 0, 'TEST.BIT': 0 });

  // A decoder with another post-filter, and a single bit of a code: neither is bit exact.
  write('TEST.PST', await ffmpeg(['-f', 'g729', '-i', 'pipe:0', '-f', 's16le'], frames));
  coded[1000] = (coded[1000] ?? 0) ^ 1;
  write('SWEEP.A', coded);
  const again = new Map((await runVectors(folder)).map((outcome) => [outcome.expected, outcome.wrong]));
  t.equal(again.get('SWEEP.A'), 1);
  t.ok((again.get('TEST.PST') ?? 0) > 0);
});

t.test('the bands of G.722 that are judged are those from which an independent decoder makes its PCM', async (t) => {
  const folder = t.testdir({});
  const codes = await ffmpeg(['-f', 'lavfi', '-i', `${NOISE}16000`, '-ac', '1', '-c:a', 'g722', '-f', 'g722']);
  const words = Array.from(codes.subarray(0, 15_999), (code) => code << 8);
  const input = Buffer.from(Uint16Array.from(words).buffer);
  const bands = await Promise.all(['g722-low1', 'g722-high'].map((kind) => outputOf(check, ['words', kind], input)));
  const [low = Buffer.alloc(0), high = Buffer.alloc(0)] = bands;
  const decoded = await ffmpeg(['-f', 'g722', '-i', 'pipe:0', '-f', 's16le'], codes.subarray(0, 15_999));
  t.same([...synthesised(samplesOf(low), samplesOf(high))], [...samplesOf(decoded)]);

  writeFileSync(join(folder, 'T2R1.COD'), hexadecimal([1, ...words]));
  writeFileSync(
    join(folder, 'T3L1.RC1'),
    hexadecimal([1, ...new Uint16Array(low.buffer, low.byteOffset, words.length)]),
  );
  writeFileSync(join(folder, 'bt2r1.cod'), input);
  writeFileSync(join(folder, 'bt3h1.rc0'), high);
  const outcomes = await runVectors(folder);
  t.same(
    outcomes.map(({ expected, words, wrong }) => [expected, words, wrong]),
    [
      ['T3L1.RC1', 16_000, 0],
      ['bt3h1.rc0', 15_999, 0],
    ],
  );
});
