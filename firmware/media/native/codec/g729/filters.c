/*
 * The filters of G.729 that are run most, in the place of bcg729's functions of the same names and with their results bit by
 * bit: the synthesis filter 1/A(z), and the correlation of two subframes.
 */
#include "typedef.h"
#include "codecParameters.h"
#include "utils.h"
#include "LPSynthesisFilter.h"

#include "codec/g729/lanes.h"

#define ORDER NB_LSP_COEFF
#define Q12 12

/* Numbers 0 to 3 from there on, each behind the one that follows it. */
static inline lanes16 coefficient_pairs(const int16_t *from) {
  return (lanes16){from[1], from[0], from[2], from[1], from[3], from[2], from[4], from[3]};
}

static inline int32_t held_to_16_bits(int32_t number) {
  if (__builtin_expect(number == (int16_t)number, 1)) return number;
  return number > 0 ? INT16_MAX : INT16_MIN;
}

/*
 * Eight samples: the input in Q12 less the ten samples before, each times its coefficient; rounded. `latest` are the eight
 * before these, `earliest` those before them.
 */
static inline lanes16 synthesise(lanes16 input, const int32_t *coefficients, const lanes16 *pairs, lanes16 latest, lanes16 earliest) {
  const lanes32 words = (lanes32)latest;
  const lanes16 zero = {0};
  lanes32 low = ((lanes32)lanes_weave_low(zero, input) >> (16 - Q12)) + (1 << Q12 >> 1);
  lanes32 high = ((lanes32)lanes_weave_high(zero, input) >> (16 - Q12)) + (1 << Q12 >> 1);
  /* What was there before adds its part to all of them, two samples at a time. */
  for (unsigned i = 0; i < HALF_LANES; i++) {
    const lanes16 past = (lanes16)lanes_fill32(words[HALF_LANES - 1 - i]);
    low -= lanes_multiply_pairs(pairs[i], past);
    if (i + 2 < ORDER / 2) high -= lanes_multiply_pairs(pairs[i + 2], past);
  }
  low -= lanes_multiply_pairs(pairs[HALF_LANES], (lanes16)lanes_fill32(((lanes32)earliest)[HALF_LANES - 1]));
  int32_t sums[LANES];
  lanes_store32(sums, low);
  lanes_store32(sums + HALF_LANES, high);
#pragma GCC unroll 8
  for (unsigned i = 0; i < LANES; i++) {
#pragma GCC unroll 8
    for (unsigned j = 0; j < i; j++) sums[i] -= coefficients[i - 1 - j] * sums[j];
    sums[i] = held_to_16_bits(sums[i] >> Q12);
  }
  return (lanes16){(int16_t)sums[0], (int16_t)sums[1], (int16_t)sums[2], (int16_t)sums[3],
                   (int16_t)sums[4], (int16_t)sums[5], (int16_t)sums[6], (int16_t)sums[7]};
}

void synthesisFilter(word16_t inputSignal[], word16_t filterCoefficients[], word16_t filteredSignal[]) {
  int16_t padded[ORDER + 4] = {0};
  int32_t coefficients[LANES];
  lanes16 pairs[ORDER / 2];
  memcpy(padded, filterCoefficients, ORDER * sizeof *padded);
  for (unsigned i = 0; i < LANES; i++) coefficients[i] = padded[i];
  for (unsigned i = 0; i < ORDER / 2; i++) pairs[i] = coefficient_pairs(padded + 2 * i);
  lanes16 latest = lanes_load(filteredSignal - LANES);
  lanes16 earliest = {0, 0, 0, 0, 0, 0, filteredSignal[-LANES - 2], filteredSignal[-LANES - 1]};
  for (unsigned i = 0; i < L_SUBFRAME; i += LANES) {
    const lanes16 output = synthesise(lanes_load(inputSignal + i), coefficients, pairs, latest, earliest);
    lanes_store(filteredSignal + i, output);
    earliest = latest;
    latest = output;
  }
}

void LPSynthesisFilter(word16_t *excitationVector, word16_t *LPCoefficients, word16_t *reconstructedSpeech) {
  synthesisFilter(excitationVector, LPCoefficients, reconstructedSpeech);
}

void correlateVectors(word16_t x[], word16_t y[], word32_t c[]) {
  /* Backwards, and nothing before its beginning: eight sums, each of which begins one sample later, are beside each other. */
  int16_t reversed[L_SUBFRAME + LANES] = {0};
  for (unsigned i = 0; i < L_SUBFRAME; i++) reversed[L_SUBFRAME - 1 - i] = y[i];
  for (unsigned i = 0; i < L_SUBFRAME; i += LANES) {
    lanes32 low = {0, 0, 0, 0}, high = low;
    for (unsigned j = i; j < L_SUBFRAME; j += 2) {
      const int16_t *const first = reversed + L_SUBFRAME - 1 - (j - i);
      const lanes16 factors = lanes_repeat(x[j], x[j + 1]);
      const lanes16 even = lanes_load(first), odd = lanes_load(first - 1);
      low += lanes_multiply_pairs(lanes_weave_low(even, odd), factors);
      high += lanes_multiply_pairs(lanes_weave_high(even, odd), factors);
    }
    lanes_store32(c + i, low);
    lanes_store32(c + i + HALF_LANES, high);
  }
}
