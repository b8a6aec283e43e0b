/** Tone sequences that survive a speech codec, and how to hear them. All samples are 8 kHz, s16. */

export const SAMPLE_RATE = 8000;

/**
 * The notes by name, in Hz. None is near a multiple of another or a DTMF frequency pair: G.729 follows a pitch and would answer a
 * tone with its octave now and then. The test of this file proves that each one passes.
 */
export const NOTE_HZ = { a: 430, b: 580, c: 790, d: 1030, e: 1340, f: 1690 } as const;
export type Note = keyof typeof NOTE_HZ;
const NOTES: readonly Note[] = ['a', 'b', 'c', 'd', 'e', 'f'];

/** A sequence as text, such as 'adbec': no note twice in a row, since two equal neighbours are heard as one. */
export type NoteSequence = string;

const NOTE_MS = 300;
const EDGE_MS = 100;
const AMPLITUDE = 9000;
/** Notes fade in and out, so that no click looks like another note. */
const FADE_SAMPLES = 80;

export function isNote(text: string): text is Note {
  return text in NOTE_HZ;
}

/** The samples of a sequence: 300 ms a note, 100 ms of silence before and after. */
export function makeTones(sequence: NoteSequence): Int16Array {
  const perNote = (NOTE_MS * SAMPLE_RATE) / 1000;
  const edge = (EDGE_MS * SAMPLE_RATE) / 1000;
  const samples = new Int16Array(2 * edge + sequence.length * perNote);
  for (const [index, note] of [...sequence].entries()) {
    if (!isNote(note)) throw new Error(`${note} is no note`);
    if (note === sequence[index - 1]) throw new Error(`the note ${note} stands twice in a row in ${sequence}`);
    const start = edge + index * perNote;
    for (let offset = 0; offset < perNote; offset += 1) {
      const fade = Math.min(1, (offset + 1) / FADE_SAMPLES, (perNote - offset) / FADE_SAMPLES);
      const angle = (2 * Math.PI * NOTE_HZ[note] * offset) / SAMPLE_RATE;
      samples[start + offset] = Math.round(AMPLITUDE * fade * Math.sin(angle));
    }
  }
  return samples;
}

const WINDOW_SAMPLES = 256;
const HOP_SAMPLES = 80;
/** A window belongs to a note that carries at least this part of its power; white noise gives a note about 0.01. */
const PURITY = 0.5;
/** Root mean square below which a window is silence: -44 dB of full scale. */
const SILENCE_RMS = 200;
/** Windows of one note, 10 ms apart, that make it heard: two thirds of a note that was played for 300 ms. */
const HEARD_WINDOWS = 16;
/** As many windows of another kind inside a note are taken for a lost packet. */
const LOST_WINDOWS = 10;

const WINDOW = Float64Array.from(
  { length: WINDOW_SAMPLES },
  (_, index) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (index + 0.5)) / WINDOW_SAMPLES),
);
const WINDOW_SUM = WINDOW.reduce((sum, weight) => sum + weight, 0);
const WINDOW_POWER = WINDOW.reduce((sum, weight) => sum + weight * weight, 0);

/** The notes that sound in `samples`, in order, whatever delay, silence, noise or clicks stand between them. */
export function heardNotes(samples: Int16Array): NoteSequence {
  let heard = '';
  let note: Note | undefined;
  let matching = 0;
  let other = 0;
  const finish = (): void => {
    if (note !== undefined && matching >= HEARD_WINDOWS && !heard.endsWith(note)) heard += note;
    note = undefined;
    matching = 0;
    other = 0;
  };
  for (let start = 0; start + WINDOW_SAMPLES <= samples.length; start += HOP_SAMPLES) {
    const found = noteOf(samples.subarray(start, start + WINDOW_SAMPLES));
    if (found !== undefined && found === note) {
      matching += 1;
      other = 0;
      continue;
    }
    other += 1;
    if (note === undefined || other > LOST_WINDOWS || (found !== undefined && matching >= HEARD_WINDOWS)) {
      finish();
      if (found !== undefined) {
        note = found;
        matching = 1;
      }
    }
  }
  finish();
  return heard;
}

/** Whether the sequence sounds in `samples` as a whole, once or in a repetition. */
export function soundsLike(samples: Int16Array, sequence: NoteSequence): boolean {
  return sequence !== '' && heardNotes(samples).includes(sequence);
}

function noteOf(window: Int16Array): Note | undefined {
  let power = 0;
  const weighted = new Float64Array(WINDOW_SAMPLES);
  for (let index = 0; index < WINDOW_SAMPLES; index += 1) {
    const value = (window[index] ?? 0) * (WINDOW[index] ?? 0);
    weighted[index] = value;
    power += value * value;
  }
  power /= WINDOW_POWER;
  if (power < SILENCE_RMS * SILENCE_RMS) return undefined;
  return NOTES.find((note) => goertzelPower(weighted, NOTE_HZ[note]) >= PURITY * power);
}

/** The power of one frequency in a weighted window: for a sine of amplitude A, A²/2. */
function goertzelPower(weighted: Float64Array, hz: number): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * hz) / SAMPLE_RATE);
  let previous = 0;
  let beforePrevious = 0;
  for (const value of weighted) {
    const current = value + coefficient * previous - beforePrevious;
    beforePrevious = previous;
    previous = current;
  }
  const magnitudeSquared =
    previous * previous + beforePrevious * beforePrevious - coefficient * previous * beforePrevious;
  return (2 * magnitudeSquared) / (WINDOW_SUM * WINDOW_SUM);
}

const KEY_ROWS = ['123A', '456B', '789C', '*0#D'];
const LOW_HZ = [697, 770, 852, 941];
const HIGH_HZ = [1209, 1336, 1477, 1633];

/** The two tones of a key (ITU-T Q.23), 160 ms long, and as much silence behind them. */
export function keyTones(key: string): Int16Array {
  const row = KEY_ROWS.findIndex((keys) => key.length === 1 && keys.includes(key));
  if (row < 0) throw new Error(`${key} is no key`);
  const [low = 0, high = 0] = [LOW_HZ[row], HIGH_HZ[KEY_ROWS[row]?.indexOf(key) ?? 0]];
  const samples = new Int16Array((2 * 160 * SAMPLE_RATE) / 1000);
  for (let at = 0; at < samples.length / 2; at += 1) {
    const angle = (2 * Math.PI * at) / SAMPLE_RATE;
    samples[at] = Math.round(6000 * (Math.sin(low * angle) + Math.sin(high * angle)));
  }
  return samples;
}
