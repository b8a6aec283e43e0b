#include <math.h>
#include <string.h>

#include "bench.h"

#define RATE 16000
#define FRAME 160
#define TICKS 480
#define MAX_BYTES (6 * MAX_FRAME_BYTES)

/* RFC 6716 §3.1, §3.2 and §3.4 */
CHECK(check_opus_payloads, "Opus: a payload stands for what its first bytes say, unless its lengths lie") {
  static const struct {
    uint8_t bytes[8];
    size_t count, ticks;
  } cases[] = {
      {{0}, 0, 0},
      {{0x40}, 1, 480},                      /* one frame of 10 ms, of no bytes: a pause */
      {{0x48, 1, 2}, 3, 960},                /* 20 ms */
      {{0x50, 1, 2}, 3, 1920},               /* 40 ms */
      {{0x58, 1, 2}, 3, 2880},               /* 60 ms */
      {{0xe0, 1}, 2, 120},                   /* 2.5 ms */
      {{0x49, 1, 2}, 3, 1920},               /* two frames of one length */
      {{0x49, 1}, 2, 0},                     /* which then is no whole number */
      {{0x4a, 1, 7, 8, 9}, 5, 1920},         /* two, of one byte and of the rest */
      {{0x4a, 9, 7, 8}, 4, 0},               /* the first longer than all there is */
      {{0x4b, 0x03, 1, 2, 3}, 5, 2880},      /* three of one length */
      {{0x4b, 0x00, 1}, 3, 0},               /* none */
      {{0x4b}, 1, 0},                        /* no count */
      {{0x5b, 0x02, 1, 2}, 4, 5760},         /* 120 ms is the longest */
      {{0x5b, 0x03, 1, 2, 3}, 5, 0},
      {{0x4b, 0x41, 0xff, 0xff, 1}, 5, 0},   /* padding past the end */
      {{0x4b, 0x82, 5, 1, 2}, 5, 0},         /* a length past the end */
  };
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    EXPECT(codec_payload_ticks(CODEC_OPUS, cases[i].bytes, cases[i].count), cases[i].ticks);
  }
}

/* A voice, more or less: a buzz whose pitch and loudness change. */
static void speak(int16_t *pcm, size_t samples, size_t from) {
  for (size_t i = 0; i < samples; i++) {
    const double t = (double)(from + i) / RATE, phase = 2 * M_PI * (140 * t + 8 * sin(2 * M_PI * 1.3 * t));
    double sum = 0;
    for (unsigned k = 1; k < 20; k++) sum += sin(k * phase) / k;
    pcm[i] = (int16_t)(4000 * sum * (0.6 + 0.4 * sin(2 * M_PI * 3 * t)));
  }
}

CHECK(check_opus_packets, "Opus: a packet is one frame of 10, 20, 40 or 60 ms") {
  static const struct {
    uint16_t wanted, ms;
  } cases[] = {{0, 20}, {10, 10}, {20, 20}, {30, 20}, {40, 40}, {50, 40}, {60, 60}, {120, 60}};
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct encoder *encoder = encoder_open(CODEC_OPUS, &(struct encoder_options){.packet_ms = cases[i].wanted});
    struct decoder *decoder = decoder_open(CODEC_OPUS);
    for (unsigned at = 0; at < 24; at++) {
      int16_t pcm[FRAME], heard[MAX_PAYLOAD_SAMPLES];
      uint8_t bytes[MAX_BYTES];
      speak(pcm, FRAME, at * FRAME);
      const size_t length = encoder_encode(encoder, pcm, bytes);
      if ((at + 1) * FRAME_MS % cases[i].ms != 0) {
        EXPECT(length == ENCODER_WAITS, true);
        continue;
      }
      EXPECT(length > 2 && length <= cases[i].ms / 10u * MAX_FRAME_BYTES, true);
      EXPECT(codec_payload_ticks(CODEC_OPUS, bytes, length), cases[i].ms / 10u * TICKS);
      EXPECT(decoder_decode(decoder, bytes, length, heard, MAX_PAYLOAD_SAMPLES), cases[i].ms / 10u * FRAME);
      EXPECT(decoder_decode(decoder, bytes, length, heard, FRAME - 1), 0);
    }
    encoder_close(encoder);
    decoder_close(decoder);
  }
}

