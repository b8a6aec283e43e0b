/* When a loop waits for more packets, by times that are made up. */
#include "bench.h"
#include "session/pace.h"

/* Works `worked_us` of each `every_us` for `for_us`. How long it was told to wait for more in all that. */
static uint64_t run_paced(struct pace *pace, uint64_t *now_us, uint64_t worked_us, uint64_t every_us, uint64_t for_us) {
  uint64_t waited_us = 0;
  for (const uint64_t end_us = *now_us + for_us; *now_us < end_us; *now_us += every_us) {
    const uint64_t ended_us = *now_us + worked_us;
    const uint64_t until_us = pace_after(pace, *now_us, ended_us);
    if (until_us > ended_us) waited_us += until_us - ended_us;
  }
  return waited_us;
}

CHECK(check_pace, "a busy loop waits for more packets, one with little to do does not") {
  struct pace pace = {0};
  uint64_t now_us = 1000000000;
  EXPECT(run_paced(&pace, &now_us, 20, 100, 1000000), 0);
  /* The first whole period tells. */
  run_paced(&pace, &now_us, 60, 100, 2 * PACE_PERIOD_US);
  EXPECT(pace.busy, true);
  /* So much in a batch: the next one begins PACE_GATHER_US behind its beginning. */
  EXPECT(run_paced(&pace, &now_us, 150, PACE_GATHER_US, 1000 * PACE_GATHER_US), 1000 * (PACE_GATHER_US - 150));
  /* A batch that took longer is followed by the next one at once. */
  EXPECT(run_paced(&pace, &now_us, 400, 400, 1000000), 0);
  EXPECT(pace.busy, true);
  run_paced(&pace, &now_us, 20, 100, 2 * PACE_PERIOD_US);
  EXPECT(pace.busy, false);
  EXPECT(run_paced(&pace, &now_us, 20, 100, 1000000), 0);
}

CHECK(check_pace_after_idle, "after a pause a loop does not wait, however much there was before") {
  struct pace pace = {0};
  uint64_t now_us = 1000000000;
  run_paced(&pace, &now_us, 90, 100, 1000000);
  EXPECT(pace.busy, true);
  now_us += 60000000;
  pace_after(&pace, now_us, now_us + 50);
  EXPECT(pace.busy, false);
}
