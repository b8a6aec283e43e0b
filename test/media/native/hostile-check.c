/* Packets that nobody should send, and calls from two threads. The sanitizers are the judges. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

/* Mutated and random packets, in every pairing of codecs; the sanitizers are the judges. */
CHECK(check_hostile, "no packet makes the code misbehave") {
  srand(1);
  for (enum codec a = 0; a < CODEC_COUNT; a++) {
    for (enum codec b = 0; b < CODEC_COUNT; b++) {
      struct bench bench;
      bench_open(&bench, a, 20, b, 30);
      for (unsigned round = 0; round < 3000; round++) {
        /* Exactly as long as the packet, so that reading past it is noticed. */
        const size_t length = (size_t)rand() % (round % 10 == 0 ? PACKET_BYTES : 80);
        uint8_t *bytes = malloc(length > 0 ? length : 1);
        for (size_t i = 0; i < length; i++) bytes[i] = (uint8_t)rand();
        if (length > 1 && round % 4 != 0) {
          bytes[0] = round % 3 == 0 ? (uint8_t)(0x80 | (bytes[0] & 0x3f)) : 0x80;
          bytes[1] = (uint8_t)((bytes[1] & 0x80) | (round % 5 == 0 ? EVENT_TYPE : bench.session->legs[0].settings.payload_type));
        }
        if (length > 11 && round % 2 == 0) memset(bytes + 8, 0, 4);
        bench.now_ms += (uint64_t)(rand() % 30);
        session_receive(bench.session, 0, bytes, length, &bench.parties[0].address, bench.now_ms * 1000);
        free(bytes);
      }
      send_queue_flush(loop_queue(bench.loop));
      EXPECT(bench.session->legs[0].counters.malformed > 0, true);
      EXPECT(bench.session->legs[0].counters.packets_received > 0, true);
      bench_close(&bench);
    }
  }
}

static uint32_t seed_state;

static uint32_t draw(uint32_t limit) {
  /* xorshift32: the same sequence everywhere. */
  seed_state ^= seed_state << 13;
  seed_state ^= seed_state >> 17;
  seed_state ^= seed_state << 5;
  return seed_state % limit;
}

static bool one_in(uint32_t odds) { return draw(odds) == 0; }

static void configure_anyhow(struct bench *bench, unsigned leg) {
  static const uint8_t types[] = {PCMU_TYPE, PCMA_TYPE, G729_TYPE, G722_TYPE, G726_TYPE, OPUS_TYPE};
  const enum codec codec = (enum codec)draw(CODEC_COUNT);
  struct leg_settings settings = {
      .remote = bench->parties[leg].address,
      .codec = codec,
      .payload_type = types[codec],
      .event_payload_type = one_in(4) ? NO_PAYLOAD_TYPE : EVENT_TYPE,
      .event_received_type = one_in(4) ? EVENT_TYPE + 1 : NO_PAYLOAD_TYPE,
      .detects_digits = one_in(3),
      .digits_by_signalling = one_in(5),
      .noise_payload_type = one_in(2) ? NO_PAYLOAD_TYPE : NOISE_TYPE,
      .ptime_ms = (uint16_t)(FRAME_MS * (1 + draw(MAX_PTIME_MS / FRAME_MS))),
      .receives = !one_in(4),
      .sends = !one_in(4),
      .encoding = {.annex_b = one_in(2)},
  };
  if (one_in(4)) settings.remote.v4.sin_port ^= 1;
  if (!session_configure(bench->session, leg, &settings)) abort();
}

struct speaker {
  uint16_t sequence_number;
  uint32_t timestamp;
  uint32_t ssrc;
};

