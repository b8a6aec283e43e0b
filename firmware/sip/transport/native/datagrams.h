/* UDP in batches: many datagrams a system call, from and to buffers that stay where they are. No JavaScript in here. */
#ifndef DATAGRAMS_H
#define DATAGRAMS_H

#include <stddef.h>
#include <stdint.h>

#include "endpoint.h"

/* Datagrams in one call. The same in datagram-socket.ts, as are the places in an entry. */
#define BATCH 32
/* The largest that UDP carries, and a byte more than nothing. */
#define SLOT_BYTES 65536

/* What is told of a datagram that was received: one entry for each slot. */
enum { RECEIVED_LENGTH, RECEIVED_PORT, RECEIVED_IPV4, RECEIVED_ADDRESS_LENGTH, RECEIVED_FIELDS };
/* What is told of a datagram that shall be sent: its bytes, then the text of its address, both at SEND_OFFSET. */
enum { SEND_OFFSET, SEND_LENGTH, SEND_ADDRESS_LENGTH, SEND_PORT, SEND_ERROR, SEND_FIELDS };

struct received {
  uint8_t *slots;     /* BATCH times SLOT_BYTES */
  uint8_t *addresses; /* BATCH times ADDRESS_BYTES: the text of IPv6 addresses */
  uint32_t *entries;  /* BATCH times RECEIVED_FIELDS; RECEIVED_IPV4 counts where RECEIVED_ADDRESS_LENGTH is 0 */
};

struct outgoing {
  const uint8_t *bytes;
  size_t size;
  uint32_t *entries; /* each SEND_FIELDS; SEND_ERROR becomes an errno, 0 where it went out */
  uint32_t count;    /* entries that there is room for */
};

/* Binds a socket that never blocks; -errno where that fails. `port` 0 takes a free one; afterwards it is the one taken. */
int datagrams_open(const char *address, uint16_t *port, int receive_buffer_bytes);

/* How many datagrams came, at most BATCH; 0 when there are none. */
uint32_t datagrams_receive(int fd, const struct received *received);

/* Takes the error that the socket holds, as of an interface that is gone: until then it is all that one hears of. */
void datagrams_take_error(int fd);

/*
 * Sends the entries from `first` to `end`. What cannot go out has its errno, and the others go on. Returns the entry
 * before which the socket's buffer was full, or `end`.
 */
uint32_t datagrams_send(int fd, int family, const struct outgoing *outgoing, uint32_t first, uint32_t end);

#endif
