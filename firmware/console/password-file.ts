import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { RingdownError, UsageError } from '../core/errors.ts';

/** scrypt parameters (RFC 7914 §2), about a second on the box's processor under emulation. */
const COST = { N: 16384, r: 8, p: 1 } as const;
const KEY_BYTES = 32;
const SALT_BYTES = 16;

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
    const salt = randomBytes(SALT_BYTES);
    const key = await derive(password, salt, COST);
    const line = ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64'), key.toString('base64')].join('$');
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
    const key = await derive(password, stored.salt, stored.cost);
    return timingSafeEqual(key, stored.key);
  }

  #read(): { readonly cost: ScryptOptions; readonly salt: Buffer; readonly key: Buffer } | undefined {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw this.#unreadable(error);
    }
    const [kind, N, r, p, salt, key] = text.trim().split('$');
    const bytes = Buffer.from(key ?? '', 'base64');
    if (kind !== 'scrypt' || salt === undefined || bytes.length !== KEY_BYTES) throw this.#unreadable(undefined);
    return { cost: { N: Number(N), r: Number(r), p: Number(p) }, salt: Buffer.from(salt, 'base64'), key: bytes };
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

function derive(password: string, salt: Buffer, cost: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, KEY_BYTES, { ...cost, maxmem: 64 * 1024 * 1024 }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
