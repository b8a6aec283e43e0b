/* Reports: read, written, and what goes into them. That others read what we write is for rtcp.test.ts. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "rtp/rtcp.h"

#define OURS 0x01020304

/* Reads a copy of exactly that length, so that reading past it is noticed. */
static bool parse(const uint8_t *bytes, size_t length, struct rtcp_received *received) {
  uint8_t *exact = malloc(length > 0 ? length : 1);
  memcpy(exact, bytes, length);
  const bool valid = rtcp_parse(exact, length, OURS, received);
  free(exact);
  return valid;
}

/* A sender report with a block about somebody else and one about us, a description, metrics, and a goodbye. */
static const uint8_t compound[] = {
    0x82, 200,  0,    18,   0xaa, 0xbb, 0xcc, 0xdd, 0xe0, 0,    0,    1,    0x80, 0,    0,    0, /* SR, NTP */
    0,    0,    0x12, 0x34, 0,    0,    0,    9,    0,    0,    1,    0x90,                      /* timestamp, counts */
    9,    9,    9,    9,    1,    0,    0,    1,    0,    0,    0,    1,    0,    0,    0,    1,
    0,    0,    0,    1,    0,    0,    0,    1,                                                 /* about another one */
    1,    2,    3,    4,    0x40, 0xff, 0xff, 0xfe, 0,    1,    0,    5,    0,    0,    0,    80,
    0,    1,    0x80, 0,    0,    0,    0x80, 0,                                                 /* about us */
    0x81, 202,  0,    2,    0xaa, 0xbb, 0xcc, 0xdd, 1,    1,    'x',  0,                         /* SDES */
    0x80, 207,  0,    12,   0xaa, 0xbb, 0xcc, 0xdd, 4,    0,    0,    1,    0,    0,    0,    0, /* XR: an unknown block */
    7,    0,    0,    8,    1,    2,    3,    4,    13,   26,   0,    0,    0,    0,    0,    0,
    0,    120,  0,    60,   0,    0,    0,    0,    88,   127,  41,   40,   0,    0,    0,    40,
    0,    80,   0,    200,                                                                       /* VoIP metrics */
    0x80, 99,   0,    0,                                                                         /* no type that anybody knows */
    0xa1, 203,  0,    2,    0xaa, 0xbb, 0xcc, 0xdd, 0,    0,    0,    4,                         /* BYE, padded */
};

CHECK(check_rtcp_read, "RTCP: a compound of reports, metrics and a goodbye is read") {
  struct rtcp_received got;
  EXPECT(parse(compound, sizeof compound, &got), true);
  EXPECT(got.packets, 5);
  EXPECT(got.ssrc, 0xaabbccdd);
  EXPECT(got.sender, true);
  EXPECT(got.info.ntp, 0xe000000180000000);
  EXPECT(ntp_middle(got.info.ntp), 0x00018000);
  EXPECT(got.info.timestamp, 0x1234);
  EXPECT(got.info.packets, 9);
  EXPECT(got.info.octets, 400);
  EXPECT(got.about_us, true);
  EXPECT(got.block.fraction_lost, 64);
  EXPECT(got.block.cumulative_lost, -2);
  EXPECT(got.block.highest_sequence, 65541);
  EXPECT(got.block.jitter, 80);
  EXPECT(got.metrics_known, true);
  EXPECT(got.metrics.loss_rate, 13);
  EXPECT(got.metrics.discard_rate, 26);
  EXPECT(got.metrics.round_trip_ms, 120);
  EXPECT(got.metrics.end_system_ms, 60);
  EXPECT(got.metrics.r_factor, 88);
  EXPECT(got.metrics.listening_quality10, 41);
  EXPECT(got.metrics.conversational_quality10, 40);
  EXPECT(got.metrics.jitter_buffer_ms, 40);
  EXPECT(got.bye, true);
}

CHECK(check_rtcp_others, "RTCP: what is said of another source, or by another one, is not taken for ours") {
  struct rtcp_received got;
  uint8_t bytes[sizeof compound];
  /* Our block first, and the one of another source behind it. */
  memcpy(bytes, compound, sizeof bytes);
  memcpy(bytes + 28, compound + 52, 24);
  memcpy(bytes + 52, compound + 28, 24);
  EXPECT(parse(bytes, sizeof bytes, &got), true);
  EXPECT(got.about_us, true);
  EXPECT(got.block.ssrc, OURS);
  EXPECT(got.block.jitter, 80);
  /* Metrics of another source, and the goodbye of another one. */
  memcpy(bytes, compound, sizeof bytes);
  bytes[111] ^= 1;
  bytes[151] ^= 1;
  EXPECT(parse(bytes, sizeof bytes, &got), true);
  EXPECT(got.metrics_known, false);
  EXPECT(got.bye, false);
  /* A block of the metrics' type that is too short for them; the other one is of a type that nobody knows. */
  memcpy(bytes, compound, sizeof bytes);
  bytes[96] = 7;
  memcpy(bytes + 100, (const uint8_t[]){1, 2, 3, 4, 9, 0, 0, 8}, 8);
  EXPECT(parse(bytes, sizeof bytes, &got), true);
  EXPECT(got.metrics_known, false);
}

