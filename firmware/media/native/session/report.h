/*
 * What a loop's thread has to tell JavaScript: a bounded queue of its own for each loop, never waited for. An event that
 * finds it full is dropped and counted. To add a kind: here, its name in addon/event.c, its type in event.ts.
 *
 *   engine_report(loop, &(struct media_event){.kind = EVENT_LATCHED, .session = session->id, .leg = 1, ...});
 */
#ifndef RINGDOWN_REPORT_H
#define RINGDOWN_REPORT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define MAX_WAITING_EVENTS 256 /* of one loop; JavaScript comes for them within milliseconds */
#define EVENT_TEXT_BYTES 64    /* with the NUL */
#define NO_LEG 0xff

enum media_event_kind {
  EVENT_LATCHED,
  EVENT_DIGIT,
  EVENT_RECORDING_ENDED,
  EVENT_PLAYBACK_ENDED,
  EVENT_ACTIVE_SPEAKER,
  EVENT_SILENT,
  EVENT_HEARD,
};

/* Members that a kind does not need stay 0 (`leg`: NO_LEG), and reach JavaScript all the same. */
struct media_event {
  enum media_event_kind kind;
  uint8_t leg;
  uint64_t session; /* the runtime's id, or that of a conference */
  uint64_t object;  /* the runtime's id of a player, a recorder ... */
  uint32_t value;
  uint32_t duration_ms;
  char text[EVENT_TEXT_BYTES];
};

struct reports {
  pthread_mutex_t mutex;
  struct media_event events[MAX_WAITING_EVENTS];
  unsigned first;
  unsigned count;
  uint64_t dropped;
  void (*wake)(void *argument); /* called when the first event waits; must not block; NULL: nobody listens */
  void *argument;
};

void reports_open(struct reports *reports, void (*wake)(void *argument), void *argument);
void reports_close(struct reports *reports);
/* False: it was full. */
bool reports_put(struct reports *reports, const struct media_event *event);
/* On any thread. False: none waits. */
bool reports_take(struct reports *reports, struct media_event *event);

#endif
