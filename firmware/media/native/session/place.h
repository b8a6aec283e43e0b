/*
 * What another worker needs to go on with a leg's streams as if nothing had been: taken once a second for all sessions, kept by
 * the runtime as it is, and given to the worker that opens the session again. Read by no other build than the one that wrote it.
 */
#ifndef RINGDOWN_PLACE_H
#define RINGDOWN_PLACE_H

#include "net/address.h"
#include "rtp/rtcp.h"
#include "rtp/srtp.h"

#define PLACE_MAX_AGE_US 60000000 /* an older one is not worth going on from */

struct leg;

struct leg_place {
  uint64_t age_us;      /* since it was taken; this and the next one are the runtime's to fill in */
  uint32_t resumptions; /* how many workers went on from it, this one included */
  uint32_t ssrc;
  uint32_t timestamp; /* where our stream would be */
  uint16_t next_sequence;
  uint16_t ptime_ms; /* 0: the leg was not configured */
  uint8_t secured;   /* `outbound` is set */
  uint8_t source;    /* `inbound` is set */
  uint8_t heard_there; /* `heard` is set */
  uint8_t heard_packets;
  struct crypto_place outbound;
  struct crypto_place inbound;
  union address heard;
  char cname[RTCP_CNAME_BYTES];
};

/* On the loop's thread. */
void place_take(const struct leg *leg, uint64_t now_us, struct leg_place *place);
/*
 * Before the leg is configured, and before any loop has it. The stream goes on behind all that may have been sent since `place` was
 * taken. What belongs to the keys waits for these: place_resume.
 */
void place_begin(struct leg *leg, const struct leg_place *place, uint64_t now_us);
/* When the leg has its parameters for the first time. Nothing where place_begin was not called. */
void place_resume(struct leg *leg, uint64_t now_us);

#endif
