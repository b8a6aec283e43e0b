/** A note that a party sounds all the time, and whether another one hears it. */
import { type Codec, encodePayloads } from '../support/encode.ts';

export const AMPLITUDE = 6000;

/** A second of one frequency, or of none, in payloads. */
export async function voice(hz: number, codec: Codec, amplitude = AMPLITUDE): Promise<readonly Buffer[]> {
  const samples = Int16Array.from({ length: 8000 }, (_, at) =>
    Math.round(amplitude * Math.sin((2 * Math.PI * hz * at) / 8000)),
  );
  return encodePayloads(samples, codec);
}

/** Of all stretches of 50 ms the one where it is the loudest. */
export function loudest(samples: Int16Array, hz: number): number {
  let most = 0;
  for (let at = 0; at + 400 <= samples.length; at += 200)
    most = Math.max(most, amplitudeOf(samples.subarray(at, at + 400), hz));
  return most;
}

/** The amplitude of one frequency. */
export function amplitudeOf(samples: Int16Array, hz: number): number {
  let [real, imaginary] = [0, 0];
  for (const [at, value] of samples.entries()) {
    // A window, so that a neighbour does not leak in.
    const weight = 1 - Math.cos((2 * Math.PI * (at + 0.5)) / samples.length);
    real += weight * value * Math.cos((2 * Math.PI * hz * at) / 8000);
    imaginary += weight * value * Math.sin((2 * Math.PI * hz * at) / 8000);
  }
  return (2 * Math.hypot(real, imaginary)) / samples.length;
}

/** In a stretch, since gaps of a busy machine, and G.729 by itself, move the phase of a note. */
export const hears = (samples: Int16Array, hz: number): boolean => loudest(samples, hz) > AMPLITUDE / 4;
export const isDeafTo = (samples: Int16Array, hz: number): boolean => amplitudeOf(samples, hz) < AMPLITUDE / 10;

export const HZ = [430, 790, 1340] as const;
