/* Tones of a telephone network: up to four frequencies at a time, in a cadence that is played once or goes on for ever. */
#ifndef RINGDOWN_TONE_H
#define RINGDOWN_TONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TONE_MAX_FREQUENCIES 4
#define TONE_MAX_STEPS 16
#define TONE_MAX_STEP_MS 60000
#define TONE_MAX_HZ 3400
/* A sine that just does not clip is 3.14 dBm0 (ITU-T G.711, A-law). */
#define TONE_MIN_DBM0 (-60)
#define TONE_MAX_DBM0 3

struct tone_step {
  uint16_t duration_ms;     /* 1 to TONE_MAX_STEP_MS */
  uint8_t frequency_count;  /* 0: silence */
  struct {
    uint16_t hz;            /* 1 to TONE_MAX_HZ */
    int8_t dbm0;            /* of this frequency alone; TONE_MIN_DBM0 to TONE_MAX_DBM0 */
  } frequencies[TONE_MAX_FREQUENCIES];
};

struct tone_pattern {
  uint8_t step_count;       /* 1 to TONE_MAX_STEPS */
  uint8_t repeat_from;      /* after the last step this one follows, again and again; step_count: the tone ends */
  struct tone_step steps[TONE_MAX_STEPS];
};

/* A pattern on its way. */
struct tone {
  struct tone_pattern pattern;
  uint32_t sample_rate;
  uint8_t step;             /* step_count: ended */
  bool fades_in;            /* what was before it sounded otherwise */
  uint32_t position;        /* samples into the step */
  struct {
    double cosine, sine;    /* of the phase now */
    double turn_cosine, turn_sine; /* of a sample's step of the phase */
    double amplitude;
  } oscillators[TONE_MAX_FREQUENCIES];
};

/* False, with *tone undefined, when a number of the pattern is out of its range. `sample_rate` is 8000 or 16000. */
bool tone_start(struct tone *tone, const struct tone_pattern *pattern, uint32_t sample_rate);
/* Fills as many of `count` samples as the tone has left: fewer than that only when it ended. */
size_t tone_read(struct tone *tone, int16_t *pcm, size_t count);
/* Goes on `samples` later, in the middle of a step too. */
void tone_skip(struct tone *tone, uint64_t samples);

#endif
