/*
 * The batches of firmware/sip/transport/native under sanitizers, on sockets of their own on loopback. Prints a line for
 * each check and ends at the first that fails.
 */
#include "datagrams.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ENTRIES 100

static struct received received;
static struct outgoing outgoing;
static uint8_t *bytes;

static void check(int holds, const char *what) {
  printf("%s %s\n", holds ? "ok" : "not ok", what);
  if (!holds) exit(1);
}

static uint32_t *entry_at(uint32_t at) { return outgoing.entries + (size_t)at * SEND_FIELDS; }

/* Puts a datagram and its address at `offset`; returns where the next can be. */
static uint32_t put(uint32_t at, uint32_t offset, const void *data, uint32_t length, const char *address, uint32_t port) {
  const uint32_t address_length = (uint32_t)strlen(address);
  memcpy(bytes + offset, data, length);
  memcpy(bytes + offset + length, address, address_length);
  uint32_t *entry = entry_at(at);
  entry[SEND_OFFSET] = offset;
  entry[SEND_LENGTH] = length;
  entry[SEND_ADDRESS_LENGTH] = address_length;
  entry[SEND_PORT] = port;
  entry[SEND_ERROR] = 0xdead;
  return offset + length + address_length;
}

static uint32_t receive_some(int fd) {
  for (int tries = 0; tries < 1000; tries++) {
    const uint32_t count = datagrams_receive(fd, &received);
    if (count > 0) return count;
    usleep(1000);
  }
  return 0;
}

static void exchange(const char *address, int family) {
  uint16_t port = 0, other_port = 0;
  const int fd = datagrams_open(address, &port, 1 << 20), other = datagrams_open(address, &other_port, 1 << 20);
  check(fd >= 0 && other >= 0 && port != 0 && other_port != port, address);
  uint16_t taken = port;
  check(datagrams_open(address, &taken, 1 << 20) == -EADDRINUSE, "a port that is taken");
  uint32_t offset = 0;
  for (uint32_t at = 0; at < 40; at++) offset = put(at, offset, "hello", 5, address, other_port);
  check(datagrams_send(fd, family, &outgoing, 0, 40) == 40 && entry_at(39)[SEND_ERROR] == 0, "more than a batch goes out");
  const uint32_t first = receive_some(other);
  check(first == BATCH && datagrams_receive(other, &received) == 40 - BATCH, "and comes in, a batch at a time");
  check(received.entries[RECEIVED_LENGTH] == 5 && memcmp(received.slots, "hello", 5) == 0, "whole");
  check(received.entries[RECEIVED_PORT] == port, "from the right port");
  if (family == AF_INET) {
    check(received.entries[RECEIVED_IPV4] == INADDR_LOOPBACK && received.entries[RECEIVED_ADDRESS_LENGTH] == 0, "and address");
  } else {
    check(received.entries[RECEIVED_ADDRESS_LENGTH] == 3 && memcmp(received.addresses, "::1", 3) == 0, "and address");
  }
  static uint8_t large[65507];
  put(0, 0, large, family == AF_INET ? 65507 : 65000, address, other_port);
  put(1, 66000, "", 0, address, other_port);
  check(datagrams_send(fd, family, &outgoing, 0, 2) == 2, "the largest and the emptiest go out");
  uint32_t count = receive_some(other);
  check(count > 0 && received.entries[RECEIVED_LENGTH] >= 65000, "and come in");
  close(fd);
  close(other);
}

