/* The pitch to a third of a sample (G.729 §A.3.7): takes the place of bcg729's file, with its results bit by bit. */
#include <stdbool.h>

#include "typedef.h"
#include "codecParameters.h"
#include "basicOperationsMacros.h"
#include "codebooks.h"
#include "utils.h"
#include "adaptativeCodebookSearch.h"

#include "codec/g729/lanes.h"
#include "codec/g729/tables.h"

/* Samples on both sides of one between two others. */
#define HALF_WINDOW 10
#define WINDOW (2 * HALF_WINDOW)
/* In Q15. */
#define HALF 16384

/* What the samples around a place are multiplied with, the earliest first, for 0 to 2 thirds (b30 of the recommendation). */
static int16_t windows[3][WINDOW];

AT_LOAD(make_windows) {
  for (unsigned third = 0; third < 3; third++) {
    for (unsigned i = 0; i < HALF_WINDOW; i++) {
      windows[third][HALF_WINDOW - 1 - i] = b30[third + 3 * i];
      windows[third][HALF_WINDOW + i] = b30[3 - third + 3 * i];
    }
  }
}

/* The past excitation, `delay` (20 at least) and a `third` of a sample (-1 to 1) ago, where `excitation` begins. */
static void interpolate(int16_t *excitation, int delay, int third) {
  const int16_t *const window = windows[third > 0 ? 2 : -third];
  const int16_t *past = excitation - delay - (third > 0) - (HALF_WINDOW - 1);
  /* What comes in is eight samples old at least, and so may be what has come out. */
  for (unsigned i = 0; i < L_SUBFRAME; i += LANES) {
    lanes32 low = lanes_fill32(HALF), high = low;
    for (unsigned j = 0; j < WINDOW; j += 2) {
      const lanes16 weights = lanes_repeat(window[j], window[j + 1]);
      const lanes16 even = lanes_load(past + i + j), odd = lanes_load(past + i + j + 1);
      low += lanes_multiply_pairs(lanes_weave_low(even, odd), weights);
      high += lanes_multiply_pairs(lanes_weave_high(even, odd), weights);
    }
    lanes_store(excitation + i, lanes_narrow(low >> 15, high >> 15));
  }
}

/*
 * What excitation is correlated with: Q12, and each product is rounded down by itself. So it is in two parts, whole and
 * fraction, and the fraction is shifted up: its products are the upper halves of those of 16 bits. Those that count as
 * negative then are too small by what they are multiplied with.
 */
struct target {
  bool fits; /* whole parts of 16 bits are enough */
  int16_t whole[L_SUBFRAME];
  int16_t fraction[L_SUBFRAME];
  int16_t missing[L_SUBFRAME]; /* 1 where the fraction counts as negative */
  const int32_t *filtered;
};

static void prepare(struct target *target, const int32_t *filtered) {
  int32_t beyond = 0;
  for (unsigned i = 0; i < L_SUBFRAME; i++) {
    const int32_t whole = filtered[i] >> 12;
    target->whole[i] = (int16_t)whole;
    target->fraction[i] = (int16_t)(filtered[i] * 16);
    target->missing[i] = (int16_t)(filtered[i] >> 11 & 1);
    beyond |= whole ^ target->whole[i];
  }
  target->fits = beyond == 0;
  target->filtered = filtered;
}

static int32_t correlate(const int16_t *excitation, const struct target *target) {
  if (!target->fits) {
    int32_t sum = 0;
    for (unsigned i = 0; i < L_SUBFRAME; i++) sum = MAC16_32_Q12(sum, excitation[i], target->filtered[i]);
    return sum;
  }
  lanes32 sum = {0, 0, 0, 0};
  const lanes16 ones = lanes_repeat(1, 1);
  for (unsigned i = 0; i < L_SUBFRAME; i += LANES) {
    const lanes16 lanes = lanes_load(excitation + i);
    sum = lanes_accumulate(sum, lanes, lanes_load(target->whole + i));
    sum = lanes_accumulate(sum, lanes_multiply_high(lanes, lanes_load(target->fraction + i)), ones);
    sum = lanes_accumulate(sum, lanes, lanes_load(target->missing + i));
  }
  return lanes_sum(sum);
}

void adaptativeCodebookSearch(word16_t excitationVector[], int16_t *intPitchDelayMin, int16_t *intPitchDelayMax,
                              word16_t impulseResponse[], word16_t targetSignal[], int16_t *intPitchDelay,
                              int16_t *fracPitchDelay, uint16_t *pitchDelayCodeword, uint16_t subFrameIndex) {
  int32_t filtered[L_SUBFRAME];
  struct target target;
  correlateVectors(targetSignal, impulseResponse, filtered);
  prepare(&target, filtered);

  int32_t most = INT32_MIN;
  for (int delay = *intPitchDelayMin; delay <= *intPitchDelayMax; delay++) {
    const int32_t correlation = correlate(excitationVector - delay, &target);
    if (correlation <= most) continue;
    most = correlation;
    *intPitchDelay = (int16_t)delay;
  }

  interpolate(excitationVector, *intPitchDelay, 0);
  *fracPitchDelay = 0;
  const bool second = subFrameIndex != 0;
  if (second || *intPitchDelay < 85) {
    int16_t best[L_SUBFRAME];
    most = correlate(excitationVector, &target);
    memcpy(best, excitationVector, sizeof best);
    static const int16_t thirds[] = {-1, 1};
    for (unsigned i = 0; i < 2; i++) {
      interpolate(excitationVector, *intPitchDelay, thirds[i]);
      const int32_t correlation = correlate(excitationVector, &target);
      if (correlation <= most) continue;
      most = correlation;
      *fracPitchDelay = thirds[i];
      memcpy(best, excitationVector, sizeof best);
    }
    memcpy(excitationVector, best, sizeof best);
  }

  if (second) {
    *pitchDelayCodeword = (uint16_t)(3 * (*intPitchDelay - *intPitchDelayMin) + *fracPitchDelay + 2);
    return;
  }
  /* The second subframe looks near the first one's. */
  *intPitchDelayMin = *intPitchDelay - 5 < 20 ? 20 : (int16_t)(*intPitchDelay - 5);
  *intPitchDelayMax = (int16_t)(*intPitchDelayMin + 9);
  if (*intPitchDelayMax > MAXIMUM_INT_PITCH_DELAY) {
    *intPitchDelayMax = MAXIMUM_INT_PITCH_DELAY;
    *intPitchDelayMin = MAXIMUM_INT_PITCH_DELAY - 9;
  }
  *pitchDelayCodeword = (uint16_t)(*intPitchDelay <= 85 ? 3 * *intPitchDelay - 58 + *fracPitchDelay : *intPitchDelay + 112);
}
