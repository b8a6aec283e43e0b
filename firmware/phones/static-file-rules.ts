import { X509Certificate } from 'node:crypto';
import { UsageError } from '../core/errors.ts';
import { lintSettings } from './language/lint.ts';
import { readSettings } from './language/reader.ts';
import type { Warning } from './language/warning.ts';

/** The files that every phone of a kind asks for. */
export const STATIC_FILE_NAMES = [
  '46xxsettings.txt',
  '46xxspecials.txt',
  '46xxBranchsettings.txt',
  'J100Supgrade.txt',
  'K1xxSupgrade.txt',
  '96x1Supgrade.txt',
  '46xxupgrade.txt',
  'WebRootCA.pem',
] as const;

/** What GET reaches with $MACADDR or $MACADDR_UPPER, for one phone alone. */
const MAC_NAME = /^[0-9a-fA-F]{12}\.(?:txt|xml|cfg)$/;

/** One file. A phone reads its own within seconds; no real one is a tenth of this. */
export const MAX_STATIC_FILE_BYTES = 1_048_576;

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
const MAX_CERTIFICATES = 32;

export function isStaticFileName(name: string): boolean {
  return MAC_NAME.test(name) || STATIC_FILE_NAMES.some((known) => known === name);
}

/** Throws UsageError PHONES_FILE_NAME. */
export function checkStaticFileName(name: string): void {
  if (isStaticFileName(name)) return;
  throw new UsageError(
    'PHONES_FILE_NAME',
    `${JSON.stringify(name.slice(0, 80))} is no name that a phone asks for`,
    `Give one of ${STATIC_FILE_NAMES.join(', ')}, or the MAC address of a phone with .txt, .xml or .cfg.`,
  );
}

/**
 * Whether a phone could read this under that name. Bytes above 0x7f are let through as they are: files of the field have
 * them. Throws UsageError PHONES_FILE_TOO_LARGE, PHONES_FILE_EMPTY, PHONES_FILE_BINARY, PHONES_FILE_PRIVATE_KEY,
 * PHONES_FILE_NO_CERTIFICATE.
 */
export function checkStaticFile(name: string, content: Buffer): void {
  if (content.length > MAX_STATIC_FILE_BYTES) {
    throw new UsageError(
      'PHONES_FILE_TOO_LARGE',
      `${name} would have ${content.length} bytes, and ${MAX_STATIC_FILE_BYTES} is the most`,
      'Give a settings file, not another kind of file.',
    );
  }
  if (content.length === 0) {
    throw new UsageError('PHONES_FILE_EMPTY', `${name} would be empty`, 'Delete the file to have the generated one.');
  }
  if (content.some(isControlByte)) {
    throw new UsageError(
      'PHONES_FILE_BINARY',
      `${name} would have bytes in it that no text has`,
      'Give a text file in ASCII or UTF-8.',
    );
  }
  const text = content.toString('latin1');
  if (/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(text)) {
    throw new UsageError(
      'PHONES_FILE_PRIVATE_KEY',
      `${name} would have a private key in it, and everybody may read these files`,
      'Take the key out of it.',
    );
  }
  if (name.endsWith('.pem')) checkCertificates(name, text);
}

/** All but tab, line feed, form feed and carriage return. */
function isControlByte(byte: number): boolean {
  return (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0c && byte !== 0x0d) || byte === 0x7f;
}

function checkCertificates(name: string, text: string): void {
  const certificates = text.match(CERTIFICATE) ?? [];
  try {
    if (certificates.length === 0 || certificates.length > MAX_CERTIFICATES) throw new Error('none, or too many');
    for (const certificate of certificates) new X509Certificate(certificate);
  } catch (error) {
    throw new UsageError(
      'PHONES_FILE_NO_CERTIFICATE',
      `${name} is to hold 1 to ${MAX_CERTIFICATES} certificates in PEM, and does not`,
      'Give the certificates of the authorities that phones are to trust, each from BEGIN to END.',
      { cause: error },
    );
  }
}

/** What a phone would pass over or trip on in a file that can be read, and what nobody should put there. */
export function staticFileWarnings(name: string, content: Buffer): readonly Warning[] {
  return name.endsWith('.txt') ? lintSettings(readSettings(content), { file: name }) : [];
}