/* Nothing that stands in an entry reads beyond the bytes, and no bad entry keeps the others back. */
static void lie(void) {
  uint16_t port = 0, other_port = 0;
  const int fd = datagrams_open("127.0.0.1", &port, 1 << 20), other = datagrams_open("127.0.0.1", &other_port, 1 << 20);
  static const struct {
    const char *what;
    uint32_t field, value;
  } lies[] = {
      {"an offset beyond the end", SEND_OFFSET, 1u << 30},     {"the largest offset", SEND_OFFSET, UINT32_MAX},
      {"a length beyond the end", SEND_LENGTH, 1u << 30},      {"the largest length", SEND_LENGTH, UINT32_MAX},
      {"an address beyond the end", SEND_ADDRESS_LENGTH, UINT32_MAX},
      {"an address that is too long", SEND_ADDRESS_LENGTH, ADDRESS_BYTES},
      {"no address", SEND_ADDRESS_LENGTH, 0},                  {"port 0", SEND_PORT, 0},
      {"a port beyond 65535", SEND_PORT, 65536},
  };
  for (size_t at = 0; at < sizeof lies / sizeof *lies; at++) {
    put(0, 0, "liar", 4, "127.0.0.1", other_port);
    put(1, 1000, "honest", 6, "127.0.0.1", other_port);
    entry_at(0)[lies[at].field] = lies[at].value;
    check(datagrams_send(fd, AF_INET, &outgoing, 0, 2) == 2 && entry_at(0)[SEND_ERROR] != 0, lies[at].what);
    check(receive_some(other) == 1 && memcmp(received.slots, "honest", 6) == 0, "and the other one goes out");
  }
  static const char *const addresses[] = {"::1",     "localhost", "1.2.3",          "::1%nothing-of-the-kind",
                                          "fe80::%", "%",         "fe80::1%999999999999", "127.0.0.1:5060"};
  for (size_t at = 0; at < sizeof addresses / sizeof *addresses; at++) {
    put(0, 0, "x", 1, addresses[at], other_port);
    check(datagrams_send(fd, AF_INET, &outgoing, 0, 1) == 1 && entry_at(0)[SEND_ERROR] != 0, addresses[at]);
    uint16_t any = 0;
    if (strcmp(addresses[at], "::1") != 0) check(datagrams_open(addresses[at], &any, 1 << 20) < 0, "nor is it listened on");
  }
  put(0, 0, "x", 1, "127.0.0.1", other_port);
  check(datagrams_send(fd, AF_INET, &outgoing, 0, UINT32_MAX) <= ENTRIES, "no entry beyond the last");
  close(fd);
  close(other);
}

/* A full buffer says where to go on. */
static void fill(void) {
  int pair[2];
  uint16_t port = 0;
  const int target = datagrams_open("127.0.0.1", &port, 1 << 20);
  /* A socket pair fills up; loopback drops instead. */
  if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair) != 0) exit(1);
  static uint8_t block[60000];
  for (int sent = 0; sent >= 0;) sent = (int)send(pair[0], block, sizeof block, 0);
  check(errno == EAGAIN, "a full buffer");
  for (uint32_t at = 0; at < 3; at++) put(at, at * 100, "x", 1, "127.0.0.1", port);
  const uint32_t next = datagrams_send(pair[0], AF_INET, &outgoing, 0, 3);
  check(next == 0 || next == 3, "is told as such, or as an error of each");
  close(pair[0]);
  close(pair[1]);
  close(target);
}

/* Random entries over random bytes: whatever the sanitizers say. */
static void storm(unsigned seed) {
  uint16_t port = 0;
  const int fd = datagrams_open("127.0.0.1", &port, 1 << 20);
  srandom(seed);
  for (unsigned round = 0; round < 2000; round++) {
    for (uint32_t at = 0; at < ENTRIES; at++) {
      put(at, (uint32_t)random() % 1000, "random", 6, "127.0.0.1", port);
      entry_at(at)[(uint32_t)random() % SEND_PORT] = (uint32_t)random() % 3 == 0 ? (uint32_t)random() : (uint32_t)random() % 100;
    }
    if (datagrams_send(fd, AF_INET, &outgoing, (uint32_t)random() % ENTRIES, ENTRIES) > ENTRIES) exit(1);
    while (datagrams_receive(fd, &received) == BATCH) continue;
  }
  check(1, "random entries");
  close(fd);
}

int main(int argc, char **argv) {
  received = (struct received){malloc((size_t)BATCH * SLOT_BYTES), malloc((size_t)BATCH * ADDRESS_BYTES),
                               malloc((size_t)BATCH * RECEIVED_FIELDS * sizeof(uint32_t))};
  bytes = malloc(70000);
  outgoing = (struct outgoing){bytes, 70000, malloc((size_t)ENTRIES * SEND_FIELDS * sizeof(uint32_t)), ENTRIES};
  memset(outgoing.entries, 0, (size_t)ENTRIES * SEND_FIELDS * sizeof(uint32_t));
  exchange("127.0.0.1", AF_INET);
  exchange("::1", AF_INET6);
  lie();
  fill();
  storm(argc > 1 ? (unsigned)atoi(argv[1]) : 1);
  free(received.slots);
  free(received.addresses);
  free(received.entries);
  free(outgoing.entries);
  free(bytes);
  return 0;
}
