#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "audio/tone.h"
#include "bench.h"

static const struct tone_pattern UK_RINGING = {
    .step_count = 4,
    .repeat_from = 0,
    .steps = {{400, 2, {{400, -13}, {450, -13}}}, {200, 0, {{0, 0}}}, {400, 2, {{400, -13}, {450, -13}}}, {2000, 0, {{0, 0}}}},
};

static double dbm0_of(const int16_t *pcm, size_t count, int hz, uint32_t rate) {
  double in = 0, across = 0;
  for (size_t i = 0; i < count; i++) {
    in += pcm[i] * cos(2 * acos(-1) * hz * (double)i / rate);
    across += pcm[i] * sin(2 * acos(-1) * hz * (double)i / rate);
  }
  return 20 * log10(2 * hypot(in, across) / (double)count / INT16_MAX + 1e-9) + 3.14;
}

CHECK(check_tone, "a tone has its frequencies, its levels and its cadence, at both rates") {
  static int16_t pcm[16000 * 4];
  for (uint32_t rate = 8000; rate <= 16000; rate *= 2) {
    struct tone tone;
    EXPECT(tone_start(&tone, &UK_RINGING, rate), true);
    /* In parts that fit no step. */
    for (size_t at = 0; at < 4 * rate; at += 37) {
      const size_t part = 4 * rate - at < 37 ? 4 * rate - at : 37;
      EXPECT(tone_read(&tone, pcm + at, part), part);
    }
    const uint32_t ms = rate / 1000;
    const unsigned starts[] = {0, 600, 3000, 3600};
    for (unsigned i = 0; i < 4; i++) {
      EXPECT(lrint(10 * dbm0_of(pcm + (starts[i] + 100) * ms, 200 * ms, 400, rate)), -130);
      EXPECT(lrint(10 * dbm0_of(pcm + (starts[i] + 100) * ms, 200 * ms, 450, rate)), -130);
    }
    for (size_t i = 0; i < 4000 * ms; i++) {
      const size_t at = i % (3000 * ms);
      if (at < 400 * ms || (at >= 600 * ms && at < 1000 * ms)) continue;
      if (pcm[i] != 0) EXPECT(i, -1);
    }
  }
}

CHECK(check_soft, "a tone begins and ends softly beside silence") {
  static int16_t pcm[8000];
  struct tone tone;
  EXPECT(tone_start(&tone, &UK_RINGING, 8000), true);
  EXPECT(tone_read(&tone, pcm, 8000), 8000);
  int loudest = 0;
  for (unsigned i = 0; i < 3200; i++) loudest = abs(pcm[i]) > loudest ? abs(pcm[i]) : loudest;
  /* The first and the last millisecond of both bursts; a fade has four. */
  static const unsigned edges[] = {0, 3192, 4800, 7992};
  for (unsigned i = 0; i < 4; i++) {
    for (unsigned j = 0; j < 8; j++) EXPECT(abs(pcm[edges[i] + j]) <= loudest / 4, true);
  }
}

CHECK(check_continuous, "a tone without a pause has no seam") {
  const struct tone_pattern dialling = {.step_count = 1, .repeat_from = 0, .steps = {{333, 1, {{425, -10}}}}};
  static int16_t pcm[8000 * 5];
  struct tone tone;
  EXPECT(tone_start(&tone, &dialling, 8000), true);
  EXPECT(tone_read(&tone, pcm, 40000), 40000);
  /* A sine obeys x[n+1] = 2 cos(w) x[n] - x[n-1]. */
  int worst = 0;
  for (unsigned i = 100; i + 1 < 40000; i++) {
    const int expected = (int)lrint(2 * cos(2 * acos(-1) * 425 / 8000) * pcm[i] - pcm[i - 1]);
    if (abs(pcm[i + 1] - expected) > worst) worst = abs(pcm[i + 1] - expected);
  }
  EXPECT(worst <= 3, true);
}

