import { UsageError } from '../../core/errors.ts';

export const MIN_PASSWORD_CHARACTERS = 9;
export const MAX_PASSWORD_CHARACTERS = 128;
export const MIN_PIN_DIGITS = 4;
export const MAX_PIN_DIGITS = 15;

/** Of nine characters, this many must differ. */
const MIN_DIFFERENT_CHARACTERS = 4;

/** The rules in words, for help and documentation. */
export const PASSWORD_RULE =
  `${MIN_PASSWORD_CHARACTERS} to ${MAX_PASSWORD_CHARACTERS} characters, at least ${MIN_DIFFERENT_CHARACTERS} of them different, ` +
  'no mere run such as 123456789 or abcdefghi, and not built around the own number or name';
export const PIN_RULE =
  `${MIN_PIN_DIGITS} to ${MAX_PIN_DIGITS} digits, not all the same, no mere run such as 1234 or 9876, ` +
  'and not the own number, forwards or backwards';

/** Whose secret it is: what others guess first. */
export interface Owner {
  readonly number?: string | undefined;
  readonly name?: string | undefined;
}

/**
 * Refuses a password that the rule refuses. `asciiOnly` for SIP: phones disagree on how to encode anything else before
 * they hash it (RFC 7616 §4). Throws UsageError CONFIG_PASSWORD_INVALID or CONFIG_PASSWORD_WEAK; their text never holds
 * the password.
 */
export function checkPassword(password: string, owner: Owner = {}, asciiOnly = true): void {
  const length = password.length > MAX_PASSWORD_CHARACTERS * 2 ? password.length : [...password].length;
  const allowed = asciiOnly ? /^[\x20-\x7e]+$/ : /^[^\p{Cc}\p{Cs}]+$/u;
  if (length < MIN_PASSWORD_CHARACTERS || length > MAX_PASSWORD_CHARACTERS || !allowed.test(password)) {
    const characters = asciiOnly ? 'printable ASCII characters (letters, digits, punctuation)' : 'characters';
    throw new UsageError(
      'CONFIG_PASSWORD_INVALID',
      'the password cannot be used',
      `Use ${MIN_PASSWORD_CHARACTERS} to ${MAX_PASSWORD_CHARACTERS} ${characters}.`,
    );
  }
  const weakness = passwordWeakness(password, owner);
  if (weakness !== undefined) {
    throw new UsageError('CONFIG_PASSWORD_WEAK', `the password ${weakness}`, `The rule: ${PASSWORD_RULE}.`);
  }
}

function passwordWeakness(password: string, { number, name }: Owner): string | undefined {
  const folded = password.toLowerCase();
  if (new Set(folded).size < MIN_DIFFERENT_CHARACTERS) return 'has too few different characters';
  if (isRun(folded)) return 'is a mere run of characters';
  // What is left without the number or the name must be a password by itself.
  for (const known of [number, name]) {
    const part = known?.toLowerCase() ?? '';
    if (part.length < 2 || !folded.includes(part)) continue;
    if (folded.replaceAll(part, '').length < MIN_PASSWORD_CHARACTERS - 3)
      return 'is built around the own number or name';
  }
  return undefined;
}

/** Throws UsageError CONFIG_PIN_INVALID or CONFIG_PIN_WEAK; their text never holds the PIN. */
export function checkPin(pin: string, { number }: Owner = {}): void {
  if (!new RegExp(`^[0-9]{${MIN_PIN_DIGITS},${MAX_PIN_DIGITS}}$`).test(pin)) {
    throw new UsageError(
      'CONFIG_PIN_INVALID',
      'the PIN cannot be used',
      `Use ${MIN_PIN_DIGITS} to ${MAX_PIN_DIGITS} digits.`,
    );
  }
  const backwards = [...pin].reverse().join('');
  const isOwn = number !== undefined && (pin === number || backwards === number);
  if (new Set(pin).size === 1 || isRun(pin) || isOwn) {
    throw new UsageError('CONFIG_PIN_WEAK', 'the PIN is one that others guess first', `The rule: ${PIN_RULE}.`);
  }
}

/** Each character is the one after the one before it, or each the one before it: 1234, dcba; 90 goes on as 890. */
function isRun(text: string): boolean {
  const steps = new Set<number>();
  for (let index = 1; index < text.length; index += 1) {
    const step = text.charCodeAt(index) - text.charCodeAt(index - 1);
    steps.add(step === -9 && text[index] === '0' ? 1 : step === 9 && text[index] === '9' ? -1 : step);
  }
  return steps.size === 1 && (steps.has(1) || steps.has(-1));
}
