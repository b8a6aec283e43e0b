#include "codec/g726_predictor.h"

#include <stdlib.h>
#include <string.h>

#define SIGN_BIT 8
#define MAGNITUDES 8
#define MIN_SCALE 544
#define MAX_SCALE 5120
#define SMALLEST_MANTISSA 32

/* Table 2: where the logarithm of a difference becomes the next magnitude. Below the first it is magnitude 0. */
static const int16_t decisions[MAGNITUDES - 1] = {-124, 80, 178, 246, 300, 349, 400};
/* The logarithm that stands for each; the code of magnitude 0 is 15 for either sign, since 0 is not sent (§3.3). */
static const int16_t logarithms[MAGNITUDES] = {-2048, 4, 135, 213, 273, 323, 373, 425};
/* Tables 5 and 7: how far each widens the scale, and how much it says of a signal that changes. */
static const int16_t widenings[MAGNITUDES] = {-12, 18, 41, 64, 112, 198, 355, 1122};
static const int16_t unrests[MAGNITUDES] = {0, 0, 0, 0x200, 0x200, 0x200, 0x600, 0xe00};

static int clamp(int value, int low, int high) { return value < low ? low : value > high ? high : value; }

/* Bits that the value has; 0 for none. */
static unsigned width(uint32_t value) { return value == 0 ? 0 : 32 - (unsigned)__builtin_clz(value); }

void g726_start(struct g726_predictor *predictor) {
  memset(predictor, 0, sizeof *predictor);
  predictor->slow_scale = (int32_t)MIN_SCALE << 6;
  predictor->fast_scale = MIN_SCALE;
  for (unsigned i = 0; i < G726_POLES; i++) predictor->reconstructed[i].mantissa = SMALLEST_MANTISSA;
  for (unsigned i = 0; i < G726_ZEROS; i++) predictor->differences[i].mantissa = SMALLEST_MANTISSA;
}

/* FLOATA and FLOATB. */
static struct g726_float to_float(bool negative, uint32_t magnitude) {
  const unsigned exponent = width(magnitude);
  return (struct g726_float){.negative = negative,
                             .exponent = (uint8_t)exponent,
                             .mantissa = magnitude == 0 ? SMALLEST_MANTISSA : (uint8_t)((magnitude << 6) >> exponent)};
}

/* FMULT: of a coefficient and a sample. */
static int product(int32_t coefficient, struct g726_float sample) {
  const uint32_t magnitude = (uint32_t)abs(coefficient >> 2) & 0x1fff;
  const struct g726_float factor = to_float(coefficient < 0, magnitude);
  const int exponent = sample.exponent + factor.exponent;
  const unsigned mantissa = ((unsigned)sample.mantissa * factor.mantissa + 0x30) >> 4;
  const int result = exponent <= 26 ? (int)((mantissa << 7) >> (26 - exponent)) : (int)((mantissa << 7 << (exponent - 26)) & 0x7fff);
  return sample.negative != factor.negative ? -result : result;
}

/* ACCUM: what the zeros say, and what all say, each of twice its size. */
static int of_zeros(const struct g726_predictor *predictor) {
  int sum = 0;
  for (unsigned i = 0; i < G726_ZEROS; i++) sum += product(predictor->zeros[i], predictor->differences[i]);
  return (int16_t)sum;
}

static int of_poles(const struct g726_predictor *predictor) {
  return product(predictor->poles[0], predictor->reconstructed[0]) + product(predictor->poles[1], predictor->reconstructed[1]);
}

/* LIMA and MIX. */
static int scale(const struct g726_predictor *predictor) {
  const int slow = predictor->slow_scale >> 6, distance = predictor->fast_scale - slow;
  const int weight = predictor->speed >= 256 ? 64 : predictor->speed >> 2;
  return slow + (distance * weight >= 0 ? distance * weight >> 6 : -(-distance * weight >> 6));
}

/* LOG, SUBTB and QUAN. */
static unsigned quantized(int difference, int y) {
  const uint32_t magnitude = (uint32_t)abs(difference);
  const unsigned exponent = magnitude > 1 ? width(magnitude) - 1 : 0;
  const int logarithm = (int)(exponent << 7) + (int)((magnitude << 7 >> exponent) & 0x7f) - (y >> 2);
  unsigned level = 0;
  while (level < MAGNITUDES - 1 && logarithm >= decisions[level]) level++;
  if (level == 0) return 2 * MAGNITUDES - 1;
  return difference < 0 ? 2 * MAGNITUDES - 1 - level : level;
}

/* ADDA and ANTILOG: the magnitude of a difference. */
static int expanded(unsigned level, int y) {
  const int logarithm = logarithms[level] + (y >> 2);
  if (logarithm < 0) return 0;
  const int exponent = logarithm >> 7 & 15;
  return ((128 + (logarithm & 0x7f)) << 7) >> (14 - exponent);
}

