#include "audio/dtmf.h"

#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846
#define TONES 8
/* Peak of a sine of 0 dBm0 in 16 bit: the full scale of A-law is 3.14 dBm0 (ITU-T G.711 §7). */
#define PEAK_OF_0_DBM0 22470.0
/* -38 dBm0, as the square of the peak. */
#define MIN_POWER (286.0f * 286.0f)
/* ITU-T Q.24, annex A: between what must be taken (4 dB, 8 dB) and what may be refused. As ratios of powers. */
#define MAX_HIGH_ABOVE_LOW 3.6f /* 5.5 dB */
#define MAX_LOW_ABOVE_HIGH 9.0f /* 9.5 dB */
/* Of the frequency: 1.5 % must be taken, 3.5 % must not. */
#define MAX_DEVIATION 0.024f
/*
 * The part of the power that lies in the two tones. Speech has more beside them, its harmonics above all, so that these
 * need no look of their own; noise 15 dB below leaves 0.95. A tone beside the middle of its band seems weaker until its
 * frequency is known.
 */
#define MIN_SHARE 0.82f
#define MIN_SHARE_UNTUNED 0.68f
/* While a digit lasts it only has to be seen, whatever its twist: G.729 takes some 6 dB from the low tone of 3 and 6 at times. */
#define MIN_SHARE_LASTING 0.5f
/* A pause of less than a block is a click on the line, one of 40 ms separates two digits. */
#define MAX_MISSED_BLOCKS 1
#define BLOCK_MS 10

static const float frequencies[TONES] = {697, 770, 852, 941, 1209, 1336, 1477, 1633};
/* By low and high frequency. */
static const uint8_t events[4][4] = {{1, 2, 3, 12}, {4, 5, 6, 13}, {7, 8, 9, 14}, {10, 0, 11, 15}};

static float window[DTMF_WINDOW_SAMPLES]; /* Hann: the tones of the other group do not leak in */
static float window_sum, window_power;
static float cosines[TONES], sines[TONES];
static float advances[TONES]; /* of the phase in one block, radians */

__attribute__((constructor)) static void make_tables(void) {
  for (unsigned i = 0; i < DTMF_WINDOW_SAMPLES; i++) {
    window[i] = (float)(0.5 - 0.5 * cos(2 * PI * (i + 0.5) / DTMF_WINDOW_SAMPLES));
    window_sum += window[i];
    window_power += window[i] * window[i];
  }
  for (unsigned tone = 0; tone < TONES; tone++) {
    const double angle = 2 * PI * frequencies[tone] / DTMF_RATE;
    cosines[tone] = (float)cos(angle);
    sines[tone] = (float)sin(angle);
    advances[tone] = (float)fmod(angle * DTMF_BLOCK_SAMPLES, 2 * PI);
  }
}

void dtmf_detector_start(struct dtmf_detector *detector) { memset(detector, 0, sizeof *detector); }

struct tone {
  float real, imaginary;
  float power; /* the square of the peak of a sine of that frequency */
};

/* Goertzel's algorithm over one window. */
static struct tone measure(const float *windowed, unsigned tone) {
  const float twice = 2 * cosines[tone];
  float last = 0, before = 0;
  for (unsigned i = 0; i < DTMF_WINDOW_SAMPLES; i++) {
    const float now = windowed[i] + twice * last - before;
    before = last;
    last = now;
  }
  struct tone found = {.real = last - before * cosines[tone], .imaginary = before * sines[tone]};
  const float scale = 2 / window_sum;
  found.power = (found.real * found.real + found.imaginary * found.imaginary) * scale * scale;
  return found;
}

static uint8_t loudest(const struct tone *tones) {
  uint8_t best = 0;
  for (uint8_t i = 1; i < 4; i++) {
    if (tones[i].power > tones[best].power) best = i;
  }
  return best;
}

/* What the last two blocks hold. `*share`: of the power, before it is known how far the tones are off. */
static struct dtmf_window look(const float *samples, float *power, float *share) {
  float windowed[DTMF_WINDOW_SAMPLES];
  struct dtmf_window found = {0};
  float energy = 0;
  for (unsigned i = 0; i < DTMF_WINDOW_SAMPLES; i++) {
    windowed[i] = samples[i] * window[i];
    energy += windowed[i] * windowed[i];
  }
  *share = 0;
  *power = 2 * energy / window_power;
  if (*power < 2 * MIN_POWER) return found;
  struct tone tones[TONES];
  for (unsigned tone = 0; tone < TONES; tone++) tones[tone] = measure(windowed, tone);
  found.low = loudest(tones);
  found.high = loudest(tones + 4);
  const struct tone *const pair[2] = {&tones[found.low], &tones[4 + found.high]};
  for (unsigned i = 0; i < 2; i++) {
    found.power[i] = pair[i]->power;
    if (found.power[i] < MIN_POWER) return found;
  }
  *share = (found.power[0] + found.power[1]) / *power;
  if (found.power[1] > found.power[0] * MAX_HIGH_ABOVE_LOW || found.power[0] > found.power[1] * MAX_LOW_ABOVE_HIGH) return found;
  found.is_digit = *share >= MIN_SHARE_UNTUNED;
  if (!found.is_digit) return found;
  found.has_phase = true;
  for (unsigned i = 0; i < 2; i++) found.phase[i] = atan2f(pair[i]->imaginary, pair[i]->real);
  return found;
}

