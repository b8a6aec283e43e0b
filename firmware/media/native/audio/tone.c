#include "audio/tone.h"

#include <math.h>
#include <string.h>

#define FULL_SCALE_DBM0 3.14
/* What begins and ends in silence fades for this long, so that it does not click. */
#define FADE_MS 4

static bool in_range(const struct tone_pattern *pattern) {
  if (pattern->step_count == 0 || pattern->step_count > TONE_MAX_STEPS || pattern->repeat_from > pattern->step_count) {
    return false;
  }
  for (unsigned i = 0; i < pattern->step_count; i++) {
    const struct tone_step *step = &pattern->steps[i];
    if (step->duration_ms == 0 || step->duration_ms > TONE_MAX_STEP_MS) return false;
    if (step->frequency_count > TONE_MAX_FREQUENCIES) return false;
    for (unsigned k = 0; k < step->frequency_count; k++) {
      if (step->frequencies[k].hz == 0 || step->frequencies[k].hz > TONE_MAX_HZ) return false;
      if (step->frequencies[k].dbm0 < TONE_MIN_DBM0 || step->frequencies[k].dbm0 > TONE_MAX_DBM0) return false;
    }
  }
  return true;
}

static bool same_frequencies(const struct tone_step *a, const struct tone_step *b) {
  if (a->frequency_count != b->frequency_count) return false;
  /* Not as bytes: what lies between the members is anything. */
  for (unsigned k = 0; k < a->frequency_count; k++) {
    if (a->frequencies[k].hz != b->frequencies[k].hz || a->frequencies[k].dbm0 != b->frequencies[k].dbm0) return false;
  }
  return true;
}

static void tune(struct tone *tone) {
  const double full_turn = 2 * acos(-1);
  const struct tone_step *step = &tone->pattern.steps[tone->step];
  for (unsigned k = 0; k < step->frequency_count; k++) {
    const double angle = full_turn * step->frequencies[k].hz / tone->sample_rate;
    tone->oscillators[k].cosine = 1;
    tone->oscillators[k].sine = 0;
    tone->oscillators[k].turn_cosine = cos(angle);
    tone->oscillators[k].turn_sine = sin(angle);
    tone->oscillators[k].amplitude = INT16_MAX * pow(10, (step->frequencies[k].dbm0 - FULL_SCALE_DBM0) / 20);
  }
}

static uint32_t samples_of(const struct tone *tone) {
  return (uint32_t)((uint64_t)tone->pattern.steps[tone->step].duration_ms * tone->sample_rate / 1000);
}

/* The step after the present one; step_count when there is none. */
static uint8_t next_step(const struct tone *tone) {
  const uint8_t next = (uint8_t)(tone->step + 1);
  return next < tone->pattern.step_count ? next : tone->pattern.repeat_from;
}

static void advance(struct tone *tone) {
  const struct tone_step *ended = &tone->pattern.steps[tone->step];
  tone->step = next_step(tone);
  tone->position = 0;
  if (tone->step == tone->pattern.step_count) return;
  /* A tone that goes on keeps its phase. */
  tone->fades_in = !same_frequencies(ended, &tone->pattern.steps[tone->step]);
  if (tone->fades_in) tune(tone);
}

bool tone_start(struct tone *tone, const struct tone_pattern *pattern, uint32_t sample_rate) {
  if (!in_range(pattern)) return false;
  memset(tone, 0, sizeof *tone);
  tone->pattern = *pattern;
  tone->sample_rate = sample_rate;
  tone->fades_in = true;
  tune(tone);
  return true;
}

static double next_sample(struct tone *tone, unsigned frequency_count) {
  double sum = 0;
  for (unsigned k = 0; k < frequency_count; k++) {
    const double cosine = tone->oscillators[k].cosine;
    const double sine = tone->oscillators[k].sine;
    sum += tone->oscillators[k].amplitude * sine;
    tone->oscillators[k].cosine = cosine * tone->oscillators[k].turn_cosine - sine * tone->oscillators[k].turn_sine;
    tone->oscillators[k].sine = sine * tone->oscillators[k].turn_cosine + cosine * tone->oscillators[k].turn_sine;
  }
  return sum;
}

/* Rounding makes a phase grow or shrink by a hair; once a read is often enough. */
static void renormalize(struct tone *tone) {
  for (unsigned k = 0; k < TONE_MAX_FREQUENCIES; k++) {
    const double length = hypot(tone->oscillators[k].cosine, tone->oscillators[k].sine);
    if (length == 0) continue;
    tone->oscillators[k].cosine /= length;
    tone->oscillators[k].sine /= length;
  }
}

size_t tone_read(struct tone *tone, int16_t *pcm, size_t count) {
  const uint32_t fade = FADE_MS * tone->sample_rate / 1000;
  size_t done = 0;
  renormalize(tone);
  while (done < count && tone->step < tone->pattern.step_count) {
    const struct tone_step *step = &tone->pattern.steps[tone->step];
    const uint32_t length = samples_of(tone);
    const uint8_t next = next_step(tone);
    const bool fades_out = next == tone->pattern.step_count || !same_frequencies(step, &tone->pattern.steps[next]);
    for (; tone->position < length && done < count; tone->position++) {
      double gain = 1;
      if (tone->fades_in && tone->position < fade) gain = (double)tone->position / fade;
      if (fades_out && length - tone->position < fade) gain *= (double)(length - tone->position) / fade;
      const double sample = gain * next_sample(tone, step->frequency_count);
      pcm[done++] = (int16_t)lrint(fmax(INT16_MIN, fmin(INT16_MAX, sample)));
    }
    if (tone->position == length) advance(tone);
  }
  return done;
}

void tone_skip(struct tone *tone, uint64_t samples) {
  while (tone->step < tone->pattern.step_count) {
    const uint32_t left = samples_of(tone) - tone->position;
    if (samples < left) {
      tone->position += (uint32_t)samples;
      return;
    }
    samples -= left;
    advance(tone);
    if (tone->step != tone->pattern.repeat_from || tone->step == tone->pattern.step_count) continue;
    uint64_t cycle = 0;
    for (unsigned i = tone->step; i < tone->pattern.step_count; i++) {
      cycle += (uint64_t)tone->pattern.steps[i].duration_ms * tone->sample_rate / 1000;
    }
    samples %= cycle;
  }
}
