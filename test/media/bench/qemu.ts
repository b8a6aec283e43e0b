/**
 * What the codecs cost the box's processor, in instructions: under emulation seconds say nothing, and the count is the same in
 * each run. The codecs are the objects of the image's addon; beside them stand the G.729 library of Debian, and libopus with
 * floating point.
 *
 *   node test/media/bench/qemu.ts
 */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CODEC_NUMBERS } from '../../../firmware/media/worker/addon.ts';
import { outputOf } from '../../support/process-output.ts';
import { repositoryPath, testOutputPath } from '../../support/repository.ts';

const COMPILER = 'aarch64-linux-gnu-gcc';
/** The difference of two runs: what starting the program costs is in both. */
const FRAMES = 300;
const ARM64 = `${repositoryPath}/build/native/arm64`;
const SYSROOT = `${repositoryPath}/build/sysroot-arm64`;
const TEXT = 'The quick brown fox jumps over the lazy dog, while a telephone rings in the empty office next door.';

type Direction = 'encode' | 'decode';
/** Instructions for 10 ms. */
type Cost = Readonly<Record<Direction, number>>;
/** Whether packets of Opus have forward error correction in them. */
type Protection = 'plain' | 'fec';

for (const target of ['arm64', 'arm64-opus-float']) {
  await outputOf(`${repositoryPath}/scripts/build-native`, [target], undefined, 600_000);
}
await outputOf(
  `${repositoryPath}/scripts/unpack-debian-packages`,
  ['arm64', SYSROOT, '--only', 'libbcg729-dev'],
  undefined,
  120_000,
);
const plugin = testOutputPath('instructions.so');
await outputOf('gcc', [
  '-O2',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-shared',
  '-fPIC',
  '-o',
  plugin,
  sourcePath('./instructions.c'),
]);
const g729 = `${ARM64}/libg729.a`;
const ours = await link('codec-run', g729, `${ARM64}/libopus.a`);
const debian = await link('codec-run-debian', `${SYSROOT}/usr/lib/aarch64-linux-gnu/libbcg729.a`, `${ARM64}/libopus.a`);
const float = await link('codec-run-float', g729, `${ARM64}/opus-float/libopus.a`);
const speech = { 8000: await speak(8000), 16000: await speak(16_000) } as const;

process.stdout.write('thousands of instructions for 10 ms of speech, arm64 under emulation\n');
process.stdout.write(`${'codec'.padEnd(28)}${'encode'.padStart(10)}${'decode'.padStart(10)}\n`);
for (const [name, number] of Object.entries(CODEC_NUMBERS)) {
  const pcm = speech[name === 'G722' || name === 'OPUS' ? 16_000 : 8000];
  const cost = await costOf(ours, number, pcm);
  printCost(name, cost);
  if (name === 'G729') {
    const theirs = await costOf(debian, number, pcm);
    printCost('G729, library of Debian', theirs);
    print('ratio to it', cost.encode / theirs.encode, cost.decode / theirs.decode, 2);
  }
  if (name === 'OPUS') {
    printCost('OPUS, error correction', await costOf(ours, number, pcm, 'fec'));
    printCost('OPUS, floating point', await costOf(float, number, pcm));
    printCost('the same, error correction', await costOf(float, number, pcm, 'fec'));
  }
}

function printCost(name: string, { encode, decode }: Cost): void {
  print(name, encode / 1000, decode / 1000, 1);
}

function print(name: string, encode: number, decode: number, digits: number): void {
  const columns = [encode, decode].map((number) => number.toFixed(digits).padStart(10)).join('');
  process.stdout.write(`${name.padEnd(28)}${columns}\n`);
}

async function costOf(program: string, codec: number, pcm: Buffer, protection: Protection = 'plain'): Promise<Cost> {
  const encode = await perFrame(program, codec, 'encode', pcm, protection);
  return { encode, decode: (await perFrame(program, codec, 'decode', pcm, protection)) - encode };
}

async function perFrame(
  program: string,
  codec: number,
  direction: Direction,
  pcm: Buffer,
  protection: Protection,
): Promise<number> {
  const run = (frames: number): Promise<number> =>
    instructions([program, String(codec), direction, String(frames), protection], pcm);
  const once = await run(FRAMES);
  return ((await run(2 * FRAMES)) - once) / FRAMES;
}

async function instructions(command: readonly string[], pcm: Buffer): Promise<number> {
  // The plugin writes to standard error, the program to standard output; the shell joins the two.
  const args = ['qemu-aarch64', '-plugin', plugin, ...command];
  const output = (await outputOf('sh', ['-c', 'exec "$0" "$@" 2>&1', ...args], pcm, 120_000)).toString();
  const count = /^instructions ([0-9]+)$/m.exec(output)?.[1];
  if (count === undefined) throw new Error(`${args.join(' ')} printed ${output}`);
  return Number(count);
}

async function speak(rate: number): Promise<Buffer> {
  const wave = await outputOf('espeak-ng', ['--stdout', TEXT]);
  const format = ['-f', 's16le', '-ac', '1', '-ar', String(rate)];
  return outputOf('ffmpeg', ['-v', 'error', '-i', 'pipe:0', ...format, 'pipe:1'], wave);
}

async function link(name: string, ...libraries: readonly string[]): Promise<string> {
  const program = testOutputPath(name);
  const flags = [
    '-std=c11',
    '-O3',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-static',
    '-I',
    `${repositoryPath}/firmware/media/native`,
  ];
  const parts = [sourcePath('./codec-run.c'), ...objectsOf('codec'), ...libraries];
  await outputOf(COMPILER, [...flags, '-o', program, ...parts, '-lm']);
  return program;
}

function objectsOf(folder: string): readonly string[] {
  return readdirSync(`${ARM64}/${folder}`)
    .filter((file) => file.endsWith('.o'))
    .map((file) => `${ARM64}/${folder}/${file}`);
}

function sourcePath(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url));
}
