/*
 * Sends datagrams as fast as it is told, from one loopback address or many.
 * Usage: flood TO_ADDRESS TO_PORT FROM_ADDRESS SOURCES PER_SECOND COUNT < message
 * SOURCES addresses from FROM_ADDRESS on take turns. Each `########` of the message is written over with a number of its
 * own. Ends after COUNT datagrams and prints how many went out and in how many milliseconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_SOURCES 1000
#define MAX_MESSAGE 65000
#define MAX_COUNT 10000000L
#define MARK "########"
#define MARK_BYTES 8
#define MAX_MARKS 64

static long now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000L + now.tv_nsec / 1000;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int open_source(in_addr_t address) {
  struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = address};
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) fail("socket");
  if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0) fail("bind");
  return fd;
}

int main(int argc, char **argv) {
  static char message[MAX_MESSAGE];
  static int sockets[MAX_SOURCES];
  if (argc != 7) return 2;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[2]))};
  struct in_addr from;
  if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1 || inet_pton(AF_INET, argv[3], &from) != 1) return 2;
  long sources = atol(argv[4]), per_second = atol(argv[5]), count = atol(argv[6]);
  if (sources < 1 || sources > MAX_SOURCES || per_second < 1 || count < 1 || count > MAX_COUNT) return 2;
  size_t length = fread(message, 1, sizeof message, stdin);

  for (long at = 0; at < sources; at++) sockets[at] = open_source(htonl(ntohl(from.s_addr) + (unsigned)at));
  size_t places[MAX_MARKS];
  int marks = 0;
  for (char *at = message; marks < MAX_MARKS; at += MARK_BYTES) {
    at = memmem(at, length - (size_t)(at - message), MARK, MARK_BYTES);
    if (at == NULL) break;
    places[marks++] = (size_t)(at - message);
  }
  long start = now_us(), sent = 0;
  for (long number = 0; number < count; number++) {
    long due = start + (long)((double)number * 1e6 / (double)per_second);
    long wait = due - now_us();
    if (wait > 0) usleep((useconds_t)wait);
    char text[MARK_BYTES + 1];
    snprintf(text, sizeof text, "%08lx", number & 0xffffffffL);
    for (int at = 0; at < marks; at++) memcpy(message + places[at], text, MARK_BYTES);
    if (sendto(sockets[number % sources], message, length, 0, (struct sockaddr *)&to, sizeof to) >= 0) sent++;
    else if (errno != ECONNREFUSED && errno != EAGAIN && errno != ENOBUFS) fail("sendto");
  }
  printf("%ld %ld\n", sent, (now_us() - start) / 1000);
  return 0;
}
