#include "session/pace.h"

/* Whether it is worth while to wait after each batch of the next period, by what this one was like. */
static bool is_to_wait(struct pace *pace, uint64_t lasted_us, uint64_t slept) {
  if (2 * pace->worked_us <= lasted_us) return false;
  if (pace->waits) return pace->waited < PACE_LOOK_PERIODS - 1;
  return slept * PACE_GATHER_US > PACE_SPARED * lasted_us;
}

uint64_t pace_after(struct pace *pace, uint64_t began_us, uint64_t ended_us, uint64_t (*sleeps)(void)) {
  pace->worked_us += ended_us - began_us;
  const uint64_t lasted_us = ended_us - pace->began_us;
  if (lasted_us >= PACE_PERIOD_US) {
    const uint64_t slept = sleeps();
    pace->waits = is_to_wait(pace, lasted_us, slept - pace->sleeps);
    pace->waited = pace->waits ? pace->waited + 1 : 0;
    pace->sleeps = slept;
    pace->began_us = ended_us;
    pace->worked_us = 0;
  }
  return pace->waits ? began_us + PACE_GATHER_US : ended_us;
}
