/** Packets of Opus in Ogg (RFC 3533, RFC 7845), in which ffmpeg reads and writes them. */

const SERIAL = 1;
const SAMPLES_PER_MS = 48;
const MAX_SEGMENT = 255;
const FIRST_PAGE = 2;
const LAST_PAGE = 4;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index << 24;
  for (let bit = 0; bit < 8; bit += 1) value = (value << 1) ^ (value < 0 ? 0x04c11db7 : 0);
  return value >>> 0;
});

/** The checksum of a page, whose own field is 0. */
function checksum(page: Buffer): number {
  let sum = 0;
  for (const byte of page) sum = ((sum << 8) ^ (CRC_TABLE[(sum >>> 24) ^ byte] ?? 0)) >>> 0;
  return sum;
}

function makePage(index: number, flags: number, granule: number, packet: Uint8Array): Buffer {
  const full = Math.floor(packet.length / MAX_SEGMENT);
  const segments = Buffer.alloc(full + 1, MAX_SEGMENT);
  segments[full] = packet.length % MAX_SEGMENT;
  const head = Buffer.alloc(27);
  head.write('OggS', 0, 'latin1');
  head[5] = flags;
  head.writeBigUInt64LE(BigInt(granule), 6);
  head.writeUInt32LE(SERIAL, 14);
  head.writeUInt32LE(index, 18);
  head[26] = segments.length;
  const page = Buffer.concat([head, segments, packet]);
  page.writeUInt32LE(checksum(page), 22);
  return page;
}

/** A file of these packets, each of `packetMs`. */
export function packOgg(packets: readonly Uint8Array[], packetMs: number): Buffer {
  const head = Buffer.alloc(19);
  head.write('OpusHead', 0, 'latin1');
  head[8] = 1;
  head[9] = 1;
  head.writeUInt32LE(48_000, 12);
  const tags = Buffer.alloc(16);
  tags.write('OpusTags', 0, 'latin1');
  return Buffer.concat([
    makePage(0, FIRST_PAGE, 0, head),
    makePage(1, 0, 0, tags),
    ...packets.map((packet, at) => {
      const granule = (at + 1) * packetMs * SAMPLES_PER_MS;
      return makePage(at + 2, at === packets.length - 1 ? LAST_PAGE : 0, granule, packet);
    }),
  ]);
}

/** The packets of a file, without its two of headers. */
export function unpackOgg(file: Buffer): readonly Buffer[] {
  const packets: Buffer[] = [];
  let begun = Buffer.alloc(0);
  for (let at = 0; at + 27 <= file.length; ) {
    const segments = file.subarray(at + 27, at + 27 + (file[at + 26] ?? 0));
    at += 27 + segments.length;
    for (const length of segments) {
      begun = Buffer.concat([begun, file.subarray(at, at + length)]);
      at += length;
      if (length === MAX_SEGMENT) continue;
      packets.push(begun);
      begun = Buffer.alloc(0);
    }
  }
  return packets.slice(2);
}
