#include "codec/comfort_noise.h"

#include <math.h>
#include <string.h>

#define OVERLOAD 32768.0f /* RFC 3389 §3: 0 dBov is the loudest square wave */
#define MAX_REFLECTION 0.98f /* nearer to 1 the filter would ring for long */
#define GAIN_SMOOTHING (1 / 80.0f) /* of what is left of the way, for each sample */

void comfort_noise_start(struct comfort_noise *noise) {
  memset(noise, 0, sizeof *noise);
  noise->seed = 1;
}

/* RFC 3389 §3.2 */
static float reflection_of(uint8_t byte) {
  const float reflection = 258.0f * ((float)byte - 127) / 32768;
  return fmaxf(-MAX_REFLECTION, fminf(MAX_REFLECTION, reflection));
}

static uint8_t byte_of(float reflection) { return (uint8_t)lrintf(127 + reflection * 32768 / 258); }

bool comfort_noise_hear(struct comfort_noise *noise, const uint8_t *payload, size_t bytes) {
  /* RFC 3389 §3.1: the most significant bit is always 0. */
  if (bytes == 0 || payload[0] > COMFORT_NOISE_SILENCE) return false;
  const unsigned order = bytes - 1 < COMFORT_NOISE_MAX_ORDER ? (unsigned)(bytes - 1) : COMFORT_NOISE_MAX_ORDER;
  float left = 1; /* of the power, once what the filter adds is taken away */
  for (unsigned i = 0; i < order; i++) {
    const float reflection = noise->reflections[i] = reflection_of(payload[1 + i]);
    left *= 1 - reflection * reflection;
  }
  noise->order = order;
  const float level = payload[0] == COMFORT_NOISE_SILENCE ? 0 : OVERLOAD * powf(10, -(float)payload[0] / 20);
  noise->target_gain = level * sqrtf(left);
  return true;
}

/* Even noise with a power of 1. */
static float draw(struct comfort_noise *noise) {
  noise->seed = noise->seed * 1664525 + 1013904223;
  return (float)(int32_t)noise->seed * (1.7320508f / 2147483648.0f);
}

/* A lattice, whose stages are the reflection coefficients themselves, is stable whatever they are. */
static float shaped(struct comfort_noise *noise, float forward) {
  for (unsigned stage = noise->order; stage-- > 0;) {
    forward -= noise->reflections[stage] * noise->backward[stage];
    if (stage + 1 < noise->order) noise->backward[stage + 1] = noise->backward[stage] + noise->reflections[stage] * forward;
  }
  if (noise->order > 0) noise->backward[0] = forward;
  return forward;
}

void comfort_noise_fill(struct comfort_noise *noise, int16_t *pcm, size_t samples) {
  for (size_t i = 0; i < samples; i++) {
    noise->gain += (noise->target_gain - noise->gain) * GAIN_SMOOTHING;
    float sample = noise->gain * draw(noise);
    sample = shaped(noise, sample);
    /* What one payload left in the filter may be too much for the next. */
    if (fabsf(sample) > OVERLOAD) memset(noise->backward, 0, sizeof noise->backward);
    pcm[i] = (int16_t)lrintf(fmaxf(INT16_MIN, fminf(INT16_MAX, sample)));
  }
}

size_t comfort_noise_describe(const int16_t *pcm, size_t samples, uint8_t *payload, size_t room) {
  if (samples == 0 || room == 0) return 0;
  unsigned order = room - 1 < COMFORT_NOISE_MAX_ORDER ? (unsigned)(room - 1) : COMFORT_NOISE_MAX_ORDER;
  if (order >= samples) order = (unsigned)samples - 1;
  double correlation[COMFORT_NOISE_MAX_ORDER + 1];
  for (unsigned lag = 0; lag <= order; lag++) {
    correlation[lag] = 0;
    for (size_t i = lag; i < samples; i++) correlation[lag] += (double)pcm[i] * pcm[i - lag];
  }
  const double level = -10 * log10(correlation[0] / (double)samples / ((double)OVERLOAD * (double)OVERLOAD) + 1e-13);
  payload[0] = (uint8_t)lrint(fmax(0, fmin(COMFORT_NOISE_SILENCE, level)));
  if (correlation[0] == 0) return 1;
  float coefficients[COMFORT_NOISE_MAX_ORDER];
  /* A little white noise beside it keeps the filter away from its edge. */
  double left = correlation[0] *= 1.0001;
  for (unsigned i = 0; i < order; i++) {
    double sum = correlation[i + 1];
    for (unsigned k = 0; k < i; k++) sum += (double)coefficients[k] * correlation[i - k];
    const float reflection = (float)fmax(-(double)MAX_REFLECTION, fmin((double)MAX_REFLECTION, -sum / left));
    float before[COMFORT_NOISE_MAX_ORDER];
    memcpy(before, coefficients, i * sizeof *before);
    for (unsigned k = 0; k < i; k++) coefficients[k] = before[k] + reflection * before[i - 1 - k];
    coefficients[i] = reflection;
    left *= 1 - (double)reflection * (double)reflection;
    payload[1 + i] = byte_of(reflection);
  }
  return 1 + order;
}
