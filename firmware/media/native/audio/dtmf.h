/*
 * Digits in audio (ITU-T Q.23, Q.24): two tones at once, one of four low and one of four high ones. PCM of 8000 samples
 * a second. Nothing here allocates.
 *
 * What is heard as a digit: 40 ms or more of two tones, each within 1.5 % of its frequency and not 3.5 % away, louder
 * than -38 dBm0, the high one at most 4 dB above and 8 dB below the low one, and hardly anything beside them.
 */
#ifndef RINGDOWN_DTMF_H
#define RINGDOWN_DTMF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rtp/event.h"

#define DTMF_RATE 8000
#define DTMF_BLOCK_SAMPLES 80 /* 10 ms: the step of the detector */
#define DTMF_WINDOW_SAMPLES 160
#define DTMF_FADE_SAMPLES 40 /* 5 ms */
#define DTMF_MAX_CHANGES 2

/* What one window of two blocks holds. */
struct dtmf_window {
  bool is_digit;
  bool has_phase;
  uint8_t low, high; /* of the frequencies, 0 to 3 */
  float phase[2];    /* of either tone, radians */
  float power[2];
};

struct dtmf_detector {
  float samples[DTMF_WINDOW_SAMPLES];
  struct dtmf_window last;
  bool sounding;        /* two tones that may be a digit, since the last block */
  bool pressed;
  uint8_t event;        /* RFC 4733's number of the digit */
  uint32_t blocks;      /* how long the tones have lasted */
  unsigned missed;      /* blocks without them, since */
};

void dtmf_detector_start(struct dtmf_detector *detector);
/*
 * Takes the next DTMF_BLOCK_SAMPLES. Writes a digit that was recognized, and one that ended, into `changes`, room for
 * DTMF_MAX_CHANGES; returns how many. A digit is recognized 30 to 50 ms after it began; the duration at its end is right
 * within 15 ms, at its beginning it is what has passed.
 */
size_t dtmf_detector_take(struct dtmf_detector *detector, const int16_t *pcm, struct event_change *changes);
/* True when the block that was taken last belongs to a digit, or seems to: before the digit is certain. */
bool dtmf_detector_is_sounding(const struct dtmf_detector *detector);

/* Takes tones out of audio without a click. */
struct dtmf_mute {
  unsigned faded; /* samples into the fade: 0 all is heard, DTMF_FADE_SAMPLES nothing is */
};
/* Any number of samples, of any rate. */
void dtmf_mute(struct dtmf_mute *mute, bool is_sounding, int16_t *pcm, size_t samples);

/* The tones of one digit. */
struct dtmf_generator {
  double step[2][2]; /* of either tone: cosine and sine of the angle between two samples */
  double at[2][2];   /* cosine and sine at the next sample, times the level */
  unsigned faded;   /* samples into the fade, as above */
};
/* `event`: 0 to 15. */
void dtmf_generator_start(struct dtmf_generator *generator, uint8_t event);
/* Writes `samples`; fades in at the beginning, and out from the call on that says `is_last`. False once all is silent. */
bool dtmf_generate(struct dtmf_generator *generator, bool is_last, int16_t *pcm, size_t samples);

#endif
