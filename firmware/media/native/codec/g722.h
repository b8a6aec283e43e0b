/*
 * ITU-T G.722 at 64 kbit/s as the recommendation cuts it: two bands of 8000 samples a second each, coded by themselves. Its
 * test sequences stand on this cut; the filters between the bands and PCM are in g722.c.
 */
#ifndef RINGDOWN_G722_H
#define RINGDOWN_G722_H

#include <stdint.h>

#define G722_ZERO_TAPS 8 /* six in the recommendation; two are always 0, so that all fit one vector register */
#define G722_LINE 64

/* Adaptive prediction and step of one band, the same in encoder and decoder. The letters are the recommendation's. */
struct g722_band {
  int16_t b[G722_ZERO_TAPS];              /* the zero section, its oldest tap first */
  int16_t d[G722_ZERO_TAPS + G722_LINE];  /* quantised differences, the newest at d[at - 1] */
  uint16_t at;
  int16_t a1, a2; /* the pole section */
  int16_t r1;     /* reconstructed signal */
  int16_t p1, p2; /* partially reconstructed signal */
  int16_t s, sz;  /* prediction, and what the zero section has in it */
  int16_t nb;     /* step, as a logarithm */
  int16_t det;    /* step */
};

struct g722_bands {
  struct g722_band low, high;
};

void g722_bands_start(struct g722_bands *bands);
/* Two 15-bit samples to their code: the low band in its 6 lower bits. */
uint8_t g722_bands_encode(struct g722_bands *bands, int low, int high);
/* `mode` 1 to 3: 64, 56 or 48 kbit/s, the lowest bits of the low band not being used. */
void g722_bands_decode(struct g722_bands *bands, uint8_t code, unsigned mode, int *low, int *high);

#endif
