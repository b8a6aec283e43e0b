/*
 * Sessions that were let go while the thread of a loop waited: an event that it waited for may speak of them, or of another one at the
 * same place in memory.
 */
#ifndef RINGDOWN_LEFT_H
#define RINGDOWN_LEFT_H

#include <stdbool.h>

#include "session/loop.h"

/* With more the thread is woken, so that it may forget them. */
#define MAX_LEFT 64

struct left {
  unsigned count;
  struct {
    const struct session *session;
    bool is_back; /* it, or another one at the same place */
    /* One call lets go no more than there can be. */
  } sessions[MAX_LEFT + LOOP_MAX_SESSIONS];
};

/* Its index; `count`: it was not let go. */
static inline unsigned left_find(const struct left *left, const struct session *session) {
  unsigned i = 0;
  while (i < left->count && left->sessions[i].session != session) i++;
  return i;
}

static inline void left_note(struct left *left, const struct session *session) {
  const unsigned i = left_find(left, session);
  if (i == left->count) left->count++;
  left->sessions[i].session = session;
  left->sessions[i].is_back = false;
}

static inline void left_note_back(struct left *left, const struct session *session) {
  const unsigned i = left_find(left, session);
  if (i < left->count) left->sessions[i].is_back = true;
}

#endif
