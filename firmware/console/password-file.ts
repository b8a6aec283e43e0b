import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type HashedPassword, hashPassword, isPassword, readHashedPassword } from '../config/secrets/scrypt.ts';
import { RingdownError, UsageError } from '../core/errors.ts';

export const MIN_PASSWORD_LENGTH = 9;
export const MAX_PASSWORD_LENGTH = 128;

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
   * Sets the password: written beside, synced, renamed, so that a power cut leaves the old one or the new one.
   * Throws CONSOLE_PASSWORD_WEAK for one that is shorter than 9 or longer than 128 characters.
   */
  async set(password: string): Promise<void> {
    if (password.length < MIN_PASSWORD_LENGTH || password.length > MAX_PASSWORD_LENGTH) {
      throw new UsageError(
        'CONSOLE_PASSWORD_WEAK',
        `The password has ${password.length} characters`,
        `Choose one of ${MIN_PASSWORD_LENGTH} to ${MAX_PASSWORD_LENGTH} characters.`,
      );
    }
    const line = await hashPassword(password);
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    const temporary = `${this.#path}.new`;
    const file = openSync(temporary, 'w', 0o600);
    try {
      writeSync(file, `${line}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, this.#path);
    const directory = openSync(dirname(this.#path), 'r');
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
  }

  /** Whether `password` is the one set; false while none is set. */
  async verify(password: string): Promise<boolean> {
    const stored = this.#read();
    if (stored === undefined || password.length > MAX_PASSWORD_LENGTH) return false;
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
