/* The pitch as it is in the weighted speech alone (G.729 §A.3.4): takes the place of bcg729's file, with its results bit by bit. */
#include <stdlib.h>

#include "typedef.h"
#include "codecParameters.h"
#include "basicOperationsMacros.h"
#include "utils.h"
#include "g729FixedPointMath.h"
#include "findOpenLoopPitchDelay.h"

#include "codec/g729/lanes.h"

#define PAST MAXIMUM_INT_PITCH_DELAY
#define ALL (PAST + L_FRAME)
/* Every second sample counts (eq. A.4). */
#define HALF_FRAME (L_FRAME / 2)
/* The frame begins at an odd place: samples at odd places are those of the frame. */
#define HALF_PAST ((PAST + 1) / 2)

/* The samples at even distances from the beginning of the frame, and the ones between; the past before the frame. */
struct halves {
  int16_t even[HALF_PAST + HALF_FRAME];
  int16_t odd[HALF_PAST + HALF_FRAME];
};

struct found {
  int32_t correlation;
  int32_t normalised;
  int delay;
};

static int64_t energy_of(const int16_t *signal) {
  /* In two parts, which fit into 32 bits. */
  uint32_t low = 0;
  int32_t high = 0;
  for (unsigned i = 0; i < ALL; i++) {
    const int32_t square = signal[i] * signal[i];
    low += (uint32_t)square & 0xffff;
    high += square >> 16;
  }
  return (int64_t)high * 65536 + low;
}

static void split(const int16_t *signal, unsigned shift, struct halves *halves) {
  halves->even[0] = 0;
  for (unsigned i = 0; i < HALF_PAST + HALF_FRAME; i++) halves->odd[i] = (int16_t)(signal[2 * i] >> shift);
  for (unsigned i = 1; i < HALF_PAST + HALF_FRAME; i++) halves->even[i] = (int16_t)(signal[2 * i - 1] >> shift);
}

/* Where the samples are that lie `delay` before those of the frame. */
static const int16_t *delayed(const struct halves *halves, int delay) {
  return (delay % 2 == 0 ? halves->even : halves->odd) + HALF_PAST - (delay + delay % 2) / 2;
}

static int32_t correlation_at(const struct halves *halves, int delay) {
  return lanes_dot(halves->even + HALF_PAST, delayed(halves, delay), HALF_FRAME);
}

static struct found search(const struct halves *halves, int from, int to, int step) {
  struct found found = {.correlation = INT32_MIN};
  for (int delay = from; delay <= to; delay += step) {
    const int32_t correlation = correlation_at(halves, delay);
    if (correlation <= found.correlation) continue;
    found.correlation = correlation;
    found.delay = delay;
  }
  return found;
}

static void normalise(const struct halves *halves, struct found *found) {
  const int16_t *signal = delayed(halves, found->delay);
  const int32_t energy = lanes_dot(signal, signal, HALF_FRAME);
  found->normalised = MULT32_32_Q23(found->correlation, g729InvSqrt_Q0Q31(energy == 0 ? 1 : energy));
}

static void try_neighbour(const struct halves *halves, int delay, struct found *found) {
  const int32_t correlation = correlation_at(halves, delay);
  if (correlation > found->correlation) *found = (struct found){.correlation = correlation, .delay = delay};
}

uint16_t findOpenLoopPitchDelay(word16_t weightedInputSignal[]) {
  const int16_t *signal = weightedInputSignal - PAST;
  const int64_t energy = energy_of(signal);
  /* By so many bits that its energy fits into 31. */
  const unsigned shift = energy > MAXINT32 ? (unsigned)PSHR(31 - countLeadingZeros((word32_t)(energy >> 31)), 1) : 0;
  struct halves halves;
  split(signal, shift, &halves);

  struct found shortest = search(&halves, 20, 39, 1), middle = search(&halves, 40, 79, 1), longest = search(&halves, 80, 143, 2);
  const int even = longest.delay;
  if (even > 80) try_neighbour(&halves, even - 1, &longest);
  /* Not when the one before is better already: then bcg729 looks at the same one again. */
  if (longest.delay == even) try_neighbour(&halves, even + 1, &longest);
  normalise(&halves, &shortest);
  normalise(&halves, &middle);
  normalise(&halves, &longest);

  /* A shorter delay of which the longer one is a multiple is favoured. */
  if (abs(2 * middle.delay - longest.delay) < 5) middle.normalised += longest.normalised >> 2;
  if (abs(3 * middle.delay - longest.delay) < 7) middle.normalised += longest.normalised >> 2;
  if (abs(2 * shortest.delay - middle.delay) < 5) shortest.normalised = MAC16_32_P15(shortest.normalised, O2_IN_Q15, middle.normalised);
  if (abs(3 * shortest.delay - middle.delay) < 7) shortest.normalised = MAC16_32_P15(shortest.normalised, O2_IN_Q15, middle.normalised);
  if (shortest.normalised < middle.normalised) shortest = middle;
  if (shortest.normalised < longest.normalised) shortest = longest;
  return (uint16_t)shortest.delay;
}
