/* The jitter buffer, with time as an argument: what comes out of it, and when. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "rtp/jitter.h"

#define TICKS 160
#define PACKET_US 20000

struct stream {
  struct jitter jitter;
  uint16_t sequence_number;
  uint32_t timestamp;
  /* What came out. */
  unsigned packets, lost, noise, jumps, late;
  uint16_t last_number; /* in the payload of the last packet */
  unsigned disorder;
  uint64_t last_us;
  uint64_t most_delay_us; /* of what came out since it was reset, against `sent_us` */
  uint64_t sent_us[65536];
  uint64_t due_us; /* NEVER_US: with the next packet */
};

static struct stream *stream_open(void) {
  struct stream *stream = calloc(1, sizeof *stream);
  if (stream == NULL) abort();
  jitter_open(&stream->jitter, 8000);
  stream->due_us = NEVER_US;
  return stream;
}

static void drain(struct stream *stream, uint64_t now_us) {
  struct jitter_next next;
  while (jitter_next(&stream->jitter, now_us, &next) > JITTER_EMPTY) {
    switch (next.kind) {
      case JITTER_PACKET: {
        const uint16_t number = (uint16_t)(next.payload[0] << 8 | next.payload[1]);
        if (stream->packets > 0 && (int16_t)(number - stream->last_number) <= 0) stream->disorder++;
        stream->last_number = number;
        stream->packets++;
        stream->last_us = now_us;
        const uint64_t delay_us = now_us - stream->sent_us[number];
        if (delay_us > stream->most_delay_us) stream->most_delay_us = delay_us;
        break;
      }
      case JITTER_LOST:
        stream->lost++;
        break;
      case JITTER_NOISE:
        stream->noise++;
        break;
      default:
        stream->jumps++;
        break;
    }
  }
  stream->due_us = next.kind == JITTER_WAIT ? next.due_us : NEVER_US;
  if (next.kind == JITTER_WAIT && next.due_us <= now_us) abort();
}

/* Time goes on, and what falls due comes out. */
static void until(struct stream *stream, uint64_t now_us) {
  while (stream->due_us <= now_us) drain(stream, stream->due_us);
}

static enum jitter_put arrive(struct stream *stream, uint16_t number, uint32_t timestamp, uint64_t now_us) {
  const uint8_t payload[2] = {(uint8_t)(number >> 8), (uint8_t)number};
  const struct rtp_packet packet = {.sequence_number = number, .timestamp = timestamp, .ssrc = 1, .payload = payload, .payload_bytes = 2};
  until(stream, now_us);
  enum jitter_put put = jitter_put(&stream->jitter, &packet, TICKS, now_us);
  if (put == JITTER_FULL) {
    jitter_hurry(&stream->jitter);
    drain(stream, now_us);
    put = jitter_put(&stream->jitter, &packet, TICKS, now_us);
    if (put == JITTER_FULL) abort();
  }
  if (put == JITTER_LATE) stream->late++;
  drain(stream, now_us);
  return put;
}

/* The source's next packet, sent at `sent_us`, arrives `transit_us` later. */
static void say_next(struct stream *stream, uint64_t sent_us, uint64_t transit_us) {
  stream->sent_us[stream->sequence_number] = sent_us;
  arrive(stream, stream->sequence_number++, stream->timestamp, sent_us + transit_us);
  stream->timestamp += TICKS;
}

CHECK(check_jitter_clean, "jitter: a clean source plays as it comes, over a wrap of numbers and of time") {
  struct stream *stream = stream_open();
  stream->sequence_number = 65000;
  stream->timestamp = UINT32_MAX - 20000;
  uint64_t now_us = 5000000;
  for (unsigned i = 0; i < 2000; i++, now_us += PACKET_US) say_next(stream, now_us, 1000 + i * 7919 % 5000);
  EXPECT(stream->packets, 2000);
  EXPECT(stream->most_delay_us < 6000, true);
  EXPECT(stream->lost + stream->late + stream->jumps + stream->disorder, 0);
  free(stream);
}

