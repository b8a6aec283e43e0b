#include "rtp/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MICROSECONDS 1000000u
#define SEQUENCE_CYCLE 0x10000u
#define MAX_CUMULATIVE_LOST 0x7fffff /* 24 bits, signed */
#define MIN_CUMULATIVE_LOST (-0x800000)
#define SECONDS_FROM_1900_TO_1970 2208988800u

uint32_t ticks_to_us(uint32_t ticks, uint32_t clock_rate) {
  const uint64_t us = (uint64_t)ticks * MICROSECONDS / clock_rate;
  return us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static void begin(struct reception *reception, const struct received_packet *packet) {
  memset(reception, 0, sizeof *reception);
  reception->started = true;
  reception->ssrc = packet->ssrc;
  reception->clock_rate = packet->clock_rate;
  reception->base = packet->sequence;
  reception->highest = packet->sequence;
}

void reception_note(struct reception *reception, const struct received_packet *packet) {
  if (!reception->started || packet->restarted || reception->ssrc != packet->ssrc ||
      reception->clock_rate != packet->clock_rate) {
    begin(reception, packet);
  }
  const uint16_t ahead = (uint16_t)(packet->sequence - reception->highest);
  if (ahead != 0 && ahead < SEQUENCE_CYCLE / 2) {
    if (packet->sequence < reception->highest) reception->cycles += SEQUENCE_CYCLE;
    reception->highest = packet->sequence;
  }
  reception->received++;
  if (!packet->timed) return;
  /* RFC 3550 A.8 */
  const uint32_t arrival = (uint32_t)(packet->now_us * packet->clock_rate / MICROSECONDS);
  const uint32_t transit = arrival - packet->timestamp;
  if (reception->timed) {
    const int32_t moved = (int32_t)(transit - reception->transit);
    /* A jump of the timestamps is no jitter: a second is more than any network holds back. */
    if ((uint32_t)labs(moved) < packet->clock_rate) {
      reception->jitter16 += (uint32_t)labs(moved) - ((reception->jitter16 + 8) >> 4);
    }
  }
  reception->timed = true;
  reception->transit = transit;
}

static uint32_t expected(const struct reception *reception) {
  return reception->started ? reception->cycles + reception->highest - reception->base + 1 : 0;
}

uint32_t reception_lost(const struct reception *reception) {
  const uint32_t all = expected(reception);
  return all > reception->received ? all - reception->received : 0;
}

void reception_report(struct reception *reception, struct report_block *block) {
  /* RFC 3550 A.3 */
  const uint32_t all = expected(reception);
  const uint32_t expected_now = all - reception->expected_before;
  const uint32_t received_now = reception->received - reception->received_before;
  reception->expected_before = all;
  reception->received_before = reception->received;
  const int64_t lost = (int64_t)all - reception->received;
  const uint64_t fraction = expected_now > received_now ? ((uint64_t)(expected_now - received_now) << 8) / expected_now : 0;
  memset(block, 0, sizeof *block);
  block->ssrc = reception->ssrc;
  block->fraction_lost = fraction > UINT8_MAX ? UINT8_MAX : (uint8_t)fraction;
  block->cumulative_lost = lost > MAX_CUMULATIVE_LOST   ? MAX_CUMULATIVE_LOST
                           : lost < MIN_CUMULATIVE_LOST ? MIN_CUMULATIVE_LOST
                                                        : (int32_t)lost;
  block->highest_sequence = reception->cycles + reception->highest;
  block->jitter = reception->jitter16 >> 4;
}

uint32_t reception_jitter_us(const struct reception *reception) {
  return reception->started ? ticks_to_us(reception->jitter16 >> 4, reception->clock_rate) : 0;
}

bool round_trip_us(const struct report_block *block, uint32_t arrival, uint32_t *us) {
  /* RFC 3550 §6.4.1, figure 2: A - LSR - DLSR, modulo 2^32, in 1/65536 s. */
  if (block->last_report == 0) return false;
  const uint32_t away = arrival - block->last_report;
  /* An answer to a report of hours ago, or to none of ours; clocks that run apart may make it a little less than nothing. */
  if (away >= UINT32_MAX / 2 || block->since_last_report > away + (1u << 12)) return false;
  const uint32_t trip = away > block->since_last_report ? away - block->since_last_report : 0;
  const uint64_t trip_us = (uint64_t)trip * MICROSECONDS >> 16;
  /* Of more than an hour: who says so does not count as RFC 3550 wants it. */
  if (trip_us > UINT32_MAX) return false;
  *us = (uint32_t)trip_us;
  return true;
}

uint64_t ntp_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const uint64_t seconds = (uint64_t)now.tv_sec + SECONDS_FROM_1900_TO_1970;
  return seconds << 32 | ((uint64_t)now.tv_nsec << 32) / 1000000000u;
}

/* What a codec costs by itself, and how much loss hurts it (ITU-T G.113 appendix I, tables I.1 and I.4). */
struct impairment {
  double equipment; /* Ie */
  double robustness; /* Bpl */
};

/* G.711 with the concealment of its appendix I; also what stands for codecs that the tables do not name. */
static const struct impairment g711_impairment = {.equipment = 0, .robustness = 25.1};
/* G.729 Annex A with Annex B. */
static const struct impairment g729_impairment = {.equipment = 11, .robustness = 19};

static const struct impairment *impairment_of(enum codec codec) {
  return codec == CODEC_G729 ? &g729_impairment : &g711_impairment;
}

/* ITU-T G.107 §7.2 to §7.4 with the default of every parameter that nobody measures here. */
#define DEFAULT_RATING 93.2 /* R0 - Is */
#define DELAY_FREE_MS 100.0

static double delay_impairment(double delay_ms) {
  /* Idd, formulas 7-27 and 7-28; echo is taken as cancelled. */
  if (delay_ms <= DELAY_FREE_MS) return 0;
  const double x = log2(delay_ms / DELAY_FREE_MS);
  return 25 * (pow(1 + pow(x, 6), 1.0 / 6) - 3 * pow(1 + pow(x / 3, 6), 1.0 / 6) + 2);
}

double rating_of(const struct hearing *hearing) {
  const struct impairment *codec = impairment_of(hearing->codec);
  const double percent = 100 * hearing->loss;
  /* Formula 7-29 with losses that come at random: BurstR is 1. */
  const double equipment = codec->equipment + (95 - codec->equipment) * percent / (percent + codec->robustness);
  const double rating = DEFAULT_RATING - delay_impairment(hearing->delay_ms) - equipment;
  return rating < 0 ? 0 : rating > 100 ? 100 : rating;
}

double opinion_of(double rating) {
  if (rating <= 0) return 1;
  if (rating >= 100) return 4.5;
  const double opinion = 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6;
  return opinion < 1 ? 1 : opinion;
}
