/**
 * How well speech came through: three measures, none of them a recommendation's.
 *
 * - `segmentalSnr`: for waveform codecs. Signal to noise in dB of each 20 ms in which somebody speaks, from -10 to 35, on average.
 * - `perceptualScore`: for all. Both signals as loudness in critical bands (Bark), every 16 ms; what is there and should not be,
 *   or the other way round, beyond what is inaudible beside it. 4.5 is no difference, 1 is as different as silence: on the scale of
 *   PESQ, and in its order, but not its numbers.
 *
 * - `gapsIn`: moments of 10 ms in which somebody speaks and nearly nothing is heard.
 *
 * All align the signals in time first: codecs and filters delay.
 */

/** Milliseconds that what was heard may lie behind. */
const MAX_DELAY_MS = 30;
const SEGMENT_MS = 20;
const MIN_SEGMENT_DB = -10;
const MAX_SEGMENT_DB = 35;
/** A segment in which somebody speaks: mean square above -50 dB of full scale. */
const SPOKEN_POWER = 32_768 ** 2 * 1e-5;

export interface Speech {
  readonly samples: Int16Array;
  readonly sampleRate: number;
}

/** Enough to tell the delay by. */
const COMPARED_SECONDS = 3;

/** The samples by which `heard` lies behind `said`. */
export function delayOf(said: Speech, heard: Speech): number {
  const longest = Math.round((said.sampleRate * MAX_DELAY_MS) / 1000);
  let best = 0;
  let bestProduct = Number.NEGATIVE_INFINITY;
  for (let delay = 0; delay <= longest; delay += 1) {
    let product = 0;
    for (let index = 0; index < COMPARED_SECONDS * said.sampleRate; index += 1) {
      product += (said.samples[index] ?? 0) * (heard.samples[index + delay] ?? 0);
    }
    if (product > bestProduct) {
      bestProduct = product;
      best = delay;
    }
  }
  return best;
}

export function segmentalSnr(said: Speech, heard: Speech): number {
  const delay = delayOf(said, heard);
  const length = Math.round((said.sampleRate * SEGMENT_MS) / 1000);
  let sum = 0;
  let count = 0;
  for (let start = 0; start + length + delay <= heard.samples.length; start += length) {
    let signal = 0;
    let noise = 0;
    for (let index = start; index < start + length; index += 1) {
      const sample = said.samples[index] ?? 0;
      signal += sample ** 2;
      noise += ((heard.samples[index + delay] ?? 0) - sample) ** 2;
    }
    if (signal / length < SPOKEN_POWER) continue;
    sum += Math.min(MAX_SEGMENT_DB, Math.max(MIN_SEGMENT_DB, 10 * Math.log10(signal / (noise + 1e-9))));
    count += 1;
  }
  return sum / count;
}

const MOMENT_MS = 10;
/** What is heard of a moment that is missing has less than this part of its power: 25 dB less. */
const GAP_POWER = 0.003;

export function gapsIn(said: Speech, heard: Speech): number {
  const delay = delayOf(said, heard);
  const length = Math.round((said.sampleRate * MOMENT_MS) / 1000);
  let gaps = 0;
  for (let start = 0; start + length + delay <= heard.samples.length; start += length) {
    const spoken = powerOf(said.samples, start, length);
    if (spoken >= SPOKEN_POWER && powerOf(heard.samples, start + delay, length) < GAP_POWER * spoken) gaps += 1;
  }
  return gaps;
}

function powerOf(samples: Int16Array, start: number, length: number): number {
  let sum = 0;
  for (let index = start; index < start + length; index += 1) sum += (samples[index] ?? 0) ** 2;
  return sum / length;
}

const WINDOW_MS = 32;
/** Power that is not heard, and exponent of loudness (Zwicker), over power in a band. */
const HEARING_THRESHOLD = 1e5;
const LOUDNESS_EXPONENT = 0.23;
/** A difference of less than this part of the loudness is not heard. */
const INAUDIBLE = 0.1;
/** So that speech that became silence scores 1. */
const WORST_SCORE = 1;
const BEST_SCORE = 4.5;
/** A few bad moments are worse than the same evenly spread: the exponent of the average over time. */
const MOMENT_EXPONENT = 4;

