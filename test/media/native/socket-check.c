/* What a socket of ours asks of the kernel (net/socket.h). */
#include <netinet/ip.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "net/socket.h"

static int option_of(int fd, int level, int option) {
  int value = -1;
  socklen_t length = sizeof value;
  if (getsockopt(fd, level, option, &value, &length) != 0) return -1;
  return value;
}

CHECK(check_socket, "a socket marks its packets and has none cut; what is too long is refused, and the next one goes") {
  union address local;
  if (!address_parse("127.0.0.1", 0, &local)) abort();
  const int fd = socket_open(&local);
  socklen_t length = sizeof local;
  if (fd < 0 || getsockname(fd, &local.any, &length) != 0) abort();
  EXPECT(option_of(fd, IPPROTO_IP, IP_TOS), SOCKET_DSCP << 2);
  EXPECT(option_of(fd, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_PROBE);
  static const uint8_t bytes[UINT16_MAX];
  EXPECT(socket_send(fd, bytes, sizeof bytes, &local), false);
  EXPECT(socket_send(fd, bytes, 172, &local), true);
  close(fd);

  if (!address_parse("::1", 0, &local)) abort();
  const int sixth = socket_open(&local);
  if (sixth < 0) abort();
  EXPECT(option_of(sixth, IPPROTO_IPV6, IPV6_TCLASS), SOCKET_DSCP << 2);
  close(sixth);
}
