/* When a loop waits for more packets, by times that are made up. */
#include "bench.h"
#include "session/pace.h"

/* As often as the loop slept. */
static uint64_t slept;
static unsigned asked;

static uint64_t sleeps(void) {
  asked++;
  return slept;
}

/* Works `worked_us` of each `every_us` for `for_us`, and sleeps each time. How long it was told to wait for more in all that. */
static uint64_t run_paced(struct pace *pace, uint64_t *now_us, uint64_t worked_us, uint64_t every_us, uint64_t for_us) {
  uint64_t waited_us = 0;
  for (const uint64_t end_us = *now_us + for_us; *now_us < end_us; *now_us += every_us) {
    const uint64_t ended_us = *now_us + worked_us;
    const uint64_t until_us = pace_after(pace, *now_us, ended_us, sleeps);
    if (every_us > worked_us) slept++;
    if (until_us > ended_us) waited_us += until_us - ended_us;
  }
  return waited_us;
}

CHECK(check_pace, "a busy loop that wakes up all the time waits for more packets, one with little to do does not") {
  struct pace pace = {0};
  uint64_t now_us = 1000000000;
  EXPECT(run_paced(&pace, &now_us, 20, 100, 1000000), 0);
  /* The first whole period tells. */
  run_paced(&pace, &now_us, 60, 100, 2 * PACE_PERIOD_US);
  EXPECT(pace.waits, true);
  /* So much in a batch: the next one begins PACE_GATHER_US behind its beginning. */
  now_us = pace.began_us;
  const uint64_t waited_us = run_paced(&pace, &now_us, 150, PACE_GATHER_US, 8 * PACE_PERIOD_US);
  EXPECT(waited_us, 8 * PACE_PERIOD_US / PACE_GATHER_US * (PACE_GATHER_US - 150));
  run_paced(&pace, &now_us, 20, 100, 2 * PACE_PERIOD_US);
  EXPECT(pace.waits, false);
  EXPECT(run_paced(&pace, &now_us, 20, 100, 1000000), 0);
}

CHECK(check_pace_looks, "a loop that waits looks in one of ten periods whether it would wake up as often without") {
  struct pace pace = {0};
  uint64_t now_us = 1000000000;
  run_paced(&pace, &now_us, 60, 100, 2 * PACE_PERIOD_US);
  const uint64_t lasts_us = 1000 * PACE_PERIOD_US;
  const uint64_t began_us = now_us;
  uint64_t waited_us = 0;
  asked = 0;
  while (now_us - began_us < lasts_us) {
    /* As soon as it does not wait it wakes up for each packet again. */
    const uint64_t every_us = pace.waits ? PACE_GATHER_US : 100;
    if (pace.waits) waited_us += every_us;
    run_paced(&pace, &now_us, pace.waits ? 150 : 60, every_us, every_us);
  }
  /* Periods are a batch longer than they have to be. */
  const uint64_t most_us = lasts_us / PACE_LOOK_PERIODS * (PACE_LOOK_PERIODS - 1);
  EXPECT(waited_us > most_us * 98 / 100 && waited_us < most_us * 102 / 100, true);
  EXPECT(asked > 950 && asked <= 1000, true);
}

CHECK(check_pace_together, "a busy loop whose packets come together, or that is never done, does not wait for more") {
  struct pace pace = {0};
  uint64_t now_us = 1000000000;
  /* 160 us of work each 200 us: 5,000 sleeps a second are not worth 4,000. */
  EXPECT(run_paced(&pace, &now_us, 160, 200, 1000000), 0);
  EXPECT(run_paced(&pace, &now_us, 400, 400, 1000000), 0);
  /* Packets come one by one for a while, and then together again. */
  run_paced(&pace, &now_us, 60, 100, 2 * PACE_PERIOD_US);
  EXPECT(pace.waits, true);
  run_paced(&pace, &now_us, 160, 200, PACE_LOOK_PERIODS * PACE_PERIOD_US);
  EXPECT(run_paced(&pace, &now_us, 160, 200, 1000000), 0);
}

CHECK(check_pace_after_idle, "after a pause a loop does not wait, however much there was before") {
  struct pace pace = {0};
  uint64_t now_us = 1000000000;
  run_paced(&pace, &now_us, 60, 100, 2 * PACE_PERIOD_US);
  EXPECT(pace.waits, true);
  now_us += 60000000;
  pace_after(&pace, now_us, now_us + 50, sleeps);
  EXPECT(pace.waits, false);
}
