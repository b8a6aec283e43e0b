#include "net/socket.h"

#include <errno.h>
#include <netinet/ip.h>
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

int socket_open(const union address *local) {
  const int fd = socket(local->any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  int failed = 0;
  failed |= mark(fd, local->any.sa_family, SOCKET_DSCP);
  if (local->any.sa_family == AF_INET6) failed |= setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (failed == 0 && bind(fd, &local->any, address_length(local)) == 0) return fd;
  const int reason = errno;
  close(fd);
  errno = reason;
  return -1;
}
