#define _GNU_SOURCE
#include "net/send_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/socket.h"
#include "session/leg.h"

#define QUEUE_PACKETS 32

struct send_queue {
  int fd;
  struct leg_counters *counters;
  unsigned count;
  struct mmsghdr messages[QUEUE_PACKETS];
  struct iovec parts[QUEUE_PACKETS];
  union address to[QUEUE_PACKETS];
  uint8_t bytes[QUEUE_PACKETS][PACKET_BYTES];
};

struct send_queue *send_queue_open(void) {
  struct send_queue *queue = calloc(1, sizeof *queue);
  if (queue == NULL) return NULL;
  for (unsigned i = 0; i < QUEUE_PACKETS; i++) {
    queue->parts[i].iov_base = queue->bytes[i];
    queue->messages[i].msg_hdr.msg_iov = &queue->parts[i];
    queue->messages[i].msg_hdr.msg_iovlen = 1;
  }
  return queue;
}

void send_queue_close(struct send_queue *queue) { free(queue); }

void send_queue_add(struct send_queue *queue, int fd, const union address *to, struct leg_counters *counters,
                    struct crypto_context *crypto, const struct rtp_packet *packet) {
  if (packet->payload_bytes > PACKET_BYTES - RTP_HEADER_BYTES - SRTP_ROOM_BYTES) {
    counters->packets_unsent++;
    return;
  }
  if (queue->count == QUEUE_PACKETS || (queue->count > 0 && queue->fd != fd)) send_queue_flush(queue);
  const unsigned i = queue->count;
  size_t length = RTP_HEADER_BYTES + packet->payload_bytes;
  rtp_write_header(queue->bytes[i], packet);
  memcpy(queue->bytes[i] + RTP_HEADER_BYTES, packet->payload, packet->payload_bytes);
  if (crypto != NULL && crypto_protect_rtp(crypto, queue->bytes[i], &length) != CRYPTO_OK) {
    /* A number that was sent already: a source's duplicate that is passed on. */
    counters->packets_unsent++;
    return;
  }
  queue->count++;
  queue->fd = fd;
  queue->counters = counters;
  if (to != NULL) queue->to[i] = *to;
  queue->messages[i].msg_hdr.msg_name = to == NULL ? NULL : &queue->to[i];
  queue->messages[i].msg_hdr.msg_namelen = to == NULL ? 0 : address_length(to);
  queue->parts[i].iov_len = length;
}

/* The most usual case, which costs the kernel less this way. False: it is lost. */
static bool send_one(const struct send_queue *queue) {
  const struct iovec *part = &queue->parts[0];
  return socket_send(queue->fd, part->iov_base, part->iov_len, queue->messages[0].msg_hdr.msg_name);
}

static void note_sent(struct send_queue *queue, unsigned from, unsigned count) {
  for (unsigned i = from; i < from + count; i++) queue->counters->bytes_sent += queue->parts[i].iov_len;
  queue->counters->packets_sent += count;
}

void send_queue_flush(struct send_queue *queue) {
  unsigned done = 0;
  bool told = false;
  if (queue->count == 1 && send_one(queue)) {
    note_sent(queue, 0, 1);
    done = 1;
  }
  while (done < queue->count) {
    const int sent = socket_send_all(queue->fd, queue->messages + done, queue->count - done);
    if (sent <= 0 && errno == ECONNREFUSED && !told) {
      /* What the network said of an earlier one (ICMP), which clears it: this one was not tried. */
      told = true;
      continue;
    }
    if (sent <= 0) {
      /* No route, a full buffer: this one is lost, as packets are. */
      queue->counters->packets_unsent++;
      done++;
      continue;
    }
    note_sent(queue, done, (unsigned)sent);
    done += (unsigned)sent;
  }
  queue->count = 0;
}
