#include "session/timer.h"

#include <stddef.h>

/* Two heaps to one: the later root becomes a child of the other. */
static struct timer *meld(struct timer *a, struct timer *b) {
  if (a == NULL) return b;
  if (b == NULL) return a;
  if (b->kept_us < a->kept_us) {
    struct timer *const swapped = a;
    a = b;
    b = swapped;
  }
  b->next = a->child;
  if (b->next != NULL) b->next->before = b;
  b->before = a;
  a->child = b;
  return a;
}

/* A row of siblings to one heap: in pairs from the left, then all of these from the right. */
static struct timer *meld_row(struct timer *first) {
  struct timer *pairs = NULL;
  while (first != NULL) {
    struct timer *const second = first->next;
    struct timer *const rest = second == NULL ? NULL : second->next;
    first->next = NULL;
    if (second != NULL) second->next = NULL;
    struct timer *const pair = meld(first, second);
    pair->next = pairs;
    pairs = pair;
    first = rest;
  }
  struct timer *root = NULL;
  while (pairs != NULL) {
    struct timer *const next = pairs->next;
    pairs->next = NULL;
    root = meld(root, pairs);
    pairs = next;
  }
  if (root != NULL) root->before = NULL;
  return root;
}

static void keep(struct timers *timers, struct timer *timer) {
  timer->kept_us = timer->due_us;
  timers->earliest = meld(timers->earliest, timer);
  timers->earliest->before = NULL;
}

static void take_out(struct timers *timers, struct timer *timer) {
  struct timer *const children = meld_row(timer->child);
  if (timer == timers->earliest) {
    timers->earliest = children;
  } else {
    if (timer->before->child == timer) timer->before->child = timer->next;
    else timer->before->next = timer->next;
    if (timer->next != NULL) timer->next->before = timer->before;
    timers->earliest = meld(timers->earliest, children);
    timers->earliest->before = NULL;
  }
  timer->child = timer->next = timer->before = NULL;
}

void timers_disarm(struct timers *timers, struct timer *timer) {
  if (!timer->armed) return;
  timer->armed = false;
  take_out(timers, timer);
}

void timers_arm(struct timers *timers, struct timer *timer, uint64_t due_us) {
  timer->due_us = due_us;
  if (timer->armed && due_us >= timer->kept_us) return;
  if (timer->armed) take_out(timers, timer);
  timer->armed = true;
  keep(timers, timer);
}

uint64_t timers_next(const struct timers *timers) { return timers->earliest == NULL ? NEVER_US : timers->earliest->kept_us; }

void timers_run(struct timers *timers, uint64_t now_us) {
  struct timer *timer;
  while ((timer = timers->earliest) != NULL && timer->kept_us <= now_us) {
    take_out(timers, timer);
    if (timer->due_us > timer->kept_us) {
      keep(timers, timer);
      continue;
    }
    timer->armed = false;
    timer->fire(timer, now_us);
  }
}
