#include "bench.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *current;
static int failed_here;

void expect_at(int line, const char *what, int64_t actual, int64_t expected) {
  if (actual == expected) return;
  if (!failed_here) printf("not ok %s:", current);
  printf(" line %d: %s is %" PRId64 ", not %" PRId64 ";", line, what, actual, expected);
  failed_here = 1;
}

#define MAX_CHECKS 512
#define LOWEST_PORT 8000
#define PORTS 12000

static struct {
  const char *name;
  void (*check)(void);
} checks[MAX_CHECKS];
static unsigned check_count;

void add_check(const char *name, void (*check)(void)) {
  if (check_count == MAX_CHECKS) abort();
  checks[check_count].name = name;
  checks[check_count++].check = check;
}

bool run_check(const char *name, void (*check)(void)) {
  current = name;
  failed_here = 0;
  check();
  if (failed_here) printf("\n");
  else printf("ok %s\n", name);
  return !failed_here;
}

int run_checks(const char *part) {
  int failed = 0;
  for (unsigned i = 0; i < check_count; i++) {
    if (strstr(checks[i].name, part) != NULL && !run_check(checks[i].name, checks[i].check)) failed++;
  }
  return failed;
}

static void party_open(struct party *party, const char *address) {
  if (!address_parse(address, 0, &party->address)) abort();
  party->fd = socket(party->address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  socklen_t length = address_length(&party->address);
  if (bind(party->fd, &party->address.any, length) != 0) abort();
  if (getsockname(party->fd, &party->address.any, &length) != 0) abort();
}

void configure(struct bench *bench, unsigned leg, enum codec codec, uint16_t ptime_ms) {
  static const uint8_t types[] = {PCMU_TYPE, PCMA_TYPE, G729_TYPE, G722_TYPE, G726_TYPE, OPUS_TYPE};
  const struct leg_settings settings = {
      .remote = bench->parties[leg].address,
      .codec = codec,
      .payload_type = types[codec],
      .event_payload_type = (uint8_t)(EVENT_TYPE + leg),
      .event_received_type = NO_PAYLOAD_TYPE,
      .noise_payload_type = NO_PAYLOAD_TYPE,
      .ptime_ms = ptime_ms,
      .receives = true,
      .sends = true,
      .rtcp_remote = bench->parties[leg].address,
      .dscp = 46,
  };
  if (!session_configure(bench->session, leg, &settings)) abort();
}

void set_sends(struct bench *bench, unsigned leg, bool sends) {
  struct leg_settings settings = bench->session->legs[leg].settings;
  settings.sends = sends;
  if (!session_configure(bench->session, leg, &settings)) abort();
}

/*
 * Of RTP: even ones, below those that the kernel gives out, so that nobody's own socket takes one while its session is closed; and below
 * those of test/support/free-ports.ts, where programs are started anew at the ports that they had.
 */
static uint16_t next_port(void) {
  static unsigned port;
  port = port == 0 ? LOWEST_PORT + (unsigned)getpid() % (PORTS / 2) * 2 : port + 2;
  if (port >= LOWEST_PORT + PORTS) port = LOWEST_PORT;
  return (uint16_t)port;
}

struct session *open_at_free_ports(_Atomic uint16_t *ports, unsigned leg_count) {
  static const char *const addresses[2] = {"127.0.0.1", "127.0.0.1"};
  for (unsigned turn = 0; turn <= PORTS / 2; turn++) {
    uint16_t wanted[2] = {0, 0};
    for (unsigned leg = 0; leg < leg_count; leg++) {
      if (ports[leg] == 0) ports[leg] = next_port();
      wanted[leg] = ports[leg];
    }
    unsigned failed;
    enum leg_fault fault;
    struct session *session = session_open(addresses, wanted, leg_count, &failed, &fault);
    if (session != NULL) return session;
    if (errno != EADDRINUSE) break;
    ports[failed] = next_port();
  }
  perror("ports of a session");
  abort();
}

void bench_open(struct bench *bench, enum codec codec0, uint16_t ptime0_ms, enum codec codec1, uint16_t ptime1_ms) {
  _Atomic uint16_t ports[2] = {0, 0};
  bench->session = open_at_free_ports(ports, 2);
  bench->loop = loop_open(NULL, NULL);
  if (bench->loop == NULL || !loop_take_in(bench->loop, bench->session)) abort();
  bench->now_ms = 1000;
  party_open(&bench->parties[0], "127.0.0.1");
  party_open(&bench->parties[1], "127.0.0.1");
  configure(bench, 0, codec0, ptime0_ms);
  configure(bench, 1, codec1, ptime1_ms);
}

void bench_part(struct bench *bench) { loop_let_go(bench->loop, bench->session); }

void pass(struct bench *bench, unsigned ms) {
  for (; ms > 0; ms--) loop_run_timers(bench->loop, ++bench->now_ms * 1000);
}

void bench_close(struct bench *bench) {
  if (bench->session->loop != NULL) bench_part(bench);
  session_close(bench->session);
  loop_close(bench->loop);
  close(bench->parties[0].fd);
  close(bench->parties[1].fd);
}

void say_from(struct bench *bench, const union address *from, struct sending what) {
  uint8_t bytes[PACKET_BYTES];
  const struct rtp_packet packet = {.marker = what.marker,
                                    .payload_type = what.payload_type,
                                    .sequence_number = what.sequence_number,
                                    .timestamp = what.timestamp,
                                    .ssrc = what.ssrc};
  rtp_write_header(bytes, &packet);
  memset(bytes + RTP_HEADER_BYTES, 0x5a, what.payload_bytes);
  session_receive(bench->session, 0, bytes, RTP_HEADER_BYTES + what.payload_bytes, from, bench->now_ms * 1000);
  send_queue_flush(loop_queue(bench->loop));
}

void say(struct bench *bench, struct sending what) { say_from(bench, &bench->parties[0].address, what); }

bool hear(struct bench *bench, struct rtp_packet *packet) {
  static uint8_t bytes[PACKET_BYTES];
  const ssize_t length = recv(bench->parties[1].fd, bytes, sizeof bytes, MSG_DONTWAIT);
  return length >= 0 && rtp_parse(bytes, (size_t)length, packet);
}

int count_heard(struct bench *bench) {
  struct rtp_packet packet;
  int count = 0;
  while (hear(bench, &packet)) count++;
  return count;
}
