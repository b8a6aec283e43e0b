#include "codec/resample.h"

#include <string.h>

#define CHUNK 160 /* of samples at 8000, converted at a time */
#define MIDDLE (RESAMPLE_TAPS / 2)
#define FRACTION_BITS 14

/*
 * Every second tap of a half-band filter, equiripple (Parks-McClellan): as a filter at 8000 it is a delay of half a sample,
 * flat to 3400 Hz. With these bits a sum of any samples stays within 32 bits.
 */
static const int16_t taps[RESAMPLE_TAPS] = {
    -27, 49, -92, 155, -246, 375, -556, 816, -1208, 1876, -3347, 10387,
    10387, -3347, 1876, -1208, 816, -556, 375, -246, 155, -92, 49, -27,
};

static int16_t limited(int32_t value) {
  if (value > INT16_MAX) return INT16_MAX;
  return (int16_t)(value < INT16_MIN ? INT16_MIN : value);
}

/* Compilers make this a handful of vector instructions; that is why nothing here is folded by the filter's symmetry. */
static int32_t filtered(const int16_t *pcm) {
  int32_t sum = 0;
  for (unsigned i = 0; i < RESAMPLE_TAPS; i++) sum += pcm[i] * taps[i];
  return sum;
}

void upsample(struct upsampler *upsampler, const int16_t *pcm, size_t samples, int16_t *out) {
  while (samples > 0) {
    const size_t part = samples < CHUNK ? samples : CHUNK;
    int16_t line[RESAMPLE_TAPS + CHUNK];
    memcpy(line, upsampler->past, sizeof upsampler->past);
    memcpy(line + RESAMPLE_TAPS, pcm, part * sizeof *pcm);
    for (size_t i = 0; i < part; i++) {
      /* The older half of the taps ends at the sample that is copied: the one between it and the next follows. */
      out[2 * i] = line[i + MIDDLE];
      out[2 * i + 1] = limited((filtered(line + i + 1) + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS);
    }
    memcpy(upsampler->past, line + part, sizeof upsampler->past);
    pcm += part;
    out += 2 * part;
    samples -= part;
  }
}

void downsample(struct downsampler *downsampler, const int16_t *pcm, size_t samples, int16_t *out) {
  size_t pairs = samples / 2;
  while (pairs > 0) {
    const size_t part = pairs < CHUNK ? pairs : CHUNK;
    int16_t even[RESAMPLE_TAPS + CHUNK], odd[RESAMPLE_TAPS + CHUNK];
    memcpy(even, downsampler->past_even, sizeof downsampler->past_even);
    memcpy(odd, downsampler->past_odd, sizeof downsampler->past_odd);
    for (size_t i = 0; i < part; i++) {
      even[RESAMPLE_TAPS + i] = pcm[2 * i];
      odd[RESAMPLE_TAPS + i] = pcm[2 * i + 1];
    }
    for (size_t i = 0; i < part; i++) {
      /* An even sample lies between two odd ones, and is what goes on; the taps are for the odd ones around it. */
      const int32_t sum = even[i + MIDDLE + 1] * (1 << FRACTION_BITS) + filtered(odd + i + 1);
      out[i] = limited((sum + (1 << FRACTION_BITS)) >> (FRACTION_BITS + 1));
    }
    memcpy(downsampler->past_even, even + part, sizeof downsampler->past_even);
    memcpy(downsampler->past_odd, odd + part, sizeof downsampler->past_odd);
    pcm += 2 * part;
    out += part;
    pairs -= part;
  }
}
