#include "codec/concealment.h"

#include <string.h>

#define MIN_PITCH_US 5000
#define MAX_PITCH_US 15000
#define COMPARED_US 20000 /* of audio, to find the pitch by */
#define MAX_PERIODS 3
#define STEP_US 10000 /* another period is added, and the gain falls, in such steps */
#define GAIN_LOST_PER_STEP 0.25f
#define BLEND_PER_STEP_US 1000
#define MAX_BLEND_US 10000

static size_t in_samples(const struct concealment *concealment, unsigned us) {
  return (size_t)us * (concealment->sample_rate / 1000) / 1000;
}

/* Of `history` and `pattern`. */
static size_t kept(const struct concealment *concealment) {
  return CONCEALMENT_MAX_HISTORY * concealment->sample_rate / MAX_SAMPLE_RATE;
}

void concealment_start(struct concealment *concealment, uint32_t sample_rate) {
  memset(concealment, 0, sizeof *concealment);
  concealment->sample_rate = sample_rate;
}

static void remember(struct concealment *concealment, const int16_t *pcm, size_t samples) {
  const size_t length = kept(concealment);
  if (samples >= length) {
    memcpy(concealment->history, pcm + samples - length, length * sizeof *pcm);
    return;
  }
  memmove(concealment->history, concealment->history + samples, (length - samples) * sizeof *pcm);
  memcpy(concealment->history + length - samples, pcm, samples * sizeof *pcm);
}

/* How alike the end of the history is to what lies `lag` samples before; every `stride`th sample is compared. */
static float likeness(const int16_t *end, size_t compared, size_t lag, size_t stride) {
  float product = 0, energy = 1;
  for (size_t i = stride; i <= compared; i += stride) {
    const float earlier = end[-(ptrdiff_t)(i + lag)];
    product += earlier * end[-(ptrdiff_t)i];
    energy += earlier * earlier;
  }
  return product > 0 ? product * product / energy : 0;
}

static size_t find_pitch(const struct concealment *concealment) {
  const int16_t *end = concealment->pattern + kept(concealment);
  const size_t compared = in_samples(concealment, COMPARED_US);
  const size_t shortest = in_samples(concealment, MIN_PITCH_US), longest = in_samples(concealment, MAX_PITCH_US);
  const size_t stride = concealment->sample_rate / 8000 * 2;
  size_t best = shortest;
  float best_likeness = -1;
  for (size_t lag = shortest; lag <= longest; lag += stride) {
    const float found = likeness(end, compared, lag, stride);
    if (found > best_likeness) best_likeness = found, best = lag;
  }
  const size_t from = best > shortest + stride ? best - stride : shortest;
  const size_t to = best + stride < longest ? best + stride : longest;
  best_likeness = -1;
  for (size_t lag = from; lag <= to; lag++) {
    const float found = likeness(end, compared, lag, 1);
    if (found > best_likeness) best_likeness = found, best = lag;
  }
  return best;
}

/* One sample of `periods` repeated; the end of the last one is blended into what came before the first, to which it leads. */
static float repeated(const struct concealment *concealment, size_t periods, size_t offset) {
  const int16_t *end = concealment->pattern + kept(concealment);
  const size_t length = periods * concealment->pitch, blend = concealment->pitch / 4;
  const float sample = end[(ptrdiff_t)offset - (ptrdiff_t)length];
  if (offset < length - blend) return sample;
  const float weight = ((float)(offset - (length - blend)) + 0.5f) / (float)blend;
  return sample * (1 - weight) + weight * end[(ptrdiff_t)offset - 2 * (ptrdiff_t)length];
}

static float gain(const struct concealment *concealment) {
  const float steps = (float)concealment->lost / (float)in_samples(concealment, STEP_US);
  const float left = 1 - GAIN_LOST_PER_STEP * (steps - 1);
  return left > 1 ? 1 : left < 0 ? 0 : left;
}

static int16_t limited(float sample) {
  if (sample > INT16_MAX) return INT16_MAX;
  return (int16_t)(sample < INT16_MIN ? INT16_MIN : sample);
}

static void begin_loss(struct concealment *concealment) {
  const size_t length = kept(concealment);
  memcpy(concealment->pattern, concealment->history, length * sizeof *concealment->history);
  concealment->pitch = find_pitch(concealment);
  concealment->periods = 1;
  concealment->offset = 0;
  const int16_t *end = concealment->pattern + length;
  concealment->seam = end[-1] - end[-1 - (ptrdiff_t)concealment->pitch];
}

static int16_t next(struct concealment *concealment) {
  if (concealment->lost == 0) begin_loss(concealment);
  const size_t step = in_samples(concealment, STEP_US), blend = concealment->pitch / 4;
  /* At each step a longer pattern takes over, in the same phase of the pitch. */
  const size_t in_step = concealment->lost % step;
  if (in_step == 0 && concealment->lost > 0 && concealment->periods < MAX_PERIODS) {
    concealment->periods++;
    concealment->offset %= concealment->pitch;
  }
  float sample = repeated(concealment, concealment->periods, concealment->offset);
  if (concealment->lost < blend) {
    sample += (float)concealment->seam * (1 - (float)concealment->lost / (float)blend);
  } else if (concealment->lost >= step && concealment->lost < MAX_PERIODS * step && in_step < blend) {
    const size_t before = concealment->periods - 1;
    const float weight = ((float)in_step + 0.5f) / (float)blend;
    sample = sample * weight + (1 - weight) * repeated(concealment, before, concealment->offset % (before * concealment->pitch));
  }
  sample *= gain(concealment);
  concealment->lost++;
  if (++concealment->offset == concealment->periods * concealment->pitch) concealment->offset = 0;
  return limited(sample);
}

void concealment_fill(struct concealment *concealment, int16_t *pcm, size_t samples) {
  for (size_t i = 0; i < samples; i++) pcm[i] = next(concealment);
  remember(concealment, pcm, samples);
}

void concealment_hear(struct concealment *concealment, int16_t *pcm, size_t samples) {
  if (concealment->lost > 0) {
    const size_t steps = concealment->lost / in_samples(concealment, STEP_US);
    size_t blend = concealment->pitch / 4 + steps * in_samples(concealment, BLEND_PER_STEP_US);
    if (blend > in_samples(concealment, MAX_BLEND_US)) blend = in_samples(concealment, MAX_BLEND_US);
    if (blend > samples) blend = samples;
    for (size_t i = 0; i < blend; i++) {
      const float weight = ((float)i + 0.5f) / (float)blend;
      pcm[i] = limited(weight * pcm[i] + (1 - weight) * next(concealment));
    }
    concealment->lost = 0;
  }
  remember(concealment, pcm, samples);
}
