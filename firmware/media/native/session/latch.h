/*
 * Where a party really is (symmetric RTP, RFC 4961), and who may make us believe that it moved. The rules, for plain RTP:
 *
 *   1  Until somebody is heard, the party is where the signalling says. The first valid packet shows where it is.
 *   2  What comes from the signalled address counts always, and moves the latch there at once.
 *   3  LATCH_PACKETS packets from one source lock the latch. Before that another source takes its place with as many of its own
 *      over LATCH_RIVAL_US, when the first one says nothing in between: a single packet of a scanner keeps nobody out.
 *   4  When locked, another source is heard after LATCH_SILENCE_US without a packet, and has to lock it again. Who was heard where
 *      the signalling said is kept through every pause, but for another port of the same host.
 *   5  Another signalled address, as a new offer brings it, forgets everything.
 *
 * For SRTP a packet that authenticates and is newer than all before moves the latch at once, whoever sent it; nothing else does.
 */
#ifndef RINGDOWN_LATCH_H
#define RINGDOWN_LATCH_H

#include "net/address.h"

#define LATCH_PACKETS 5
#define LATCH_RIVAL_US 200000
#define LATCH_SILENCE_US 2000000

/* All zero but `signalled`: nobody was heard yet. */
struct latch {
  bool known; /* `heard` is set */
  union address heard;
  unsigned packets;  /* from there, as far as LATCH_PACKETS */
  unsigned rival_packets;
  uint64_t heard_us; /* the last of `packets` */
  union address rival; /* since `rival_packets` is not 0 */
  uint64_t rival_us; /* the first of `rival_packets` */
  union address signalled;
};

enum proof {
  PROOF_NONE,  /* plain RTP */
  PROOF_OLD,   /* authentic, and not the newest */
  PROOF_NEWEST /* authentic, and newer than all before */
};

enum source { SOURCE_KNOWN, SOURCE_NEW, SOURCE_STRANGER };

/* What offer and answer say. */
void latch_signal(struct latch *latch, const union address *signalled);
/* Whether a valid packet from `source` is to be heard; SOURCE_NEW: and from now on the party is there. */
enum source latch_hear(struct latch *latch, const union address *source, enum proof proof, uint64_t now_us);
/* Where to send. */
const union address *latch_remote(const struct latch *latch);
/* Whether that is where the party was heard last; asks nothing and changes nothing. */
bool latch_is_at(const struct latch *latch, const union address *source);

#endif
