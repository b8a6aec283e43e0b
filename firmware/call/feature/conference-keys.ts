/** What a party has pressed of a command, as far as it goes; empty: nothing. */
export type PressedKeys = string;

/** What the keys of a party ask a conference for. */
export type KeyCommand =
  /** Oneself. */
  | { readonly kind: 'mute-self' }
  | { readonly kind: 'mute-others' }
  | { readonly kind: 'mute'; readonly number: string }
  | { readonly kind: 'drop-last' }
  | { readonly kind: 'drop'; readonly number: string }
  /** Asked of whoever comes by himself from now on; empty: nobody. */
  | { readonly kind: 'set-pin'; readonly pin: string }
  /** Whether it ends when its owner leaves. */
  | { readonly kind: 'end-with-owner' }
  | { readonly kind: 'end' };

/** A command that is not complete by then is forgotten. */
export const KEY_PAUSE_MS = 8000;
/** Of a number, or of a PIN. */
const MAX_DIGITS = 15;

const WITHOUT_NUMBER: Readonly<Record<string, KeyCommand>> = {
  '*1': { kind: 'mute-self' },
  '*2': { kind: 'mute-others' },
  '*4': { kind: 'drop-last' },
  '*8': { kind: 'end-with-owner' },
  '*9': { kind: 'end' },
};
const WITH_NUMBER: Readonly<Record<string, (number: string) => KeyCommand>> = {
  '*3': (number) => ({ kind: 'mute', number }),
  '*5': (number) => ({ kind: 'drop', number }),
  '*6': (pin) => ({ kind: 'set-pin', pin }),
};

export interface KeyStep {
  readonly pressed: PressedKeys;
  /** `unknown`: no command begins so. */
  readonly command?: KeyCommand | 'unknown';
}

/**
 * The next key of a party: a command is a star and a digit, for some followed by a number and a hash; a star begins anew. Other keys
 * mean nothing. Pure.
 */
export function nextKey(pressed: PressedKeys, key: string): KeyStep {
  if (key === '*') return { pressed: '*' };
  if (pressed === '') return { pressed };
  const name = pressed.slice(0, 2);
  const take = Object.hasOwn(WITH_NUMBER, name) ? WITH_NUMBER[name] : undefined;
  if (take !== undefined) {
    if (key === '#') return { pressed: '', command: take(pressed.slice(2)) };
    const isTooLong = pressed.length >= 2 + MAX_DIGITS;
    return /^[0-9]$/.test(key) && !isTooLong ? { pressed: pressed + key } : { pressed: '', command: 'unknown' };
  }
  const whole = pressed + key;
  const command = Object.hasOwn(WITHOUT_NUMBER, whole) ? WITHOUT_NUMBER[whole] : undefined;
  if (command !== undefined) return { pressed: '', command };
  return Object.hasOwn(WITH_NUMBER, whole) ? { pressed: whole } : { pressed: '', command: 'unknown' };
}
