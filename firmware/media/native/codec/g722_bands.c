/* The two ADPCM coders of G.722. The names of blocks and letters are the recommendation's (§6.2). */
#include <string.h>

#include "codec/g722.h"

/* Table of QL6 in the order of magnitude; the decision levels of the low band for a step of 1. */
static const int16_t decision_levels[30] = {0,    35,   72,   110,  150,  190,  233,  276,  323,  370,
                                            422,  473,  530,  587,  650,  714,  786,  858,  940,  1023,
                                            1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919};
/* Output levels of the quantisers with 6, 5, 4 and 2 bits by code. */
static const int16_t levels6[64] = {
    -136,  -136,  -136,  -136,  -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
    -7192, -6576, -6000, -5456, -4944,  -4464,  -4008,  -3576,  -3168,  -2776,  -2400,  -2032,  -1688,  -1360, -1040, -728,
    24808, 21904, 19008, 16704, 14984,  13512,  12280,  11192,  10232,  9360,   8576,   7856,   7192,   6576,  6000,  5456,
    4944,  4464,  4008,  3576,  3168,   2776,   2400,   2032,   1688,   1360,   1040,   728,    432,    136,   -432,  -136};
static const int16_t levels5[32] = {-280,  -280,  -23352, -17560, -14120, -11664, -9752, -8184, -6864, -5712, -4696,
                                    -3784, -2960, -2208,  -1520,  -880,   23352,  17560, 14120, 11664, 9752,  8184,
                                    6864,  5712,  4696,   3784,   2960,   2208,   1520,  880,   280,   -280};
static const int16_t levels4[16] = {0,     -20456, -12896, -8968, -6288, -4240, -2584, -1200,
                                    20456, 12896,  8968,   6288,  4240,  2584,  1200,  0};
static const int16_t levels2[4] = {-7408, -1616, 7408, 1616};
/* How a code of the low band (of 4 bits) and of the high band moves the step: WL over RL42, WH over RH2. */
static const int16_t low_moves[16] = {-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60};
static const int16_t high_moves[4] = {798, -214, 798, -214};
/* 2048 * 2^(i / 32) */
static const int16_t antilogarithms[32] = {2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543,
                                           2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025, 3091, 3158, 3228,
                                           3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008};

#define MAX_LOW_NB 18432
#define MAX_HIGH_NB 22528
#define LOW_SHIFT 8
#define HIGH_SHIFT 10
#define HIGH_DECISION 564
#define MAX_A2 12288
#define MAX_A1_AND_A2 15360

static inline int clamp(int value, int low, int high) { return value < low ? low : value > high ? high : value; }
static inline int saturated(int value) { return clamp(value, INT16_MIN, INT16_MAX); }
static inline int product(int a, int b) { return (a * b) >> 15; }

/* LOGSCL and SCALEL, or LOGSCH and SCALEH. */
static inline void move_step(struct g722_band *band, int move, int max_nb, int shift) {
  const int nb = clamp(((band->nb * 127) >> 7) + move, 0, max_nb);
  const int exponent = shift - (nb >> 11);
  const int mantissa = antilogarithms[(nb >> 6) & 31];
  band->nb = (int16_t)nb;
  band->det = (int16_t)((exponent < 0 ? mantissa << -exponent : mantissa >> exponent) << 2);
}

/* UPZERO, DELAYA and FILTEZ: the taps move towards the signs of the differences, and predict from the next six. */
static inline int zero_section(struct g722_band *band, int difference) {
  static const int16_t used[G722_ZERO_TAPS] = {0, 0, -1, -1, -1, -1, -1, -1};
  if (band->at == G722_ZERO_TAPS + G722_LINE) {
    memcpy(band->d, band->d + G722_LINE, G722_ZERO_TAPS * sizeof *band->d);
    band->at = G722_ZERO_TAPS;
  }
  const int16_t newest = (int16_t)difference, step = difference == 0 ? 0 : 128;
  const int16_t *before = band->d + band->at - G722_ZERO_TAPS;
  band->d[band->at++] = newest;
  const int16_t *now = before + 1;
  int sum = 0;
  for (unsigned i = 0; i < G722_ZERO_TAPS; i++) {
    const int16_t against = (int16_t)((int16_t)(before[i] ^ newest) >> 15); /* -1 where the signs differ */
    const int16_t move = (int16_t)(((step ^ against) - against) & used[i]);
    /* 255/256 of the tap, rounded down: with a step of 128 that never leaves 16 bits. */
    const int16_t leaked = (int16_t)(band->b[i] - (band->b[i] >> 8) - ((band->b[i] & 255) != 0));
    band->b[i] = (int16_t)(leaked + move);
    /* No difference is beyond 10228 (16384 * 20456 / 32768): its double stays within 16 bits. */
    sum += (band->b[i] * now[i]) >> 14;
  }
  return saturated(sum);
}

