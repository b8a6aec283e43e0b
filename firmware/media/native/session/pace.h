/*
 * When a busy loop waits for more, as a network card does (interrupt moderation): waking up for each packet costs as much as moving
 * it, and where the loop works most of the time, packets are handled many at a time:
 *
 *   const uint64_t until_us = pace_after(&pace, began_us, now_us, sleeps);      each time that everything there was done
 *   sleep until then, if that is later than now; then ask what has come
 *
 * A loop that has little to do waits for nothing; nor does one that wakes up seldom though it is busy, since its packets come
 * together or it is never done with them: waiting would cost them time, and save none. Pure: no clock.
 */
#ifndef RINGDOWN_PACE_H
#define RINGDOWN_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* From the beginning of one batch to that of the next one, where the loop waits: what is added to the delay of a packet at most. */
#define PACE_GATHER_US 250
/* So long it is watched before that changes. */
#define PACE_PERIOD_US 10000
/* Of the sleeps that waiting leaves: with fewer than so many times those a busy loop does without it. */
#define PACE_SPARED 2
/* A loop that waits does not know how often it would wake up: it does not wait in every so-manieth period, and looks. */
#define PACE_LOOK_PERIODS 10

/* All zero: not busy. */
struct pace {
  uint64_t began_us;  /* the period */
  uint64_t worked_us; /* in it */
  uint64_t sleeps;    /* before it */
  bool waits;         /* in it, after each batch */
  unsigned waited;    /* periods in a row in which it did */
};

/*
 * A batch of work began and ended at these monotonic times. When the next one may begin: `ended_us` or earlier is at once. `sleeps`
 * says how often the thread has slept so far; it is asked once a period.
 */
uint64_t pace_after(struct pace *pace, uint64_t began_us, uint64_t ended_us, uint64_t (*sleeps)(void));

#endif
