/* What a player plays: a tone, files one after another, or silence. */
#ifndef RINGDOWN_SOUND_H
#define RINGDOWN_SOUND_H

#include "audio/clip.h"
#include "audio/tone.h"

#define SOUND_MAX_CLIPS 16
/* Time is counted in these, which are whole numbers at both sample rates: 1/16000 s. */
#define SOUND_TICKS_PER_MS 16

enum sound_kind { SOUND_SILENCE, SOUND_TONE, SOUND_CLIPS };

struct sound {
  enum sound_kind kind;
  struct tone tone;
  struct clip *clips[SOUND_MAX_CLIPS]; /* its own, until sound_close */
  unsigned clip_count;
  bool repeated;
  unsigned clip;   /* the one that is played; clip_count: ended */
  size_t position; /* samples into it */
};

/* Without an end. */
void sound_of_silence(struct sound *sound);
/* False as tone_start. */
bool sound_of_tone(struct sound *sound, const struct tone_pattern *pattern, uint32_t sample_rate);
/* 1 to SOUND_MAX_CLIPS, which are the sound's from now on. Once, or again and again. */
void sound_of_clips(struct sound *sound, struct clip *const *clips, unsigned count, bool repeated);
/* Begins `ms` later than it would. */
void sound_skip(struct sound *sound, uint64_t ms);
/*
 * The next samples, of up to `ticks` (an even number), at one sample rate which is told; less than asked where one file ends
 * and the next has another rate. 0: ended.
 */
size_t sound_read(struct sound *sound, int16_t *pcm, size_t ticks, uint32_t *sample_rate);
/* Closes its clips. Idempotent. */
void sound_close(struct sound *sound);

#endif
