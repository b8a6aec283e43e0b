#define _GNU_SOURCE
#include "net/socket.h"

#include <errno.h>
#include <netinet/ip.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The code point is in the upper six bits of the octet. */
#define DSCP_SHIFT 2

static int mark(int fd, sa_family_t family, uint8_t dscp) {
  const int service = dscp << DSCP_SHIFT;
  return family == AF_INET ? setsockopt(fd, IPPROTO_IP, IP_TOS, &service, sizeof service)
                           : setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &service, sizeof service);
}

void socket_mark(int fd, sa_family_t family, uint8_t dscp) { (void)mark(fd, family, dscp); }

void socket_stamp(int fd) {
  const int on = 1;
  (void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

/*
 * Past the C library, whose own functions make a thread that never is cancelled ready for it around each call: 2 % of what a relayed
 * packet takes (pthreads(7), cancellation points).
 */
int socket_receive(int fd, struct mmsghdr *messages, unsigned count) {
  return (int)syscall(SYS_recvmmsg, fd, messages, count, MSG_DONTWAIT, NULL);
}

int socket_receive_one(int fd, struct mmsghdr *message) {
  const struct iovec *part = message->msg_hdr.msg_iov;
  /* With this flag the kernel tells how long the packet was, even where there is no room for all of it. */
  const long length = syscall(SYS_recvfrom, fd, part->iov_base, part->iov_len, MSG_DONTWAIT | MSG_TRUNC, NULL, NULL);
  if (length < 0) return -1;
  const bool whole = (size_t)length <= part->iov_len;
  message->msg_len = (unsigned)(whole ? (size_t)length : part->iov_len);
  message->msg_hdr.msg_flags = whole ? 0 : MSG_TRUNC;
  message->msg_hdr.msg_controllen = 0;
  return 1;
}

bool socket_send(int fd, const void *bytes, size_t length, const union address *to) {
  const socklen_t to_length = to == NULL ? 0 : address_length(to);
  return syscall(SYS_sendto, fd, bytes, length, MSG_DONTWAIT, to, to_length) >= 0;
}

int socket_send_all(int fd, struct mmsghdr *messages, unsigned count) {
  return (int)syscall(SYS_sendmmsg, fd, messages, count, MSG_DONTWAIT);
}

/*
 * Packets are whole or not at all (RFC 8085 §3.2): with Opus at its fullest they have 1,350 bytes, no forged ICMP can say that this
 * is too much, and the kernel, which would number what may be cut (RFC 6864), has 3 % less to do for each. IPv6 routers never cut.
 */
static int forbid_fragments(int fd) {
  const int whole = IP_PMTUDISC_PROBE;
  return setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &whole, sizeof whole);
}

static int closed_for(int fd, int reason) {
  close(fd);
  errno = reason;
  return -1;
}

static int open_marked(sa_family_t family, uint8_t dscp) {
  const int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  int failed = 0;
  failed |= mark(fd, family, dscp);
  if (family == AF_INET) failed |= forbid_fragments(fd);
  if (family == AF_INET6) failed |= setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  return failed == 0 ? fd : closed_for(fd, errno);
}

int socket_open(const union address *local) {
  const int fd = open_marked(local->any.sa_family, SOCKET_DSCP);
  if (fd < 0 || bind(fd, &local->any, address_length(local)) == 0) return fd;
  return closed_for(fd, errno);
}

static int share_port(int fd, int shared) { return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &shared, sizeof shared); }

int socket_connect(int fd, const union address *remote, uint8_t dscp) {
  union address local;
  socklen_t length = sizeof local;
  if (getsockname(fd, &local.any, &length) != 0) return -1;
  if (address_is_unspecified(&local)) {
    errno = EADDRNOTAVAIL;
    return -1;
  }
  const int connected = open_marked(local.any.sa_family, dscp);
  if (connected < 0) return -1;
  /* No longer than this takes: else another process of the same user could have the port, too. */
  const bool failed = share_port(fd, 1) != 0 || share_port(connected, 1) != 0 || bind(connected, &local.any, length) != 0 ||
                      connect(connected, &remote->any, address_length(remote)) != 0 || share_port(connected, 0) != 0;
  const int reason = errno;
  share_port(fd, 0);
  return failed ? closed_for(connected, reason) : connected;
}
