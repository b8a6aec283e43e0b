#include "rtp/rtcp.h"

#include <string.h>

/*
 * RFC 3550 §6.4
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |V=2|P|  count  |      PT       |   length in words, less one   |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                      SSRC of the sender                       |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
#define VERSION_2 0x80
#define VERSION_MASK 0xc0
#define PADDING_BIT 0x20
#define COUNT_MASK 0x1f
#define WORD_BYTES 4
#define HEADER_BYTES 4
#define SSRC_BYTES 4
#define SENDER_INFO_BYTES 20
#define BLOCK_BYTES 24

#define TYPE_SENDER_REPORT 200
#define TYPE_RECEIVER_REPORT 201
#define TYPE_DESCRIPTION 202
#define TYPE_BYE 203
#define TYPE_EXTENDED_REPORT 207

#define ITEM_CNAME 1

/* RFC 3611 §4.7 */
#define XR_VOIP_METRICS 7
#define VOIP_METRICS_WORDS 8

static uint16_t read16(const uint8_t *bytes) { return (uint16_t)((bytes[0] << 8) | bytes[1]); }

static uint32_t read32(const uint8_t *bytes) { return ((uint32_t)read16(bytes) << 16) | read16(bytes + 2); }

static uint8_t *write16(uint8_t *bytes, uint32_t value) {
  bytes[0] = (uint8_t)(value >> 8);
  bytes[1] = (uint8_t)value;
  return bytes + 2;
}

static uint8_t *write32(uint8_t *bytes, uint32_t value) { return write16(write16(bytes, value >> 16), value & 0xffff); }

static int32_t signed24(uint32_t value) { return value & 0x800000 ? (int32_t)value - 0x1000000 : (int32_t)value; }

static void read_block(const uint8_t *bytes, struct report_block *block) {
  block->ssrc = read32(bytes);
  block->fraction_lost = bytes[4];
  block->cumulative_lost = signed24(read32(bytes + 4) & 0xffffff);
  block->highest_sequence = read32(bytes + 8);
  block->jitter = read32(bytes + 12);
  block->last_report = read32(bytes + 16);
  block->since_last_report = read32(bytes + 20);
}

/* `bytes` stands at the SSRC of the sender. */
static bool read_report(const uint8_t *bytes, size_t length, uint8_t type, unsigned count, uint32_t our_ssrc,
                        struct rtcp_received *received) {
  size_t at = SSRC_BYTES + (type == TYPE_SENDER_REPORT ? SENDER_INFO_BYTES : 0);
  /* What lies behind the blocks is a profile's extension. */
  if (length < at + count * BLOCK_BYTES) return false;
  received->ssrc = read32(bytes);
  if (type == TYPE_SENDER_REPORT) {
    received->sender = true;
    received->info.ntp = (uint64_t)read32(bytes + 4) << 32 | read32(bytes + 8);
    received->info.timestamp = read32(bytes + 12);
    received->info.packets = read32(bytes + 16);
    received->info.octets = read32(bytes + 20);
  }
  for (unsigned i = 0; i < count; i++, at += BLOCK_BYTES) {
    if (read32(bytes + at) != our_ssrc) continue;
    read_block(bytes + at, &received->block);
    received->about_us = true;
  }
  return true;
}

static void read_metrics(const uint8_t *bytes, struct voip_metrics *metrics) {
  metrics->loss_rate = bytes[8];
  metrics->discard_rate = bytes[9];
  metrics->round_trip_ms = read16(bytes + 16);
  metrics->end_system_ms = read16(bytes + 18);
  metrics->r_factor = bytes[24];
  metrics->listening_quality10 = bytes[26];
  metrics->conversational_quality10 = bytes[27];
  metrics->jitter_buffer_ms = read16(bytes + 30);
}

static bool read_extended(const uint8_t *bytes, size_t length, uint32_t our_ssrc, struct rtcp_received *received) {
  if (length < SSRC_BYTES) return false;
  for (size_t at = SSRC_BYTES; at < length;) {
    /* RFC 3611 §3: each block counts its words, not the first one. Lengths here are whole words. */
    const size_t words = read16(bytes + at + 2);
    if (length - at < WORD_BYTES * (words + 1)) return false;
    if (bytes[at] == XR_VOIP_METRICS && words == VOIP_METRICS_WORDS && read32(bytes + at + 4) == our_ssrc) {
      read_metrics(bytes + at, &received->metrics);
      received->metrics_known = true;
    }
    at += WORD_BYTES * (words + 1);
  }
  return true;
}

static bool read_bye(const uint8_t *bytes, size_t length, unsigned count, struct rtcp_received *received) {
  if (length < count * SSRC_BYTES) return false;
  for (unsigned i = 0; i < count; i++) {
    if (read32(bytes + i * SSRC_BYTES) == received->ssrc) received->bye = true;
  }
  return true;
}