CHECK(check_rtcp_cut, "RTCP: a compound that is cut, or whose lengths lie, is refused whole") {
  struct rtcp_received got;
  uint8_t bytes[sizeof compound];
  /* Where a packet of it ends, a shorter compound is whole. */
  static const size_t ends[] = {76, 88, 140, 144};
  for (size_t length = 0, end = 0; length < sizeof compound; length++) {
    const bool whole = end < sizeof ends / sizeof *ends && length == ends[end];
    if (whole) end++;
    EXPECT(parse(compound, length, &got), whole);
  }
  static const struct {
    size_t at;
    uint8_t value;
  } lies[] = {
      {0, 0x42},   /* another version */
      {0, 0x83},   /* more blocks than there are */
      {0, 0xa2},   /* padded, and not the last */
      {1, 202},    /* begins with a description */
      {2, 0xff},   /* longer than the datagram */
      {3, 17},     /* the next header is no header */
      {91, 3},     /* XR: cuts a block in two */
      {98, 0x7f},  /* XR: a block that is longer than its packet */
      {100, 0x00}, /* XR: unknown type; passes */
      {144, 0xa3}, /* more names in the goodbye than there are */
      {155, 0},    /* padding of nothing */
      {155, 3},    /* of a part of a word */
      {155, 12},   /* of more than there is */
  };
  for (unsigned i = 0; i < sizeof lies / sizeof *lies; i++) {
    memcpy(bytes, compound, sizeof bytes);
    bytes[lies[i].at] = lies[i].value;
    EXPECT(parse(bytes, sizeof bytes, &got), lies[i].at == 100);
  }
}

CHECK(check_rtcp_garbage, "RTCP: no bytes make the reader misbehave, however many packets and blocks they claim") {
  srand(3);
  struct rtcp_received got;
  uint8_t bytes[PACKET_BYTES];
  unsigned valid = 0;
  for (unsigned round = 0; round < 20000; round++) {
    size_t length = (size_t)rand() % (round % 100 == 0 ? sizeof bytes : 120);
    for (size_t i = 0; i < length; i++) bytes[i] = (uint8_t)rand();
    if (round % 2 == 0) {
      length = sizeof compound;
      memcpy(bytes, compound, length);
      for (unsigned i = 0; i < 1 + round % 3; i++) bytes[(size_t)rand() % length] ^= (uint8_t)(1 << rand() % 8);
    }
    if (parse(bytes, length, &got)) valid++;
  }
  EXPECT(valid > 0, true);
  /* As many of the smallest packets as fit, behind a report. */
  memcpy(bytes, (const uint8_t[]){0x80, 201, 0, 1, 1, 1, 1, 1}, 8);
  for (size_t at = 8; at < sizeof bytes; at += 4) memcpy(bytes + at, (const uint8_t[]){0x80, 250, 0, 0}, 4);
  EXPECT(parse(bytes, sizeof bytes, &got), true);
  EXPECT(got.packets, 1 + (PACKET_BYTES - 8) / 4);
}

CHECK(check_rtcp_write, "RTCP: what is written can be read, and is a whole compound in every form") {
  const struct sender_info info = {.ntp = 0xe123456789abcdef, .timestamp = 77, .packets = 88, .octets = 99};
  const struct report_block block = {.ssrc = OURS, .fraction_lost = 3, .cumulative_lost = -5, .highest_sequence = 0x10005,
                                     .jitter = 6, .last_report = 7, .since_last_report = 8};
  for (unsigned form = 0; form < 8; form++) {
    const struct rtcp_report report = {.ssrc = 0xabcdef01,
                                       .info = form & 1 ? &info : NULL,
                                       .block = form & 2 ? &block : NULL,
                                       .cname = "abcdefghijklmnopqrstuvwx",
                                       .bye = (form & 4) != 0};
    uint8_t bytes[RTCP_MAX_BYTES];
    const size_t length = rtcp_build(bytes, &report);
    struct rtcp_received got;
    EXPECT(parse(bytes, length, &got), true);
    EXPECT(got.ssrc, 0xabcdef01);
    EXPECT(got.packets, form & 4 ? 3 : 2);
    EXPECT(got.bye, (form & 4) != 0);
    EXPECT(got.sender, (form & 1) != 0);
    EXPECT(got.about_us, (form & 2) != 0);
    /* RFC 3550 §6.5: one chunk, the name, and at least one octet of zero up to a whole word. */
    const uint8_t *description = bytes + length - (form & 4 ? 8 : 0) - 36;
    EXPECT(memcmp(description, (const uint8_t[]){0x81, 202, 0, 8, 0xab, 0xcd, 0xef, 1, 1, 24}, 10), 0);
    EXPECT(memcmp(description + 10, "abcdefghijklmnopqrstuvwx\0\0", 26), 0);
    if (got.sender) {
      EXPECT(got.info.ntp, info.ntp);
      EXPECT(got.info.timestamp, 77);
      EXPECT(got.info.packets, 88);
      EXPECT(got.info.octets, 99);
    }
    if (got.about_us) {
      EXPECT(got.block.fraction_lost, 3);
      EXPECT(got.block.cumulative_lost, -5);
      EXPECT(got.block.highest_sequence, 0x10005);
      EXPECT(got.block.jitter, 6);
      EXPECT(got.block.last_report, 7);
      EXPECT(got.block.since_last_report, 8);
    }
  }
}

