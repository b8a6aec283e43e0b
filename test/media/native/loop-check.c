/* A loop with its thread, as the worker has it. */
#include <pthread.h>
#include <time.h>

#include "bench.h"
#include "session/loop.h"

/* More than a loop reads of one socket in a row, and no more than waits in one by the kernel's default. */
#define WAITING 200
#define MAX_WAIT_MS 20000

static void wait_a_millisecond(void) { nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); }

struct question {
  struct session *session;
  uint64_t received;
};

static void take_in(struct loop *loop, void *session) { EXPECT(loop_take_in(loop, session), true); }
static void let_go(struct loop *loop, void *session) { loop_let_go(loop, session); }

static void count_received(struct loop *loop, void *argument) {
  struct question *question = argument;
  (void)loop;
  question->received = question->session->legs[0].counters.packets_received;
}

static uint64_t received_by(struct loop *loop, struct session *session, uint64_t expected) {
  struct question question = {.session = session};
  for (unsigned ms = 0; ms < MAX_WAIT_MS; ms++) {
    loop_call(loop, count_received, &question);
    if (question.received >= expected) break;
    wait_a_millisecond();
  }
  return question.received;
}

CHECK(check_loop_reads, "a loop that is told once of what came reads it all, what waited for it too") {
  struct bench bench;
  bench_open(&bench, CODEC_PCMU, 20, CODEC_PCMU, 20);
  bench_part(&bench);
  union address port;
  socklen_t length = sizeof port;
  EXPECT(getsockname(bench.session->legs[0].rtp_fd, &port.any, &length), 0);
  struct loop *loop = loop_open(NULL, NULL);
  EXPECT(loop_start(loop), true);
  uint64_t sent = 0;
  for (unsigned round = 0; round < 3; round++) {
    /* At first nobody listens; then packets come while others are read. */
    for (unsigned i = 0; i < WAITING; i++) {
      uint8_t bytes[RTP_HEADER_BYTES + 160] = {0};
      rtp_write_header(bytes, &(struct rtp_packet){.payload_type = PCMU_TYPE, .sequence_number = (uint16_t)sent, .timestamp = (uint32_t)sent * 160});
      EXPECT(sendto(bench.parties[0].fd, bytes, sizeof bytes, 0, &port.any, length), sizeof bytes);
      sent++;
      if (round > 0 && i % 16 == 0) wait_a_millisecond();
    }
    if (round == 0) loop_call(loop, take_in, bench.session);
    EXPECT(received_by(loop, bench.session, sent), sent);
  }
  loop_call(loop, let_go, bench.session);
  loop_close(loop);
  bench_close(&bench);
}

#define VISITS 300

CHECK(check_loop_leave, "a loop that waits hears no more of who was let go, and all of who came in its place") {
  struct loop *loop = loop_open(NULL, NULL);
  EXPECT(loop_start(loop), true);
  for (unsigned visit = 0; visit < VISITS; visit++) {
    struct bench bench;
    bench_open(&bench, CODEC_PCMU, 20, CODEC_PCMU, 20);
    bench_part(&bench);
    union address port;
    socklen_t length = sizeof port;
    EXPECT(getsockname(bench.session->legs[0].rtp_fd, &port.any, &length), 0);
    /* In the end there are more that left, while nothing wakes the thread, than it is to remember. */
    const unsigned packets = visit < VISITS / 2 ? visit % 3 : 0;
    loop_call(loop, take_in, bench.session);
    for (unsigned i = 0; i < packets; i++) {
      uint8_t bytes[RTP_HEADER_BYTES + 160] = {0};
      rtp_write_header(bytes, &(struct rtp_packet){.payload_type = PCMU_TYPE, .sequence_number = (uint16_t)i, .timestamp = i * 160});
      EXPECT(sendto(bench.parties[0].fd, bytes, sizeof bytes, 0, &port.any, length), sizeof bytes);
      /* The event may be on its way to the thread. */
      loop_call(loop, let_go, bench.session);
      loop_call(loop, take_in, bench.session);
    }
    if (visit % 2 == 0) EXPECT(received_by(loop, bench.session, packets), packets);
    loop_call(loop, let_go, bench.session);
    bench_close(&bench);
  }
  loop_close(loop);
}

struct bell {
  struct timer timer;
  uint64_t rung_us;
  unsigned rung;
};

static void ring(struct timer *timer, uint64_t now_us) {
  struct bell *bell = (struct bell *)timer;
  bell->rung_us = now_us;
  bell->rung++;
}

#define BELLS 3
/* After now: the second is moved before the first, the last one away from where it is. */
static const unsigned first_ms[BELLS] = {40, 80, 10}, then_ms[BELLS] = {40, 20, 120};

struct tower {
  struct bell bells[BELLS];
  uint64_t began_us;
  bool done;
};

static void wind(struct loop *loop, void *argument) {
  struct tower *tower = argument;
  tower->began_us = loop_now_us();
  for (unsigned i = 0; i < BELLS; i++) timer_arm(loop, &tower->bells[i].timer, tower->began_us + first_ms[i] * 1000);
}

static void wind_anew(struct loop *loop, void *argument) {
  struct tower *tower = argument;
  for (unsigned i = 0; i < BELLS; i++) timer_arm(loop, &tower->bells[i].timer, tower->began_us + then_ms[i] * 1000);
}

static void listen_to(struct loop *loop, void *argument) {
  struct tower *tower = argument;
  (void)loop;
  tower->done = true;
  for (unsigned i = 0; i < BELLS; i++) tower->done = tower->done && tower->bells[i].rung > 0;
}

static void wind_twice(struct loop *loop, void *argument) {
  wind(loop, argument);
  wind_anew(loop, argument);
}

CHECK(check_loop_timers, "a loop where nothing comes wakes up for its timers, each once and none too early") {
  struct loop *loop = loop_open(NULL, NULL);
  EXPECT(loop_start(loop), true);
  struct tower tower = {.done = false};
  for (unsigned i = 0; i < BELLS; i++) tower.bells[i].timer.fire = ring;
  loop_call(loop, wind_twice, &tower);
  for (unsigned ms = 0; ms < MAX_WAIT_MS && !tower.done; ms++) {
    wait_a_millisecond();
    loop_call(loop, listen_to, &tower);
  }
  for (unsigned i = 0; i < BELLS; i++) {
    EXPECT(tower.bells[i].rung, 1);
    EXPECT(tower.bells[i].rung_us >= tower.began_us + then_ms[i] * 1000, true);
  }
  EXPECT(tower.bells[1].rung_us <= tower.bells[0].rung_us, true);
  loop_close(loop);
}
