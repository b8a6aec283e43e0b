/*
 * Times at which a loop has something to do. A timer is embedded in its owner, so that arming one takes no memory and
 * cannot fail; the earliest is found at once (a pairing heap). Armed and disarmed on its loop's thread alone:
 *
 *   struct player { struct timer timer; ... };
 *   static void play(struct timer *timer, uint64_t now_us) {
 *     struct player *player = (struct player *)((char *)timer - offsetof(struct player, timer));
 *     ...
 *     timer_arm(player->loop, timer, timer->due_us + 20000);      an absolute schedule does not drift
 *   }
 *
 * timer_arm and timer_disarm are loop.h's; what is here is the heap.
 */
#ifndef RINGDOWN_TIMER_H
#define RINGDOWN_TIMER_H

#include <stdbool.h>
#include <stdint.h>

/* All zero but `fire`: not armed. */
struct timer {
  uint64_t due_us; /* monotonic; while it fires still what it was armed for */
  /*
   * Its place in the heap, `due_us` or earlier. One that is armed for later than before stays where it is until that place
   * comes up: who waits for a lost packet moves on with each one that comes, which then touches nobody else's memory.
   */
  uint64_t kept_us;
  /* On the loop's thread, not armed any more. `now_us` is `due_us` or later. It may arm itself, or free its owner. */
  void (*fire)(struct timer *timer, uint64_t now_us);
  struct timer *child;
  struct timer *next;   /* sibling */
  struct timer *before; /* elder sibling, or parent; NULL for the earliest */
  bool armed;
};

#define NEVER_US UINT64_MAX

struct timers {
  struct timer *earliest; /* NULL: none is armed */
};

/* Fires at `due_us`, or as soon as the loop comes to it. Armed already: only the new time counts. */
void timers_arm(struct timers *timers, struct timer *timer, uint64_t due_us);
void timers_disarm(struct timers *timers, struct timer *timer); /* not armed: nothing */
/* Fires all that are due, the earliest first. */
void timers_run(struct timers *timers, uint64_t now_us);
/* When to run them again: no later than the next one is due. NEVER_US: none is armed. */
uint64_t timers_next(const struct timers *timers);

#endif