CHECK(check_continuous_steps, "two steps of the same tone have no seam, whatever lies between their members") {
  struct tone_pattern pattern = {.step_count = 2, .repeat_from = 0, .steps = {{100, 1, {{425, -10}}}, {100, 1, {{425, -10}}}}};
  struct tone_step *second = &pattern.steps[1];
  memset(second, 0xa5, sizeof *second);
  second->duration_ms = 100;
  second->frequency_count = 1;
  second->frequencies[0].hz = 425;
  second->frequencies[0].dbm0 = -10;
  static int16_t pcm[8000];
  struct tone tone;
  EXPECT(tone_start(&tone, &pattern, 8000), true);
  EXPECT(tone_read(&tone, pcm, 8000), 8000);
  int quietest = INT16_MAX;
  for (unsigned from = 100; from + 20 <= 8000; from++) {
    int peak = 0;
    for (unsigned i = from; i < from + 20; i++) peak = abs(pcm[i]) > peak ? abs(pcm[i]) : peak;
    if (peak < quietest) quietest = peak;
  }
  EXPECT(quietest > 6500, true);
}

CHECK(check_once, "a tone that is played once ends, after steps that are not repeated too") {
  struct tone_pattern pattern = {.step_count = 2, .repeat_from = 2, .steps = {{50, 1, {{1400, -20}}}, {25, 0, {{0, 0}}}}};
  int16_t pcm[1000];
  struct tone tone;
  EXPECT(tone_start(&tone, &pattern, 8000), true);
  EXPECT(tone_read(&tone, pcm, 1000), 600);
  EXPECT(tone_read(&tone, pcm, 1000), 0);
  pattern.repeat_from = 1;
  EXPECT(tone_start(&tone, &pattern, 8000), true);
  tone_skip(&tone, 399);
  EXPECT(tone.step, 0);
  tone_skip(&tone, 1);
  EXPECT(tone.step, 1);
  tone_skip(&tone, 200ull * 1000 * 1000 * 1000 + 7);
  EXPECT(tone.position, 7);
  EXPECT(tone_read(&tone, pcm, 1000), 1000);
  EXPECT(pcm[999], 0);
}

CHECK(check_tone_range, "numbers out of range are no tone") {
  struct tone tone;
  const struct tone_pattern wrong[] = {
      {.step_count = 0},
      {.step_count = TONE_MAX_STEPS + 1},
      {.step_count = 1, .repeat_from = 2, .steps = {{100, 1, {{400, -10}}}}},
      {.step_count = 1, .steps = {{0, 1, {{400, -10}}}}},
      {.step_count = 1, .steps = {{TONE_MAX_STEP_MS + 1, 1, {{400, -10}}}}},
      {.step_count = 1, .steps = {{100, 5, {{400, -10}}}}},
      {.step_count = 1, .steps = {{100, 1, {{0, -10}}}}},
      {.step_count = 1, .steps = {{100, 1, {{TONE_MAX_HZ + 1, -10}}}}},
      {.step_count = 1, .steps = {{100, 1, {{400, 4}}}}},
      {.step_count = 1, .steps = {{100, 1, {{400, -61}}}}},
  };
  for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) EXPECT(tone_start(&tone, &wrong[i], 8000), false);
}

CHECK(check_loud_tone, "frequencies that are too loud together are cut off") {
  const struct tone_pattern loud = {
      .step_count = 1, .repeat_from = 0, .steps = {{100, 4, {{400, 3}, {410, 3}, {420, 3}, {430, 3}}}}};
  int16_t pcm[800];
  struct tone tone;
  EXPECT(tone_start(&tone, &loud, 8000), true);
  EXPECT(tone_read(&tone, pcm, 800), 800);
  int steepest = 0;
  for (unsigned i = 1; i < 800; i++) {
    if (abs(pcm[i] - pcm[i - 1]) > steepest) steepest = abs(pcm[i] - pcm[i - 1]);
  }
  EXPECT(steepest < 48000, true);
}
