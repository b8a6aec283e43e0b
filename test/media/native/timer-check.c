/* The heap of timers, against a list that is searched. */
#include <stdlib.h>

#include "bench.h"

#define TIMERS 200

static uint64_t fired_at[TIMERS];
static unsigned fired_count;

struct alarm {
  struct timer timer;
  unsigned index;
};

static void note(struct timer *timer, uint64_t now_us) {
  const struct alarm *alarm = (const struct alarm *)timer;
  fired_at[alarm->index] = now_us;
  fired_count++;
}

CHECK(check_timers, "timers fire in order, and only those that are armed") {
  struct timers timers = {NULL};
  static struct alarm alarms[TIMERS];
  uint64_t due[TIMERS];
  srand(3);
  for (unsigned i = 0; i < TIMERS; i++) {
    alarms[i] = (struct alarm){.timer.fire = note, .index = i};
    due[i] = NEVER_US;
    fired_at[i] = NEVER_US;
  }
  for (uint64_t now = 0; now < 5000; now++) {
    for (unsigned n = 0; n < 5; n++) {
      const unsigned i = (unsigned)rand() % TIMERS;
      if (rand() % 3 == 0) {
        timers_disarm(&timers, &alarms[i].timer);
        due[i] = NEVER_US;
      } else {
        due[i] = now + (unsigned)rand() % 300;
        timers_arm(&timers, &alarms[i].timer, due[i]);
      }
    }
    fired_count = 0;
    timers_run(&timers, now);
    const uint64_t next = timers_next(&timers);
    uint64_t earliest = NEVER_US;
    unsigned expected = 0;
    bool wrong = false;
    for (unsigned i = 0; i < TIMERS; i++) {
      if (due[i] <= now) {
        expected++;
        wrong = wrong || fired_at[i] != now || alarms[i].timer.armed;
        due[i] = NEVER_US;
      } else {
        wrong = wrong || fired_at[i] == now || alarms[i].timer.armed != (due[i] != NEVER_US);
        if (due[i] < earliest) earliest = due[i];
      }
      fired_at[i] = NEVER_US;
    }
    EXPECT(wrong, false);
    EXPECT(fired_count, expected);
    EXPECT(next > now && next <= earliest, true);
    if (wrong || next > earliest) break;
  }
}

struct pulse {
  struct timer timer;
  struct loop *loop;
  unsigned count;
};

static void beat(struct timer *timer, uint64_t now_us) {
  struct pulse *pulse = (struct pulse *)timer;
  (void)now_us;
  pulse->count++;
  timer_arm(pulse->loop, timer, timer->due_us + 20000);
}

CHECK(check_schedule, "a timer that arms itself keeps its schedule, however late it is") {
  struct loop *loop = loop_open(NULL, NULL);
  struct pulse pulse = {.timer.fire = beat, .loop = loop};
  timer_arm(loop, &pulse.timer, 20000);
  EXPECT(loop_run_timers(loop, 5), 20000);
  EXPECT(loop_run_timers(loop, 105000), 120000);
  EXPECT(pulse.count, 5);
  timer_disarm(loop, &pulse.timer);
  EXPECT(loop_run_timers(loop, 200000) == NEVER_US, true);
  loop_close(loop);
}