/* Block 4: what the band predicts next, `difference` being the quantised one of this sample. */
static inline void adapt(struct g722_band *band, int difference) {
  const int r = saturated(band->s + difference); /* RECONS */
  const int p = saturated(band->sz + difference); /* PARREC */
  const int like1 = (p ^ band->p1) >= 0, like2 = (p ^ band->p2) >= 0; /* signs are equal */
  /* UPPOL2 */
  const int fourfold = saturated(4 * band->a1);
  const int towards = like1 ? saturated(-fourfold) : fourfold;
  const int a2 = clamp((like2 ? 128 : -128) + (towards >> 7) + product(band->a2, 32512), -MAX_A2, MAX_A2);
  /* UPPOL1 */
  const int limit = MAX_A1_AND_A2 - a2;
  const int a1 = clamp((like1 ? 192 : -192) + product(band->a1, 32640), -limit, limit);
  /* FILTEP */
  const int sp = saturated(product(a1, saturated(2 * r)) + product(a2, saturated(2 * band->r1)));
  band->a1 = (int16_t)a1;
  band->a2 = (int16_t)a2;
  band->r1 = (int16_t)r;
  band->p2 = band->p1;
  band->p1 = (int16_t)p;
  band->sz = (int16_t)zero_section(band, difference);
  band->s = (int16_t)saturated(sp + band->sz); /* PREDIC */
}

static inline void move_low(struct g722_band *band, unsigned code4) {
  const int difference = product(band->det, levels4[code4]); /* INVQAL */
  move_step(band, low_moves[code4], MAX_LOW_NB, LOW_SHIFT);
  adapt(band, difference);
}

static inline int move_high(struct g722_band *band, unsigned code) {
  const int difference = product(band->det, levels2[code]); /* INVQAH */
  const int s = band->s;
  move_step(band, high_moves[code], MAX_HIGH_NB, HIGH_SHIFT);
  adapt(band, difference);
  return clamp(s + difference, -16384, 16383);
}

/* QUANTL: how many decision levels the magnitude has reached, by halves; 1 to 30. */
static inline unsigned low_code(int error, int det) {
  const int magnitude = error >= 0 ? error : -(error + 1);
  unsigned reached = 0;
  for (unsigned half = 16; half > 0; half /= 2) {
    if (reached + half <= 30 && magnitude >= (decision_levels[reached + half - 1] * det) >> 12) reached += half;
  }
  if (error >= 0) return 62 - reached;
  return reached <= 2 ? 64 - reached : 34 - reached;
}

void g722_bands_start(struct g722_bands *bands) {
  memset(bands, 0, sizeof *bands);
  bands->low.at = bands->high.at = G722_ZERO_TAPS;
  bands->low.det = 32;
  bands->high.det = 8;
}

uint8_t g722_bands_encode(struct g722_bands *bands, int low, int high) {
  struct g722_band *const l = &bands->low, *const h = &bands->high;
  const unsigned code = low_code(saturated(low - l->s), l->det);
  /* QUANTH */
  const int error = saturated(high - h->s);
  const unsigned small = (error >= 0 ? error : -(error + 1)) < ((HIGH_DECISION * h->det) >> 12);
  const unsigned high_code = (error >= 0 ? 2u : 0u) + small;
  move_low(l, code >> 2);
  move_high(h, high_code);
  return (uint8_t)(high_code << 6 | code);
}

void g722_bands_decode(struct g722_bands *bands, uint8_t code, unsigned mode, int *low, int *high) {
  struct g722_band *const l = &bands->low;
  const unsigned low_bits = code & 63;
  /* INVQBL: all bits that are audio make the output, the upper four of them the prediction. */
  const int level = mode == 1 ? levels6[low_bits] : mode == 2 ? levels5[low_bits >> 1] : levels4[low_bits >> 2];
  *low = clamp(l->s + product(l->det, level), -16384, 16383);
  move_low(l, low_bits >> 2);
  *high = move_high(&bands->high, code >> 6);
}
