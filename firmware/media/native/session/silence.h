/* Whether a leg that should receive does: tells when its party has been silent for a set time, and when it is back. */
#ifndef RINGDOWN_SILENCE_H
#define RINGDOWN_SILENCE_H

#include <stdbool.h>

#include "session/timer.h"

struct leg;
struct loop;

struct silence {
  uint64_t since_us; /* the last packet, or when the leg began to wait for one */
  bool told;         /* the runtime knows of it */
  struct timer timer;
};

/* After each change of the leg's settings, and when its loop has it. */
void silence_watch(struct leg *leg, struct loop *loop, uint64_t now_us);
void silence_detach(struct leg *leg, struct loop *loop);
/* A packet of the party, of any payload type; or of its RTCP, where it pauses while nobody speaks. */
void silence_end(struct leg *leg, uint64_t now_us);

#endif