/* Bytes of two seconds of a voice, and into which packets: the smallest, the largest, and how the last begins. */
struct stream {
  size_t bytes, smallest, largest, packets, protected; /* of which have error correction */
  uint8_t first;
};

static struct stream coded(const struct encoder_options *options, bool silent) {
  struct encoder *encoder = encoder_open(CODEC_OPUS, options);
  struct stream stream = {.smallest = SIZE_MAX};
  for (unsigned at = 0; at < 200; at++) {
    int16_t pcm[FRAME] = {0};
    uint8_t bytes[MAX_BYTES];
    if (!silent) speak(pcm, FRAME, at * FRAME);
    const size_t length = encoder_encode(encoder, pcm, bytes);
    if (length == ENCODER_WAITS || length == 0 || at < 10) continue;
    stream.bytes += length;
    stream.packets++;
    stream.first = bytes[0];
    /* RFC 6716 §4.2.3: of one channel and one frame the second bit. */
    stream.protected += bytes[1] >> 6 & 1;
    if (length < stream.smallest) stream.smallest = length;
    if (length > stream.largest) stream.largest = length;
  }
  encoder_close(encoder);
  return stream;
}

/* RFC 7587 §6.1 */
CHECK(check_opus_wishes, "Opus: the far end has the rate, bandwidth and regularity that it wants") {
  const struct stream usual = coded(&(struct encoder_options){0}, false);
  EXPECT(usual.packets, 95);
  EXPECT(usual.bytes > 2500 && usual.bytes < 6000, true);
  EXPECT(usual.first >> 3, 9); /* wideband, 20 ms (RFC 6716 table 2) */
  const struct stream low = coded(&(struct encoder_options){.max_bitrate = 12000}, false);
  EXPECT(low.bytes < usual.bytes * 8 / 10, true);
  EXPECT(coded(&(struct encoder_options){.max_rate = 8000}, false).first >> 3, 1); /* narrow band */
  EXPECT(coded(&(struct encoder_options){.max_rate = 12000}, false).first >> 3, 5);
  const struct stream regular = coded(&(struct encoder_options){.constant_rate = true}, false);
  EXPECT(regular.smallest, regular.largest);
  EXPECT(coded(&(struct encoder_options){0}, true).packets, 95);
  EXPECT(coded(&(struct encoder_options){.discontinuous = true}, true).packets < 40, true);
}

CHECK(check_opus_protection, "Opus: who wants error correction has it from the beginning, unless the rate that he wants has no room for it") {
  const struct stream protected = coded(&(struct encoder_options){.fec = true}, false);
  /* Where nothing is said there is nothing to correct. */
  EXPECT(protected.protected > 60, true);
  EXPECT(protected.first >> 3, 9);
  EXPECT(coded(&(struct encoder_options){.fec = true, .max_bitrate = 20000}, false).protected, 0);
  EXPECT(coded(&(struct encoder_options){0}, false).protected, 0);
}

/* How far what is heard with every fifth packet lost is from what is heard with none lost: energy of both. */
static double missed(bool fec) {
  struct encoder *encoder = encoder_open(CODEC_OPUS, &(struct encoder_options){.fec = fec, .max_bitrate = 24000});
  struct decoder *whole = decoder_open(CODEC_OPUS), *lossy = decoder_open(CODEC_OPUS);
  double distance = 0, energy = 0;
  bool lost = false;
  int16_t before[2 * FRAME] = {0};
  encoder_expect_loss(encoder, 20);
  for (unsigned at = 0; at < 400; at++) {
    int16_t pcm[FRAME], right[2 * FRAME], heard[2 * FRAME];
    uint8_t bytes[MAX_BYTES];
    speak(pcm, FRAME, at * FRAME);
    const size_t length = encoder_encode(encoder, pcm, bytes);
    if (length == ENCODER_WAITS) continue;
    decoder_decode(whole, bytes, length, right, 2 * FRAME);
    if (lost) {
      decoder_recover(lossy, bytes, length, heard, 2 * FRAME);
      for (unsigned i = 0; i < 2 * FRAME; i++) {
        distance += (heard[i] - before[i]) * (double)(heard[i] - before[i]);
        energy += before[i] * (double)before[i];
      }
    }
    lost = at / 2 % 5 == 4;
    if (!lost) decoder_decode(lossy, bytes, length, heard, 2 * FRAME);
    memcpy(before, right, sizeof before);
  }
  encoder_close(encoder);
  decoder_close(whole);
  decoder_close(lossy);
  return distance / energy;
}