CHECK(check_jitter_drift, "jitter: clocks that differ by 200 ppm lose nothing and delay nothing in an hour") {
  for (int sign = -1; sign <= 1; sign += 2) {
    struct stream *stream = stream_open();
    for (uint64_t i = 0; i < 180000; i++) {
      say_next(stream, 5000000 + i * (uint64_t)(PACKET_US + sign * 4), 3000 + i * 7919 % 2000);
    }
    EXPECT(stream->packets, 180000);
    EXPECT(stream->most_delay_us < 6000, true);
    EXPECT(stream->lost + stream->late + stream->jumps + stream->disorder, 0);
    free(stream);
  }
}

CHECK(check_jitter_grows, "jitter: the delay grows to what is measured, not beyond a limit, and shrinks again") {
  struct stream *stream = stream_open();
  uint64_t now_us = 5000000;
  srand(7);
  for (unsigned i = 0; i < 100; i++, now_us += PACKET_US) say_next(stream, now_us, 1000);
  /* Up to 70 ms late, in order. */
  uint64_t arrival_us = 0;
  for (unsigned i = 0; i < 500; i++, now_us += PACKET_US) {
    uint64_t transit_us = 1000 + (uint64_t)rand() % 70000;
    if (now_us + transit_us < arrival_us) transit_us = arrival_us - now_us;
    arrival_us = now_us + transit_us;
    if (i == 100) stream->lost = stream->late = 0;
    say_next(stream, now_us, transit_us);
  }
  EXPECT(stream->lost <= 2, true);
  EXPECT(stream->late <= 2, true);
  EXPECT(stream->jitter.delay_us > 40000, true);
  EXPECT(stream->jitter.delay_us <= 75000, true);
  for (unsigned i = 0; i < 400; i++, now_us += PACKET_US) {
    if (i == 390) stream->most_delay_us = 0;
    say_next(stream, now_us > arrival_us ? now_us : arrival_us, 1000);
  }
  EXPECT(stream->jitter.delay_us, 0);
  EXPECT(stream->most_delay_us, 1000);
  /* Far beyond what is waited for. */
  for (unsigned i = 0; i < 300; i++, now_us += PACKET_US) {
    say_next(stream, now_us, i % 5 == 0 ? 900000 : 1000);
    EXPECT(stream->jitter.delay_us <= JITTER_MAX_DELAY_US, true);
  }
  EXPECT(stream->disorder, 0);
  free(stream);
}

CHECK(check_jitter_loss, "jitter: a loss is told when it was due, up to the limit; the rest is a jump") {
  struct stream *stream = stream_open();
  uint64_t now_us = 5000000;
  for (unsigned i = 0; i < 10; i++, now_us += PACKET_US) say_next(stream, now_us, 0);
  /* The next two do not come: told before the one after them. */
  until(stream, now_us + JITTER_PATIENCE_US - 1);
  EXPECT(stream->lost, 0);
  until(stream, now_us + JITTER_PATIENCE_US);
  EXPECT(stream->lost, 1);
  stream->sequence_number += 2;
  stream->timestamp += 2 * TICKS;
  now_us += 2 * PACKET_US;
  say_next(stream, now_us, 0);
  EXPECT(stream->lost, 2);
  EXPECT(stream->packets, 11);
  EXPECT(stream->jumps, 0);
  /* Nothing comes any more: three, and then silence. */
  until(stream, now_us + 10000000);
  EXPECT(stream->lost, 2 + JITTER_MAX_LOST_PACKETS);
  EXPECT(stream->due_us == NEVER_US, true);
  now_us += 10000000;
  stream->sequence_number += 499;
  stream->timestamp += 499 * TICKS;
  say_next(stream, now_us, 0);
  EXPECT(stream->packets, 12);
  EXPECT(stream->jumps, 1);
  EXPECT(stream->late, 0);
  free(stream);
}

