/* The RTP and RTCP sockets of a leg. */
#ifndef RINGDOWN_SOCKET_H
#define RINGDOWN_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

#include "net/address.h"

struct mmsghdr;

/* Expedited forwarding, how telephony is marked (RFC 4594 §4.1): the code point of a new socket. */
#define SOCKET_DSCP 46

/* Marks what is sent from now on with a code point (RFC 2474), 0 to 63. What the system refuses stays as it was. */
void socket_mark(int fd, sa_family_t family, uint8_t dscp);
/* What comes in from now on has with it when it came (SCM_TIMESTAMPNS), if the system will. */
void socket_stamp(int fd);
/* A non-blocking UDP socket on exactly this address, marked with SOCKET_DSCP; or -1 with errno set. */
int socket_open(const union address *local);
/*
 * Another one on the port of `fd`, connected to `remote`: what comes from there comes to it from now on, and to `fd` what comes from
 * anywhere else. What came while it was not connected yet may be from anybody. -1 with errno set; EADDRNOTAVAIL where `fd` is on
 * every address, for this one would be on the one that it has today.
 */
int socket_connect(int fd, const union address *remote, uint8_t dscp);
/* recvmmsg(2), sendto(2) and sendmmsg(2), none of which waits. */
int socket_receive(int fd, struct mmsghdr *messages, unsigned count);
/*
 * The first one that waits, without its sender and its stamp: 1, or -1 with errno set. For a connected socket that is the cheapest way
 * (recvfrom(2)).
 */
int socket_receive_one(int fd, struct mmsghdr *message);
/* `to` is NULL for a connected one. False: it is lost. */
bool socket_send(int fd, const void *bytes, size_t length, const union address *to);
int socket_send_all(int fd, struct mmsghdr *messages, unsigned count);

#endif
