/** What can be played to a party, and its validation. */
import { isSoundName } from './prompts.ts';
import { isInteger, isRecord } from './protocol-values.ts';
import type { TonePattern, ToneStep } from './tones.ts';

export type Sound =
  | { readonly kind: 'tone'; readonly tone: TonePattern }
  | {
      readonly kind: 'files';
      /** 1 to 16 sounds (prompts.ts), one after another. */
      readonly names: readonly string[];
      /** From the first again after the last. Absent: they end. */
      readonly repeated?: boolean;
    }
  /** Has no end. */
  | { readonly kind: 'silence' };

export const MAX_SOUND_FILES = 16;
/** Of where a sound begins: a day. */
export const MAX_OFFSET_MS = 86_400_000;

/** Those of native/audio/tone.h. */
const MAX_TONE_STEPS = 16;
const MAX_STEP_MS = 60_000;
const MAX_FREQUENCIES = 4;
const MAX_HZ = 3400;
const MIN_DBM0 = -60;
const MAX_DBM0 = 3;

/** Why this cannot be played; undefined when it can. */
export function faultOfSound(value: unknown): string | undefined {
  if (!isRecord(value)) return 'no sound';
  switch (value.kind) {
    case 'silence':
      return undefined;
    case 'tone':
      return isTone(value.tone) ? undefined : 'a number of the tone is out of its range';
    case 'files': {
      const { names, repeated } = value;
      if (!Array.isArray(names) || names.length < 1 || names.length > MAX_SOUND_FILES) return 'not 1 to 16 files';
      if (!names.every(isSoundName)) return 'a name that is none of a sound';
      return repeated === undefined || typeof repeated === 'boolean' ? undefined : 'repeated is no boolean';
    }
    default:
      return 'a sound of no known kind';
  }
}

export function isTone(value: unknown): value is TonePattern {
  if (!isRecord(value)) return false;
  const { steps, repeatFrom } = value;
  return (
    Array.isArray(steps) &&
    steps.length >= 1 &&
    steps.length <= MAX_TONE_STEPS &&
    steps.every(isStep) &&
    (repeatFrom === undefined || isInteger(repeatFrom, 0, steps.length - 1))
  );
}

function isStep(value: unknown): value is ToneStep {
  if (!isRecord(value)) return false;
  const { durationMs, frequencies } = value;
  return (
    isInteger(durationMs, 1, MAX_STEP_MS) &&
    Array.isArray(frequencies) &&
    frequencies.length <= MAX_FREQUENCIES &&
    frequencies.every(
      (part) => isRecord(part) && isInteger(part.hz, 1, MAX_HZ) && isInteger(part.dbm0, MIN_DBM0, MAX_DBM0),
    )
  );
}
