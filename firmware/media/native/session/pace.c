#include "session/pace.h"

uint64_t pace_after(struct pace *pace, uint64_t began_us, uint64_t ended_us) {
  pace->worked_us += ended_us - began_us;
  if (ended_us - pace->began_us >= PACE_PERIOD_US) {
    pace->busy = 2 * pace->worked_us > ended_us - pace->began_us;
    pace->began_us = ended_us;
    pace->worked_us = 0;
  }
  return pace->busy ? began_us + PACE_GATHER_US : ended_us;
}
