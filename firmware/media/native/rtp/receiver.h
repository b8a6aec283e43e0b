/* The order of one source's packets (RFC 3550 A.1), without its statistics. */
#ifndef RINGDOWN_RECEIVER_H
#define RINGDOWN_RECEIVER_H

#include "rtp/rtp.h"

struct receiver {
  bool started;
  uint32_t ssrc;
  uint16_t highest;        /* sequence number */
  uint64_t arrived;        /* bit n: the packet that many before `highest` has arrived, or was not awaited */
  uint32_t after_misorder; /* the sequence number that would confirm a jump; past 16 bits: none expected */
};

enum arrival {
  ARRIVAL_NEXT,    /* in order; `missing` sequence numbers were left out before it */
  ARRIVAL_RESTART, /* of a new source, or of one that began again */
  ARRIVAL_LATE,    /* at or shortly before the highest: reordered, or a duplicate */
  ARRIVAL_STRAY,   /* far from the others; with the next one after it, the source began again */
};

/*
 * `missing`: how many more packets are missing than before: for ARRIVAL_NEXT those that were left out, -1 for an ARRIVAL_LATE that was
 * one of them, up to 63 numbers later; 0 otherwise.
 */
enum arrival receiver_place(struct receiver *receiver, const struct rtp_packet *packet, int *missing);

/* A packet that is dropped unheard: if it is the very next one of the source, it will not be missed. False: it is not. */
bool receiver_pass_over(struct receiver *receiver, const struct rtp_packet *packet);

#endif