/* How much of the power of a tone that is `hertz` off is seen in the middle of the band: the window's own response. */
static float response(float hertz) {
  const float bins = hertz * DTMF_WINDOW_SAMPLES / DTMF_RATE;
  const float angle = (float)PI * bins;
  const float amplitude = fabsf(bins) < 0.01f ? 1 : sinf(angle) / angle / (1 - bins * bins);
  return amplitude * amplitude;
}

/* Two windows with the same tones: these are a digit's when their phases have advanced as its frequencies would. */
static bool is_confirmed(const struct dtmf_window *before, const struct dtmf_window *now, float power) {
  if (!before->is_digit || !now->is_digit || before->low != now->low || before->high != now->high) return false;
  const unsigned tones[2] = {now->low, 4u + now->high};
  float in_tones = 0;
  for (unsigned i = 0; i < 2; i++) {
    const float turned = remainderf(now->phase[i] - before->phase[i] - advances[tones[i]], (float)(2 * PI));
    const float hertz = turned * DTMF_RATE / DTMF_BLOCK_SAMPLES / (float)(2 * PI);
    if (fabsf(hertz) > frequencies[tones[i]] * MAX_DEVIATION) return false;
    in_tones += now->power[i] / response(hertz);
  }
  return in_tones >= MIN_SHARE * power;
}

static struct event_change end(struct dtmf_detector *detector) {
  detector->pressed = false;
  return (struct event_change){EVENT_ENDED, detector->event, detector->blocks * BLOCK_MS};
}

size_t dtmf_detector_take(struct dtmf_detector *detector, const int16_t *pcm, struct event_change *changes) {
  float *samples = detector->samples;
  memmove(samples, samples + DTMF_BLOCK_SAMPLES, DTMF_BLOCK_SAMPLES * sizeof *samples);
  for (unsigned i = 0; i < DTMF_BLOCK_SAMPLES; i++) samples[DTMF_BLOCK_SAMPLES + i] = pcm[i];
  float power, share;
  const struct dtmf_window now = look(samples, &power, &share);
  const uint8_t event = events[now.low][now.high];
  size_t count = 0;
  if (detector->pressed && event == detector->event && share >= MIN_SHARE_LASTING) {
    detector->blocks += 1 + detector->missed;
    detector->missed = 0;
    detector->sounding = true;
  } else {
    if (detector->pressed && detector->missed++ >= MAX_MISSED_BLOCKS) changes[count++] = end(detector);
    if (is_confirmed(&detector->last, &now, power)) {
      if (detector->pressed) changes[count++] = end(detector);
      detector->pressed = true;
      detector->event = event;
      detector->blocks = 2;
      detector->missed = 0;
      changes[count++] = (struct event_change){EVENT_BEGAN, event, detector->blocks * BLOCK_MS};
    }
    detector->sounding = now.is_digit;
  }
  detector->last = now;
  return count;
}

bool dtmf_detector_is_sounding(const struct dtmf_detector *detector) { return detector->sounding; }

static float loudness(unsigned faded) { return 0.5f + 0.5f * cosf((float)PI * (float)faded / DTMF_FADE_SAMPLES); }

void dtmf_mute(struct dtmf_mute *mute, bool is_sounding, int16_t *pcm, size_t samples) {
  if (!is_sounding && mute->faded == 0) return;
  for (size_t i = 0; i < samples; i++) {
    if (is_sounding && mute->faded < DTMF_FADE_SAMPLES) mute->faded++;
    if (!is_sounding && mute->faded > 0) mute->faded--;
    pcm[i] = mute->faded == DTMF_FADE_SAMPLES ? 0 : (int16_t)((float)pcm[i] * loudness(mute->faded));
  }
}

void dtmf_generator_start(struct dtmf_generator *generator, uint8_t event) {
  /* Either tone at -9 dBm0 and -7 dBm0: a line takes more of the high one. */
  static const double peaks[2] = {PEAK_OF_0_DBM0 * 0.3548, PEAK_OF_0_DBM0 * 0.4467};
  unsigned tones[2] = {0, 4};
  for (unsigned i = 0; i < 16; i++) {
    if (events[i / 4][i % 4] != event) continue;
    tones[0] = i / 4;
    tones[1] = 4 + i % 4;
  }
  generator->faded = DTMF_FADE_SAMPLES;
  for (unsigned i = 0; i < 2; i++) {
    const double angle = 2 * PI * frequencies[tones[i]] / DTMF_RATE;
    generator->step[i][0] = cos(angle);
    generator->step[i][1] = sin(angle);
    generator->at[i][0] = 0;
    generator->at[i][1] = -peaks[i];
  }
}

bool dtmf_generate(struct dtmf_generator *generator, bool is_last, int16_t *pcm, size_t samples) {
  for (size_t i = 0; i < samples; i++) {
    if (is_last && generator->faded < DTMF_FADE_SAMPLES) generator->faded++;
    if (!is_last && generator->faded > 0) generator->faded--;
    const double level = generator->faded == 0 ? 1 : (double)loudness(generator->faded);
    pcm[i] = (int16_t)lrint((generator->at[0][0] + generator->at[1][0]) * level);
    for (unsigned tone = 0; tone < 2; tone++) {
      double *at = generator->at[tone];
      const double *step = generator->step[tone];
      const double turned = at[0] * step[0] - at[1] * step[1];
      at[1] = at[0] * step[1] + at[1] * step[0];
      at[0] = turned;
    }
  }
  return !is_last || generator->faded < DTMF_FADE_SAMPLES;
}
