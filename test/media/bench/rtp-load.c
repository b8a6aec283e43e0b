/*
 * The parties of many calls, who talk all the time, 20 ms a packet. All first parties share one socket and all second
 * ones another, so that this program can hand the kernel many packets at a time and load more than it costs itself.
 *
 *   rtp-load ADDRESS CALLS SECONDS TYPE:STREAM TYPE:STREAM
 *
 * Prints the ports of the two sockets on ADDRESS; reads for each call the two ports on ADDRESS that it is to send to. Then
 * for SECONDS the parties speak, evenly apart: the first ones with payload type TYPE from the file STREAM, whose payloads
 * follow each other, each with its length in two bytes before it; the second ones likewise. Each call begins elsewhere in
 * the stream. Who is heard is told by the port that the packet came from. Prints an empty line when they fall silent, and at the
 * end, in one line:
 *
 *   packets sent, packets heard, then in microseconds from sending to arrival at the other party's socket, by the kernel's
 *   clock there: median, 90th, 99th percentile, longest; the packets that were sent late by more than half a millisecond, as
 *   this program itself did not run, or behind such. They come in bursts that no phones make, and are in
 *   none of these delays; then the 90th percentile of all packets
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PTIME_US 20000
#define TICKS 160
#define HEADER_BYTES 12
#define PACKET_BYTES 1500
#define REMEMBERED 256 /* packets under way on one leg */
#define BATCH 64
#define BUFFER_BYTES (32 << 20) /* of a socket, where we may */
#define SEEN_US 200000 /* the longest delay that is told from others */
#define LATE_US 500
#define PACE_US 200 /* less costs more: the timer of a sleep takes 10 to 20 us under a hypervisor */
#define BEHIND_US 5000 /* until a side has moved all of a burst */
#define SETTLE_US 1000000 /* before anything is counted, and time for the last packets to arrive */

struct stream {
  uint8_t type;
  unsigned count;
  const uint8_t **payloads; /* each with its length before it */
};

struct leg {
  struct sockaddr_in to;
  uint32_t sent;
  uint64_t sent_us[REMEMBERED]; /* 0 is not counted */
  bool late[REMEMBERED];
  bool heard_any;
  uint16_t distance; /* between the numbers that are heard here and those that the other party gave */
};

/* How many packets took so many microseconds: all of them, and those that were sent in time. */
struct delays {
  uint64_t count;
  uint32_t us[SEEN_US + 1];
};
static struct delays all, in_time;
static uint64_t packets_sent, packets_heard, packets_late;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static uint64_t microseconds(struct timespec time) {
  return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

/* By the clock with which the kernel stamps what arrives. */
static uint64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return microseconds(now);
}

static struct stream read_stream(const char *argument) {
  const char *colon = strchr(argument, ':');
  struct stat stat;
  const int fd = colon == NULL ? -1 : open(colon + 1, O_RDONLY);
  if (fd < 0 || fstat(fd, &stat) != 0) fail(argument);
  const uint8_t *bytes = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (bytes == MAP_FAILED) fail(argument);
  struct stream stream = {.type = (uint8_t)atoi(argument), .payloads = calloc((size_t)stat.st_size / 2 + 1, sizeof(void *))};
  for (size_t at = 0; at + 2 <= (size_t)stat.st_size; at += 2 + (size_t)(bytes[at] << 8 | bytes[at + 1])) {
    stream.payloads[stream.count++] = bytes + at;
  }
  return stream;
}

/* What waits to be sent from one of the two sockets. */
struct outbox {
  int fd;
  unsigned count;
  struct mmsghdr messages[BATCH];
  struct iovec parts[BATCH];
  uint8_t bytes[BATCH][PACKET_BYTES];
};

static void flush(struct outbox *outbox) {
  for (unsigned done = 0; done < outbox->count;) {
    const int sent = sendmmsg(outbox->fd, outbox->messages + done, outbox->count - done, 0);
    done += sent > 0 ? (unsigned)sent : 1;
  }
  outbox->count = 0;
}

