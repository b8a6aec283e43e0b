#define _GNU_SOURCE
#include "datagrams.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union endpoint {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
};

/* The zone behind `%` is a name or a number (RFC 4007 section 11). */
static bool parse_zone(const char *zone, uint32_t *scope) {
  char *rest = NULL;
  *scope = if_nametoindex(zone);
  if (*scope != 0) return true;
  const unsigned long number = strtoul(zone, &rest, 10);
  *scope = (uint32_t)number;
  return rest != zone && *rest == 0 && number > 0 && number <= UINT32_MAX;
}

/* `text` needs no end: it has `length` bytes. */
static bool parse_endpoint(const char *text, size_t length, uint16_t port, union endpoint *endpoint) {
  char copy[ADDRESS_BYTES];
  if (length >= sizeof copy) return false;
  memcpy(copy, text, length);
  copy[length] = 0;
  memset(endpoint, 0, sizeof *endpoint);
  if (memchr(copy, ':', length) == NULL) {
    endpoint->v4.sin_family = AF_INET;
    endpoint->v4.sin_port = htons(port);
    return inet_pton(AF_INET, copy, &endpoint->v4.sin_addr) == 1;
  }
  char *zone = memchr(copy, '%', length);
  if (zone != NULL) {
    *zone = 0;
    if (!parse_zone(zone + 1, &endpoint->v6.sin6_scope_id)) return false;
  }
  endpoint->v6.sin6_family = AF_INET6;
  endpoint->v6.sin6_port = htons(port);
  return inet_pton(AF_INET6, copy, &endpoint->v6.sin6_addr) == 1;
}

static socklen_t endpoint_size(int family) {
  return family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static int close_failed(int fd) {
  const int reason = errno;
  close(fd);
  return -reason;
}

int datagrams_open(const char *address, uint16_t *port, int receive_buffer_bytes) {
  union endpoint local;
  if (!parse_endpoint(address, strlen(address), *port, &local)) return -EINVAL;
  const int family = local.any.sa_family;
  const int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  const int on = 1;
  if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) return close_failed(fd);
  /* As far as net.core.rmem_max allows: less is no failure. */
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
  if (bind(fd, &local.any, endpoint_size(family)) != 0) return close_failed(fd);
  socklen_t size = sizeof local;
  if (getsockname(fd, &local.any, &size) != 0) return close_failed(fd);
  *port = ntohs(family == AF_INET6 ? local.v6.sin6_port : local.v4.sin_port);
  return fd;
}

/* The text of an IPv6 address, with its zone where it has one; its length. */
static uint32_t format_ipv6(const struct sockaddr_in6 *address, char text[ADDRESS_BYTES]) {
  char zone[IF_NAMESIZE];
  if (inet_ntop(AF_INET6, &address->sin6_addr, text, ADDRESS_BYTES) == NULL) return 0;
  size_t length = strlen(text);
  if (IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr) && if_indextoname(address->sin6_scope_id, zone) != NULL &&
      length + 1 + strlen(zone) < ADDRESS_BYTES) {
    text[length] = '%';
    strcpy(text + length + 1, zone);
    length += 1 + strlen(zone);
  }
  return (uint32_t)length;
}

static void describe(const union endpoint *peer, uint32_t length, uint32_t *entry, char *text) {
  entry[RECEIVED_LENGTH] = length;
  if (peer->any.sa_family == AF_INET6) {
    entry[RECEIVED_PORT] = ntohs(peer->v6.sin6_port);
    entry[RECEIVED_IPV4] = 0;
    entry[RECEIVED_ADDRESS_LENGTH] = format_ipv6(&peer->v6, text);
  } else {
    entry[RECEIVED_PORT] = ntohs(peer->v4.sin_port);
    entry[RECEIVED_IPV4] = ntohl(peer->v4.sin_addr.s_addr);
    entry[RECEIVED_ADDRESS_LENGTH] = 0;
  }
}

uint32_t datagrams_receive(int fd, const struct received *received) {
  struct mmsghdr messages[BATCH];
  struct iovec parts[BATCH];
  union endpoint peers[BATCH];
  memset(messages, 0, sizeof messages);
  for (uint32_t at = 0; at < BATCH; at++) {
    parts[at].iov_base = received->slots + (size_t)at * SLOT_BYTES;
    parts[at].iov_len = SLOT_BYTES;
    messages[at].msg_hdr.msg_iov = &parts[at];
    messages[at].msg_hdr.msg_iovlen = 1;
    messages[at].msg_hdr.msg_name = &peers[at];
    messages[at].msg_hdr.msg_namelen = sizeof peers[at];
  }
  int count;
  do count = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
  while (count < 0 && errno == EINTR);
  /* A failed receive concerns one datagram: what it carried is sent again by its sender. */
  if (count < 0) return 0;
  for (uint32_t at = 0; at < (uint32_t)count; at++) {
    describe(&peers[at], messages[at].msg_len, received->entries + at * RECEIVED_FIELDS,
             (char *)received->addresses + at * ADDRESS_BYTES);
  }
  return (uint32_t)count;
}

void datagrams_take_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
}

/* 0, or why this entry cannot be sent. */
static int prepare(int family, const struct outgoing *outgoing, const uint32_t *entry, union endpoint *peer,
                   struct iovec *part) {
  const size_t offset = entry[SEND_OFFSET], length = entry[SEND_LENGTH], address = entry[SEND_ADDRESS_LENGTH];
  if (offset > outgoing->size || length > outgoing->size - offset || address > outgoing->size - offset - length) {
    return EMSGSIZE;
  }
  const char *text = (const char *)outgoing->bytes + offset + length;
  if (entry[SEND_PORT] == 0 || entry[SEND_PORT] > UINT16_MAX) return EINVAL;
  if (!parse_endpoint(text, address, (uint16_t)entry[SEND_PORT], peer)) return EINVAL;
  if (peer->any.sa_family != family) return EAFNOSUPPORT;
  part->iov_base = (void *)(uintptr_t)(outgoing->bytes + offset);
  part->iov_len = length;
  return 0;
}

uint32_t datagrams_send(int fd, int family, const struct outgoing *outgoing, uint32_t first, uint32_t end) {
  struct mmsghdr messages[BATCH];
  struct iovec parts[BATCH];
  union endpoint peers[BATCH];
  uint32_t places[BATCH];
  if (end > outgoing->count) end = outgoing->count;
  uint32_t next = first;
  while (next < end) {
    uint32_t ready = 0;
    while (next < end && ready < BATCH) {
      uint32_t *entry = outgoing->entries + (size_t)next * SEND_FIELDS;
      entry[SEND_ERROR] = (uint32_t)prepare(family, outgoing, entry, &peers[ready], &parts[ready]);
      if (entry[SEND_ERROR] == 0) {
        messages[ready].msg_hdr = (struct msghdr){.msg_name = &peers[ready], .msg_namelen = endpoint_size(family),
                                                  .msg_iov = &parts[ready], .msg_iovlen = 1};
        places[ready] = next;
        ready++;
      }
      next++;
    }
    uint32_t sent = 0;
    while (sent < ready) {
      const int count = sendmmsg(fd, messages + sent, ready - sent, MSG_DONTWAIT);
      if (count > 0) {
        sent += (uint32_t)count;
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return places[sent];
      } else if (errno != EINTR) {
        outgoing->entries[(size_t)places[sent] * SEND_FIELDS + SEND_ERROR] = (uint32_t)errno;
        sent++;
      }
    }
  }
  return end;
}