bool rtcp_parse(const uint8_t *bytes, size_t length, uint32_t our_ssrc, struct rtcp_received *received) {
  memset(received, 0, sizeof *received);
  if (length == 0 || length % WORD_BYTES != 0) return false;
  for (size_t at = 0; at < length; received->packets++) {
    if ((bytes[at] & VERSION_MASK) != VERSION_2) return false;
    const uint8_t type = bytes[at + 1];
    const unsigned count = bytes[at] & COUNT_MASK;
    size_t size = WORD_BYTES * (read16(bytes + at + 2) + (size_t)1);
    if (size > length - at) return false;
    const uint8_t *body = bytes + at + HEADER_BYTES;
    at += size;
    size -= HEADER_BYTES;
    if (body[-HEADER_BYTES] & PADDING_BIT) {
      /* RFC 3550 §6.4.1: only the last one may be padded, in whole words, and the last octet counts itself. */
      if (at != length || size == 0) return false;
      const size_t padding = bytes[length - 1];
      if (padding == 0 || padding % WORD_BYTES != 0 || padding > size) return false;
      size -= padding;
    }
    const bool report = type == TYPE_SENDER_REPORT || type == TYPE_RECEIVER_REPORT;
    /* RFC 3550 §6.1: a compound begins with a report. */
    if (received->packets == 0 && !report) return false;
    if (report && !read_report(body, size, type, count, our_ssrc, received)) return false;
    if (type == TYPE_EXTENDED_REPORT && !read_extended(body, size, our_ssrc, received)) return false;
    if (type == TYPE_BYE && !read_bye(body, size, count, received)) return false;
  }
  return true;
}

static uint8_t *write_header(uint8_t *bytes, unsigned count, uint8_t type, size_t length) {
  bytes[0] = (uint8_t)(VERSION_2 | count);
  bytes[1] = type;
  return write16(bytes + 2, (uint32_t)(length / WORD_BYTES - 1));
}

static uint8_t *write_report(uint8_t *at, const struct rtcp_report *report) {
  const struct sender_info *info = report->info;
  const struct report_block *block = report->block;
  const size_t length = HEADER_BYTES + SSRC_BYTES + (info == NULL ? 0 : SENDER_INFO_BYTES) + (block == NULL ? 0 : BLOCK_BYTES);
  at = write_header(at, block == NULL ? 0 : 1, info == NULL ? TYPE_RECEIVER_REPORT : TYPE_SENDER_REPORT, length);
  at = write32(at, report->ssrc);
  if (info != NULL) {
    at = write32(at, (uint32_t)(info->ntp >> 32));
    at = write32(at, (uint32_t)info->ntp);
    at = write32(at, info->timestamp);
    at = write32(at, info->packets);
    at = write32(at, info->octets);
  }
  if (block == NULL) return at;
  at = write32(at, block->ssrc);
  at = write32(at, (uint32_t)block->fraction_lost << 24 | ((uint32_t)block->cumulative_lost & 0xffffff));
  at = write32(at, block->highest_sequence);
  at = write32(at, block->jitter);
  at = write32(at, block->last_report);
  return write32(at, block->since_last_report);
}

static uint8_t *write_description(uint8_t *at, const struct rtcp_report *report) {
  /* RFC 3550 §6.5: items end with an octet of zero, and are filled up to a whole word with more of them. */
  const size_t items = 2 + RTCP_CNAME_BYTES;
  const size_t filled = (items / WORD_BYTES + 1) * WORD_BYTES;
  at = write_header(at, 1, TYPE_DESCRIPTION, HEADER_BYTES + SSRC_BYTES + filled);
  at = write32(at, report->ssrc);
  memset(at, 0, filled);
  at[0] = ITEM_CNAME;
  at[1] = RTCP_CNAME_BYTES;
  memcpy(at + 2, report->cname, RTCP_CNAME_BYTES);
  return at + filled;
}

size_t rtcp_build(uint8_t *bytes, const struct rtcp_report *report) {
  uint8_t *at = write_description(write_report(bytes, report), report);
  if (report->bye) {
    at = write_header(at, 1, TYPE_BYE, HEADER_BYTES + SSRC_BYTES);
    at = write32(at, report->ssrc);
  }
  return (size_t)(at - bytes);
}

uint64_t rtcp_interval_us(uint32_t random, bool first) {
  /* RFC 3550 §6.3.1: divided by e - 3/2, since reconsideration waits longer than was drawn. */
  const double minimum = first ? RTCP_INTERVAL_US / 2 : RTCP_INTERVAL_US;
  return (uint64_t)(minimum * (0.5 + random / 4294967296.0) / 1.21828);
}