/* A packet of a running stream, with something wrong in it now and then. Returns how long it is. */
static size_t speak(struct speaker *speaker, const struct leg_settings *settings, uint8_t bytes[PACKET_BYTES]) {
  static const size_t audio[] = {1, 2, 10, 12, 20, 22, 30, 80, 160, 161, 200, 240, 1600, 1601};
  const bool event = one_in(8);
  size_t payload = event ? 4 * (1 + draw(3)) : audio[draw(sizeof audio / sizeof *audio)];
  if (one_in(50)) payload = draw(PACKET_BYTES - RTP_HEADER_BYTES - 80);
  if (one_in(20)) speaker->sequence_number += (uint16_t)draw(one_in(4) ? 0x10000 : 6);
  if (one_in(20)) speaker->timestamp += one_in(4) ? draw(UINT32_MAX) : draw(3000) - 1000;
  if (one_in(200)) speaker->ssrc = draw(3);
  struct rtp_packet packet = {.marker = one_in(20),
                              .payload_type = event ? EVENT_TYPE : settings->payload_type,
                              .sequence_number = speaker->sequence_number++,
                              .timestamp = speaker->timestamp,
                              .ssrc = speaker->ssrc};
  if (one_in(50)) packet.payload_type = (uint8_t)draw(128);
  rtp_write_header(bytes, &packet);
  size_t length = RTP_HEADER_BYTES, payload_at = length;
  if (one_in(10)) {
    /* CSRCs, an extension of up to 4 words, padding; true or not. */
    const size_t sources = draw(16), words = draw(5), padding = draw(6);
    bytes[0] = (uint8_t)(0x80 | sources | (words > 0 ? 0x10 : 0) | (padding > 0 ? 0x20 : 0));
    memset(bytes + length, 0, sources * 4 + (words + 1) * 4);
    length += sources * 4;
    if (words > 0) {
      bytes[length + 3] = (uint8_t)(words - (one_in(4) ? 2 : 1));
      length += words * 4;
    }
    payload_at = length;
    for (size_t i = 0; i < payload + padding; i++) bytes[length + i] = (uint8_t)draw(256);
    length += payload + padding;
    if (padding > 0) bytes[length - 1] = one_in(4) ? (uint8_t)draw(256) : (uint8_t)padding;
  } else {
    for (size_t i = 0; i < payload; i++) bytes[length + i] = (uint8_t)draw(256);
    length += payload;
  }
  /* One frame of Opus, mostly: random lengths of several seldom add up. */
  if (settings->codec == CODEC_OPUS && !event && !one_in(3)) bytes[payload_at] &= 0xfc;
  if (!event) speaker->timestamp += (uint32_t)codec_payload_ticks(settings->codec, bytes + payload_at, payload);
  if (one_in(50)) bytes[draw((uint32_t)length)] ^= (uint8_t)(1 << draw(8));
  return one_in(50) ? draw((uint32_t)length + 1) : length;
}

static uint64_t seen(const struct leg_counters *counters) {
  return counters->packets_received + counters->malformed + counters->unknown_payload_type + counters->wrong_source;
}

/* Both parties speak at once, are configured anew, and change everything that the network lets them change. */
static void fuzz_once(unsigned packets) {
  struct bench bench;
  struct speaker speakers[2] = {{.ssrc = 1}, {.ssrc = 2}};
  uint64_t said[2] = {0, 0};
  bench_open(&bench, (enum codec)draw(CODEC_COUNT), 20, (enum codec)draw(CODEC_COUNT), 20);
  for (unsigned i = 0; i < packets; i++) {
    if (one_in(100)) configure_anyhow(&bench, draw(2));
    const unsigned leg = draw(2);
    uint8_t bytes[PACKET_BYTES];
    const size_t length = speak(&speakers[leg], &bench.session->legs[leg].settings, bytes);
    /* Exactly as long as the packet, so that reading past it is noticed. */
    uint8_t *exact = malloc(length > 0 ? length : 1);
    memcpy(exact, bytes, length);
    union address source = bench.parties[leg].address;
    if (one_in(30)) source.v4.sin_addr.s_addr ^= htonl(draw(4));
    bench.now_ms += one_in(500) ? draw(100000) : draw(20);
    session_receive(bench.session, leg, exact, length, &source, bench.now_ms * 1000);
    said[leg]++;
    free(exact);
    const struct outgoing *outgoing = &bench.session->legs[1 - leg].outgoing;
    if (outgoing->framed_bytes >= outgoing->packet_bytes || outgoing->pcm_samples >= outgoing->traits->frame_samples) abort();
  }
  send_queue_flush(loop_queue(bench.loop));
  for (unsigned leg = 0; leg < 2; leg++) {
    const struct leg_counters *counters = &bench.session->legs[leg].counters;
    EXPECT(seen(counters), said[leg]);
    EXPECT(counters->late + counters->unforwarded <= counters->packets_received, true);
    EXPECT(counters->packets_received > 0, true);
  }
  bench_close(&bench);
}