static void speak(struct outbox *outbox, struct leg *leg, const struct stream *stream, unsigned begin, bool counted, bool late) {
  const uint8_t *payload = stream->payloads[(begin + leg->sent) % stream->count];
  const size_t length = (size_t)(payload[0] << 8 | payload[1]);
  const unsigned i = outbox->count++;
  uint8_t *packet = outbox->bytes[i];
  const uint16_t number = htons((uint16_t)leg->sent);
  const uint32_t timestamp = htonl(leg->sent * TICKS);
  const uint32_t ssrc = htonl(begin + 1);
  packet[0] = 0x80;
  packet[1] = leg->sent == 0 ? stream->type | 0x80 : stream->type;
  memcpy(packet + 2, &number, 2);
  memcpy(packet + 4, &timestamp, 4);
  memcpy(packet + 8, &ssrc, 4);
  memcpy(packet + HEADER_BYTES, payload + 2, length);
  outbox->parts[i] = (struct iovec){packet, HEADER_BYTES + length};
  outbox->messages[i].msg_hdr = (struct msghdr){
      .msg_name = &leg->to, .msg_namelen = sizeof leg->to, .msg_iov = &outbox->parts[i], .msg_iovlen = 1};
  leg->sent_us[leg->sent % REMEMBERED] = counted ? now_us() : 0;
  leg->late[leg->sent % REMEMBERED] = late;
  packets_sent += counted;
  packets_late += counted && late;
  leg->sent++;
}

static void note(struct delays *delays, uint64_t delay_us) {
  delays->us[delay_us < SEEN_US ? delay_us : SEEN_US]++;
  delays->count++;
}

static struct leg *by_port[65536];

static uint64_t arrival_us(struct msghdr *message) {
  const struct cmsghdr *note = CMSG_FIRSTHDR(message);
  struct timespec time = {0};
  if (note == NULL || note->cmsg_type != SCM_TIMESTAMPNS) fail("no time of arrival");
  memcpy(&time, CMSG_DATA(note), sizeof time);
  return microseconds(time);
}

/* Legs of one call are neighbours: what comes from the port of one was spoken into the port of the other. */
static void listen_at(int fd, struct leg *legs) {
  static uint8_t bytes[BATCH][PACKET_BYTES];
  static struct iovec parts[BATCH];
  static struct sockaddr_in sources[BATCH];
  static struct mmsghdr messages[BATCH];
  static _Alignas(struct cmsghdr) uint8_t notes[BATCH][CMSG_SPACE(sizeof(struct timespec))];
  for (;;) {
    for (unsigned i = 0; i < BATCH; i++) {
      parts[i] = (struct iovec){bytes[i], PACKET_BYTES};
      messages[i].msg_hdr = (struct msghdr){
          .msg_name = &sources[i], .msg_namelen = sizeof sources[i], .msg_iov = &parts[i], .msg_iovlen = 1,
          .msg_control = notes[i], .msg_controllen = sizeof notes[i]};
    }
    const int count = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++) {
      struct leg *leg = by_port[ntohs(sources[i].sin_port)];
      if (leg == NULL) continue;
      const struct leg *other = &legs[(leg - legs) ^ 1];
      const uint16_t number = (uint16_t)(bytes[i][2] << 8 | bytes[i][3]);
      /*
       * The side gave its own numbers. What is heard first is taken for what was spoken last; where that was wrong, since the
       * side was late then, a packet seems to be heard before it was spoken. Once packets count, such a one is one that nobody
       * spoke: the side conceals what comes no more.
       */
      const uint16_t last = (uint16_t)(other->sent - 1);
      const bool counted = other->sent_us[last % REMEMBERED] != 0;
      const bool unspoken = (int16_t)(number - leg->distance - last) > 0;
      if (!leg->heard_any || (unspoken && !counted)) leg->distance = (uint16_t)(number - last);
      else if (unspoken) continue;
      leg->heard_any = true;
      const unsigned spoken = (uint16_t)(number - leg->distance) % REMEMBERED;
      const uint64_t sent = other->sent_us[spoken];
      if (sent == 0) continue;
      packets_heard++;
      const uint64_t delay = arrival_us(&messages[i].msg_hdr) - sent;
      note(&all, delay);
      if (!other->late[spoken]) note(&in_time, delay);
    }
    if (count < BATCH) return;
  }
}

/*
 * As phones have it: RTCP on the port behind that of RTP. Nobody reads it, but it is there, and who reports to it is not told again
 * and again that it is not. False: somebody has that port.
 */
static bool open_rtcp(const struct sockaddr_in *rtp) {
  struct sockaddr_in local = *rtp;
  local.sin_port = htons((uint16_t)(ntohs(rtp->sin_port) + 1));
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) fail("socket of RTCP");
  if (bind(fd, (struct sockaddr *)&local, sizeof local) == 0) return true;
  close(fd);
  return false;
}

