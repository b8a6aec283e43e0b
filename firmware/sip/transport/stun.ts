import { isIPv4, isIPv6 } from 'node:net';
import { crc32 } from 'node:zlib';

/** RFC 8489 §5: every message has it, and no SIP message begins as one of STUN does. */
const MAGIC_COOKIE = 0x2112a442;
const HEADER_BYTES = 20;
/** A keep-alive has no attributes, one of another usage a few. */
export const MAX_STUN_BYTES = 548;

const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const BINDING_ERROR = 0x0111;

const ERROR_CODE = 0x0009;
const UNKNOWN_ATTRIBUTES = 0x000a;
const XOR_MAPPED_ADDRESS = 0x0020;
const FINGERPRINT = 0x8028;
const FINGERPRINT_XOR = 0x5354554e;
/** Below this an attribute must be understood (RFC 8489 §14). */
const FIRST_OPTIONAL = 0x8000;
/**
 * Understood, though the keep-alive usage (RFC 5626 §8) makes no use of them: MAPPED-ADDRESS, USERNAME, both
 * MESSAGE-INTEGRITYs, REALM, NONCE, PASSWORD-ALGORITHM, USERHASH.
 */
const UNDERSTOOD = new Set([0x0001, 0x0006, 0x0008, 0x0014, 0x0015, 0x001c, 0x001d, 0x001e]);

export interface StunAttribute {
  readonly type: number;
  readonly value: Buffer;
}

export interface StunMessage {
  readonly type: number;
  /** 12 bytes. */
  readonly transactionId: Buffer;
  /** In their order, without FINGERPRINT. */
  readonly attributes: readonly StunAttribute[];
  readonly hasFingerprint: boolean;
}

/** Whether a datagram is STUN and not SIP: the two first bits are zero, and the cookie stands in its place. */
export function isStun(bytes: Buffer): boolean {
  return bytes.length >= HEADER_BYTES && (bytes[0] ?? 255) < 0x40 && bytes.readUInt32BE(4) === MAGIC_COOKIE;
}

/** Undefined for what does not follow RFC 8489 §5 and §14, or whose FINGERPRINT is wrong. */
export function parseStun(bytes: Buffer): StunMessage | undefined {
  if (!isStun(bytes) || bytes.length > MAX_STUN_BYTES || bytes.length % 4 !== 0) return undefined;
  if (bytes.readUInt16BE(2) !== bytes.length - HEADER_BYTES) return undefined;
  const attributes: StunAttribute[] = [];
  let at = HEADER_BYTES;
  let hasFingerprint = false;
  while (at < bytes.length) {
    // The length is a multiple of four, and so is every step.
    const type = bytes.readUInt16BE(at);
    const length = bytes.readUInt16BE(at + 2);
    const end = at + 4 + length;
    if (end > bytes.length) return undefined;
    if (type === FINGERPRINT) {
      // §14.7: the last one.
      if (length !== 4 || end !== bytes.length) return undefined;
      if (bytes.readUInt32BE(at + 4) !== fingerprint(bytes.subarray(0, at))) return undefined;
      hasFingerprint = true;
    } else {
      attributes.push({ type, value: bytes.subarray(at + 4, end) });
    }
    at = padded(end);
  }
  return { type: bytes.readUInt16BE(0), transactionId: bytes.subarray(8, HEADER_BYTES), attributes, hasFingerprint };
}

/** The bytes of a message, with FINGERPRINT where it says so. */
export function serializeStun(message: StunMessage): Buffer {
  const { type, transactionId, attributes, hasFingerprint } = message;
  let size = HEADER_BYTES + (hasFingerprint ? 8 : 0);
  for (const { value } of attributes) size += 4 + padded(value.length);
  const bytes = Buffer.alloc(size);
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(size - HEADER_BYTES, 2);
  bytes.writeUInt32BE(MAGIC_COOKIE, 4);
  transactionId.copy(bytes, 8);
  let at = HEADER_BYTES;
  for (const attribute of attributes) {
    bytes.writeUInt16BE(attribute.type, at);
    bytes.writeUInt16BE(attribute.value.length, at + 2);
    attribute.value.copy(bytes, at + 4);
    at += 4 + padded(attribute.value.length);
  }
  if (hasFingerprint) {
    bytes.writeUInt16BE(FINGERPRINT, at);
    bytes.writeUInt16BE(4, at + 2);
    bytes.writeUInt32BE(fingerprint(bytes.subarray(0, at)), at + 4);
  }
  return bytes;
}

