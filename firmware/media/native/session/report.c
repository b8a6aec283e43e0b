#include "session/report.h"

#include <string.h>

void reports_open(struct reports *reports, void (*wake)(void *argument), void *argument) {
  memset(reports, 0, sizeof *reports);
  pthread_mutex_init(&reports->mutex, NULL);
  reports->wake = wake;
  reports->argument = argument;
}

void reports_close(struct reports *reports) { pthread_mutex_destroy(&reports->mutex); }

bool reports_put(struct reports *reports, const struct media_event *event) {
  pthread_mutex_lock(&reports->mutex);
  const bool fits = reports->count < MAX_WAITING_EVENTS;
  const bool first = reports->count == 0;
  if (fits) reports->events[(reports->first + reports->count++) % MAX_WAITING_EVENTS] = *event;
  else reports->dropped++;
  pthread_mutex_unlock(&reports->mutex);
  /* Who was woken takes all there are. */
  if (fits && first && reports->wake != NULL) reports->wake(reports->argument);
  return fits;
}

bool reports_take(struct reports *reports, struct media_event *event) {
  pthread_mutex_lock(&reports->mutex);
  const bool there = reports->count > 0;
  if (there) {
    *event = reports->events[reports->first];
    reports->first = (reports->first + 1) % MAX_WAITING_EVENTS;
    reports->count--;
  }
  pthread_mutex_unlock(&reports->mutex);
  return there;
}
