/* Packets on their way out of one socket, handed to the kernel many at a time. One for each loop thread. */
#ifndef RINGDOWN_SEND_QUEUE_H
#define RINGDOWN_SEND_QUEUE_H

#include "net/address.h"
#include "rtp/rtp.h"
#include "rtp/srtp.h"

#define PACKET_BYTES 2048 /* the longest packet that is received or sent */

struct send_queue;
struct leg_counters;

struct send_queue *send_queue_open(void); /* NULL: no memory */
void send_queue_close(struct send_queue *queue);

/*
 * `to` is NULL for a connected socket. Copies the payload, and protects the copy unless `crypto` is NULL. Sends what is waiting first
 * when it is for another socket, or when the queue is full.
 */
void send_queue_add(struct send_queue *queue, int fd, const union address *to, struct leg_counters *counters,
                    struct crypto_context *crypto, const struct rtp_packet *packet);
/* Call before anything that a waiting packet refers to goes away: its socket, its counters. */
void send_queue_flush(struct send_queue *queue);

#endif
