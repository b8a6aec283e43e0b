#include "net/socket.h"

#include <errno.h>
#include <netinet/ip.h>
#include <unistd.h>

/* RFC 4594 §4.1: telephony bearers are marked EF, code point 46, in the upper six bits of the octet. */
#define EXPEDITED_FORWARDING (46 << 2)

int socket_open(const union address *local) {
  const int fd = socket(local->any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int service = EXPEDITED_FORWARDING;
  const int on = 1;
  int failed = 0;
  if (local->any.sa_family == AF_INET) {
    failed |= setsockopt(fd, IPPROTO_IP, IP_TOS, &service, sizeof service);
  } else {
    failed |= setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    failed |= setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &service, sizeof service);
  }
  if (failed == 0 && bind(fd, &local->any, address_length(local)) == 0) return fd;
  const int reason = errno;
  close(fd);
  errno = reason;
  return -1;
}
