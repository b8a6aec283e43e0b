/* From one leg's source into the other leg's stream: passed on, cut anew, or transcoded. */
#ifndef RINGDOWN_FORWARD_H
#define RINGDOWN_FORWARD_H

#include "session/leg.h"

struct arrived {
  const struct rtp_packet *packet;
  enum arrival arrival;
  unsigned missing; /* sequence numbers left out before it */
  size_t samples;   /* 0: a telephone event */
  uint64_t now_us;
};

/*
 * False when the packet came too late to be of use. Both legs are configured and want it; `to` is NULL when only the
 * tap of `from` does.
 */
bool forward(struct leg *from, struct leg *to, const struct arrived *arrived);

/* Where what is said to the party of a leg goes; for what is put into its stream by others than its peer. */
struct destination leg_destination(struct leg *to, uint64_t now_us);

#endif
