import type { Codec } from './encode.ts';
import { packOgg } from './ogg-opus.ts';
import { outputOf } from './process-output.ts';

const FORMAT: Readonly<Record<Codec, readonly string[]>> = {
  // ffmpeg's own decoder, not libopus.
  OPUS: ['-c:a', 'opus', '-f', 'ogg'],
  PCMA: ['-f', 'alaw', '-ar', '8000', '-ac', '1'],
  PCMU: ['-f', 'mulaw', '-ar', '8000', '-ac', '1'],
  G729: ['-f', 'g729'],
  G722: ['-f', 'g722'],
  G726: ['-f', 'g726le', '-code_size', '4', '-ar', '8000', '-ac', '1'],
};

/** Decodes payloads in their order with ffmpeg, none of our own code, to 8 kHz samples. Those of Opus are of `packetMs` each. */
export async function decodePayloads(
  payloads: readonly Uint8Array[],
  codec: Codec,
  packetMs = 20,
): Promise<Int16Array> {
  const input = codec === 'OPUS' && payloads.length > 0 ? packOgg(payloads, packetMs) : Buffer.concat(payloads);
  if (input.length === 0) return new Int16Array(0);
  return decode(FORMAT[codec], input, 8000);
}

/** The same of G.722, with all that it carries: at 16 kHz. */
export async function decodeWideband(payloads: readonly Uint8Array[]): Promise<Int16Array> {
  return decode(FORMAT.G722, Buffer.concat(payloads), 16_000);
}

async function decode(format: readonly string[], input: Uint8Array, sampleRate: number): Promise<Int16Array> {
  const output = ['-f', 's16le', '-acodec', 'pcm_s16le', '-ar', String(sampleRate), '-ac', '1', 'pipe:1'];
  const bytes = await outputOf('ffmpeg', ['-v', 'error', ...format, '-i', 'pipe:0', ...output], input);
  const samples = new Int16Array(bytes.length >> 1);
  for (let index = 0; index < samples.length; index += 1) samples[index] = bytes.readInt16LE(2 * index);
  return samples;
}
