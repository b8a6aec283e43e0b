/* What the checks stand on: expectations, and a session on the loopback with two parties that hear what it sends. */
#ifndef RINGDOWN_TEST_BENCH_H
#define RINGDOWN_TEST_BENCH_H

#include "session/engine.h"

void expect_at(int line, const char *what, int64_t actual, int64_t expected);
#define EXPECT(actual, expected) expect_at(__LINE__, #actual, (int64_t)(actual), (int64_t)(expected))
/*
 * A check: CHECK(check_wrap, "sequence numbers wrap") { EXPECT(...); }. It is in the program once its file, *-check.c,
 * lies in this folder.
 */
#define CHECK(function, name)                                                                    \
  static void function(void);                                                                    \
  __attribute__((constructor)) static void add_##function(void) { add_check(name, function); }   \
  static void function(void)
void add_check(const char *name, void (*check)(void));
/* Prints "ok NAME" or "not ok NAME: ...". False: it failed. */
bool run_check(const char *name, void (*check)(void));
/* Runs every check, or those whose name contains `part`. How many failed. */
int run_checks(const char *part);

#define PCMU_TYPE 0
#define PCMA_TYPE 8
#define G729_TYPE 18
#define G722_TYPE 9
#define G726_TYPE 97
#define OPUS_TYPE 96
#define NOISE_TYPE 13
#define EVENT_TYPE 101 /* on leg 0, and the next one on leg 1 */

struct party {
  int fd;
  union address address;
};

/*
 * A session on 127.0.0.1 at these ports; where somebody holds one of them, or it is 0, at another one, which is written there.
 * Aborts where there is none.
 */
struct session *open_at_free_ports(_Atomic uint16_t *ports, unsigned leg_count);

struct bench {
  struct session *session;
  struct loop *loop; /* without a thread: it runs timers when `pass` is called */
  struct party parties[2];
  uint64_t now_ms;
};

/* The session leaves the bench's loop, to live elsewhere. */
void bench_part(struct bench *bench);
/* Time goes on, and timers fire, to the millisecond. */
void pass(struct bench *bench, unsigned ms);

void bench_open(struct bench *bench, enum codec codec0, uint16_t ptime0_ms, enum codec codec1, uint16_t ptime1_ms);
void bench_close(struct bench *bench);
void configure(struct bench *bench, unsigned leg, enum codec codec, uint16_t ptime_ms);

void set_sends(struct bench *bench, unsigned leg, bool sends);

struct sending {
  uint8_t payload_type;
  bool marker;
  uint16_t sequence_number;
  uint32_t timestamp;
  uint32_t ssrc;
  size_t payload_bytes;
};

/* `from` speaks on leg 0. */
void say_from(struct bench *bench, const union address *from, struct sending what);
void say(struct bench *bench, struct sending what);
/* What party 1 hears next: false when nothing is waiting. Delivery on the loopback is immediate. */
bool hear(struct bench *bench, struct rtp_packet *packet);
int count_heard(struct bench *bench);

/* Of hostile-check.c. */
/* Sessions of 5000 packets until the time is up, each with the next seed. False: something failed. */
bool fuzz(unsigned seed, unsigned seconds);

/* Of lifetime-check.c. */
/* Opens and closes so many sessions, and prints how many bytes they left. False: some. */
bool lifetime(uint64_t count);

/* Of g729-reference-check.c. */
/* PCM on standard input through G.729 and through bcg729 as it came. False: they differ, or there was none. */
bool same_as_reference(void);

/* Of dtmf-check.c. */
/* The digits in PCM of 8000 samples a second on standard input, and how many of how many 10 ms they were muted for. */
void print_digits(void);

#endif
