/** Speech, spoken by espeak-ng in two voices: the same samples on every machine that has the same version of it. */
import { outputOf } from '../support/process-output.ts';

export const SPEECH_RATE = 16_000;

const SPOKEN = [
  {
    voice: 'en-gb',
    pitch: '35',
    text: 'The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background.',
  },
  {
    voice: 'en-us+f3',
    pitch: '65',
    text: 'Rice is often served in round bowls. The juice of lemons makes fine punch.',
  },
] as const;

/** Both voices, one after the other, mono at 16 kHz. */
export async function makeSpeech(): Promise<Int16Array> {
  const parts: Buffer[] = [];
  for (const { voice, pitch, text } of SPOKEN) {
    const wav = await outputOf('espeak-ng', ['-v', voice, '-p', pitch, '-s', '160', '--stdout', text]);
    const raw = ['-f', 's16le', '-ar', String(SPEECH_RATE), '-ac', '1', 'pipe:1'];
    parts.push(await outputOf('ffmpeg', ['-v', 'error', '-i', 'pipe:0', ...raw], wav));
  }
  return samplesOf(Buffer.concat(parts));
}

export function samplesOf(bytes: Buffer): Int16Array {
  const samples = new Int16Array(bytes.length >> 1);
  for (let index = 0; index < samples.length; index += 1) samples[index] = bytes.readInt16LE(2 * index);
  return samples;
}

export function bytesOf(samples: Int16Array): Uint8Array {
  return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
}