CHECK(check_opus_fec, "Opus: what was lost is heard from the packet after it") {
  const double with = missed(true), without = missed(false);
  EXPECT(with < 0.7 * without, true);
}

CHECK(check_opus_session, "Opus: time counts in 1/48000 s, at every length of packets, and pauses are pauses") {
  static const uint16_t lengths[] = {10, 20, 40, 60};
  for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    struct bench bench;
    bench_open(&bench, CODEC_PCMA, 20, CODEC_OPUS, lengths[i]);
    unsigned heard = 0;
    uint32_t first = 0, last = 0;
    /* A second, a pause of 90 ms that is no loss, and another second. */
    for (unsigned at = 0; at < 100; at++) {
      say(&bench, (struct sending){PCMA_TYPE, at == 0, (uint16_t)at, 160 * at + (at >= 50 ? 720 : 0), 7, 160});
      struct rtp_packet packet;
      while (hear(&bench, &packet)) {
        EXPECT(codec_payload_ticks(CODEC_OPUS, packet.payload, packet.payload_bytes), lengths[i] * 48u);
        if (heard++ == 0) first = packet.timestamp;
        last = packet.timestamp;
      }
      pass(&bench, at == 49 ? 110 : 20);
    }
    EXPECT(heard >= 2000u / lengths[i] && heard <= 2100u / lengths[i], true);
    EXPECT((last - first) % 480, 0);
    EXPECT(last - first > (2000u - lengths[i]) * 48 && last - first <= 2100 * 48, true);
    bench_close(&bench);
  }
}

CHECK(check_opus_events, "Opus: events have the clock of the leg that they are sent on") {
  struct bench bench;
  bench_open(&bench, CODEC_OPUS, 20, CODEC_PCMA, 20);
  /* Audio first, so that the stream has a place; the payload is one packet of nothing. */
  say(&bench, (struct sending){OPUS_TYPE, true, 1, 960, 7, 1});
  pass(&bench, 20);
  struct rtp_packet packet;
  while (hear(&bench, &packet)) continue;
  const union address *from = &bench.parties[0].address;
  for (unsigned i = 1; i <= 8; i++) {
    uint8_t bytes[RTP_HEADER_BYTES + 4];
    const uint16_t duration = (uint16_t)(960 * i);
    const struct rtp_packet event = {.payload_type = EVENT_TYPE, .sequence_number = (uint16_t)(1 + i), .timestamp = 1920, .ssrc = 7};
    rtp_write_header(bytes, &event);
    memcpy(bytes + RTP_HEADER_BYTES, (uint8_t[]){5, i == 8 ? 0x8a : 0x0a, (uint8_t)(duration >> 8), (uint8_t)duration}, 4);
    session_receive(bench.session, 0, bytes, sizeof bytes, from, bench.now_ms * 1000);
    pass(&bench, 20);
  }
  pass(&bench, 200);
  unsigned ends = 0, duration = 0;
  while (hear(&bench, &packet)) {
    if (packet.payload_type != EVENT_TYPE + 1) continue;
    EXPECT(packet.payload[0], 5);
    if ((packet.payload[1] & 0x80) == 0) continue;
    ends++;
    duration = (unsigned)packet.payload[2] << 8 | packet.payload[3];
  }
  EXPECT(ends, 3);
  /* 160 ms, by the clock of G.711. */
  EXPECT(duration, 1280);
  bench_close(&bench);
}