/* TRANS: a signal of a few tones, as of a modem, that ends at once. */
static bool is_transition(const struct g726_predictor *predictor, int magnitude) {
  const int whole = predictor->slow_scale >> 15, fraction = predictor->slow_scale >> 10 & 0x1f;
  const int threshold = whole > 9 ? 31 << 10 : (32 + fraction) << whole;
  return predictor->tone && magnitude > (threshold + (threshold >> 1)) >> 1;
}

/* UPA2 and LIMC. */
static int next_second_pole(const struct g726_predictor *predictor, bool sign, bool silent) {
  int pole = predictor->poles[1] - (predictor->poles[1] >> 7);
  if (silent) return pole;
  const int first = sign != predictor->signs[0] ? predictor->poles[0] : -predictor->poles[0];
  if (first < -8191) pole -= 0x100;
  else if (first > 8191) pole += 0xff;
  else pole += first >> 5;
  return clamp(pole + (sign != predictor->signs[1] ? -0x80 : 0x80), -12288, 12288);
}

/* UPA1 and LIMD. */
static int next_first_pole(const struct g726_predictor *predictor, bool sign, bool silent, int second) {
  int pole = predictor->poles[0] - (predictor->poles[0] >> 8);
  if (!silent) pole += sign != predictor->signs[0] ? -192 : 192;
  return clamp(pole, -(15360 - second), 15360 - second);
}

/* UPB. */
static void move_zeros(struct g726_predictor *predictor, bool negative, int magnitude) {
  for (unsigned i = 0; i < G726_ZEROS; i++) {
    int32_t *zero = &predictor->zeros[i];
    *zero -= *zero >> 8;
    if (magnitude != 0) *zero += negative == predictor->differences[i].negative ? 128 : -128;
  }
}

/* FUNCTW, FILTD, LIMB and FILTE. */
static void move_scale(struct g726_predictor *predictor, unsigned level, int y) {
  predictor->fast_scale = clamp(y + ((widenings[level] * 32 - y) >> 5), MIN_SCALE, MAX_SCALE);
  predictor->slow_scale += predictor->fast_scale + (-predictor->slow_scale >> 6);
}

/* FUNCTF, FILTA, FILTB, SUBTC and FILTC. */
static void move_speed(struct g726_predictor *predictor, unsigned level, int y, bool transition) {
  predictor->short_average += (unrests[level] - predictor->short_average) >> 5;
  predictor->long_average += (unrests[level] * 4 - predictor->long_average) >> 7;
  const int apart = abs(predictor->short_average * 4 - predictor->long_average);
  const bool restless = y < 1536 || predictor->tone || apart >= predictor->long_average >> 3;
  if (transition) predictor->speed = 256;
  else predictor->speed += ((restless ? 0x200 : 0) - predictor->speed) >> 4;
}

struct estimate {
  int of_zeros; /* SEZ */
  int whole;    /* SE */
};

static struct estimate estimated(const struct g726_predictor *predictor) {
  const int zeros = of_zeros(predictor);
  return (struct estimate){zeros >> 1, (int16_t)(zeros + of_poles(predictor)) >> 1};
}

/* The sample that `code` stands for; afterwards the next one is predicted from it. */
static int follow(struct g726_predictor *predictor, unsigned code, struct estimate estimate, int y) {
  const bool negative = (code & SIGN_BIT) != 0;
  const unsigned level = negative ? 2 * MAGNITUDES - 1 - code : code;
  const int magnitude = expanded(level, y);
  const int difference = negative ? -magnitude : magnitude;
  const int sample = estimate.whole + difference, partial = estimate.of_zeros + difference;
  const bool sign = partial < 0, silent = partial == 0;

  const bool transition = is_transition(predictor, magnitude);
  move_scale(predictor, level, y);
  if (transition) {
    memset(predictor->poles, 0, sizeof predictor->poles);
    memset(predictor->zeros, 0, sizeof predictor->zeros);
  } else {
    const int second = next_second_pole(predictor, sign, silent);
    predictor->poles[0] = next_first_pole(predictor, sign, silent, second);
    predictor->poles[1] = second;
    move_zeros(predictor, negative, magnitude);
  }
  memmove(predictor->differences + 1, predictor->differences, sizeof predictor->differences - sizeof *predictor->differences);
  predictor->differences[0] = to_float(negative, (uint32_t)magnitude);
  predictor->reconstructed[1] = predictor->reconstructed[0];
  predictor->reconstructed[0] = to_float(sample < 0, (uint32_t)abs(sample));
  predictor->signs[1] = predictor->signs[0];
  predictor->signs[0] = sign;
  /* TONE comes after TRANS, and FILTC reads the new one. */
  predictor->tone = !transition && predictor->poles[1] < -11776;
  move_speed(predictor, level, y, transition);
  return sample;
}

unsigned g726_encode(struct g726_predictor *predictor, int sample) {
  const struct estimate estimate = estimated(predictor);
  const int y = scale(predictor);
  const unsigned code = quantized(sample - estimate.whole, y);
  follow(predictor, code, estimate, y);
  return code;
}

int g726_decode(struct g726_predictor *predictor, unsigned code) {
  const struct estimate estimate = estimated(predictor);
  return follow(predictor, code, estimate, scale(predictor));
}