/** Critical-band rate of Zwicker and Terhardt. */
function barkOf(hertz: number): number {
  return 13 * Math.atan(0.000_76 * hertz) + 3.5 * Math.atan((hertz / 7500) ** 2);
}

/** Power spectrum of a real signal whose length is a power of 2. */
function powerSpectrum(signal: Float64Array): Float64Array {
  const size = signal.length;
  const real = Float64Array.from(signal);
  const imaginary = new Float64Array(size);
  for (let index = 1, reversed = 0; index < size; index += 1) {
    let bit = size >> 1;
    for (; (reversed & bit) !== 0; bit >>= 1) reversed ^= bit;
    reversed |= bit;
    if (index < reversed) [real[index], real[reversed]] = [real[reversed] ?? 0, real[index] ?? 0];
  }
  for (let span = 2; span <= size; span *= 2) {
    for (let start = 0; start < size; start += span) {
      for (let index = 0; index < span / 2; index += 1) {
        const angle = (-2 * Math.PI * index) / span;
        const [low, high] = [start + index, start + index + span / 2];
        const turnedReal = (real[high] ?? 0) * Math.cos(angle) - (imaginary[high] ?? 0) * Math.sin(angle);
        const turnedImaginary = (real[high] ?? 0) * Math.sin(angle) + (imaginary[high] ?? 0) * Math.cos(angle);
        real[high] = (real[low] ?? 0) - turnedReal;
        imaginary[high] = (imaginary[low] ?? 0) - turnedImaginary;
        real[low] = (real[low] ?? 0) + turnedReal;
        imaginary[low] = (imaginary[low] ?? 0) + turnedImaginary;
      }
    }
  }
  return Float64Array.from({ length: size / 2 }, (_, index) => (real[index] ?? 0) ** 2 + (imaginary[index] ?? 0) ** 2);
}

/** Loudness in each Bark from 1 to where the telephone's band ends, of the window that begins at `start`. */
function loudnessAt(speech: Speech, start: number): number[] {
  const size = (speech.sampleRate * WINDOW_MS) / 1000;
  const signal = Float64Array.from({ length: size }, (_, index) => {
    const weight = 0.5 - 0.5 * Math.cos((2 * Math.PI * (index + 0.5)) / size);
    return weight * (speech.samples[start + index] ?? 0);
  });
  const spectrum = powerSpectrum(signal);
  const highest = Math.floor(barkOf(speech.sampleRate === 8000 ? 3400 : 7000));
  const bands = new Array<number>(highest).fill(0);
  for (const [line, power] of spectrum.entries()) {
    const band = Math.floor(barkOf((line * speech.sampleRate) / size));
    // The lowest band is hum, which the telephone does not carry.
    if (band >= 1 && band < highest) bands[band] = (bands[band] ?? 0) + power / size;
  }
  return bands.map((power) => Math.max(0, (power / HEARING_THRESHOLD + 1) ** LOUDNESS_EXPONENT - 1));
}

function disturbanceOf(said: readonly number[], heard: readonly number[]): number {
  let sum = 0;
  for (const [band, loudness] of said.entries()) {
    const difference = (heard[band] ?? 0) - loudness;
    sum += Math.max(0, Math.abs(difference) - INAUDIBLE * Math.max(loudness, heard[band] ?? 0));
  }
  return sum;
}

export function perceptualScore(said: Speech, heard: Speech): number {
  const delay = delayOf(said, heard);
  const hop = (said.sampleRate * WINDOW_MS) / 2000;
  let disturbance = 0;
  let silence = 0;
  for (let start = 0; start + 2 * hop + delay <= heard.samples.length; start += hop) {
    const wanted = loudnessAt(said, start);
    disturbance += disturbanceOf(wanted, loudnessAt(heard, start + delay)) ** MOMENT_EXPONENT;
    silence +=
      disturbanceOf(
        wanted,
        wanted.map(() => 0),
      ) ** MOMENT_EXPONENT;
  }
  const part = (disturbance / silence) ** (1 / MOMENT_EXPONENT);
  return Math.max(WORST_SCORE, BEST_SCORE - (BEST_SCORE - WORST_SCORE) * part);
}
