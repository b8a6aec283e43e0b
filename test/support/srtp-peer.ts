/**
 * SRTP by node:crypto alone (RFC 3711, 6188, 7714): another implementation than the worker's, to judge it by. One direction,
 * one source. It checks replay the strict way: no index twice.
 */
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';

interface Lengths {
  readonly key: 16 | 32;
  readonly salt: 12 | 14;
  readonly tag: number;
  readonly rtcpTag: number;
}

const LENGTHS = {
  AES_CM_128_HMAC_SHA1_80: { key: 16, salt: 14, tag: 10, rtcpTag: 10 },
  AES_CM_128_HMAC_SHA1_32: { key: 16, salt: 14, tag: 4, rtcpTag: 10 },
  AES_256_CM_HMAC_SHA1_80: { key: 32, salt: 14, tag: 10, rtcpTag: 10 },
  AES_256_CM_HMAC_SHA1_32: { key: 32, salt: 14, tag: 4, rtcpTag: 10 },
  AEAD_AES_128_GCM: { key: 16, salt: 12, tag: 16, rtcpTag: 16 },
  AEAD_AES_256_GCM: { key: 32, salt: 12, tag: 16, rtcpTag: 16 },
} as const satisfies Readonly<Record<string, Lengths>>;

/** By its name in SDP. */
export type SrtpSuite = keyof typeof LENGTHS;

export interface SessionKeys {
  readonly cipher: Buffer;
  readonly salt: Buffer;
  readonly auth: Buffer;
}

function ctr(key: Buffer, counter: Buffer, bytes: Buffer): Buffer {
  return createCipheriv(key.length === 16 ? 'aes-128-ctr' : 'aes-256-ctr', key, counter).update(bytes);
}

/** RFC 3711 §4.3.1 with a derivation rate of 0; labels 0 to 2 are for RTP, 3 to 5 for RTCP. */
export function deriveKeys(key: Buffer, salt: Buffer, saltBytes: number, rtcp: boolean): SessionKeys {
  const derive = (label: number, bytes: number): Buffer => {
    const counter = Buffer.alloc(16);
    // RFC 7714 §12: the salt of 96 bits is one of 112 with zeros behind it.
    salt.copy(counter);
    counter[7] = (counter[7] ?? 0) ^ label;
    return ctr(key, counter, Buffer.alloc(bytes));
  };
  const first = rtcp ? 3 : 0;
  return { cipher: derive(first, key.length), auth: derive(first + 1, 20), salt: derive(first + 2, saltBytes) };
}

