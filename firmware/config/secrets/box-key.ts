import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RingdownError } from '../../core/errors.ts';
import { createDurably } from '../durable-files.ts';

/*
 * Secrets that the box must be able to say again are encrypted under a key that lies beside the database and never leaves
 * the box: neither an export nor a backup can be read without it. `sealed$` and base64 of nonce, tag and ciphertext
 * (AES-256-GCM, NIST SP 800-38D); the path is authenticated with it, so that a sealed secret cannot be moved elsewhere.
 */

const FILE_NAME = 'box.key';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export class BoxKey {
  readonly #key: Buffer;

  private constructor(key: Buffer) {
    this.#key = key;
  }

  /** The key in a data directory, made (mode 0600) where there is none. Throws CONFIG_BOX_KEY_UNREADABLE. */
  static open(directory: string): BoxKey {
    const file = join(directory, FILE_NAME);
    try {
      return new BoxKey(readKey(file) ?? makeKey(file));
    } catch (error) {
      if (error instanceof RingdownError) throw error;
      throw unreadable(file, error);
    }
  }

  seal(path: string, text: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(Buffer.from(path));
    const ciphertext = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return `sealed$${Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]).toString('base64')}`;
  }

  /** Undefined for what this box did not seal for this path, say after a restore from another box. */
  open(path: string, sealed: string): string | undefined {
    const bytes = Buffer.from(sealed.replace(/^sealed\$/, ''), 'base64');
    if (!sealed.startsWith('sealed$') || bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
    const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, NONCE_BYTES))
      .setAAD(Buffer.from(path))
      .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    try {
      const text = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
      return text.toString('utf8');
    } catch {
      return undefined;
    }
  }
}

function readKey(file: string): Buffer | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== KEY_BYTES) throw unreadable(file, undefined);
  return key;
}

/** Of several programs that make one at once all get that of the first: what another key sealed could never be opened. */
function makeKey(file: string): Buffer {
  const key = randomBytes(KEY_BYTES);
  return createDurably(file, `${key.toString('base64')}\n`) ? key : (readKey(file) ?? makeKey(file));
}

function unreadable(file: string, cause: unknown): RingdownError {
  return new RingdownError(
    'CONFIG_BOX_KEY_UNREADABLE',
    `the key of this box, ${file}, cannot be read or made`,
    'Check the data directory. If the key is lost, remove the file and set the passwords of lines anew.',
    { cause },
  );
}
