import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { compiled } from '../support/compiled.ts';
import { decodePayloads } from '../support/decode.ts';
import { buildNativeChecks } from '../support/native-checks.ts';
import { outputOf } from '../support/process-output.ts';
import { repositoryPath } from '../support/repository.ts';
import { makeTones, soundsLike } from '../support/tones.ts';

const check = `${repositoryPath}/build/native/x64/media-check`;

function checkCount(): number {
  const folder = `${repositoryPath}/test/media/native`;
  const texts = readdirSync(folder).map((name) =>
    name.endsWith('-check.c') ? readFileSync(`${folder}/${name}`, 'utf8') : '',
  );
  return texts.join('\n').match(/^CHECK\(/gm)?.length ?? 0;
}

t.before(buildNativeChecks);

t.test('the packet code under sanitizers', async (t) => {
  const output = await outputOf(check, ['run'], undefined, 300_000);
  const lines = output.toString().trim().split('\n');
  // A file of checks that was left out of the program would pass unseen.
  t.equal(lines.length, checkCount());
  for (const line of lines) t.match(line, /^ok /, line);
});

for (const codec of ['PCMU', 'PCMA'] as const) {
  t.test(`${codec}: every code stands for the level that an independent decoder gives it`, async (t) => {
    const codes = Uint8Array.from({ length: 256 }, (_, code) => code);
    const ours = await outputOf(check, ['decode', codec.toLowerCase()], codes);
    const levels = Array.from(codes, (code) => ours.readInt16LE(2 * code));
    t.same(levels, [...(await decodePayloads([codes], codec))]);
  });
}

for (const [name, source] of Object.entries({
  'pink noise': 'anoisesrc=duration=3:color=pink:amplitude=0.5:sample_rate=16000:seed=1',
  'a rising tone': 'aevalsrc=0.4*sin(2*PI*(200*t+600*t*t)):sample_rate=16000:duration=5',
})) {
  t.test(`G.722 of ${name} is bit exact with an independent coder, both ways`, async (t) => {
    const raw = ['-f', 's16le', '-ar', '16000', '-ac', '1'];
    const pcm = await outputOf('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', source, ...raw, 'pipe:1']);
    const theirs = await outputOf('ffmpeg', ['-v', 'error', ...raw, '-i', 'pipe:0', '-f', 'g722', 'pipe:1'], pcm);
    const ours = await outputOf(check, ['encode', 'g722'], pcm);
    t.ok(theirs.length > 20_000 && ours.subarray(0, theirs.length).equals(theirs), 'the codes');
    const decoded = await outputOf(
      'ffmpeg',
      ['-v', 'error', '-f', 'g722', '-i', 'pipe:0', '-f', 's16le', 'pipe:1'],
      ours,
    );
    t.ok((await outputOf(check, ['decode', 'g722'], ours)).equals(decoded), 'the samples');
  });
}

for (const [name, source] of Object.entries({
  'pink noise': 'anoisesrc=duration=3:color=pink:amplitude=0.5:sample_rate=8000:seed=1',
  'a rising tone': 'aevalsrc=0.4*sin(2*PI*(200*t+300*t*t)):sample_rate=8000:duration=5',
  // What only a modem does: the predictor is to begin anew.
  'a tone that comes and goes':
    'aevalsrc=0.4*sin(2*PI*1800*t)*gt(sin(2*PI*3*t)\\,0)*gt(cos(2*PI*7*t)\\,0):sample_rate=8000:duration=5',
})) {
  t.test(`G.726 of ${name} is bit exact with an independent coder, both ways`, async (t) => {
    const spandsp = await compiled('g726-spandsp');
    const raw = ['-f', 's16le', '-ar', '8000', '-ac', '1'];
    const pcm = await outputOf('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', source, ...raw, 'pipe:1']);
    const ours = await outputOf(check, ['encode', 'g726'], pcm);
    t.ok(ours.length > 10_000 && ours.equals(await outputOf(spandsp, ['encode'], pcm)), 'the codes');
    const samples = await outputOf(check, ['decode', 'g726'], ours);
    t.ok(samples.equals(await outputOf(spandsp, ['decode'], ours)), 'the samples');
    // That of ffmpeg rounds its scale down, where the recommendation rounds it to zero (4.2.6, MIX), and slowly goes elsewhere.
    const theirs = await decodePayloads([ours], 'G726');
    const distance = theirs.reduce((sum, value, at) => sum + (value - samples.readInt16LE(2 * at)) ** 2, 0);
    const energy = theirs.reduce((sum, value) => sum + value ** 2, 0);
    t.ok(energy > 1000 * distance, `${(10 * Math.log10(energy / distance)).toFixed(1)} dB from another decoder`);
  });
}

t.test('G.729: an independent decoder hears the tones that were encoded', async (t) => {
  const pcm = makeTones('adbec');
  const frames = await outputOf(check, ['encode', 'g729'], new Uint8Array(pcm.buffer));
  t.equal(frames.length, (pcm.length / 80) * 10);
  t.ok(soundsLike(await decodePayloads([frames], 'G729'), 'adbec'));
});
