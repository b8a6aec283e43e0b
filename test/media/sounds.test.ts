import { existsSync, readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import {
  isSoundName,
  MAX_SPOKEN_NUMBER,
  MUSIC_ON_HOLD,
  numberSound,
  PROMPT_LANGUAGES,
  PROMPT_NAMES,
  promptSound,
} from '../../firmware/media/prompts.ts';
import { decodePayloads, decodeWideband } from '../support/decode.ts';
import { outputOf } from '../support/process-output.ts';
import { repositoryPath } from '../support/repository.ts';

const texts = `${repositoryPath}/firmware/media/sounds`;
const sounds = `${repositoryPath}/build/sounds`;

t.before(() => outputOf(`${repositoryPath}/scripts/make-sounds`, []));

interface Sound {
  readonly codec: 'PCMA' | 'G722';
  readonly sampleRate: number;
  readonly samples: Int16Array;
}

/** Reads the file chunk by chunk; ffmpeg decodes it, at the rate of the file. */
async function read(path: string): Promise<Sound> {
  const bytes = readFileSync(path);
  if (bytes.toString('latin1', 0, 4) !== 'RIFF' || bytes.toString('latin1', 8, 12) !== 'WAVE') throw new Error(path);
  let [codec, sampleRate]: [Sound['codec'], number] = ['PCMA', 0];
  for (let at = 12; at + 8 <= bytes.length; ) {
    const size = bytes.readUInt32LE(at + 4);
    const name = bytes.toString('latin1', at, at + 4);
    if (name === 'fmt ') {
      const [tag, channels] = [bytes.readUInt16LE(at + 8), bytes.readUInt16LE(at + 10)];
      if ((tag !== 6 && tag !== 0x28f) || channels !== 1)
        throw new Error(`${path} is neither A-law nor G.722 of one channel`);
      codec = tag === 6 ? 'PCMA' : 'G722';
      sampleRate = bytes.readUInt32LE(at + 12);
    }
    if (name === 'data') {
      const payloads = [bytes.subarray(at + 8, at + 8 + size)];
      const samples = codec === 'G722' ? await decodeWideband(payloads) : await decodePayloads(payloads, codec);
      return { codec, sampleRate, samples };
    }
    at += 8 + size + (size % 2);
  }
  throw new Error(`no audio in ${path}`);
}

/** Of the whole, against a sine that just does not clip at 3.14 dBm0. */
function levelDbm0(samples: Int16Array): number {
  const power = samples.reduce((sum, value) => sum + value * value, 0) / samples.length;
  return 10 * Math.log10(power / (32_767 ** 2 / 2)) + 3.14;
}

t.test('every prompt has a text in every language, and no text is left over', async (t) => {
  const files = readdirSync(texts).sort();
  t.same(
    files,
    PROMPT_LANGUAGES.map((language) => `${language}.txt`),
  );
  for (const file of files) {
    const lines = readFileSync(`${texts}/${file}`, 'utf8').trimEnd().split('\n');
    t.match(lines[0], /^# voice: [a-z-]+$/, file);
    t.same(
      lines.slice(1).map((line) => line.slice(0, line.indexOf(' '))),
      PROMPT_NAMES,
      file,
    );
  }
});

t.test('every prompt is there in G.711 and in G.722, heard, and about as loud as a voice', async (t) => {
  for (const language of PROMPT_LANGUAGES) {
    for (const name of PROMPT_NAMES) {
      const sound = promptSound(`${language}-XX`, name);
      t.equal(sound, `${language}/${name}`);
      t.ok(isSoundName(sound));
      for (const khz of [8, 16]) t.ok(existsSync(`${sounds}/${sound}.${khz}.wav`), `${sound} at ${khz} kHz`);
    }
    for (let value = 0; value <= MAX_SPOKEN_NUMBER; value += 1) {
      for (const khz of [8, 16]) {
        t.ok(existsSync(`${sounds}/${numberSound(language, value)}.${khz}.wav`), `${language} ${value} at ${khz} kHz`);
      }
    }
    // Decoding each takes a while: one of each language stands for the others.
    for (const [ending, rate, coding] of [
      ['8.wav', 8000, 'PCMA'],
      ['16.wav', 16_000, 'G722'],
    ] as const) {
      const { codec, sampleRate, samples } = await read(`${sounds}/${language}/conference-alone.${ending}`);
      t.same([codec, sampleRate], [coding, rate]);
      const seconds = samples.length / rate;
      t.ok(seconds > 1 && seconds < 4, `${language}: ${seconds} s`);
      const level = levelDbm0(samples);
      t.ok(level > -26 && level < -14, `${language}: ${level} dBm0`);
    }
  }
});

t.test('who speaks another language hears English', async (t) => {
  t.equal(promptSound('fi-FI', 'muted'), 'en/muted');
  t.equal(promptSound('de-CH', 'muted'), 'de/muted');
  t.equal(numberSound('fi-FI', 59), 'en/number-59');
  for (const value of [-1, 60, 1.5, Number.NaN]) t.throws(() => numberSound('en-GB', value), RangeError);
});

for (const rate of [8000, 16_000]) {
  t.test(`music on hold at ${rate} Hz: long, quiet, without clipping, and a loop without a seam`, async (t) => {
    const { sampleRate, samples } = await read(`${sounds}/${MUSIC_ON_HOLD}.${rate / 1000}.wav`);
    t.equal(sampleRate, rate);
    t.ok(samples.length >= 30 * rate);
    const level = levelDbm0(samples);
    t.ok(Math.abs(level + 20) < 0.3, `${level} dBm0`);
    const peak = samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    t.ok(peak < 16_000, `peak ${peak}`);
    // A click is a sample that its neighbours do not foretell; the one at the seam is no worse than any other.
    const bend = (at: number): number => {
      const near = (offset: number): number => samples.at((at + offset) % samples.length) ?? 0;
      return Math.abs(near(-1) - 2 * near(0) + near(1));
    };
    const bends = Array.from(samples, (_, at) => bend(at)).sort((a, b) => a - b);
    const ordinary = bends[Math.floor(bends.length * 0.999)] ?? 0;
    for (const at of [-2, -1, 0, 1]) t.ok(bend(at) <= ordinary, `${bend(at)} at the seam, ${ordinary} elsewhere`);
    // Nowhere does it fall silent: the quietest quarter of a second is heard.
    const quarter = rate / 4;
    const quietest = Math.min(
      ...Array.from({ length: Math.floor(samples.length / quarter) }, (_, index) =>
        levelDbm0(samples.subarray(index * quarter, (index + 1) * quarter)),
      ),
    );
    t.ok(quietest > -30, `${quietest} dBm0`);
  });
}

t.test('a sound name leads nowhere else', async (t) => {
  for (const name of ['de/muted', 'music/default', 'a/b/c/d', 'x']) t.equal(isSoundName(name), true, name);
  for (const name of [
    '',
    '/etc/passwd',
    '../x',
    'a/../b',
    'a//b',
    'a/',
    'A',
    'a.wav',
    'a/b/c/d/e',
    'a\0',
    'x'.repeat(129),
    7,
  ])
    t.equal(isSoundName(name), false, String(name));
});
