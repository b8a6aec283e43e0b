import type { Codec } from './encode.ts';
import { outputOf } from './process-output.ts';

const FORMAT: Readonly<Record<Codec, readonly string[]>> = {
  PCMA: ['-f', 'alaw', '-ar', '8000', '-ac', '1'],
  PCMU: ['-f', 'mulaw', '-ar', '8000', '-ac', '1'],
  G729: ['-f', 'g729'],
  G722: ['-f', 'g722'],
  G726: ['-f', 'g726le', '-code_size', '4', '-ar', '8000', '-ac', '1'],
};

/** Decodes payloads in their order with ffmpeg, none of our own code, to 8 kHz samples. */
export async function decodePayloads(payloads: readonly Uint8Array[], codec: Codec): Promise<Int16Array> {
  const input = Buffer.concat(payloads);
  if (input.length === 0) return new Int16Array(0);
  const output = ['-f', 's16le', '-acodec', 'pcm_s16le', '-ar', '8000', '-ac', '1', 'pipe:1'];
  const bytes = await outputOf('ffmpeg', ['-v', 'error', ...FORMAT[codec], '-i', 'pipe:0', ...output], input);
  const samples = new Int16Array(bytes.length >> 1);
  for (let index = 0; index < samples.length; index += 1) samples[index] = bytes.readInt16LE(2 * index);
  return samples;
}
