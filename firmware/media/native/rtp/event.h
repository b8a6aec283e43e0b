/*
 * Telephone events (RFC 4733): what reports say was pressed, and the reports that tell of a press. No sockets; times in
 * microseconds of the monotonic clock. Durations on the wire are in units of the RTP clock.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   |     event     |E|R| volume    |          duration             |
 */
#ifndef RINGDOWN_EVENT_H
#define RINGDOWN_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVENT_REPORT_BYTES 4
/* How often the end of a press is told (RFC 4733 §2.5.1.4). */
#define EVENT_END_REPORTS 3
/* The sixteen of DTMF: 0 to 9, then * # A B C D. */
#define EVENT_DTMF_COUNT 16

/* '0' to '9', '*', '#', 'A' to 'D'; 0 for an event that is no digit. */
char event_digit(uint8_t event);
/* False for a character that is no digit; lower case is taken too. */
bool event_of_digit(char digit, uint8_t *event);

enum event_edge { EVENT_BEGAN, EVENT_ENDED };

struct event_change {
  enum event_edge edge;
  uint8_t event;
  uint32_t duration_ms; /* of the whole press, over its segments; as far as it is known at EVENT_BEGAN */
};

/* What one source's reports amount to. */
struct event_receiver {
  bool pressed;
  bool known;          /* a press was heard before: the members below are of it */
  bool restarted;      /* timestamps of the past mean nothing */
  uint8_t event;
  uint32_t clock_rate; /* Hz */
  uint32_t timestamp;  /* of the segment */
  uint32_t duration;   /* of the segment, in RTP units: the longest reported */
  uint32_t before;     /* of the segments before it */
  uint64_t heard_us;   /* the last report of the press */
};

/* A packet has at most so many reports that are looked at; each makes two changes at most, and may end the press before. */
#define EVENT_MAX_REPORTS 8
#define EVENT_MAX_CHANGES (2 * EVENT_MAX_REPORTS + 1)

void event_receiver_start(struct event_receiver *receiver, uint32_t clock_rate);
/* The source is another one, or began again: its timestamps are not compared with those before. */
void event_receiver_restart(struct event_receiver *receiver);
/*
 * The reports of one packet with `timestamp`. Writes what they change into `changes`, room for EVENT_MAX_CHANGES; returns
 * how many. 0 for what repeats, for what comes late, and for bytes that are no reports.
 */
size_t event_receiver_take(struct event_receiver *receiver, uint32_t timestamp, const uint8_t *payload, size_t bytes,
                           uint64_t now_us, struct event_change *changes);
/* When a press that is told of no more has ended; UINT64_MAX while nothing is pressed. */
uint64_t event_receiver_due(const struct event_receiver *receiver);
/* True when the end of a press never came and it is taken for ended at `now_us`. */
bool event_receiver_expire(struct event_receiver *receiver, uint64_t now_us, struct event_change *change);

/* What tells somebody else that the press ends here. */
void event_receiver_end_report(const struct event_receiver *receiver, uint8_t payload[EVENT_REPORT_BYTES]);

/* The shortest press, and the shortest pause after one, in milliseconds: shorter ones are not heard by every receiver. */
#define EVENT_MIN_MS 40
#define EVENT_MAX_MS 20000
#define EVENT_DEFAULT_MS 100
/* How many presses wait at most. */
#define EVENT_QUEUE_PRESSES 64
/* A press that lasts until event_sender_release. */
#define EVENT_UNTIL_RELEASED UINT32_MAX

struct event_press {
  uint8_t event;
  uint32_t duration_ms; /* EVENT_MIN_MS to EVENT_MAX_MS, or EVENT_UNTIL_RELEASED */
  uint32_t pause_ms;    /* EVENT_MIN_MS to EVENT_MAX_MS, until the next one */
};

enum event_sender_state { EVENT_SENDER_IDLE, EVENT_SENDER_PRESSED, EVENT_SENDER_ENDED };

/* Presses that wait, and the one that is being told of. */
struct event_sender {
  enum event_sender_state state;
  unsigned first, count; /* in the queue */
  uint32_t clock_rate;   /* Hz */
  struct event_press press; /* the one that is told of */
  uint64_t began_us;
  uint64_t ends_us; /* UINT64_MAX: until it is released */
  uint64_t due_us;  /* of the next report; while idle, before which no press may begin */
  uint32_t began_timestamp;
  uint32_t segment; /* RTP units from the beginning to the segment that is being told of */
  bool told;        /* the first report is out */
  unsigned ends_told;
  struct event_press queue[EVENT_QUEUE_PRESSES];
};

/* What is to go out as one packet, with the next sequence number. */
struct event_packet {
  bool marker;
  uint32_t timestamp;
  uint8_t payload[EVENT_REPORT_BYTES];
};

void event_sender_start(struct event_sender *sender, uint32_t clock_rate);
/* False when the queue is full, or a value lies outside its range. */
bool event_sender_add(struct event_sender *sender, const struct event_press *press);
/*
 * Ends the press that lasts until it is released, at `now_us`, though not before `least_ms` of it, or EVENT_MIN_MS. One that
 * still waits becomes that short.
 */
void event_sender_release(struct event_sender *sender, uint32_t least_ms, uint64_t now_us);
/* Forgets what waits, and ends what is pressed. */
void event_sender_cancel(struct event_sender *sender, uint64_t now_us);
/* True while something is pressed or waits, or the end of a press is being repeated. */
bool event_sender_is_busy(const struct event_sender *sender);
/* True from the beginning of a press to its end: audio of that time is left out (RFC 4733 §2.5.1.2). */
bool event_sender_is_pressed(const struct event_sender *sender, uint64_t now_us);
/* When event_sender_next has something to say; UINT64_MAX: not before something is added. */
uint64_t event_sender_due(const struct event_sender *sender);
/*
 * The report that is due at `now_us`, if one is; call until it returns false. `stream_timestamp`: of the audio that would
 * be sent at `now_us`.
 */
bool event_sender_next(struct event_sender *sender, uint64_t now_us, uint32_t stream_timestamp, struct event_packet *packet);

#endif