static void fuzz_seed(unsigned seed) {
  seed_state = seed * 2654435761u | 1;
  fuzz_once(5000);
}

CHECK(check_fuzz, "nor do two streams of them, with everything configured anew in between") {
  for (unsigned seed = 1; seed <= 4; seed++) fuzz_seed(seed);
}

static unsigned first_seed;
static unsigned fuzz_seconds;

static void fuzz_until(void) {
  const time_t end = time(NULL) + (time_t)fuzz_seconds;
  unsigned seed = first_seed;
  while (time(NULL) < end) fuzz_seed(seed++);
  printf("seeds %u to %u: ", first_seed, seed - 1);
}

bool fuzz(unsigned seed, unsigned seconds) {
  first_seed = seed;
  fuzz_seconds = seconds;
  return run_check("hostile packets", fuzz_until);
}

static void count(struct session *session, void *argument) {
  *(uint64_t *)argument = session->legs[1].counters.packets_received;
}

/* Calls into the loop while packets run through it. */
CHECK(check_loop, "the loop answers calls while packets run") {
  struct bench bench;
  bench_open(&bench, CODEC_PCMA, 20, CODEC_PCMA, 20);
  union address local;
  socklen_t length = sizeof local;
  if (getsockname(bench.session->legs[1].rtp_fd, &local.any, &length) != 0) abort();
  bench_part(&bench);
  struct engine *engine = engine_start(1, NULL, NULL);
  if (engine == NULL) abort();
  const uint32_t handle = engine_add(engine, bench.session);
  EXPECT(handle != 0, true);
  /* What comes before anybody has to do with it is forgotten. */
  uint64_t before = 1;
  EXPECT(engine_visit(engine, handle, count, &before), true);
  EXPECT(before, 0);
  uint8_t bytes[RTP_HEADER_BYTES + 160] = {0};
  struct rtp_packet packet = {.payload_type = PCMA_TYPE, .ssrc = 1};
  for (unsigned i = 0; i < 200; i++) {
    packet.sequence_number++;
    packet.timestamp += 160;
    rtp_write_header(bytes, &packet);
    sendto(bench.parties[1].fd, bytes, sizeof bytes, 0, &local.any, length);
    uint64_t received = 0;
    EXPECT(engine_visit(engine, handle, count, &received), true);
    struct pollfd heard = {.fd = bench.parties[0].fd, .events = POLLIN};
    EXPECT(poll(&heard, 1, 2000), 1);
    EXPECT(recv(bench.parties[0].fd, bytes, sizeof bytes, 0), sizeof bytes);
  }
  uint64_t received = 0;
  EXPECT(engine_visit(engine, handle, count, &received), true);
  EXPECT(received, 200);
  EXPECT(engine_visit(engine, handle + 1, count, &received), false);
  struct session *session = engine_remove(engine, handle);
  EXPECT(session == bench.session, true);
  EXPECT(engine_visit(engine, handle, count, &received), false);
  EXPECT(engine_remove(engine, handle) == NULL, true);
  const uint32_t again = engine_add(engine, session);
  EXPECT(again != handle, true);
  bench.session = engine_remove(engine, again);
  engine_stop(engine);
  bench_close(&bench);
}

