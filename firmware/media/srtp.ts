/** SRTP of a leg, as offer and answer agreed on it (RFC 4568). */
import { isRecord } from './protocol-values.ts';

/** Bytes of master key and salt together, in the order of `enum crypto_suite` in native/rtp/srtp.h. */
const SUITES = {
  /** RFC 4568 §6.2 */
  AES_CM_128_HMAC_SHA1_80: 16 + 14,
  AES_CM_128_HMAC_SHA1_32: 16 + 14,
  /** RFC 6188 */
  AES_256_CM_HMAC_SHA1_80: 32 + 14,
  AES_256_CM_HMAC_SHA1_32: 32 + 14,
  /** RFC 7714 */
  AEAD_AES_128_GCM: 16 + 12,
  AEAD_AES_256_GCM: 32 + 12,
} as const;

export type SrtpSuite = keyof typeof SUITES;

/** Every suite that the worker knows. */
export const SRTP_SUITES = Object.keys(SUITES) as readonly SrtpSuite[];

/** Both directions have one suite and each a key of its own. The keys are for no log. */
export interface SrtpParameters {
  readonly suite: SrtpSuite;
  /** Base64 of master key and salt: what the remote protects its packets with. */
  readonly receiveKey: string;
  /** The same for ours. */
  readonly sendKey: string;
  /** SRTCP is authenticated and not encrypted (UNENCRYPTED_SRTCP, RFC 4568 §6.3.2). Absent: no. */
  readonly unencryptedSrtcp?: boolean;
}

/** `enum crypto_suite` in native/rtp/srtp.h. */
export function suiteNumber(suite: SrtpSuite): number {
  return SRTP_SUITES.indexOf(suite);
}

/** Why these cannot be used, without telling a key; undefined when they can. */
export function faultOfSrtp(value: unknown): string | undefined {
  if (!isRecord(value)) return 'srtp is no object';
  const { suite: name, receiveKey, sendKey, unencryptedSrtcp } = value;
  const suite = SRTP_SUITES.find((known) => known === name);
  if (suite === undefined) return 'srtp.suite is unknown';
  if (!isKey(receiveKey, SUITES[suite])) return `srtp.receiveKey is no base64 of ${SUITES[suite]} bytes`;
  if (!isKey(sendKey, SUITES[suite])) return `srtp.sendKey is no base64 of ${SUITES[suite]} bytes`;
  if (unencryptedSrtcp !== undefined && typeof unencryptedSrtcp !== 'boolean')
    return 'srtp.unencryptedSrtcp is no boolean';
  return undefined;
}

function isKey(value: unknown, bytes: number): boolean {
  if (typeof value !== 'string' || value.length > 64 || !/^[A-Za-z0-9+/]+=*$/.test(value)) return false;
  // Decoded it would lie in a buffer that others share, and that nobody clears.
  return Buffer.byteLength(value, 'base64') === bytes;
}
