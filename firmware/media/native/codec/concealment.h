/*
 * Loss concealment for codecs that have none of their own, in the manner of G.711 Appendix I: what was said last goes on with
 * its pitch, in more and more periods, and fades away within 50 ms; seams are overlapped. Unlike there nothing is delayed: the
 * seam at the beginning of a loss is closed by a correction that fades instead.
 */
#ifndef RINGDOWN_CONCEALMENT_H
#define RINGDOWN_CONCEALMENT_H

#include <stddef.h>
#include <stdint.h>

#include "codec/codec.h"

/* Pitch between 66 and 200 Hz; three periods and a quarter of the longest are kept. */
#define CONCEALMENT_MAX_HISTORY (390 * MAX_SAMPLE_RATE / 8000)

struct concealment {
  uint32_t sample_rate;
  int16_t history[CONCEALMENT_MAX_HISTORY]; /* what was played, the newest last */
  /* What follows is of the loss that goes on, if one does. */
  size_t lost;    /* samples filled; 0: none */
  size_t pitch;   /* samples of a period */
  size_t periods; /* that are repeated */
  size_t offset;  /* in them */
  int seam;       /* by how much the first sample would miss the last one heard */
  int16_t pattern[CONCEALMENT_MAX_HISTORY]; /* the history when the loss began */
};

/* `sample_rate` is 8000 or 16000. */
void concealment_start(struct concealment *concealment, uint32_t sample_rate);
/* Audio that came. After a loss its beginning is blended with what would have gone on. */
void concealment_hear(struct concealment *concealment, int16_t *pcm, size_t samples);
/* Audio that did not come. */
void concealment_fill(struct concealment *concealment, int16_t *pcm, size_t samples);

#endif