CHECK(check_jitter_order, "jitter: what was overtaken is put back, what comes twice or too late is dropped") {
  struct stream *stream = stream_open();
  uint64_t now_us = 5000000;
  /* Each second packet is overtaken by the one after it. The first two cost something. */
  for (uint16_t i = 0; i < 100; i += 2, now_us += 2 * PACKET_US) {
    arrive(stream, (uint16_t)(i + 1), (i + 1u) * TICKS, now_us + PACKET_US);
    arrive(stream, i, i * (uint32_t)TICKS, now_us + PACKET_US + 5000);
    if (i < 6) stream->lost = stream->late = 0;
  }
  until(stream, now_us);
  EXPECT(stream->lost + stream->late + stream->disorder, 0);
  EXPECT(stream->packets >= 96, true);
  EXPECT(arrive(stream, 101, 101 * TICKS, now_us), JITTER_TAKEN);
  EXPECT(arrive(stream, 101, 101 * TICKS, now_us), JITTER_LATE);
  EXPECT(arrive(stream, 20, 20 * TICKS, now_us), JITTER_LATE);
  until(stream, now_us + 2 * PACKET_US);
  EXPECT(stream->last_number, 101);
  EXPECT(stream->disorder, 0);
  EXPECT(arrive(stream, 100, 100 * TICKS, now_us + 2 * PACKET_US), JITTER_LATE);
  free(stream);
}

CHECK(check_jitter_stall, "jitter: a burst after a stall is played at once, and the next packets are not late") {
  struct stream *stream = stream_open();
  uint64_t now_us = 5000000;
  for (unsigned i = 0; i < 50; i++, now_us += PACKET_US) say_next(stream, now_us, 0);
  const uint64_t free_us = now_us + 500000;
  for (; now_us < free_us; now_us += PACKET_US) say_next(stream, now_us, free_us - now_us);
  /* Three were concealed meanwhile, and came too late. */
  EXPECT(stream->lost, 3);
  EXPECT(stream->late, 3);
  EXPECT(stream->packets, 50 + 25 - 3);
  stream->most_delay_us = 0;
  for (unsigned i = 0; i < 50; i++, now_us += PACKET_US) say_next(stream, now_us, 0);
  EXPECT(stream->packets, 50 + 25 - 3 + 50);
  EXPECT(stream->most_delay_us, 0);
  EXPECT(stream->lost, 3);
  free(stream);
}

CHECK(check_jitter_sender_stall, "jitter: a source that stood still, its clock too, is heard in full afterwards, and at once") {
  static const uint64_t stalls_us[] = {250000, 700000};
  for (unsigned stall = 0; stall < 2; stall++) {
    struct stream *stream = stream_open();
    uint64_t now_us = 5000000;
    for (unsigned i = 0; i < 50; i++, now_us += PACKET_US) say_next(stream, now_us, 0);
    now_us += stalls_us[stall];
    for (unsigned i = 0; i < 500; i++, now_us += PACKET_US) say_next(stream, now_us, 0);
    EXPECT(stream->lost, 3);
    EXPECT(stream->late, 3);
    EXPECT(stream->packets, 547);
    EXPECT(stream->most_delay_us, 0);
    EXPECT(stream->jitter.delay_us, 0);
    free(stream);
  }
}

CHECK(check_jitter_pause, "jitter: an announced pause is no loss; noise lasts until the source speaks again") {
  for (unsigned noisy = 0; noisy < 2; noisy++) {
    struct stream *stream = stream_open();
    uint64_t now_us = 5000000;
    for (unsigned i = 0; i < 5; i++, now_us += PACKET_US) say_next(stream, now_us, 0);
    jitter_pause(&stream->jitter, noisy == 1);
    drain(stream, now_us);
    now_us += 1000 * PACKET_US;
    stream->timestamp += 1000 * TICKS;
    say_next(stream, now_us, 0);
    EXPECT(stream->lost, 0);
    EXPECT(stream->noise, noisy == 1 ? 1000 : 0);
    EXPECT(stream->jumps, noisy == 1 ? 0 : 1);
    EXPECT(stream->packets, 6);
    /* A source that stops its clock in the pause is heard as well. */
    jitter_pause(&stream->jitter, noisy == 1);
    drain(stream, now_us);
    now_us += 1000 * PACKET_US;
    say_next(stream, now_us, 0);
    EXPECT(stream->packets, 7);
    EXPECT(stream->late, 0);
    free(stream);
  }
}