CHECK(check_rtcp_interval, "RTCP: reports come at 2.5 to 7.5 seconds, divided by e - 3/2, and the first one sooner") {
  EXPECT(rtcp_interval_us(0, false) / 1000, 2052);
  EXPECT(rtcp_interval_us(UINT32_MAX, false) / 1000, 6156);
  EXPECT(rtcp_interval_us(0, true) / 1000, 1026);
}

static void note(struct reception *reception, uint16_t sequence, uint64_t now_us) {
  const struct received_packet packet = {.ssrc = 7, .sequence = sequence, .timestamp = sequence * 160u, .clock_rate = 8000,
                                         .timed = true, .now_us = now_us};
  reception_note(reception, &packet);
}

CHECK(check_reception, "statistics: losses, duplicates and wraps are counted as RFC 3550 A.3 does") {
  struct reception reception = {0};
  struct report_block block;
  EXPECT(reception_lost(&reception), 0);
  for (unsigned i = 0; i < 200; i++) {
    if (i % 4 != 3) note(&reception, (uint16_t)(65500 + i), i * 20000u);
  }
  reception_report(&reception, &block);
  EXPECT(block.ssrc, 7);
  EXPECT(block.highest_sequence, 65536 + 162);
  EXPECT(block.cumulative_lost, 49);
  EXPECT(block.fraction_lost, 49 * 256 / 199);
  EXPECT(block.jitter, 0);
  /* The next interval is clean; then everything comes twice. */
  for (unsigned i = 199; i < 299; i++) note(&reception, (uint16_t)(65500 + i), i * 20000u);
  reception_report(&reception, &block);
  EXPECT(block.cumulative_lost, 49);
  EXPECT(block.fraction_lost, 0);
  EXPECT(reception_lost(&reception), 49);
  for (unsigned i = 199; i < 299; i++) note(&reception, (uint16_t)(65500 + i), 299 * 20000u);
  reception_report(&reception, &block);
  EXPECT(block.cumulative_lost, 49 - 100);
  EXPECT(block.fraction_lost, 0);
  EXPECT(reception_lost(&reception), 0);
}

CHECK(check_reception_bounds, "statistics: a count that does not fit its field stays at the end of it, and a new source begins anew") {
  struct reception reception = {0};
  struct report_block block;
  struct received_packet packet = {.ssrc = 7, .sequence = 0, .clock_rate = 8000};
  reception_note(&reception, &packet);
  reception_report(&reception, &block);
  /* Nothing of an interval came but its last packet: 255/256 is the most that can be said. */
  packet.sequence = 1000;
  reception_note(&reception, &packet);
  reception_report(&reception, &block);
  EXPECT(block.fraction_lost, 255);
  for (unsigned i = 0; i < 300; i++) {
    packet.sequence = (uint16_t)(packet.sequence + 0x7fff);
    reception_note(&reception, &packet);
  }
  reception_report(&reception, &block);
  EXPECT(block.cumulative_lost, 0x7fffff);
  reception.received += 40000000;
  reception_report(&reception, &block);
  EXPECT(block.cumulative_lost, -0x800000);
  /* The same source that began again, and one that changed its clock. */
  packet.restarted = true;
  packet.sequence = 5;
  reception_note(&reception, &packet);
  reception_report(&reception, &block);
  EXPECT(block.cumulative_lost, 0);
  EXPECT(block.highest_sequence, 5);
  packet.restarted = false;
  packet.clock_rate = 48000;
  packet.sequence = 50;
  reception_note(&reception, &packet);
  reception_report(&reception, &block);
  EXPECT(block.cumulative_lost, 0);
}

