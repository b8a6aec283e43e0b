/* From one leg's source into the other leg's stream, without decoding: passed on, or cut anew. */
#ifndef RINGDOWN_FORWARD_H
#define RINGDOWN_FORWARD_H

#include "session/leg.h"

enum content { CONTENT_AUDIO, CONTENT_EVENT, CONTENT_NOISE };

struct arrived {
  const struct rtp_packet *packet;
  enum content content;
  enum arrival arrival;
  bool repeated; /* it was there before */
  uint32_t ticks; /* of audio; 0 for all else */
  uint64_t now_us;
};

/* ROUTE_PASS and ROUTE_REFRAME. False when the packet came too late to be of use. */
bool forward(struct leg *from, struct leg *to, const struct arrived *arrived);
/* An event beside audio that is decoded (ROUTE_TRANSCODE). */
bool forward_event(struct leg *from, struct leg *to, const struct arrived *arrived);

/* Where what is said to the party of a leg goes; for what is put into its stream by others than its peer. */
struct destination leg_destination(struct leg *to, uint64_t now_us);

#endif
