/*
 * A second socket of a leg for RTP, on the same port, connected to where the latch is locked: the kernel gives it what that party
 * sends, and neither side says an address or looks for a route with each packet. All others are still heard on the first socket, as
 * the rules of the latch want it. A relayed packet costs 4 % less so (bench-media, relay).
 */
#ifndef RINGDOWN_CONNECTION_H
#define RINGDOWN_CONNECTION_H

#include <stdbool.h>

struct leg;

struct connection {
  int fd;       /* -1: there is none */
  bool settles; /* what came before it was connected may be from anybody: it is read with its addresses once */
  bool refused; /* it cannot be, or the party's host says that nobody is there (ICMP): none until the latch moves */
};

/* Whether it is time: the latch is locked, and nothing was in the way so far. */
bool connection_is_due(const struct leg *leg);
/* Opens one. False: there is none, and the first socket goes on with everything. */
bool connection_open(struct leg *leg);
/* There is none until the latch moves. */
void connection_refuse(struct leg *leg);
/* The latch moves, or the leg ends: what the next one is for is another party. Idempotent. */
void connection_close(struct leg *leg);

#endif
