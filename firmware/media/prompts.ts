/** What the box can say, and its music. The texts are in sounds/, the files are made of them by scripts/make-sounds. */

export const PROMPT_NAMES = [
  'conference-alone',
  'conference-full',
  'muted',
  'unmuted',
  'recording-started',
  'recording-stopped',
  'please-hold',
  'queue-place',
  'not-available',
  'number-unknown',
  'mailbox-greeting',
  'mailbox-full',
  'mailbox-send-menu',
  'mailbox-saved',
  'mailbox-deleted',
  'mailbox-too-short',
  'mailbox-enter-pin',
  'mailbox-wrong-pin',
  'mailbox-locked',
  'mailbox-new-messages',
  'mailbox-old-messages',
  'mailbox-no-messages',
  'mailbox-menu',
  'mailbox-message',
  'mailbox-today',
  'mailbox-yesterday',
  'mailbox-days-ago',
  'mailbox-from',
  'mailbox-unknown-caller',
  'mailbox-message-menu',
  'mailbox-no-more',
  'mailbox-record-greeting',
  'mailbox-greeting-menu',
  'mailbox-new-pin',
  'mailbox-pin-again',
  'mailbox-pin-differs',
  'mailbox-pin-refused',
  'mailbox-wrong-key',
  'mailbox-goodbye',
] as const;

export type PromptName = (typeof PROMPT_NAMES)[number];

/** The languages (ISO 639-1) that each prompt is there in. */
export const PROMPT_LANGUAGES = ['de', 'en', 'es', 'fr', 'it', 'ja', 'ko', 'nl', 'pl', 'pt', 'ru', 'tr', 'zh'] as const;

const DEFAULT_LANGUAGE = 'en';

/** The sound that says it in the language of a locale (en-GB); in English where the box does not speak that. */
export function promptSound(locale: string, name: PromptName): string {
  return `${languageOf(locale)}/${name}`;
}

/** The greatest number that there is a word for: numbers of minutes, of messages. */
export const MAX_SPOKEN_NUMBER = 59;

/** The sound of a whole number from 0 to MAX_SPOKEN_NUMBER, as promptSound. Throws RangeError. */
export function numberSound(locale: string, value: number): string {
  if (!(Number.isInteger(value) && value >= 0 && value <= MAX_SPOKEN_NUMBER)) {
    throw new RangeError(`there is no sound for the number ${value}`);
  }
  return `${languageOf(locale)}/number-${value}`;
}

/** The sounds of any number that is not negative: digit by digit where there is no word for it. Throws RangeError for others. */
export function numberSounds(locale: string, value: number): readonly string[] {
  if (value <= MAX_SPOKEN_NUMBER) return [numberSound(locale, value)];
  return [...String(value)].map((digit) => numberSound(locale, Number(digit)));
}

function languageOf(locale: string): string {
  return PROMPT_LANGUAGES.find((known) => known === locale.slice(0, 2)) ?? DEFAULT_LANGUAGE;
}

/** The sound that parties on hold hear, unless a file of the same name stands before it (MediaClientOptions.sounds). */
export const MUSIC_ON_HOLD = 'music/default';

/** Of a sound: words of lower-case letters, digits and hyphens, at most four with a slash between. It leads nowhere else. */
export function isSoundName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 128 && /^[a-z0-9-]+(?:\/[a-z0-9-]+){0,3}$/.test(value);
}
