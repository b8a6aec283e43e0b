import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';

/** The suites whose master keys the box knows the length of: RFC 4568 §6.2, RFC 6188, RFC 7714. */
export type SrtpSuite =
  | 'AES_CM_128_HMAC_SHA1_80'
  | 'AES_CM_128_HMAC_SHA1_32'
  | 'F8_128_HMAC_SHA1_80'
  | 'AES_192_CM_HMAC_SHA1_80'
  | 'AES_192_CM_HMAC_SHA1_32'
  | 'AES_256_CM_HMAC_SHA1_80'
  | 'AES_256_CM_HMAC_SHA1_32'
  | 'AEAD_AES_128_GCM'
  | 'AEAD_AES_256_GCM';

/** Bytes of master key and master salt together. */
const KEY_BYTES: Readonly<Record<SrtpSuite, number>> = {
  AES_CM_128_HMAC_SHA1_80: 16 + 14,
  AES_CM_128_HMAC_SHA1_32: 16 + 14,
  F8_128_HMAC_SHA1_80: 16 + 14,
  AES_192_CM_HMAC_SHA1_80: 24 + 14,
  AES_192_CM_HMAC_SHA1_32: 24 + 14,
  AES_256_CM_HMAC_SHA1_80: 32 + 14,
  AES_256_CM_HMAC_SHA1_32: 32 + 14,
  AEAD_AES_128_GCM: 16 + 12,
  AEAD_AES_256_GCM: 32 + 12,
};

/** Master key and salt as base64. Shows itself in no log: only `reveal` tells it. */
export class MasterKey {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  /** Undefined for what is no base64 of exactly the length that the suite needs. */
  static read(text: string, suite: SrtpSuite): MasterKey | undefined {
    const bytes = Buffer.from(text, 'base64');
    // RFC 4568 §6.1: padding belongs to it; some phones leave it out.
    const padded = bytes.toString('base64');
    const isWhole = text === padded || text === padded.replace(/=+$/, '');
    return isWhole && bytes.length === KEY_BYTES[suite] ? new MasterKey(padded) : undefined;
  }

  /** Fresh, from the system's own randomness (RFC 4568 §6.1: unique for each stream and direction). */
  static random(suite: SrtpSuite): MasterKey {
    return new MasterKey(randomBytes(KEY_BYTES[suite]).toString('base64'));
  }

  /** Base64 of key and salt, for SDP and for the media worker alone. */
  reveal(): string {
    return this.#text;
  }

  toJSON(): string {
    return '(key)';
  }

  [inspect.custom](): string {
    return '(key)';
  }
}

/** One a=crypto line (RFC 4568 §4) that the box can follow. */
export interface Crypto {
  /** Decimal, 1 to 9 digits. */
  readonly tag: number;
  readonly suite: SrtpSuite;
  readonly key: MasterKey;
  /** Packets after which the key is used up, as a power of two or as a number; undefined: the suite's most. */
  readonly lifetimePackets?: number;
  /** Every packet names its key (RFC 3711 §3.1). */
  readonly mki?: { readonly value: number; readonly bytes: number };
  /** SRTCP is authenticated, and not encrypted. */
  readonly unencryptedSrtcp: boolean;
}

/** What a media worker can do of SRTP. */
export interface CryptoAbilities {
  /** In our order of preference. Empty: no SRTP at all. */
  readonly suites: readonly SrtpSuite[];
  /** Takes packets with a master key identifier. */
  readonly mki: boolean;
}

/** RFC 4568 §6.1: beyond it the packet index of any suite would wrap. */
const MAX_LIFETIME_PACKETS = 2 ** 48;
const MAX_LINES = 16;
const LINE = /^([1-9][0-9]{0,8}|0) +([A-Za-z0-9_]{1,64}) +([^ ]{1,512})(?: +(.{0,512}))?$/;

/**
 * Reads the value of a=crypto. Undefined where the box cannot follow it: another suite, several keys, a key of a wrong
 * length, a session parameter that it does not know (RFC 4568 §6.3.7) or that takes the security away.
 */
