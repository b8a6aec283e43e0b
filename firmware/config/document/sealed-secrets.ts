import { createCipheriv, createDecipheriv, createHmac, scrypt, timingSafeEqual } from 'node:crypto';
import { UsageError } from '../../core/errors.ts';
import { isRecord } from '../schema/tree.ts';
import { checkPassword } from '../secrets/rules.ts';
import type { Secrets } from './carried-secrets.ts';

/*
 * Secrets in an export: AES-256-GCM (NIST SP 800-38D) under a key that scrypt (RFC 7914) makes of a passphrase. The nonce
 * is an HMAC of the plaintext (as in SIV, RFC 5297): the same secrets make the same bytes, and a nonce comes back only
 * with the same plaintext. The layout is in README.md.
 */

const VERSION = 1;

/** Stands for the version above: 32 MiB and about a tenth of a second on a PC, one on the box. */
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 } as const;

const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const MAX_REALM_BYTES = 255;
const LINE_CHARACTERS = 76;

/** Of a passphrase that is tried: what is longer is none that seals. */
const MAX_PASSPHRASE_CHARACTERS = 1024;

export interface OpenedSecrets {
  readonly secrets: Secrets;
  /** To be adopted, so that a box exports what it imported byte for byte. */
  readonly salt: Buffer;
}

/**
 * Base64 in lines of 76 characters. `salt`: the 16 bytes that the box keeps for this. `realm`: the one that the digests
 * were made for. Throws UsageError CONFIG_PASSWORD_INVALID, CONFIG_PASSWORD_WEAK for a bad passphrase.
 */
export async function sealSecrets(
  secrets: Secrets,
  passphrase: string,
  { salt, realm }: { readonly salt: Buffer; readonly realm: string },
): Promise<string> {
  checkPassword(passphrase, {}, false);
  const realmBytes = Buffer.from(realm, 'utf8');
  if (salt.length !== SALT_BYTES || realmBytes.length > MAX_REALM_BYTES) throw new RangeError('salt or realm');
  const sorted = Object.entries(secrets).sort(([a], [b]) => (a < b ? -1 : 1));
  const plaintext = Buffer.from(JSON.stringify(Object.fromEntries(sorted)), 'utf8');
  const header = Buffer.concat([Buffer.from([VERSION]), salt, Buffer.from([realmBytes.length]), realmBytes]);
  const { key, nonceKey } = await deriveKeys(passphrase, salt);
  const nonce = nonceOf(nonceKey, header, plaintext);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(header);
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  const base64 = Buffer.concat([header, nonce, ciphertext, cipher.getAuthTag()]).toString('base64');
  return `${base64.match(new RegExp(`.{1,${LINE_CHARACTERS}}`, 'g'))?.join('\n') ?? ''}\n`;
}

/**
 * What sealSecrets made, on a box of this `realm`. Throws UsageError CONFIG_PASSPHRASE_WRONG, also for what was damaged,
 * cut off or tampered with, which cannot be told apart; CONFIG_SECRETS_OTHER_REALM, CONFIG_DOCUMENT_NEWER.
 */
export async function openSecrets(text: string, passphrase: string, realm: string): Promise<OpenedSecrets> {
  const compact = text.replace(/\s+/g, '');
  const bytes = Buffer.from(compact, 'base64');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(compact) || bytes.length < 1) throw wrong();
  if (bytes[0] !== VERSION) throw newer();
  const headerBytes = 1 + SALT_BYTES + 1 + (bytes[1 + SALT_BYTES] ?? 0);
  if (bytes.length < headerBytes + NONCE_BYTES + TAG_BYTES || passphrase.length > MAX_PASSPHRASE_CHARACTERS) {
    throw wrong();
  }
  const header = bytes.subarray(0, headerBytes);
  const salt = bytes.subarray(1, 1 + SALT_BYTES);
  const madeFor = header.subarray(1 + SALT_BYTES + 1).toString('utf8');
  if (madeFor !== realm) throw otherRealm();
  const nonce = bytes.subarray(headerBytes, headerBytes + NONCE_BYTES);
  const { key, nonceKey } = await deriveKeys(passphrase, salt);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(header).setAuthTag(bytes.subarray(-TAG_BYTES));
  let plaintext: Buffer;
  try {
    plaintext = Buffer.concat([
      decipher.update(bytes.subarray(headerBytes + NONCE_BYTES, -TAG_BYTES)),
      decipher.final(),
    ]);
  } catch (error) {
    throw wrong(error);
  }
  if (!timingSafeEqual(nonce, nonceOf(nonceKey, header, plaintext))) throw wrong();
  const secrets: unknown = JSON.parse(plaintext.toString('utf8'));
  if (!isSecrets(secrets)) throw wrong();
  return { secrets, salt: Buffer.from(salt) };
}

function isSecrets(value: unknown): value is Secrets {
  return isRecord(value) && Object.values(value).every((secret) => typeof secret === 'string');
}

function nonceOf(key: Buffer, header: Buffer, plaintext: Buffer): Buffer {
  return createHmac('sha256', key).update(header).update(plaintext).digest().subarray(0, NONCE_BYTES);
}

function deriveKeys(passphrase: string, salt: Buffer): Promise<{ readonly key: Buffer; readonly nonceKey: Buffer }> {
  return new Promise((resolve, reject) => {
    // The same character may be typed as one code point or as two (RFC 8265 §4.2).
    scrypt(passphrase.normalize('NFC'), salt, 2 * KEY_BYTES, COST, (error, keys) => {
      if (error === null) resolve({ key: keys.subarray(0, KEY_BYTES), nonceKey: keys.subarray(KEY_BYTES) });
      else reject(error);
    });
  });
}

function wrong(cause?: unknown): UsageError {
  return new UsageError(
    'CONFIG_PASSPHRASE_WRONG',
    'the secrets cannot be opened: the passphrase is not that of the export, or the file was changed since',
    'Try another passphrase or another copy of the file, or import it without its secrets.',
    { cause },
  );
}

function newer(): UsageError {
  return new UsageError(
    'CONFIG_DOCUMENT_NEWER',
    `the secrets were sealed by a newer program, or the file was damaged; this one opens version ${VERSION}`,
    'Update this box, or export them again from one of this version.',
  );
}

function otherRealm(): UsageError {
  return new UsageError(
    'CONFIG_SECRETS_OTHER_REALM',
    'the secrets are of a box with another realm, under which SIP passwords are kept: they would fit no phone here',
    'Import the file without its secrets and set the passwords anew, or restore a backup of that box.',
  );
}