CHECK(check_jitter_event_between, "jitter: events between audio that still waits are no loss, and the audio pauses for them") {
  struct stream *stream = stream_open();
  uint64_t now_us = 5000000;
  say_next(stream, now_us, 0);
  stream->jitter.delay_us = 60000; /* as where packets jitter: they wait */
  now_us += PACKET_US;
  for (unsigned i = 0; i < 3; i++, now_us += PACKET_US) say_next(stream, now_us, 0);
  EXPECT(stream->jitter.count > 0, true);
  for (unsigned i = 0; i < 2; i++, now_us += PACKET_US) {
    jitter_pass_over(&stream->jitter, stream->sequence_number++);
    stream->timestamp += TICKS;
    until(stream, now_us);
  }
  for (unsigned i = 0; i < 5; i++, now_us += PACKET_US) say_next(stream, now_us, 0);
  EXPECT(stream->lost, 0);
  EXPECT(stream->jumps, 1);
  until(stream, now_us + 1000000);
  EXPECT(stream->packets, 9);
  EXPECT(stream->late, 0);
  free(stream);
}

CHECK(check_jitter_number_twice, "jitter: a number of an event and of audio is that of what came first") {
  struct stream *stream = stream_open();
  say_next(stream, 5000000, 0);
  stream->jitter.delay_us = 100000; /* what comes now waits */
  arrive(stream, 2, 2 * TICKS, 5001000);
  jitter_pass_over(&stream->jitter, 2);
  jitter_pass_over(&stream->jitter, 3);
  EXPECT(arrive(stream, 3, 3 * TICKS, 5002000), JITTER_LATE);
  arrive(stream, 1, TICKS, 5003000);
  arrive(stream, 4, 4 * TICKS, 5004000);
  until(stream, 6000000);
  EXPECT(stream->packets, 4);
  EXPECT(stream->jitter.count, 0);
  EXPECT(stream->disorder, 0);
  free(stream);
}

CHECK(check_jitter_restart, "jitter: another source begins anew") {
  struct stream *stream = stream_open();
  uint64_t now_us = 5000000;
  for (unsigned i = 0; i < 5; i++, now_us += PACKET_US) say_next(stream, now_us, 0);
  jitter_restart(&stream->jitter);
  stream->sequence_number = 40000;
  stream->timestamp = 12345;
  for (unsigned i = 0; i < 5; i++, now_us += PACKET_US) say_next(stream, now_us, 0);
  EXPECT(stream->packets, 10);
  EXPECT(stream->lost + stream->jumps + stream->late, 0);
  free(stream);
}

/* Numbers, times and lengths that nobody would send; the sanitizers, and the bounds, are the judges. */
CHECK(check_jitter_hostile, "jitter: no packet breaks its bounds, or makes it wait for ever") {
  srand(11);
  static uint8_t payload[2048];
  for (unsigned round = 0; round < 50; round++) {
    struct jitter *jitter = malloc(sizeof *jitter);
    if (jitter == NULL) abort();
    jitter_open(jitter, round % 2 == 0 ? 8000 : 48000);
    struct rtp_packet packet = {.payload = payload, .ssrc = 1};
    uint64_t now_us = 1;
    for (unsigned i = 0; i < 4000; i++) {
      packet.sequence_number = (uint16_t)(packet.sequence_number + (rand() % 4 == 0 ? rand() % 70 - 5 : 1));
      if (rand() % 50 == 0) packet.sequence_number = (uint16_t)rand();
      packet.timestamp += round % 7 == 0 ? 0x7fffffffu : rand() % 10 == 0 ? (uint32_t)rand() * 3 : TICKS;
      packet.payload_bytes = (size_t)(rand() % 10 == 0 ? rand() % 2037 : 160);
      now_us += (uint64_t)(rand() % 100 == 0 ? rand() % 100000000 : rand() % 25000);
      if (jitter_put(jitter, &packet, 1 + (uint32_t)rand() % 1600, now_us) == JITTER_FULL) jitter_hurry(jitter);
      struct jitter_next next;
      unsigned turns = 0;
      while (jitter_next(jitter, now_us, &next) > JITTER_EMPTY) {
        if (next.kind == JITTER_PACKET && next.bytes > 0 && next.payload[next.bytes - 1] != 0) abort();
        if (rand() % 20 == 0) jitter_pause(jitter, rand() % 2 == 0);
        if (++turns > 20000) break;
      }
      EXPECT(turns <= 20000, true);
      EXPECT(jitter->count <= JITTER_SLOTS, true);
      if (rand() % 100 == 0) jitter_pass_over(jitter, (uint16_t)rand());
      if (rand() % 1000 == 0) jitter_restart(jitter);
    }
    free(jitter);
  }
}