#define CHURNED_SESSIONS 8
#define MOST_CHURN_US 20000000

struct flood {
  uint16_t first_port;
  atomic_bool ends;
};

/* Everything at once to every port, open or not. */
static void *flood(void *argument) {
  struct flood *flood = argument;
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  uint8_t bytes[RTP_HEADER_BYTES + 160] = {0};
  struct rtp_packet packet = {.payload_type = PCMA_TYPE, .ssrc = 1};
  while (!atomic_load(&flood->ends)) {
    packet.sequence_number++;
    packet.timestamp += 160;
    rtp_write_header(bytes, &packet);
    union address to;
    address_parse("127.0.0.1", (uint16_t)(flood->first_port + packet.sequence_number % (4 * CHURNED_SESSIONS)), &to);
    sendto(fd, bytes, sizeof bytes, 0, &to.any, address_length(&to));
  }
  close(fd);
  return NULL;
}

struct configuration {
  struct leg_settings settings[2];
};

static void set_up(struct session *session, void *argument) {
  struct configuration *configuration = argument;
  for (unsigned leg = 0; leg < 2; leg++) {
    if (!session_configure(session, leg, &configuration->settings[leg])) abort();
  }
}

/* Sessions come and go, on the same ports, under a flood of packets for them. */
CHECK(check_churn, "sessions come and go under a flood") {
  static const char *const addresses[2] = {"127.0.0.1", "127.0.0.1"};
  struct flood flooding = {.first_port = (uint16_t)(34000 + (unsigned)getpid() % 6000 * 4)};
  struct engine *engine = engine_start(2, NULL, NULL);
  pthread_t thread;
  if (engine == NULL || pthread_create(&thread, NULL, flood, &flooding) != 0) abort();
  uint32_t handles[CHURNED_SESSIONS] = {0};
  uint64_t received = 0;
  /* Longer where the machine is so busy that no packet of the flood has come in yet. */
  const uint64_t latest_us = loop_now_us() + MOST_CHURN_US;
  for (unsigned i = 0; i < 60 || (received == 0 && loop_now_us() < latest_us); i++) {
    const unsigned which = i % CHURNED_SESSIONS;
    struct session *session = engine_remove(engine, handles[which]);
    if (session != NULL) {
      received += session->legs[0].counters.packets_received;
      session_close(session);
    }
    const uint16_t port = (uint16_t)(flooding.first_port + 4 * which);
    const uint16_t ports[2] = {port, (uint16_t)(port + 2)};
    unsigned failed;
    enum leg_fault fault;
    session = session_open(addresses, ports, 2, &failed, &fault);
    if (session == NULL) continue;
    handles[which] = engine_add(engine, session);
    struct leg_settings settings = {.codec = CODEC_PCMA, .payload_type = PCMA_TYPE, .event_payload_type = NO_PAYLOAD_TYPE,
                                    .event_received_type = one_in(4) ? EVENT_TYPE + 1 : NO_PAYLOAD_TYPE,
      .detects_digits = one_in(3),
      .digits_by_signalling = one_in(5),
      .noise_payload_type = one_in(2) ? NO_PAYLOAD_TYPE : NOISE_TYPE,
      .ptime_ms = 20, .receives = true, .sends = true};
    /* What is sent to leg 1 goes to a port that nobody has: the network answers with errors. */
    if (!address_parse("127.0.0.1", 9, &settings.remote)) abort();
    struct configuration configuration = {.settings = {settings, settings}};
    configuration.settings[1].codec = CODEC_G729;
    configuration.settings[1].payload_type = G729_TYPE;
    EXPECT(engine_visit(engine, handles[which], set_up, &configuration), true);
  }
  atomic_store(&flooding.ends, true);
  pthread_join(thread, NULL);
  engine_stop(engine);
  EXPECT(received > 0, true);
}
