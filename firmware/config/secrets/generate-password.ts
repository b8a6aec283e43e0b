import { randomInt } from 'node:crypto';

/** Without letters and digits that are taken for one another; 16 of these 31 make 79 bits. */
const ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789';
const CHARACTERS = 16;

/** A password to be read out and typed in once. */
export function generatePassword(): string {
  return Array.from({ length: CHARACTERS }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}