/**
 * What a datagram that `isStun` gets from us, as the server of RFC 5626 §8; undefined for what gets none: only a well
 * formed Binding request has an answer, little longer than itself, so that forged senders gain nothing by us.
 */
export function answerStun(bytes: Buffer, remoteAddress: string, remotePort: number): Buffer | undefined {
  const request = parseStun(bytes);
  if (request === undefined || request.type !== BINDING_REQUEST) return undefined;
  const { transactionId, hasFingerprint, attributes } = request;
  const unknown = attributes.filter(({ type }) => type < FIRST_OPTIONAL && !UNDERSTOOD.has(type));
  if (unknown.length > 0) {
    // §6.3.1: 420, and which they were. Each took more bytes than it takes here.
    const types = Buffer.alloc(2 * unknown.length);
    unknown.forEach(({ type }, index) => {
      types.writeUInt16BE(type, 2 * index);
    });
    const error = Buffer.from([0, 0, 4, 20, ...Buffer.from('Unknown')]);
    return serializeStun({
      type: BINDING_ERROR,
      transactionId,
      attributes: [
        { type: ERROR_CODE, value: error },
        { type: UNKNOWN_ATTRIBUTES, value: types },
      ],
      hasFingerprint,
    });
  }
  const value = xorMappedAddress(remoteAddress, remotePort, transactionId);
  if (value === undefined) return undefined;
  const success = { type: BINDING_SUCCESS, transactionId, attributes: [{ type: XOR_MAPPED_ADDRESS, value }] };
  return serializeStun({ ...success, hasFingerprint });
}

/** A Binding request of ours: `transactionId` has 12 bytes. */
export function bindingRequest(transactionId: Buffer): Buffer {
  return serializeStun({ type: BINDING_REQUEST, transactionId, attributes: [], hasFingerprint: false });
}

/** The transaction id in hexadecimal where the datagram is a response to a Binding request, else undefined. */
export function isStunResponse(bytes: Buffer): string | undefined {
  const type = bytes.readUInt16BE(0);
  if (type !== BINDING_SUCCESS && type !== BINDING_ERROR) return undefined;
  // An error says as well as success that the peer is there.
  return parseStun(bytes)?.transactionId.toString('hex');
}

/** The value of XOR-MAPPED-ADDRESS (RFC 8489 §14.2); undefined for what is no IP address. */
export function xorMappedAddress(address: string, port: number, transactionId: Buffer): Buffer | undefined {
  const raw = addressBytes(address.replace(/%.*$/, ''));
  if (raw === undefined) return undefined;
  const mask = Buffer.alloc(16);
  mask.writeUInt32BE(MAGIC_COOKIE, 0);
  transactionId.copy(mask, 4);
  const value = Buffer.alloc(4 + raw.length);
  value[1] = raw.length === 4 ? 1 : 2;
  value.writeUInt16BE(port ^ (MAGIC_COOKIE >>> 16), 2);
  raw.forEach((byte, index) => {
    value[4 + index] = byte ^ (mask[index] ?? 0);
  });
  return value;
}

function addressBytes(address: string): Buffer | undefined {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  if (!isIPv6(address)) return undefined;
  const [head = '', tail] = address.split('::');
  const first = groups(head);
  const last = tail === undefined ? [] : groups(tail);
  return Buffer.from([...first, ...Array.from({ length: 16 - first.length - last.length }, () => 0), ...last]);
}

/** The bytes of a part of an IPv6 address, which may end in dotted form. */
function groups(text: string): readonly number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

function fingerprint(bytes: Buffer): number {
  return (crc32(bytes) ^ FINGERPRINT_XOR) >>> 0;
}

/** Attributes begin at multiples of four. */
function padded(length: number): number {
  return (length + 3) & ~3;
}
