import t from 'tap';
import { buildNativeChecks } from '../support/native-checks.ts';
import { outputOf } from '../support/process-output.ts';
import { repositoryPath } from '../support/repository.ts';

const check = `${repositoryPath}/build/native/x64/media-check`;
/** Ten sentences of an office, digits and dates among them, over and over. */
const TEXT = `
Good morning, this is the front desk, how may I help you? Please hold the line, I will see whether she is free.
His extension is two four seven, and the code of the door is nine, nine, one, six, star, zero, hash.
We could meet on the seventeenth of February at a quarter past three; the other room is taken until five.
Oh yes, I see. No, no, no. Hmm. Well, well! He, she, we, they, oui, ja, si, nine, nein, you, who, me, ooh, ah, eeh.
The invoice over one thousand six hundred and thirty-three euros was paid, but nobody told the bookkeeping of it.
Beep, beep, beep, said the machine, and then it whistled: wheeeee, woooo, weeee, until somebody pulled its plug.
`;

t.before(buildNativeChecks);

/** Encoded and decoded again. */
async function throughG729(pcm: Buffer): Promise<Buffer> {
  return outputOf(check, ['decode', 'g729'], await outputOf(check, ['encode', 'g729'], pcm));
}

for (const voice of ['en-us', 'en-gb+f3', 'de', 'fr+f2', 'es+f4', 'en+m7']) {
  t.test(`speech is no digit: ${voice}`, async (t) => {
    const wav = await outputOf('espeak-ng', ['-v', voice, '-s', '150', '--stdout', TEXT.repeat(3)]);
    const raw = ['-ar', '8000', '-ac', '1', '-f', 's16le', 'pipe:1'];
    const pcm = await outputOf('ffmpeg', ['-v', 'error', '-i', 'pipe:0', ...raw], wav);
    t.ok(pcm.length > 60 * 16_000, `${Math.round(pcm.length / 16_000)} s of speech`);
    for (const [what, heard] of Object.entries({ 'as it is': pcm, 'through G.729': await throughG729(pcm) })) {
      const [digits, muted = ''] = (await outputOf(check, ['digits'], heard)).toString().split('\n');
      t.equal(digits, '', what);
      // A 10 ms hole now and then would be heard by nobody; a hundred would.
      const [count = 0, blocks = 0] = muted.split(' of ').map(Number);
      t.ok(blocks > 6000 && count <= blocks / 2000, `${what}: ${muted}`);
    }
  });
}

const LOW_HZ = [697, 770, 852, 941];
const HIGH_HZ = [1209, 1336, 1477, 1633];
const KEYS = '123A456B789C*0#D';

/** Each key three times in a row, each time with other phases. */
function presses(durationMs: number, pauseMs: number, [low, high]: readonly [number, number]): [string, Buffer] {
  const keys = [...KEYS].map((key) => key.repeat(3)).join('');
  const samples: number[] = new Array(800).fill(0);
  const peak = (dbm0: number): number => 22_470 * 10 ** (dbm0 / 20);
  for (const [count, key] of [...keys].entries()) {
    const index = KEYS.indexOf(key);
    const [lowAngle, highAngle] = [LOW_HZ[index >> 2] ?? 0, HIGH_HZ[index & 3] ?? 0].map(
      (hz) => (2 * Math.PI * hz) / 8000,
    );
    for (let at = 0; at < 8 * durationMs; at += 1) {
      const [one, other] = [(lowAngle ?? 0) * at + 0.7 * count, (highAngle ?? 0) * at + 1.9 * count];
      samples.push(Math.round(peak(low) * Math.sin(one) + peak(high) * Math.sin(other)));
    }
    // Another place between two frames for each.
    for (let at = 0; at < 8 * pauseMs + ((13 * count) % 80); at += 1) samples.push(0);
  }
  return [keys, Buffer.from(Int16Array.from([...samples, ...new Array(1600).fill(0)]).buffer)];
}

for (const [durationMs, pauseMs] of [
  [100, 50],
  [100, 100],
  [200, 40],
  [500, 60],
  [2000, 100],
] as const) {
  t.test(`digits of ${durationMs} ms, ${pauseMs} ms apart, are heard through G.729, each once`, async (t) => {
    for (const levels of [
      [-9, -7],
      [-13, -11],
      [-20, -18],
    ] as const) {
      const [keys, pcm] = presses(durationMs, pauseMs, levels);
      const [digits] = (await outputOf(check, ['digits'], await throughG729(pcm))).toString().split('\n');
      t.equal(digits, keys, `${levels} dBm0`);
    }
  });
}
