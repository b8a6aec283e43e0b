import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeDurably } from '../config/durable-files.ts';
import { checkPassword, MAX_PASSWORD_CHARACTERS } from '../config/secrets/rules.ts';
import { type HashedPassword, hashPassword, isPassword, readHashedPassword } from '../config/secrets/scrypt.ts';
import { RingdownError } from '../core/errors.ts';

/** The one account: the console is for whoever holds the serial cable and the password. */
export const ACCOUNT = 'admin';

/** A character has two UTF-16 units at most. */
const MAX_PASSWORD_UNITS = 2 * MAX_PASSWORD_CHARACTERS;

/**
 * The maintenance password of the serial console, kept as `scrypt$N$r$p$salt$key` in a file of its own, so that the
 * console lets the technician in also when the configuration database does not open.
 */
export class PasswordFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Whether a password was ever set. Throws CONSOLE_PASSWORD_UNREADABLE when that cannot be told: never lets in. */
  isSet(): boolean {
    return this.#read() !== undefined;
  }

  /**
   * Sets the password; a power cut leaves the old one or the new one. Throws UsageError CONFIG_PASSWORD_INVALID,
   * CONFIG_PASSWORD_WEAK.
   */
  async set(password: string): Promise<void> {
    checkPassword(password, { name: ACCOUNT }, false);
    const line = await hashPassword(password);
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    writeDurably(this.#path, `${line}\n`);
  }

  /** Whether `password` is the one set; false while none is set. */
  async verify(password: string): Promise<boolean> {
    const stored = this.#read();
    if (stored === undefined || password.length > MAX_PASSWORD_UNITS) return false;
    return isPassword(password, stored);
  }

  #read(): HashedPassword | undefined {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw this.#unreadable(error);
    }
    const stored = readHashedPassword(text.trim());
    if (stored === undefined) throw this.#unreadable(undefined);
    return stored;
  }

  #unreadable(cause: unknown): RingdownError {
    return new RingdownError(
      'CONSOLE_PASSWORD_UNREADABLE',
      `The password file ${this.#path} cannot be read`,
      'Check the data partition; erasing the box sets a new password at the next login.',
      { cause },
    );
  }
}

/** The password file within a data directory. */
export function passwordFileIn(dataDirectory: string): PasswordFile {
  return new PasswordFile(join(dataDirectory, 'password'));
}