static int open_socket(const char *address) {
  struct sockaddr_in local = {.sin_family = AF_INET};
  const int bytes = BUFFER_BYTES, on = 1, whole = IP_PMTUDISC_DO;
  int fd;
  for (;;) {
    socklen_t length = sizeof local;
    local.sin_port = 0;
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || inet_pton(AF_INET, address, &local.sin_addr) != 1) fail("socket");
    if (bind(fd, (struct sockaddr *)&local, length) != 0 || getsockname(fd, (struct sockaddr *)&local, &length) != 0) fail("bind");
    if (ntohs(local.sin_port) < UINT16_MAX && open_rtcp(&local)) break;
    close(fd);
  }
  /* No packet is ever taken apart: the kernel need not number them. */
  if (setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &whole, sizeof whole) != 0) fail("no fragments");
  if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0) fail("time of arrival");
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }
  printf("%u\n", ntohs(local.sin_port));
  fflush(stdout);
  return fd;
}

static unsigned percentile(const struct delays *delays, double share) {
  uint64_t left = (uint64_t)((double)delays->count * share);
  for (unsigned us = 0; us < SEEN_US; us++) {
    if (delays->us[us] > left) return us;
    left -= delays->us[us];
  }
  return SEEN_US;
}

int main(int argument_count, char **arguments) {
  if (argument_count != 6) {
    fprintf(stderr, "usage: rtp-load ADDRESS CALLS SECONDS TYPE:STREAM TYPE:STREAM\n");
    return 2;
  }
  const unsigned legs_count = 2 * (unsigned)atoi(arguments[2]);
  const uint64_t duration_us = (uint64_t)(atof(arguments[3]) * 1e6);
  const struct stream streams[2] = {read_stream(arguments[4]), read_stream(arguments[5])};
  struct leg *legs = calloc(legs_count, sizeof *legs);
  static struct outbox outboxes[2];
  if (legs == NULL) fail("start");
  for (unsigned side = 0; side < 2; side++) outboxes[side].fd = open_socket(arguments[1]);
  for (unsigned i = 0; i < legs_count; i++) {
    unsigned port;
    if (scanf("%u", &port) != 1 || port > UINT16_MAX) fail("port");
    legs[i].to.sin_family = AF_INET;
    legs[i].to.sin_port = htons((uint16_t)port);
    if (inet_pton(AF_INET, arguments[1], &legs[i].to.sin_addr) != 1) fail("address");
    by_port[port] = &legs[i];
  }

  const uint64_t started = now_us();
  const uint64_t end = started + SETTLE_US + duration_us;
  uint64_t spoken = 0; /* packets of all legs */
  uint64_t behind_until = 0;
  bool silent = false;
  for (;;) {
    const uint64_t now = now_us();
    if (now >= end + SETTLE_US) break;
    if (now >= end && !silent) {
      silent = true;
      putchar('\n');
      fflush(stdout);
    }
    const uint64_t due = now >= end ? spoken : (now - started) * legs_count / PTIME_US;
    if (spoken < due && now - (started + spoken * PTIME_US / legs_count) > LATE_US) behind_until = now + BEHIND_US;
    for (unsigned burst = 0; spoken < due && burst < BATCH; burst++, spoken++) {
      const unsigned i = (unsigned)(spoken % legs_count);
      const uint64_t planned = started + spoken * PTIME_US / legs_count;
      const bool counted = planned >= started + SETTLE_US;
      speak(&outboxes[i % 2], &legs[i], &streams[i % 2], i * 37, counted, now < behind_until);
    }
    for (unsigned side = 0; side < 2; side++) {
      flush(&outboxes[side]);
      listen_at(outboxes[side].fd, legs);
    }
    if (spoken < due) continue;
    const uint64_t next = now / PACE_US * PACE_US + PACE_US;
    const struct timespec then = {.tv_sec = (time_t)(next / 1000000), .tv_nsec = (long)(next % 1000000) * 1000};
    clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &then, NULL);
  }
  printf("%llu %llu %u %u %u %u %llu %u\n", (unsigned long long)packets_sent, (unsigned long long)packets_heard,
         percentile(&in_time, 0.5), percentile(&in_time, 0.9), percentile(&in_time, 0.99), percentile(&in_time, 1 - 1e-9),
         (unsigned long long)packets_late, percentile(&all, 0.9));
  return 0;
}
