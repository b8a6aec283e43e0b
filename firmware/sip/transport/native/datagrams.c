#define _GNU_SOURCE
#include "datagrams.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int close_failed(int fd) {
  const int reason = errno;
  close(fd);
  return -reason;
}

int datagrams_open(const char *address, uint16_t *port, int receive_buffer_bytes) {
  union endpoint local;
  if (!endpoint_parse(address, strlen(address), *port, &local)) return -EINVAL;
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
  *port = endpoint_port(&local);
  return fd;
}

static void describe(const union endpoint *peer, uint32_t length, uint32_t *entry, char *text) {
  entry[RECEIVED_LENGTH] = length;
  if (peer->any.sa_family == AF_INET6) {
    entry[RECEIVED_PORT] = ntohs(peer->v6.sin6_port);
    entry[RECEIVED_IPV4] = 0;
    entry[RECEIVED_ADDRESS_LENGTH] = endpoint_format(peer, text);
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
  if (!endpoint_parse(text, address, (uint16_t)entry[SEND_PORT], peer)) return EINVAL;
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
