import { isIPv6 } from 'node:net';

/*
 * Capture files as libpcap writes them: each message in a packet of its own, under headers of IP and of UDP or TCP that
 * say between whom it went. Over TLS and WebSocket there stands what was inside, so that it can be read.
 */

/** A message to be written. */
export interface CapturedMessage {
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;
  readonly isDatagram: boolean;
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly bytes: Buffer;
}

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

type Addresses = readonly [source: Buffer, destination: Buffer];

const MAGIC = 0xa1b2c3d4;
/** Packets begin with their IP header, of version 4 or 6. */
const LINKTYPE_RAW = 101;
/** Of IPv4, and of what IPv6 carries. */
const MAX_PACKET_BYTES = 65_535;
const MAX_CAPTURED_BYTES = 262_144;
const PACKET_HEADER_BYTES = 16;
const IPV4_BYTES = 20;
const IPV6_BYTES = 40;
const UDP_BYTES = 8;
const TCP_BYTES = 20;
const UDP = 17;
const TCP = 6;
const PSH_ACK = 0x18;
/** Of a datagram: what is longer was refused by the system, and is cut. */
const MAX_DATAGRAM_BYTES = MAX_PACKET_BYTES - IPV4_BYTES - UDP_BYTES;
/** Of a message over TCP: the rest comes in another segment. */
const MAX_SEGMENT_BYTES = MAX_PACKET_BYTES - IPV6_BYTES - TCP_BYTES;
/** Connections whose sequence numbers are kept; a capture is made by one person and ends. */
const MAX_CONNECTIONS = 10_000;

/** The bytes that a file begins with. */
export function pcapHeader(): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(MAX_CAPTURED_BYTES, 16);
  header.writeUInt32LE(LINKTYPE_RAW, 20);
  return header;
}

/** Makes packets of messages, with sequence numbers that a reader can follow. */
export class PcapWriter {
  /** By way: the sequence number of the next byte in that direction. */
  readonly #next = new Map<string, number>();

  /** The packets of one message; several where it is too long for one. */
  packets(message: CapturedMessage): readonly Buffer[] {
    const { isDatagram, bytes } = message;
    if (isDatagram) {
      const datagram = bytes.subarray(0, MAX_DATAGRAM_BYTES);
      return [packet(message, UDP, Buffer.concat([udpHeader(message, datagram.length), datagram]))];
    }
    const packets: Buffer[] = [];
    for (let start = 0; start === 0 || start < bytes.length; start += MAX_SEGMENT_BYTES) {
      const segment = bytes.subarray(start, start + MAX_SEGMENT_BYTES);
      packets.push(packet(message, TCP, Buffer.concat([this.#tcpHeader(message, segment.length), segment])));
    }
    return packets;
  }

  #tcpHeader({ source, destination }: CapturedMessage, length: number): Buffer {
    const [there, back] = [wayOf(source, destination), wayOf(destination, source)];
    if (this.#next.size >= MAX_CONNECTIONS) this.#next.clear();
    const sequence = this.#next.get(there) ?? 1;
    this.#next.set(there, (sequence + length) >>> 0);
    const header = Buffer.alloc(TCP_BYTES);
    header.writeUInt16BE(source.port, 0);
    header.writeUInt16BE(destination.port, 2);
    header.writeUInt32BE(sequence, 4);
    header.writeUInt32BE(this.#next.get(back) ?? 1, 8);
    header.writeUInt8((TCP_BYTES / 4) << 4, 12);
    header.writeUInt8(PSH_ACK, 13);
    header.writeUInt16BE(0xffff, 14);
    return header;
  }
}

function wayOf(source: Endpoint, destination: Endpoint): string {
  return `${source.address}|${source.port}|${destination.address}|${destination.port}`;
}

function udpHeader({ source, destination }: CapturedMessage, length: number): Buffer {
  const header = Buffer.alloc(UDP_BYTES);
  header.writeUInt16BE(source.port, 0);
  header.writeUInt16BE(destination.port, 2);
  header.writeUInt16BE(UDP_BYTES + length, 4);
  return header;
}

function packet(message: CapturedMessage, protocol: number, payload: Buffer): Buffer {
  const addresses = [addressBytes(message.source.address), addressBytes(message.destination.address)] as const;
  sign(addresses, protocol, payload);
  const isV6 = addresses[0].length > 4;
  const ip = isV6 ? ipv6Header(addresses, protocol, payload.length) : ipv4Header(addresses, protocol, payload.length);
  const header = Buffer.alloc(PACKET_HEADER_BYTES);
  header.writeUInt32LE(Math.floor(message.atMs / 1000), 0);
  header.writeUInt32LE((message.atMs % 1000) * 1000, 4);
  header.writeUInt32LE(ip.length + payload.length, 8);
  header.writeUInt32LE(ip.length + payload.length, 12);
  return Buffer.concat([header, ip, payload]);
}

/** Writes the checksum of UDP or TCP (RFC 768, RFC 9293 §3.1), which covers the addresses too. */
function sign(addresses: Addresses, protocol: number, payload: Buffer): void {
  const rest = Buffer.alloc(8);
  rest.writeUInt32BE(payload.length, 0);
  rest.writeUInt8(protocol, 7);
  const sum = checksum(Buffer.concat([...addresses, rest, payload]));
  // UDP writes 0 for no checksum, and all ones for 0.
  if (protocol === UDP) payload.writeUInt16BE(sum === 0 ? 0xffff : sum, 6);
  else payload.writeUInt16BE(sum, 16);
}

function ipv4Header([source, destination]: Addresses, protocol: number, payloadBytes: number): Buffer {
  const header = Buffer.alloc(IPV4_BYTES);
  header.writeUInt8(0x45, 0);
  header.writeUInt16BE(IPV4_BYTES + payloadBytes, 2);
  header.writeUInt8(64, 8);
  header.writeUInt8(protocol, 9);
  header.set(source, 12);
  header.set(destination, 16);
  header.writeUInt16BE(checksum(header), 10);
  return header;
}

function ipv6Header([source, destination]: Addresses, protocol: number, payloadBytes: number): Buffer {
  const header = Buffer.alloc(IPV6_BYTES);
  header.writeUInt8(0x60, 0);
  header.writeUInt16BE(payloadBytes, 4);
  header.writeUInt8(protocol, 6);
  header.writeUInt8(64, 7);
  header.set(source, 8);
  header.set(destination, 24);
  return header;
}

/** RFC 1071, over bytes in which the checksum itself is 0 still. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at + 1 < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  if (bytes.length % 2 === 1) sum += bytes.readUInt8(bytes.length - 1) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function addressBytes(address: string): Buffer {
  return isIPv6(address) ? ipv6Bytes(address) : ipv4Bytes(address);
}

function ipv4Bytes(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number));
}

function ipv6Bytes(address: string): Buffer {
  const bytes = Buffer.alloc(16);
  const [head = '', tail = ''] = address.replace(/%.*$/, '').split('::');
  const before = groups(head);
  const behind = groups(tail);
  bytes.set(before, 0);
  bytes.set(behind, 16 - behind.length);
  return bytes;
}

function groups(text: string): Buffer {
  if (text === '') return Buffer.alloc(0);
  return Buffer.concat(
    text.split(':').map((group) => {
      if (group.includes('.')) return ipv4Bytes(group);
      return Buffer.from(group.padStart(4, '0'), 'hex');
    }),
  );
}
