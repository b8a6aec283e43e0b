/*
 * The floor under a media relay: what a C program that does nothing but move packets needs for it. It is the yardstick of
 * `make bench-media`, not a part of the product: no latching, no statistics, no loss, no limits.
 *
 *   media-floor ADDRESS CALLS relay|transcode PORT PORT
 *
 * Binds two UDP ports a call on ADDRESS and prints them, a line a call; then moves packets, one at a time between the two,
 * until its standard input ends, to the first and to the second PORT on ADDRESS: the payload untouched, or G.711 A-law of the
 * first party to and from G.729 of the second.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <bcg729/decoder.h>
#include <bcg729/encoder.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 16
#define EVENTS 64
#define PACKET_BYTES 1500
#define HEADER_BYTES 12
#define FRAME_SAMPLES 80
#define FRAME_BYTES 10
#define MAX_FRAMES 6

struct leg {
  int fd;
  struct sockaddr_in remote;
  uint16_t sequence_number;
  uint32_t timestamp;
  uint32_t ssrc;
  bcg729DecoderChannelContextStruct *decoder;
  bcg729EncoderChannelContextStruct *encoder;
};

static int16_t alaw_levels[256];
static uint8_t alaw_codes[65536 >> 3];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

/* By the recommendation's segments: the level of a code, and for each level the nearest code. */
static void make_alaw(void) {
  for (int code = 0; code < 256; code++) {
    const int bits = code ^ 0x55;
    const int segment = (bits >> 4) & 7;
    int level = ((bits & 15) << 4) + 8;
    if (segment > 0) level = (level + 256) << (segment - 1);
    alaw_levels[code] = (int16_t)(bits & 0x80 ? level : -level);
  }
  for (int step = 0; step < 65536 >> 3; step++) {
    const int level = step * 8 - 32768 + 4;
    int best = 0;
    for (int code = 1; code < 256; code++) {
      if (abs(alaw_levels[code] - level) < abs(alaw_levels[best] - level)) best = code;
    }
    alaw_codes[step] = (uint8_t)best;
  }
}

static size_t transcode(struct leg *from, struct leg *to, bool from_g729, const uint8_t *in, size_t length, uint8_t *out) {
  int16_t pcm[FRAME_SAMPLES];
  size_t written = 0;
  if (from_g729) {
    for (size_t at = 0; at + FRAME_BYTES <= length; at += FRAME_BYTES) {
      bcg729Decoder(from->decoder, in + at, FRAME_BYTES, 0, 0, 0, pcm);
      for (size_t i = 0; i < FRAME_SAMPLES; i++) out[written++] = alaw_codes[(pcm[i] + 32768) >> 3];
    }
    return written;
  }
  for (size_t at = 0; at + FRAME_SAMPLES <= length; at += FRAME_SAMPLES) {
    uint8_t bytes = 0;
    for (size_t i = 0; i < FRAME_SAMPLES; i++) pcm[i] = alaw_levels[in[at + i]];
    bcg729Encoder(to->encoder, pcm, out + written, &bytes);
    written += bytes;
  }
  return written;
}

static uint8_t in[BATCH][PACKET_BYTES];
static uint8_t out[BATCH][PACKET_BYTES];
static struct mmsghdr received[BATCH];
static struct mmsghdr sent[BATCH];

static void move(struct leg *from, struct leg *to, bool transcoded, bool from_g729) {
  struct iovec in_parts[BATCH];
  struct iovec out_parts[BATCH];
  for (unsigned i = 0; i < BATCH; i++) {
    in_parts[i] = (struct iovec){in[i], PACKET_BYTES};
    received[i].msg_hdr = (struct msghdr){.msg_iov = &in_parts[i], .msg_iovlen = 1};
  }
  const int count = recvmmsg(from->fd, received, BATCH, MSG_DONTWAIT, NULL);
  for (int i = 0; i < count; i++) {
    const size_t length = received[i].msg_len;
    if (length < HEADER_BYTES) continue;
    const size_t payload = length - HEADER_BYTES;
    size_t bytes = payload;
    if (transcoded && payload > (from_g729 ? MAX_FRAMES * FRAME_BYTES : MAX_FRAMES * FRAME_SAMPLES)) bytes = 0;
    else if (transcoded) bytes = transcode(from, to, from_g729, in[i] + HEADER_BYTES, payload, out[i] + HEADER_BYTES);
    else memcpy(out[i] + HEADER_BYTES, in[i] + HEADER_BYTES, payload);
    const uint16_t sequence_number = htons(to->sequence_number++);
    const uint32_t timestamp = htonl(to->timestamp += 160);
    out[i][0] = 0x80;
    out[i][1] = transcoded ? (uint8_t)((in[i][1] & 0x80) | (from_g729 ? 8 : 18)) : in[i][1];
    memcpy(out[i] + 2, &sequence_number, 2);
    memcpy(out[i] + 4, &timestamp, 4);
    memcpy(out[i] + 8, &to->ssrc, 4);
    out_parts[i] = (struct iovec){out[i], HEADER_BYTES + bytes};
    sent[i].msg_hdr = (struct msghdr){
        .msg_name = &to->remote, .msg_namelen = sizeof to->remote, .msg_iov = &out_parts[i], .msg_iovlen = 1};
  }
  if (count > 0) sendmmsg(to->fd, sent, (unsigned)count, MSG_DONTWAIT);
}

int main(int argument_count, char **arguments) {
  if (argument_count != 6) {
    fprintf(stderr, "usage: media-floor ADDRESS CALLS relay|transcode PORT PORT\n");
    return 2;
  }
  const unsigned calls = (unsigned)atoi(arguments[2]);
  const bool transcoded = strcmp(arguments[3], "transcode") == 0;
  struct leg *legs = calloc(2 * calls, sizeof *legs);
  const int epoll = epoll_create1(0);
  if (legs == NULL || epoll < 0) fail("start");
  make_alaw();
  for (unsigned i = 0; i < 2 * calls; i++) {
    struct sockaddr_in local = {.sin_family = AF_INET};
    socklen_t length = sizeof local;
    if (inet_pton(AF_INET, arguments[1], &local.sin_addr) != 1) fail("address");
    legs[i].fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (legs[i].fd < 0 || bind(legs[i].fd, (struct sockaddr *)&local, sizeof local) != 0) fail("bind");
    if (getsockname(legs[i].fd, (struct sockaddr *)&local, &length) != 0) fail("getsockname");
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, legs[i].fd, &event) != 0) fail("epoll");
    legs[i].remote = local;
    legs[i].ssrc = i + 1;
    if (transcoded && i % 2 == 1) {
      legs[i].decoder = initBcg729DecoderChannel();
      legs[i].encoder = initBcg729EncoderChannel(0);
    }
    legs[i].remote.sin_port = htons((uint16_t)atoi(arguments[4 + i % 2]));
    printf("%u%c", ntohs(local.sin_port), i % 2 == 0 ? ' ' : '\n');
  }
  fflush(stdout);
  struct epoll_event stop = {.events = EPOLLIN | EPOLLHUP, .data.u32 = UINT32_MAX};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &stop) != 0) fail("standard input is no pipe");
  for (;;) {
    struct epoll_event events[EVENTS];
    const int count = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < count; i++) {
      const uint32_t leg = events[i].data.u32;
      if (leg != UINT32_MAX) {
        move(&legs[leg], &legs[leg ^ 1], transcoded, leg % 2 == 1);
        continue;
      }
      char byte;
      if (read(STDIN_FILENO, &byte, 1) == 0) return 0;
    }
  }
}
