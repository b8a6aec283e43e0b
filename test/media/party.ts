import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';

/** One RTP packet without CSRCs and extension. */
export interface RtpPacket {
  readonly marker: boolean;
  readonly payloadType: number;
  readonly sequenceNumber: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payload: Buffer;
}

export function encodeRtp(packet: RtpPacket): Buffer {
  const header = Buffer.alloc(12);
  header[0] = 0x80;
  header[1] = (packet.marker ? 0x80 : 0) | packet.payloadType;
  header.writeUInt16BE(packet.sequenceNumber & 0xffff, 2);
  header.writeUInt32BE(packet.timestamp >>> 0, 4);
  header.writeUInt32BE(packet.ssrc >>> 0, 8);
  return Buffer.concat([header, packet.payload]);
}

export function decodeRtp(bytes: Buffer): RtpPacket {
  if (bytes.length < 12 || bytes[0] !== 0x80) throw new Error(`no plain RTP packet: ${bytes.toString('hex')}`);
  const second = bytes.readUInt8(1);
  return {
    marker: (second & 0x80) !== 0,
    payloadType: second & 0x7f,
    sequenceNumber: bytes.readUInt16BE(2),
    timestamp: bytes.readUInt32BE(4),
    ssrc: bytes.readUInt32BE(8),
    payload: bytes.subarray(12),
  };
}

interface Wanted {
  readonly count: number;
  readonly resolve: () => void;
}

/** What a party does to packets on their way out and in; undefined for one that is not as it should be. */
export interface Transform {
  protect(packet: Buffer): Buffer;
  unprotect(packet: Buffer): Buffer | undefined;
}

/** Somebody with an RTP socket on the loopback, who speaks and remembers what he hears. */
export class Party {
  readonly #socket: Socket;
  /** SRTP; absent: none. */
  transform: Transform | undefined;
  /** RTCP that came on this port, as it is. */
  readonly reports: Buffer[] = [];
  /** How many packets came that his transform refused. */
  refused = 0;
  readonly address: string;
  readonly heard: RtpPacket[] = [];
  #wanted: Wanted | undefined;

  private constructor(socket: Socket, address: string) {
    this.#socket = socket;
    this.address = address;
    socket.on('message', (bytes) => {
      // RFC 5761 §4
      if ((bytes[1] ?? 0) >= 192 && (bytes[1] ?? 0) <= 223) {
        this.reports.push(bytes);
        return;
      }
      const clear = this.transform === undefined ? bytes : this.transform.unprotect(bytes);
      if (clear === undefined) {
        this.refused += 1;
        return;
      }
      this.heard.push(decodeRtp(clear));
      if (this.#wanted !== undefined && this.heard.length >= this.#wanted.count) this.#wanted.resolve();
    });
  }

  static async open(address: string): Promise<Party> {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    socket.bind(0, address);
    await once(socket, 'listening');
    return new Party(socket, address);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** Resolves when the packet is with the kernel, in order. Bytes go as they are. */
  async send(port: number, packet: RtpPacket | Buffer): Promise<void> {
    const bytes = Buffer.isBuffer(packet) ? packet : this.encode(packet);
    await new Promise<void>((resolve, reject) => {
      this.#socket.send(bytes, port, this.address, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  /** As it is sent. */
  encode(packet: RtpPacket): Buffer {
    const clear = encodeRtp(packet);
    return this.transform?.protect(clear) ?? clear;
  }

  /** The first `count` packets heard, waiting for them up to `timeoutMs`. */
  async hear(count: number, timeoutMs = 3000): Promise<readonly RtpPacket[]> {
    if (this.heard.length < count) {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`heard ${this.heard.length} of ${count} packets in ${timeoutMs} ms`)),
          timeoutMs,
        );
        this.#wanted = {
          count,
          resolve: () => {
            clearTimeout(timer);
            resolve();
          },
        };
      });
      this.#wanted = undefined;
    }
    return this.heard.slice(0, count);
  }

  close(): void {
    this.#socket.close();
  }
}
