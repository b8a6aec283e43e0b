/**
 * Computes the default music on hold: soft chords and a few plucked notes over them, nothing recorded and nobody's
 * work. Writes 16-bit samples at the given rate to standard output.
 *
 *   node scripts/make-music.ts 8000|16000
 *
 * The sound of every note runs on past the end into the beginning, so that a loop has no seam.
 */

/** Of the whole piece; a phone line's music is quieter than speech. */
const LEVEL_DBM0 = -20;
/** A sine that just does not clip, in dBm0 (ITU-T G.711, A-law). */
const FULL_SCALE_DBM0 = 3.14;
const FULL_SCALE = 32767;

const BAR_SECONDS = 3;
/** Semitones above the A of 110 Hz: two phrases of six chords, each a bass note and a spread chord. */
const BARS: readonly (readonly number[])[] = [
  [3, 10, 19, 22, 26],
  [0, 12, 19, 24, 27],
  [8, 15, 20, 24, 31],
  [10, 17, 20, 26, 29],
  [7, 14, 22, 26, 29],
  [8, 15, 19, 24, 27],
  [3, 15, 19, 22, 29],
  [12, 15, 19, 24, 31],
  [5, 12, 20, 24, 27],
  [10, 17, 20, 26, 32],
  [8, 12, 20, 24, 27],
  [10, 14, 20, 26, 29],
];
const LENGTH_SECONDS = BARS.length * BAR_SECONDS;

/** Which notes of the chord are plucked, one each half second; gaps breathe. */
const PLUCKED: readonly (readonly (number | undefined)[])[] = [
  [2, undefined, 4, 3, undefined, 4],
  [undefined, 3, undefined, 4, 2, undefined],
];

interface Note {
  readonly atSeconds: number;
  readonly hz: number;
  /** Until it is inaudible. */
  readonly seconds: number;
  /** Amplitudes of the partials, the first is the fundamental. */
  readonly partials: readonly number[];
  readonly loudnessAt: (seconds: number) => number;
}

function hzOf(semitones: number): number {
  return 110 * 2 ** (semitones / 12);
}

const SWELL_SECONDS = 0.9;
const PAD_SECONDS = BAR_SECONDS + SWELL_SECONDS;

/** Comes and goes over most of a second, so that one chord melts into the next. */
function pad(bar: number, semitones: number): Note {
  const rise = (seconds: number): number => 0.5 - 0.5 * Math.cos(Math.PI * Math.min(1, seconds / SWELL_SECONDS));
  return {
    atSeconds: bar * BAR_SECONDS,
    hz: hzOf(semitones),
    seconds: PAD_SECONDS,
    partials: [1, 0.28, 0.1, 0.04],
    loudnessAt: (seconds) => 0.2 * rise(seconds) * rise(PAD_SECONDS - seconds),
  };
}

const PLUCK_SECONDS = 2.4;

function pluck(atSeconds: number, semitones: number): Note {
  return {
    atSeconds,
    hz: hzOf(semitones),
    seconds: PLUCK_SECONDS,
    partials: [1, 0.35, 0.12, 0.08, 0.03],
    loudnessAt: (seconds) =>
      0.22 * Math.min(1, seconds / 0.012) * Math.exp(-2.6 * seconds) * Math.min(1, (PLUCK_SECONDS - seconds) / 0.3),
  };
}

function notes(): readonly Note[] {
  return BARS.flatMap((chord, bar) => {
    const rhythm = PLUCKED[bar % PLUCKED.length] ?? [];
    const plucked = rhythm.flatMap((voice, index) => {
      const semitones = voice === undefined ? undefined : chord[voice];
      return semitones === undefined ? [] : [pluck(bar * BAR_SECONDS + index * 0.5, semitones + 12)];
    });
    return [...chord.map((semitones) => pad(bar, semitones)), ...plucked];
  });
}

function play(sampleRate: number): Float64Array {
  const samples = new Float64Array(LENGTH_SECONDS * sampleRate);
  for (const note of notes()) {
    const start = Math.round(note.atSeconds * sampleRate);
    // What the rate cannot carry would come back as another note.
    const partials = note.partials.filter((_, index) => note.hz * (index + 1) < 0.425 * sampleRate);
    for (let offset = 0; offset < note.seconds * sampleRate; offset += 1) {
      const seconds = offset / sampleRate;
      let value = 0;
      for (const [index, amplitude] of partials.entries()) {
        value += amplitude * Math.sin(2 * Math.PI * note.hz * (index + 1) * seconds);
      }
      const at = (start + offset) % samples.length;
      samples[at] = (samples[at] ?? 0) + value * note.loudnessAt(seconds);
    }
  }
  return samples;
}

const sampleRate = Number(process.argv[2]);
if (sampleRate !== 8000 && sampleRate !== 16_000) throw new Error('usage: make-music.ts 8000|16000');
const samples = play(sampleRate);
const loudness = Math.sqrt(samples.reduce((sum, value) => sum + value * value, 0) / samples.length);
const wanted = (FULL_SCALE / Math.SQRT2) * 10 ** ((LEVEL_DBM0 - FULL_SCALE_DBM0) / 20);
process.stdout.write(Buffer.from(Int16Array.from(samples, (value) => Math.round((value * wanted) / loudness)).buffer));
