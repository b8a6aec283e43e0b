/*
 * Eight numbers of 16 bits at a time, in the vector unit that every processor of its kind has: SSE2 or NEON. Sums are exact
 * modulo 2^32, in whatever order they are taken: what is made of them has the bits of a sum that is taken one by one.
 * Compiled with -fwrapv, as all that is summed here is chosen by whoever calls.
 */
#ifndef RINGDOWN_CODEC_G729_LANES_H
#define RINGDOWN_CODEC_G729_LANES_H

#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

#define LANES 8
#define HALF_LANES (LANES / 2)

typedef int16_t lanes16 __attribute__((vector_size(16)));
typedef int32_t lanes32 __attribute__((vector_size(16)));

static inline lanes16 lanes_load(const int16_t *from) {
  lanes16 lanes;
  memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

static inline void lanes_store(int16_t *to, lanes16 lanes) { memcpy(to, &lanes, sizeof lanes); }

static inline lanes32 lanes_load32(const int32_t *from) {
  lanes32 lanes;
  memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

static inline void lanes_store32(int32_t *to, lanes32 lanes) { memcpy(to, &lanes, sizeof lanes); }

static inline lanes32 lanes_fill32(int32_t number) { return (lanes32){number, number, number, number}; }

/* a[0], b[0], a[1], b[1], and so on up to a[3], b[3]; and the same of the upper halves. */
static inline lanes16 lanes_weave_low(lanes16 a, lanes16 b) { return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11); }
static inline lanes16 lanes_weave_high(lanes16 a, lanes16 b) { return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15); }

/* Both, held to 16 bits. */
static inline lanes16 lanes_narrow(lanes32 low, lanes32 high) {
#if defined(__SSE2__)
  return (lanes16)_mm_packs_epi32((__m128i)low, (__m128i)high);
#elif defined(__ARM_NEON) && defined(__aarch64__)
  return (lanes16)vcombine_s16(vqmovn_s32((int32x4_t)low), vqmovn_s32((int32x4_t)high));
#else
  lanes16 result;
  for (unsigned i = 0; i < LANES; i++) {
    const int32_t number = i < HALF_LANES ? low[i] : high[i - HALF_LANES];
    result[i] = (int16_t)(number > INT16_MAX ? INT16_MAX : number < INT16_MIN ? INT16_MIN : number);
  }
  return result;
#endif
}

/* The upper 16 bits of each product. */
static inline lanes16 lanes_multiply_high(lanes16 a, lanes16 b) {
#if defined(__SSE2__)
  return (lanes16)_mm_mulhi_epi16((__m128i)a, (__m128i)b);
#elif defined(__ARM_NEON) && defined(__aarch64__)
  const int32x4_t low = vmull_s16(vget_low_s16((int16x8_t)a), vget_low_s16((int16x8_t)b));
  const int32x4_t high = vmull_high_s16((int16x8_t)a, (int16x8_t)b);
  return (lanes16)vuzp2q_s16(vreinterpretq_s16_s32(low), vreinterpretq_s16_s32(high));
#else
  lanes16 result;
  for (unsigned i = 0; i < LANES; i++) result[i] = (int16_t)(a[i] * b[i] >> 16);
  return result;
#endif
}

/* The same two numbers four times. */
static inline lanes16 lanes_repeat(int16_t first, int16_t second) {
  const int32_t pair = (int32_t)((uint32_t)(uint16_t)first | (uint32_t)(uint16_t)second << 16);
  return (lanes16)(lanes32){pair, pair, pair, pair};
}

/* a - b, held to 16 bits. */
static inline lanes16 lanes_subtract(lanes16 a, lanes16 b) {
#if defined(__SSE2__)
  return (lanes16)_mm_subs_epi16((__m128i)a, (__m128i)b);
#elif defined(__ARM_NEON) && defined(__aarch64__)
  return (lanes16)vqsubq_s16((int16x8_t)a, (int16x8_t)b);
#else
  lanes16 result;
  for (unsigned i = 0; i < LANES; i++) {
    const int32_t difference = a[i] - b[i];
    result[i] = (int16_t)(difference > INT16_MAX ? INT16_MAX : difference < INT16_MIN ? INT16_MIN : difference);
  }
  return result;
#endif
}

/* a[0] b[0] + a[1] b[1], and so on: four sums of neighbours. */
static inline lanes32 lanes_multiply_pairs(lanes16 a, lanes16 b) {
#if defined(__SSE2__)
  return (lanes32)_mm_madd_epi16((__m128i)a, (__m128i)b);
#elif defined(__ARM_NEON) && defined(__aarch64__)
  const int32x4_t low = vmull_s16(vget_low_s16((int16x8_t)a), vget_low_s16((int16x8_t)b));
  return (lanes32)vpaddq_s32(low, vmull_high_s16((int16x8_t)a, (int16x8_t)b));
#else
  lanes32 result;
  for (unsigned i = 0; i < LANES / 2; i++) result[i] = a[2 * i] * b[2 * i] + a[2 * i + 1] * b[2 * i + 1];
  return result;
#endif
}

/* Adds all products to the sum, which is spread over its lanes in no certain way. */
static inline lanes32 lanes_accumulate(lanes32 sum, lanes16 a, lanes16 b) {
#if defined(__ARM_NEON) && defined(__aarch64__)
  const int32x4_t low = vmlal_s16((int32x4_t)sum, vget_low_s16((int16x8_t)a), vget_low_s16((int16x8_t)b));
  return (lanes32)vmlal_high_s16(low, (int16x8_t)a, (int16x8_t)b);
#else
  return sum + lanes_multiply_pairs(a, b);
#endif
}

static inline int32_t lanes_sum(lanes32 lanes) {
#if defined(__SSE2__)
  const lanes32 halves = lanes + (lanes32)_mm_unpackhi_epi64((__m128i)lanes, (__m128i)lanes);
  return _mm_cvtsi128_si32((__m128i)(halves + (lanes32)_mm_shuffle_epi32((__m128i)halves, 1)));
#elif defined(__ARM_NEON) && defined(__aarch64__)
  return vaddvq_s32((int32x4_t)lanes);
#else
  return lanes[0] + lanes[1] + lanes[2] + lanes[3];
#endif
}

/* The sum of `count` products, a multiple of LANES. */
static inline int32_t lanes_dot(const int16_t *a, const int16_t *b, unsigned count) {
  lanes32 sum = {0};
  for (unsigned i = 0; i < count; i += LANES) sum = lanes_accumulate(sum, lanes_load(a + i), lanes_load(b + i));
  return lanes_sum(sum);
}

#endif
