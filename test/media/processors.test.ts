import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { CODEC_NUMBERS } from '../../firmware/media/worker/addon.ts';
import { outputOf } from '../support/process-output.ts';
import { repositoryPath, testOutputPath } from '../support/repository.ts';
import { bytesOf, makeSpeech } from './speech.ts';

/** Both builds of the codecs, when nothing of them was there. */
const BUILD_TIMEOUT_MS = 280_000;
const NATIVE = `${repositoryPath}/firmware/media/native`;
const FLAGS = ['-std=c11', '-O2', '-fwrapv', '-Wall', '-Wextra', '-Werror', '-static', '-I', NATIVE];
const COMPILERS = { x64: 'gcc', arm64: 'aarch64-linux-gnu-gcc' } as const;
type Architecture = keyof typeof COMPILERS;
/** What a leg may ask of its encoder. */
const WAYS = ['plain', 'pauses', 'fec'] as const;
const KIND_SAMPLES = 3200;

/** One kind of sound after another, from a whisper to what no wire carries: sums are held to 16 bits, and some overflow. */
function hostileSound(): Int16Array {
  let state = 1;
  const noise = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 16) - 32768;
  };
  const kinds: readonly ((at: number) => number)[] = [
    () => noise() / 2000,
    noise,
    () => (noise() < 0 ? -32768 : 32767),
    (at) => (Math.floor(at / 37) % 2 === 0 ? 32767 : -32768),
    () => 0,
    () => (noise() % 997 === 0 ? 32767 : noise() / 8000),
    (at) => 32_000 * Math.sin(2 * Math.PI * (0.025 + at / 64_000) * at),
    () => -32768,
    (at) => (at % 61 === 0 ? noise() : noise() / 300),
  ];
  return Int16Array.from(
    { length: kinds.length * KIND_SAMPLES },
    (_, at) => kinds[Math.floor(at / KIND_SAMPLES)]?.(at) ?? 0,
  );
}

/** SOURCE.c of test/media/native as a program for that processor. */
async function link(
  source: string,
  architecture: Architecture,
  name: string,
  ...more: readonly string[]
): Promise<string> {
  const program = testOutputPath(name);
  const file = `${repositoryPath}/test/media/native/${source}.c`;
  await outputOf(COMPILERS[architecture], [...FLAGS, '-o', program, file, ...more, '-lm']);
  return program;
}

/** With the objects of the addon: all that a codec makes. */
async function linkCodecs(architecture: Architecture): Promise<string> {
  await outputOf(`${repositoryPath}/scripts/build-native`, [architecture], undefined, BUILD_TIMEOUT_MS);
  const built = `${repositoryPath}/build/native/${architecture}`;
  const objects = readdirSync(`${built}/codec`).filter((file) => file.endsWith('.o'));
  const parts = [...objects.map((file) => `${built}/codec/${file}`), `${built}/libg729.a`, `${built}/libopus.a`];
  return link('codec-output', architecture, `codec-output-${architecture}`, ...parts);
}

/** Where the two begin to differ, for whoever reads a failure. */
function difference(one: Buffer, other: Buffer): string {
  const at = one.findIndex((byte, index) => byte !== other[index]);
  return at < 0 && one.length === other.length
    ? `${one.length} bytes`
    : `${one.length} and ${other.length} bytes, from ${at} on`;
}

t.test('the lanes of G.729 are the same in SSE2, in NEON and without either', async (t) => {
  const numbers = bytesOf(hostileSound());
  const portable = await outputOf(
    await link('lanes-output', 'x64', 'lanes-output-portable', '-U__SSE2__'),
    [],
    numbers,
  );
  const sse2 = await outputOf(await link('lanes-output', 'x64', 'lanes-output-x64'), [], numbers);
  const box = await link('lanes-output', 'arm64', 'lanes-output-arm64');
  const neon = await outputOf('qemu-aarch64', [box], numbers);
  t.ok(portable.length > 100_000 && sse2.equals(portable), `SSE2: ${difference(portable, sse2)}`);
  t.ok(neon.equals(portable), `NEON: ${difference(portable, neon)}`);
});

t.test('the box and this machine make the same of all that is said, bit by bit', async (t) => {
  const here = await linkCodecs('x64');
  const box = await linkCodecs('arm64');
  const speech = bytesOf(await makeSpeech());
  const hostile = bytesOf(hostileSound());
  for (const [codec, number] of Object.entries(CODEC_NUMBERS)) {
    // The vector code of libopus itself encodes noise at full scale in another way than its portable code does.
    const pcm = codec === 'OPUS' ? speech : Buffer.concat([speech, hostile]);
    for (const way of WAYS) {
      const ours = await outputOf(here, [String(number), way], pcm);
      const theirs = await outputOf('qemu-aarch64', [box, String(number), way], pcm);
      t.ok(ours.length > 300_000 && theirs.equals(ours), `${codec}, ${way}: ${difference(ours, theirs)}`);
    }
  }
});

t.test('G.729 runs in its wider build where the processor has AVX2, and nowhere else', async (t) => {
  const program = await linkCodecs('x64');
  const pcm = Buffer.concat([bytesOf(await makeSpeech()), bytesOf(hostileSound())]);
  const codec = String(CODEC_NUMBERS.G729);
  const expected = await outputOf(program, [codec, 'plain'], pcm);
  for (const [model, width] of [
    ['Nehalem', 'narrow'],
    ['SandyBridge', 'narrow'], // It has AVX, without the integers of AVX2.
    ['Haswell', 'wide'],
    ['max,-avx2', 'narrow'],
    ['max', 'wide'],
  ] as const) {
    const on = (...args: readonly string[]): Promise<Buffer> =>
      outputOf('qemu-x86_64', ['-cpu', model, program, ...args], pcm);
    t.equal((await on('width')).toString(), `${width}\n`, `${model} is ${width}`);
    // What the other build has in it is no instruction there.
    const made = await on(codec, 'plain');
    t.ok(made.equals(expected), `${model}: ${difference(expected, made)}`);
  }
  const flags =
    readFileSync('/proc/cpuinfo', 'utf8')
      .match(/^flags\s*:.*$/m)?.[0]
      .split(/\s+/) ?? [];
  const here = (await outputOf(program, ['width'])).toString();
  t.equal(here, flags.includes('avx2') ? 'wide\n' : 'narrow\n', 'and so it is on this machine');
});
