import { compiled } from './compiled.ts';
import { encodeAlaw, encodeUlaw } from './g711.ts';
import { unpackOgg } from './ogg-opus.ts';
import { outputOf } from './process-output.ts';

export type Codec = 'PCMU' | 'PCMA' | 'G729' | 'G722' | 'G726' | 'OPUS';

/** 20 ms, the packet time of every test phone. */
export const SAMPLES_PER_PAYLOAD = 160;

/** Bytes of a 20 ms payload; of Opus any number. */
export const PAYLOAD_BYTES: Readonly<Record<Codec, number>> = {
  PCMU: 160,
  PCMA: 160,
  G729: 20,
  G722: 160,
  G726: 80,
  OPUS: Number.NaN,
};

/** RTP units of a millisecond. */
export const TICKS_PER_MS: Readonly<Record<Codec, number>> = { PCMU: 8, PCMA: 8, G729: 8, G722: 8, G726: 8, OPUS: 48 };

/** Encodes 8 kHz samples into payloads of 20 ms; the last one is filled up with silence. */
export async function encodePayloads(samples: Int16Array, codec: Codec): Promise<readonly Buffer[]> {
  const count = Math.ceil(samples.length / SAMPLES_PER_PAYLOAD);
  const padded = new Int16Array(count * SAMPLES_PER_PAYLOAD);
  padded.set(samples);
  if (codec === 'OPUS') return (await encodeOpus(padded)).slice(0, count);
  const bytes = await encode(padded, codec);
  const size = PAYLOAD_BYTES[codec];
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
}

/** By ffmpeg's libopus, in packets of `packetMs`: 10, 20, 40 or 60. */
export async function encodeOpus(samples: Int16Array, packetMs = 20): Promise<readonly Buffer[]> {
  const format = ['-c:a', 'libopus', '-application', 'voip', '-frame_duration', String(packetMs), '-b:a', '20k'];
  return unpackOgg(await encodeByFfmpeg(samples, [...format, '-f', 'ogg']));
}

async function encode(samples: Int16Array, codec: Exclude<Codec, 'OPUS'>): Promise<Buffer> {
  switch (codec) {
    case 'PCMU':
    case 'PCMA':
      return encodeG711(samples, codec);
    case 'G729':
      return encodeG729(samples);
    // G.722 needs 16 kHz, which ffmpeg makes.
    case 'G722':
      return encodeByFfmpeg(samples, ['-ar', '16000', '-f', 'g722']);
    // As RFC 3551 packs it.
    case 'G726':
      return encodeByFfmpeg(samples, ['-c:a', 'g726le', '-b:a', '32k', '-f', 'g726le']);
  }
}

function encodeG711(samples: Int16Array, codec: 'PCMU' | 'PCMA'): Buffer {
  return Buffer.from(Uint8Array.from(samples, codec === 'PCMA' ? encodeAlaw : encodeUlaw));
}

async function encodeByFfmpeg(samples: Int16Array, format: readonly string[]): Promise<Buffer> {
  const input = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  const args = ['-v', 'error', '-f', 's16le', '-ar', '8000', '-ac', '1', '-i', 'pipe:0'];
  return outputOf('ffmpeg', [...args, ...format, 'pipe:1'], input);
}

async function encodeG729(samples: Int16Array): Promise<Buffer> {
  const encoder = await g729Encoder();
  return outputOf(encoder, [], new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength));
}

/** The path of the test encoder. */
export function g729Encoder(): Promise<string> {
  return compiled('g729-encode', ['-lbcg729']);
}