function exclusiveOr(into: Buffer, at: number, bytes: Buffer): Buffer {
  for (const [index, byte] of bytes.entries()) into[at + index] = (into[at + index] ?? 0) ^ byte;
  return into;
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** RFC 3711 §4.1.1: salt, SSRC and index where they belong, 16 bits of block counter. */
function counterOf({ salt }: SessionKeys, ssrc: number, index: number): Buffer {
  const counter = exclusiveOr(Buffer.alloc(16), 0, salt);
  exclusiveOr(counter, 4, word(ssrc));
  const six = Buffer.alloc(6);
  six.writeUIntBE(index, 0, 6);
  return exclusiveOr(counter, 8, six);
}

/** RFC 7714 §8.1; for SRTCP (§9.1) the two zero octets stand before the index instead of the roll-over counter. */
export function nonceOf(
  { salt }: Pick<SessionKeys, 'salt'>,
  ssrc: number,
  high: number,
  low: number,
  rtcp: boolean,
): Buffer {
  const nonce = Buffer.alloc(12);
  word(ssrc).copy(nonce, 2);
  if (rtcp) word(low).copy(nonce, 8);
  else {
    word(high).copy(nonce, 6);
    nonce.writeUInt16BE(low, 10);
  }
  return exclusiveOr(nonce, 0, salt);
}

export function seal(key: Buffer, nonce: Buffer, clear: Buffer, aad: Buffer): Buffer {
  const cipher = createCipheriv(key.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm', key, nonce);
  cipher.setAAD(aad);
  return Buffer.concat([cipher.update(clear), cipher.final(), cipher.getAuthTag()]);
}

/** Undefined when it does not authenticate. */
function open(key: Buffer, nonce: Buffer, sealed: Buffer, aad: Buffer): Buffer | undefined {
  const decipher = createDecipheriv(key.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm', key, nonce);
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(-16));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
  } catch {
    return undefined;
  }
}

const RTP_HEADER_BYTES = 12;
const RTCP_HEADER_BYTES = 8;
const ENCRYPTED_FLAG = 0x80000000;

/** One direction under one master key. RTP has no CSRC and no extension here. */
export class SrtpPeer {
  readonly #lengths: Lengths;
  readonly #rtp: SessionKeys;
  readonly #rtcp: SessionKeys;
  readonly #encryptsRtcp: boolean;
  /** Highest index of RTP so far, roll-over counter included; -1 before the first. */
  highest = -1;
  rtcpIndex = 0;
  readonly #seen = new Set<number>();

  constructor(suite: SrtpSuite, master: string, { unencryptedSrtcp = false } = {}) {
    this.#lengths = LENGTHS[suite];
    const { key, salt } = this.#lengths;
    const bytes = Buffer.from(master, 'base64');
    this.#rtp = deriveKeys(bytes.subarray(0, key), bytes.subarray(key), salt, false);
    this.#rtcp = deriveKeys(bytes.subarray(0, key), bytes.subarray(key), salt, true);
    this.#encryptsRtcp = !unencryptedSrtcp;
  }

  get #aead(): boolean {
    return this.#lengths.salt === 12;
  }

  /** RFC 3711 §3.3.1 */
  #indexOf(sequenceNumber: number): number {
    if (this.highest < 0) return sequenceNumber;
    const rollover = Math.floor(this.highest / 65536);
    const distance = sequenceNumber - (this.highest % 65536);
    const guess = distance > 32768 ? rollover - 1 : distance < -32768 ? rollover + 1 : rollover;
    return Math.max(0, guess) * 65536 + sequenceNumber;
  }

  #tag(keys: SessionKeys, bytes: Buffer, behind: Buffer, length: number): Buffer {
    return createHmac('sha1', keys.auth).update(bytes).update(behind).digest().subarray(0, length);
  }

  protect(packet: Buffer): Buffer {
    const index = this.#indexOf(packet.readUInt16BE(2));
    this.highest = Math.max(this.highest, index);
    const header = packet.subarray(0, RTP_HEADER_BYTES);
    const clear = packet.subarray(RTP_HEADER_BYTES);
    const ssrc = packet.readUInt32BE(8);
    const rollover = Math.floor(index / 65536);
    if (this.#aead) {
      return Buffer.concat([
        header,
        seal(this.#rtp.cipher, nonceOf(this.#rtp, ssrc, rollover, index % 65536, false), clear, header),
      ]);
    }
    const bytes = Buffer.concat([header, ctr(this.#rtp.cipher, counterOf(this.#rtp, ssrc, index), clear)]);
    return Buffer.concat([bytes, this.#tag(this.#rtp, bytes, word(rollover), this.#lengths.tag)]);
  }

  /** Undefined for what does not authenticate, or was there before. */
  unprotect(packet: Buffer): Buffer | undefined {
    if (packet.length < RTP_HEADER_BYTES + this.#lengths.tag) return undefined;
    const index = this.#indexOf(packet.readUInt16BE(2));
    if (this.#seen.has(index)) return undefined;
    const clear = this.#open(packet, index);
    if (clear === undefined) return undefined;
    this.#seen.add(index);
    this.highest = Math.max(this.highest, index);
    return clear;
  }

  #open(packet: Buffer, index: number): Buffer | undefined {
    const header = packet.subarray(0, RTP_HEADER_BYTES);
    const ssrc = packet.readUInt32BE(8);
    const rollover = Math.floor(index / 65536);
    if (this.#aead) {
      const nonce = nonceOf(this.#rtp, ssrc, rollover, index % 65536, false);
      const clear = open(this.#rtp.cipher, nonce, packet.subarray(RTP_HEADER_BYTES), header);
      return clear === undefined ? undefined : Buffer.concat([header, clear]);
    }
    const end = packet.length - this.#lengths.tag;
    const tag = this.#tag(this.#rtp, packet.subarray(0, end), word(rollover), this.#lengths.tag);
    if (!timingSafeEqual(tag, packet.subarray(end))) return undefined;
    const clear = ctr(this.#rtp.cipher, counterOf(this.#rtp, ssrc, index), packet.subarray(RTP_HEADER_BYTES, end));
    return Buffer.concat([header, clear]);
  }

  protectRtcp(packet: Buffer): Buffer {
    this.rtcpIndex += 1;
    const header = packet.subarray(0, RTCP_HEADER_BYTES);
    const ssrc = packet.readUInt32BE(4);
    const trailer = word(this.#encryptsRtcp ? ENCRYPTED_FLAG + this.rtcpIndex : this.rtcpIndex);
    if (this.#aead) {
      const nonce = nonceOf(this.#rtcp, ssrc, 0, this.rtcpIndex, true);
      // RFC 7714 §9.3: what is not encrypted is authenticated as associated data, header and trailer always.
      if (!this.#encryptsRtcp) {
        return Buffer.concat([
          packet,
          seal(this.#rtcp.cipher, nonce, Buffer.alloc(0), Buffer.concat([packet, trailer])),
          trailer,
        ]);
      }
      const sealed = seal(
        this.#rtcp.cipher,
        nonce,
        packet.subarray(RTCP_HEADER_BYTES),
        Buffer.concat([header, trailer]),
      );
      return Buffer.concat([header, sealed, trailer]);
    }
    const counter = counterOf(this.#rtcp, ssrc, this.rtcpIndex);
    const body = packet.subarray(RTCP_HEADER_BYTES);
    const bytes = Buffer.concat([header, this.#encryptsRtcp ? ctr(this.#rtcp.cipher, counter, body) : body, trailer]);
    return Buffer.concat([bytes, this.#tag(this.#rtcp, bytes, Buffer.alloc(0), this.#lengths.rtcpTag)]);
  }

  /** Undefined for what does not authenticate, is not encrypted as it should be, or has an index that was there before. */
  unprotectRtcp(packet: Buffer): Buffer | undefined {
    const { rtcpTag } = this.#lengths;
    if (packet.length < RTCP_HEADER_BYTES + 4 + rtcpTag) return undefined;
    const trailerAt = packet.length - 4 - (this.#aead ? 0 : rtcpTag);
    const trailer = packet.subarray(trailerAt, trailerAt + 4);
    const encrypted = trailer.readUInt32BE() >= ENCRYPTED_FLAG;
    const index = trailer.readUInt32BE() % ENCRYPTED_FLAG;
    if (encrypted !== this.#encryptsRtcp || index <= this.rtcpIndex) return undefined;
    const clear = this.#openRtcp(packet, trailerAt, index);
    if (clear !== undefined) this.rtcpIndex = index;
    return clear;
  }

  #openRtcp(packet: Buffer, trailerAt: number, index: number): Buffer | undefined {
    const header = packet.subarray(0, RTCP_HEADER_BYTES);
    const trailer = packet.subarray(trailerAt, trailerAt + 4);
    const body = packet.subarray(RTCP_HEADER_BYTES, trailerAt);
    const ssrc = packet.readUInt32BE(4);
    if (this.#aead) {
      const nonce = nonceOf(this.#rtcp, ssrc, 0, index, true);
      if (this.#encryptsRtcp) {
        const clear = open(this.#rtcp.cipher, nonce, body, Buffer.concat([header, trailer]));
        return clear === undefined ? undefined : Buffer.concat([header, clear]);
      }
      const plain = packet.subarray(0, trailerAt - 16);
      const sealed = packet.subarray(trailerAt - 16, trailerAt);
      return open(this.#rtcp.cipher, nonce, sealed, Buffer.concat([plain, trailer])) === undefined ? undefined : plain;
    }
    const tag = this.#tag(this.#rtcp, packet.subarray(0, trailerAt + 4), Buffer.alloc(0), this.#lengths.rtcpTag);
    if (!timingSafeEqual(tag, packet.subarray(trailerAt + 4))) return undefined;
    if (!this.#encryptsRtcp) return packet.subarray(0, trailerAt);
    return Buffer.concat([header, ctr(this.#rtcp.cipher, counterOf(this.#rtcp, ssrc, index), body)]);
  }
}

/** Base64 of as many bytes as the suite's master key and salt have; the same for the same seed. */
export function masterKey(suite: SrtpSuite, seed: number): string {
  const { key, salt } = LENGTHS[suite];
  return Buffer.from(Array.from({ length: key + salt }, (_, index) => (seed * 37 + index * 11) & 0xff)).toString(
    'base64',
  );
}