CHECK(check_jitter, "statistics: jitter is that of RFC 3550 A.8, and a jump of the timestamps is none") {
  struct reception reception = {0};
  struct report_block block;
  /* Every other packet 5 ms late: differences of 40 units, to which the estimate converges. */
  for (unsigned i = 0; i < 400; i++) note(&reception, (uint16_t)i, i * 20000u + (i % 2) * 5000u);
  reception_report(&reception, &block);
  EXPECT(block.jitter >= 38 && block.jitter <= 40, true);
  EXPECT(reception_jitter_us(&reception) >= 4750 && reception_jitter_us(&reception) <= 5000, true);
  struct received_packet packet = {.ssrc = 7, .sequence = 400, .timestamp = 0x80000000, .clock_rate = 8000, .timed = true,
                                   .now_us = 400 * 20000u};
  reception_note(&reception, &packet);
  reception_report(&reception, &block);
  EXPECT(block.jitter <= 40, true);
  /* All reports of a telephone event have the timestamp of its beginning, which says nothing of their way. */
  const uint32_t before = block.jitter;
  packet.timed = false;
  for (unsigned i = 0; i < 20; i++) {
    packet.sequence++;
    packet.now_us += 20000;
    reception_note(&reception, &packet);
  }
  reception_report(&reception, &block);
  EXPECT(block.jitter, before);
  packet.timed = true;
  /* Another source begins anew. */
  packet.ssrc = 8;
  reception_note(&reception, &packet);
  reception_report(&reception, &block);
  EXPECT(block.jitter, 0);
  EXPECT(block.highest_sequence, 420);
  EXPECT(block.cumulative_lost, 0);
}

CHECK(check_round_trip, "statistics: the round trip is the time since our report, less the time that it lay there") {
  uint32_t us = 0;
  struct report_block block = {.last_report = 0xffff8000, .since_last_report = 0x8000};
  EXPECT(round_trip_us(&block, 0x4000, &us), true);
  EXPECT(us, 250000);
  block.last_report = 0;
  EXPECT(round_trip_us(&block, 0x4000, &us), false);
  block.last_report = 0x10000; /* of the future */
  EXPECT(round_trip_us(&block, 0x4000, &us), false);
  block.last_report = 0x4000;
  block.since_last_report = 0x80000000; /* lay there longer than it is old */
  EXPECT(round_trip_us(&block, 0x8000, &us), false);
  /* It says that it lay there a little longer than it is old, as clocks that run apart make it: no way at all. */
  block = (struct report_block){.last_report = 0x4000, .since_last_report = 0x4800};
  EXPECT(round_trip_us(&block, 0x8000, &us), true);
  EXPECT(us, 0);
  /* 71 minutes are the most that the microseconds hold; what says more is no round trip, and must not turn over to a short one. */
  block = (struct report_block){.last_report = 1};
  EXPECT(round_trip_us(&block, 1 + (4294u << 16), &us), true);
  EXPECT(us, 4294000000);
  EXPECT(round_trip_us(&block, 1 + (4295u << 16), &us), false);
}

CHECK(check_ntp, "statistics: NTP time counts from 1900, and its middle is 1/65536 s") {
  /* Not time(2), which is behind the clock by up to a tick. */
  struct timespec before, after;
  clock_gettime(CLOCK_REALTIME, &before);
  const int64_t seconds = (int64_t)(ntp_now() >> 32) - 2208988800;
  clock_gettime(CLOCK_REALTIME, &after);
  EXPECT(seconds >= before.tv_sec && seconds <= after.tv_sec, true);
  EXPECT(ntp_middle(0x123456789abcdef0), 0x56789abc);
}

CHECK(check_rating, "statistics: ratings and scores are those of ITU-T G.107") {
  static const struct {
    struct hearing hearing;
    double rating;
  } cases[] = {
      {{CODEC_PCMA, 0, 50}, 93.2},
      {{CODEC_PCMA, 0, 100}, 93.2},
      {{CODEC_PCMA, 0.02, 50}, 93.2 - 95 * 2 / 27.1},
      {{CODEC_G729, 0, 50}, 82.2},
      {{CODEC_G729, 0.02, 50}, 82.2 - 84 * 2 / 21.0},
      {{CODEC_PCMU, 0, 200}, 90.2}, /* Idd is 3.0 there */
      {{CODEC_PCMU, 0, 400}, 69.1}, /* and 24.1 there */
      {{CODEC_G729, 1, 5000}, 0},
  };
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    EXPECT(lround(10 * rating_of(&cases[i].hearing)), lround(10 * cases[i].rating));
  }
  static const int opinions100[][2] = {{0, 100}, {50, 258}, {60, 310}, {70, 360}, {3, 100}, {80, 403}, {90, 434}, {93, 441}, {100, 450}};
  for (unsigned i = 0; i < sizeof opinions100 / sizeof *opinions100; i++) {
    EXPECT(abs((int)lround(100 * opinion_of(opinions100[i][0])) - opinions100[i][1]) <= 1, true);
  }
}
