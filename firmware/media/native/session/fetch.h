/*
 * What a packet will need of its leg and of its peer, fetched into the processor's cache while the packet before is with the kernel:
 * with thousands of legs none of it is there (bench-media, relay: 2 to 3 % of a packet's time).
 */
#ifndef RINGDOWN_FETCH_H
#define RINGDOWN_FETCH_H

#include "session/leg.h"

static inline void fetch(const void *from, const void *to) {
  for (const char *line = from; line < (const char *)to; line += CACHE_LINE_BYTES) __builtin_prefetch(line, 1);
}

/* What leg_fetch reads itself. */
static inline void leg_fetch_first(const struct leg *leg) { __builtin_prefetch(leg); }

static inline void leg_fetch(const struct leg *leg) {
  const struct leg *const peer = leg->peer;
  fetch(&leg->session, &leg->latch.rival);
  fetch(&leg->receiver, &leg->silence.timer);
  fetch(&leg->reporting.reception, &leg->reporting.received_at_report);
  fetch(&leg->counters, &leg->counters.packets_lost);
  if (peer == NULL) return;
  fetch(&peer->session, &peer->latch.rival);
  fetch(&peer->outgoing, &peer->outgoing.encoder);
  fetch(&peer->digits, &peer->digits.sender.due_us);
  fetch(&peer->counters, &peer->counters.packets_lost);
}

#endif
