/* The RTP and RTCP sockets of a leg. */
#ifndef RINGDOWN_SOCKET_H
#define RINGDOWN_SOCKET_H

#include "net/address.h"

/* A non-blocking UDP socket on exactly this address, marked for expedited forwarding; or -1 with errno set. */
int socket_open(const union address *local);

#endif
