/*
 * ITU-T G.726 at 32 kbit/s, sample by sample: the quantizer of §3.3, its scale and speed of §3.5 and §3.6, and the predictor of
 * §3.7, which encoder and decoder run alike. Samples are linear, 14 bits (Annex A).
 */
#ifndef RINGDOWN_G726_PREDICTOR_H
#define RINGDOWN_G726_PREDICTOR_H

#include <stdbool.h>
#include <stdint.h>

#define G726_POLES 2
#define G726_ZEROS 6

/* The recommendation's floating point of 11 bits: six of a mantissa, at least 32. */
struct g726_float {
  bool negative;
  uint8_t exponent;
  uint8_t mantissa;
};

struct g726_predictor {
  int32_t slow_scale;   /* YL */
  int32_t fast_scale;   /* YU */
  int32_t long_average; /* DML, of the codes' magnitudes */
  int32_t short_average; /* DMS */
  int32_t speed;        /* AP */
  bool tone;            /* TD */
  bool signs[G726_POLES]; /* PK: of the last partial reconstructions, the newest first; true: negative */
  int32_t poles[G726_POLES]; /* A1, A2 */
  int32_t zeros[G726_ZEROS]; /* B1 to B6 */
  struct g726_float reconstructed[G726_POLES]; /* SR, the newest first */
  struct g726_float differences[G726_ZEROS];   /* DQ */
};

void g726_start(struct g726_predictor *predictor);
/* The code, 0 to 15, of a sample of -8192 to 8191. */
unsigned g726_encode(struct g726_predictor *predictor, int sample);
/* The sample that a code of 0 to 15 stands for; it may be somewhat beyond 14 bits. */
int g726_decode(struct g726_predictor *predictor, unsigned code);

#endif
