/*
 * The order and the time of what one source says, where it is decoded. Packets go in as they arrive (jitter_put), and come
 * out when they are due (jitter_next, again and again until it says WAIT or EMPTY), with what was lost, and for how long
 * nothing was said, in between:
 *
 *   jitter_put(jitter, &packet, ticks, now_us)
 *   while (jitter_next(jitter, now_us, &next) > JITTER_EMPTY) decode next, conceal it, skip it ...
 *   then call jitter_next again at next.due_us (WAIT), or with the next packet (EMPTY)
 *
 * A source whose packets come within JITTER_CLEAN_US of their time is played as it comes: no delay is added. Where they
 * come later than that, and not just once, the delay grows to that lateness, up to JITTER_MAX_DELAY_US; when they no
 * longer do, it shrinks by an eighth of a packet with each packet. Time is measured against the fastest packets of the
 * last seconds, so that the clocks of both sides may differ. Pure: no socket, no clock, no allocation. Times are monotonic
 * microseconds, ticks are RTP units.
 */
#ifndef RINGDOWN_JITTER_H
#define RINGDOWN_JITTER_H

#include "rtp/rtp.h"

#define JITTER_SLOTS 64         /* packets that may wait */
#define JITTER_BYTES 8192       /* and their payloads */
#define JITTER_CLEAN_US 10000   /* earlier or later than that is jitter */
#define JITTER_MAX_DELAY_US 200000
#define JITTER_PATIENCE_US 20000 /* after it was due, what is not there is lost */
#define JITTER_MAX_LOST_PACKETS 3 /* in a row that are told as LOST: beyond them it is a pause */
#define JITTER_MAX_LOST_US 180000 /* and so much of their time */
#define JITTER_MAX_NOISE_US 60000000 /* a pause that nothing ends is no longer filled */

struct jitter_slot {
  bool used;
  bool marker;
  uint8_t payload_type;
  uint16_t sequence_number;
  uint16_t ticks;
  uint16_t offset;
  uint16_t bytes;
  int64_t time; /* in ticks */
};

/* The fastest packet and the latest ones of one stretch of time. */
struct jitter_window {
  int64_t fastest_us; /* transit: arrival less timestamp */
  uint32_t worst_us;  /* lateness */
  uint32_t second_us;
};

struct jitter {
  uint32_t clock_rate;
  bool started;
  bool hurried;         /* whatever waits is due */
  bool paused;          /* the source said that it pauses */
  bool noisy;           /* and its noise goes on */
  uint16_t last;        /* sequence number of what was played last */
  uint64_t arrived;     /* bit n: the packet that many before it has arrived */
  uint64_t passed;      /* bit n: the packet n + 1 after it was no audio */
  uint16_t lost;        /* packets told as LOST since then */
  uint32_t packet_ticks; /* of the last packet */
  int64_t next_time;    /* ticks: of what comes next */
  int64_t filled;       /* ticks of LOST and NOISE that lie directly before it */
  uint64_t next_from_us; /* the earliest at which what comes next can be expected */
  uint64_t delay_us;
  uint64_t last_arrival_us;
  uint64_t window_began_us;
  struct jitter_window windows[2]; /* this one, and the one before */
  unsigned count;
  uint16_t write;
  struct jitter_slot slots[JITTER_SLOTS];
  uint8_t bytes[JITTER_BYTES];
};

enum jitter_put {
  JITTER_TAKEN,
  JITTER_LATE, /* its time has been filled, or it is there already */
  JITTER_FULL, /* not taken: call jitter_hurry, empty it, and put it again */
};

enum jitter_kind {
  JITTER_WAIT,   /* nothing before due_us */
  JITTER_EMPTY,  /* nothing before the next packet */
  JITTER_PACKET, /* payload, bytes, ticks, marker, payload_type: until the next put */
  JITTER_LOST,   /* ticks, to be concealed */
  JITTER_NOISE,  /* ticks of the pause that the source announced (jitter_pause) */
  JITTER_JUMP,   /* ticks of nothing */
};

struct jitter_next {
  enum jitter_kind kind;
  uint32_t ticks;
  bool marker;
  uint8_t payload_type;
  const uint8_t *payload;
  size_t bytes;
  uint64_t due_us;
};

void jitter_open(struct jitter *jitter, uint32_t clock_rate);
/* Another source, or one that began again (receiver_place says so): what waits is forgotten. */
void jitter_restart(struct jitter *jitter);

/* `ticks` is the time that the payload stands for, 1 to 65535. */
enum jitter_put jitter_put(struct jitter *jitter, const struct rtp_packet *packet, uint32_t ticks, uint64_t now_us);
enum jitter_kind jitter_next(struct jitter *jitter, uint64_t now_us, struct jitter_next *next);
/*
 * After LOST: whether the packet that directly follows the lost time is there. Then `next` says what it is; it is told as PACKET
 * afterwards.
 */
bool jitter_peek(struct jitter *jitter, struct jitter_next *next);
/* Everything that waits is due now. */
void jitter_hurry(struct jitter *jitter);
/*
 * What was played last ends a talkspurt: what follows is no loss. `noisy`: it is told as NOISE, packet by packet, until
 * the source speaks again. Otherwise it is a jump.
 */
void jitter_pause(struct jitter *jitter, bool noisy);
/*
 * The same for a packet that says so and that jitter_put found LATE: the source fell silent without a word, its time was
 * filled as lost, and now the word comes. The pause begins where time is. False: others came after it.
 */
bool jitter_pause_late(struct jitter *jitter, uint16_t sequence_number, bool noisy);
/* A packet of the source that is no audio (an event): its number is not missing, and audio may pause for it. */
void jitter_pass_over(struct jitter *jitter, uint16_t sequence_number);

#endif
