import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { encodeAlaw, encodeUlaw } from './g711.ts';
import { outputOf } from './process-output.ts';
import { testOutputPath } from './repository.ts';

export type Codec = 'PCMU' | 'PCMA' | 'G729' | 'G722';

/** 20 ms, the packet time of every test phone. */
export const SAMPLES_PER_PAYLOAD = 160;

/** Bytes of a 20 ms payload. */
export const PAYLOAD_BYTES: Readonly<Record<Codec, number>> = { PCMU: 160, PCMA: 160, G729: 20, G722: 160 };

/** Encodes 8 kHz samples into payloads of 20 ms; the last one is filled up with silence. */
export async function encodePayloads(samples: Int16Array, codec: Codec): Promise<readonly Buffer[]> {
  const count = Math.ceil(samples.length / SAMPLES_PER_PAYLOAD);
  const padded = new Int16Array(count * SAMPLES_PER_PAYLOAD);
  padded.set(samples);
  const bytes =
    codec === 'G729'
      ? await encodeG729(padded)
      : codec === 'G722'
        ? await encodeG722(padded)
        : encodeG711(padded, codec);
  const size = PAYLOAD_BYTES[codec];
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
}

function encodeG711(samples: Int16Array, codec: 'PCMU' | 'PCMA'): Buffer {
  return Buffer.from(Uint8Array.from(samples, codec === 'PCMA' ? encodeAlaw : encodeUlaw));
}

/** By ffmpeg, which makes the 16 kHz that it needs. */
async function encodeG722(samples: Int16Array): Promise<Buffer> {
  const input = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  const args = ['-v', 'error', '-f', 's16le', '-ar', '8000', '-ac', '1', '-i', 'pipe:0'];
  return outputOf('ffmpeg', [...args, '-ar', '16000', '-f', 'g722', 'pipe:1'], input);
}

async function encodeG729(samples: Int16Array): Promise<Buffer> {
  const encoder = await g729Encoder();
  return outputOf(encoder, [], new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength));
}

let building: Promise<string> | undefined;

/** The path of the test encoder, compiled once for each text of its source. */
export function g729Encoder(): Promise<string> {
  building ??= buildG729Encoder();
  return building;
}

async function buildG729Encoder(): Promise<string> {
  const source = fileURLToPath(new URL('./g729-encode.c', import.meta.url));
  const hash = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 12);
  const program = testOutputPath(`g729-encode-${hash}`);
  if (existsSync(program)) return program;
  // Several test processes may build it at once: each its own file, and the last rename wins.
  const unfinished = `${program}.${process.pid}`;
  await outputOf('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', unfinished, source, '-lbcg729']);
  renameSync(unfinished, program);
  return program;
}
