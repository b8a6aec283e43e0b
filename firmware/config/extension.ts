import { UsageError } from '../core/errors.ts';

declare const brand: unique symbol;

/** 2 to 15 decimal digits, checked. */
export type ExtensionNumber = string & { readonly [brand]: 'ExtensionNumber' };

/** The key of a user in the store; never a number that people dial. */
export type UserId = number & { readonly [brand]: 'UserId' };

export interface Extension {
  readonly number: ExtensionNumber;
  readonly userId: UserId;
  /** The name of its user, as other people see it. */
  readonly name: string;
}

/** What digest authentication needs of a password: lower-case hex, one for each algorithm (RFC 8760). */
export interface DigestSecrets {
  readonly ha1Md5: string;
  readonly ha1Sha256: string;
}

export const MIN_PASSWORD_CHARACTERS = 9;
const MAX_PASSWORD_CHARACTERS = 128;
const MAX_NAME_CHARACTERS = 64;

/** Safe with anything that a stranger sends. */
export function isExtensionNumber(text: string): text is ExtensionNumber {
  return text.length <= 15 && /^[0-9]{2,15}$/.test(text);
}

/** Throws UsageError CONFIG_EXTENSION_NUMBER_INVALID. */
export function extensionNumber(text: string): ExtensionNumber {
  if (isExtensionNumber(text)) return text;
  throw new UsageError(
    'CONFIG_EXTENSION_NUMBER_INVALID',
    `${quote(text)} is not an extension number`,
    'Use 2 to 15 digits.',
  );
}

/** Throws UsageError CONFIG_NAME_INVALID unless 1 to 64 characters, none of them a control or formatting one. */
export function checkName(name: string): void {
  // A character is at most two units: the longer ones need no counting.
  const tooLong = name.length > 2 * MAX_NAME_CHARACTERS || [...name].length > MAX_NAME_CHARACTERS;
  // Formatting characters (Cf) can turn the direction of a whole line around on a terminal or a phone.
  if (!tooLong && name.trim() !== '' && !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(name)) return;
  throw new UsageError(
    'CONFIG_NAME_INVALID',
    `${quote(name)} is not a name`,
    `Use 1 to ${MAX_NAME_CHARACTERS} characters, none of them a control character.`,
  );
}

/** Throws UsageError CONFIG_PASSWORD_INVALID; its text never holds the password. */
export function checkPassword(password: string): void {
  // ASCII only: phones disagree on how to encode anything else before they hash it (RFC 7616 §4).
  if (
    password.length >= MIN_PASSWORD_CHARACTERS &&
    password.length <= MAX_PASSWORD_CHARACTERS &&
    /^[\x20-\x7e]+$/.test(password)
  ) {
    return;
  }
  throw new UsageError(
    'CONFIG_PASSWORD_INVALID',
    'the password cannot be used',
    `Use ${MIN_PASSWORD_CHARACTERS} to ${MAX_PASSWORD_CHARACTERS} printable ASCII characters (letters, digits, punctuation).`,
  );
}

/** For messages: bounded and on one line, whatever was given. */
function quote(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
