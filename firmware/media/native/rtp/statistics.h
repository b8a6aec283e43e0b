/*
 * What a receiver knows of a source (RFC 3550 A.1, A.3, A.8), and what a person would think of it (ITU-T G.107). Times are
 * microseconds of the monotonic clock; RTP times are units of the source's clock rate.
 */
#ifndef RINGDOWN_STATISTICS_H
#define RINGDOWN_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/codec.h"

/* One source's packets. All zero: none yet. */
struct reception {
  bool started;
  uint32_t ssrc;
  uint32_t clock_rate;
  uint16_t highest;  /* sequence number */
  uint32_t cycles;   /* wraps of it, times 65536 */
  uint32_t base;     /* the first sequence number */
  uint32_t received; /* packets of this source, duplicates and late ones too, as RFC 3550 wants it */
  uint32_t expected_before; /* at the report before */
  uint32_t received_before;
  bool timed;        /* `transit` is set */
  uint32_t transit;  /* arrival less timestamp of the timed packet before, RTP units */
  uint32_t jitter16; /* RFC 3550 A.8: 16 times the jitter, RTP units */
};

/* What a report says of a source (RFC 3550 §6.4.1). */
struct report_block {
  uint32_t ssrc;
  uint8_t fraction_lost;       /* since the report before, in 1/256 */
  int32_t cumulative_lost;     /* packets, 24 bits; negative when there were more duplicates than losses */
  uint32_t highest_sequence;   /* with its cycles */
  uint32_t jitter;             /* RTP units */
  uint32_t last_report;        /* the middle 32 bits of the NTP time of the last sender report; 0: none yet */
  uint32_t since_last_report;  /* in 1/65536 s */
};

struct received_packet {
  uint32_t ssrc;
  uint16_t sequence;
  uint32_t timestamp;
  uint32_t clock_rate; /* Hz, not 0 */
  bool restarted;      /* the source began again: so does the count */
  bool timed;          /* its timestamp tells when it was sent; that of a telephone event does not */
  uint64_t now_us;
};

/* A packet that was taken, late and duplicate ones too. Another SSRC or clock rate begins the count anew by itself. */
void reception_note(struct reception *reception, const struct received_packet *packet);
/* Fills all but last_report and since_last_report, and begins the next interval. */
void reception_report(struct reception *reception, struct report_block *block);
/* Packets that were expected and did not come; not below 0. */
uint32_t reception_lost(const struct reception *reception);
/* Interarrival jitter in microseconds. */
uint32_t reception_jitter_us(const struct reception *reception);

/* RTP units of a clock rate to microseconds. */
uint32_t ticks_to_us(uint32_t ticks, uint32_t clock_rate);

/* RFC 3550 A.3, §6.4.1: the round trip in microseconds, from a report that arrived at `arrival`, the middle 32 bits of NTP time.
 * False: it tells of none of our reports, or of none that makes sense. */
bool round_trip_us(const struct report_block *block, uint32_t arrival, uint32_t *us);

/* NTP time (RFC 5905 §6: seconds since 1900 above, their fraction below) of the system's clock. */
uint64_t ntp_now(void);
static inline uint32_t ntp_middle(uint64_t ntp) { return (uint32_t)(ntp >> 16); }

/* What the E-model is given. */
struct hearing {
  enum codec codec;
  double loss;      /* 0 to 1, of packets that were not there to be played */
  double delay_ms;  /* from mouth to ear, one way */
};

/* Transmission rating R, 0 to 100 (ITU-T G.107): 93 is a clean G.711 call. */
double rating_of(const struct hearing *hearing);
/* Mean opinion score that goes with it, 1 to 4.5 (ITU-T G.107 annex B). */
double opinion_of(double rating);

#endif