export function readCrypto(value: string): Crypto | undefined {
  const [, tag, suiteName = '', keyParameters = '', sessionParameters = ''] = LINE.exec(value) ?? [];
  if (tag === undefined || !isSuite(suiteName)) return undefined;
  const unencryptedSrtcp = readSessionParameters(sessionParameters);
  const key = readKey(keyParameters, suiteName);
  if (key === undefined || unencryptedSrtcp === undefined) return undefined;
  return { tag: Number(tag), suite: suiteName, ...key, unencryptedSrtcp };
}

/** The first of these lines that the box can follow: the peer's order decides (RFC 4568 §5.1.2). */
export function chooseCrypto(values: readonly string[], abilities: CryptoAbilities): Crypto | undefined {
  for (const value of values.slice(0, MAX_LINES)) {
    const crypto = readCrypto(value);
    if (crypto === undefined || !abilities.suites.includes(crypto.suite)) continue;
    if (crypto.mki === undefined || abilities.mki) return crypto;
  }
  return undefined;
}

/** Lines of an offer of ours with fresh keys, tagged from 1. */
export function makeCryptos(
  wanted: readonly { readonly suite: SrtpSuite; readonly unencryptedSrtcp: boolean }[],
): readonly Crypto[] {
  return wanted.map(({ suite, unencryptedSrtcp }, index) => ({
    tag: index + 1,
    suite,
    key: MasterKey.random(suite),
    unencryptedSrtcp,
  }));
}

/** Our line in answer to `theirs`: its tag, suite and negotiated parameters (RFC 4568 §5.1.2), and a fresh key of ours. */
export function answerCrypto(theirs: Crypto): Crypto {
  const { tag, suite, unencryptedSrtcp } = theirs;
  return { tag, suite, key: MasterKey.random(suite), unencryptedSrtcp };
}

/** The value of a=crypto. */
export function formatCrypto({ tag, suite, key, unencryptedSrtcp }: Crypto): string {
  return `${tag} ${suite} inline:${key.reveal()}${unencryptedSrtcp ? ' UNENCRYPTED_SRTCP' : ''}`;
}

function isSuite(name: string): name is SrtpSuite {
  return Object.hasOwn(KEY_BYTES, name);
}

/** `inline:KEY[|LIFETIME][|MKI:LENGTH]` (RFC 4568 §6.1); several of them would need the MKI to tell them apart. */
function readKey(text: string, suite: SrtpSuite): Pick<Crypto, 'key' | 'lifetimePackets' | 'mki'> | undefined {
  const match = /^inline:([A-Za-z0-9+/=]+)(?:\|(2\^[0-9]{1,2}|[0-9]{1,15}))?(?:\|([0-9]{1,9}):([0-9]{1,3}))?$/i.exec(
    text,
  );
  const [, keyText, lifetime, mkiValue, mkiBytes] = match ?? [];
  const key = keyText === undefined ? undefined : MasterKey.read(keyText, suite);
  if (key === undefined) return undefined;
  const packets = lifetime === undefined ? undefined : readLifetime(lifetime);
  if (packets !== undefined && (packets < 1 || packets > MAX_LIFETIME_PACKETS)) return undefined;
  const bytes = Number(mkiBytes ?? 0);
  if (mkiBytes !== undefined && (bytes < 1 || bytes > 128)) return undefined;
  return {
    key,
    ...(packets === undefined ? {} : { lifetimePackets: packets }),
    ...(mkiValue === undefined ? {} : { mki: { value: Number(mkiValue), bytes } }),
  };
}

function readLifetime(text: string): number {
  return text.startsWith('2^') ? 2 ** Number(text.slice(2)) : Number(text);
}

/** Whether SRTCP goes unencrypted; undefined where a parameter cannot be followed. */
function readSessionParameters(text: string): boolean | undefined {
  let unencryptedSrtcp = false;
  for (const parameter of text.split(/ +/).filter((each) => each !== '')) {
    if (parameter === 'UNENCRYPTED_SRTCP') unencryptedSrtcp = true;
    // RFC 4568 §6.3: a derivation rate of 0 is the default, a window is a hint, and what begins with - may be ignored.
    else if (parameter !== 'KDR=0' && !/^(?:WSH=[0-9]{2,9}|-.*)$/.test(parameter)) return undefined;
  }
  return unencryptedSrtcp;
}
