#include "rtp/rtp.h"

/*
 * RFC 3550 §5.1
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                           timestamp                           |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                             SSRC                              |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                     CSRC (0 to 15 of them)                    |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
#define VERSION_MASK 0xc0
#define VERSION_2 0x80
#define PADDING_BIT 0x20
#define EXTENSION_BIT 0x10
#define CSRC_COUNT_MASK 0x0f
#define MARKER_BIT 0x80
#define PAYLOAD_TYPE_MASK 0x7f
#define WORD_BYTES 4

static uint16_t read16(const uint8_t *bytes) { return (uint16_t)((bytes[0] << 8) | bytes[1]); }

static uint32_t read32(const uint8_t *bytes) { return ((uint32_t)read16(bytes) << 16) | read16(bytes + 2); }

static void write16(uint8_t *bytes, uint16_t value) {
  bytes[0] = (uint8_t)(value >> 8);
  bytes[1] = (uint8_t)value;
}

static void write32(uint8_t *bytes, uint32_t value) {
  write16(bytes, (uint16_t)(value >> 16));
  write16(bytes + 2, (uint16_t)value);
}

bool rtp_parse(const uint8_t *bytes, size_t length, struct rtp_packet *packet) {
  if (length < RTP_HEADER_BYTES) return false;
  if ((bytes[0] & VERSION_MASK) != VERSION_2) return false;

  size_t offset = RTP_HEADER_BYTES + (size_t)(bytes[0] & CSRC_COUNT_MASK) * WORD_BYTES;
  if (offset > length) return false;

  if (bytes[0] & EXTENSION_BIT) {
    /* RFC 3550 §5.3.1: a 16-bit profile value, then the length in words, not counting this one. */
    if (length - offset < WORD_BYTES) return false;
    const size_t extension = WORD_BYTES + (size_t)read16(bytes + offset + 2) * WORD_BYTES;
    if (length - offset < extension) return false;
    offset += extension;
  }

  size_t end = length;
  if (bytes[0] & PADDING_BIT) {
    /* RFC 3550 §5.1: the last octet counts the padding, itself included. */
    const size_t padding = bytes[length - 1];
    if (padding == 0 || padding > length - offset) return false;
    end -= padding;
  }

  packet->marker = (bytes[1] & MARKER_BIT) != 0;
  packet->payload_type = bytes[1] & PAYLOAD_TYPE_MASK;
  packet->sequence_number = read16(bytes + 2);
  packet->timestamp = read32(bytes + 4);
  packet->ssrc = read32(bytes + 8);
  packet->payload = bytes + offset;
  packet->payload_bytes = end - offset;
  return true;
}

void rtp_write_header(uint8_t *bytes, const struct rtp_packet *packet) {
  bytes[0] = VERSION_2;
  bytes[1] = (uint8_t)((packet->marker ? MARKER_BIT : 0) | packet->payload_type);
  write16(bytes + 2, packet->sequence_number);
  write32(bytes + 4, packet->timestamp);
  write32(bytes + 8, packet->ssrc);
}
