/*
 * PCM from 8000 to 16000 samples a second and back, as streams that go on from one call to the next. Both use one half-band
 * FIR filter: flat within 0.01 dB to 3400 Hz, more than 60 dB down from 4600 Hz on, 6 dB down at 4000 Hz. Upwards it
 * delays by 1.5 ms, downwards by 1.375 ms.
 */
#ifndef RINGDOWN_RESAMPLE_H
#define RINGDOWN_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

/* Side taps of the filter that are not 0; the one in the middle is 1/2. */
#define RESAMPLE_TAPS 24
#define UPSAMPLE_DELAY 12   /* samples at 8000 */
#define DOWNSAMPLE_DELAY 11 /* samples at 8000 */

/* All 0 is the beginning of a stream. */
struct upsampler {
  int16_t past[RESAMPLE_TAPS]; /* at 8000 */
};

/* All 0 is the beginning of a stream. */
struct downsampler {
  int16_t past_even[RESAMPLE_TAPS]; /* of each pair at 16000, the first */
  int16_t past_odd[RESAMPLE_TAPS];
};

/* `samples` at 8000 become twice as many. `pcm` and `out` do not overlap. */
void upsample(struct upsampler *upsampler, const int16_t *pcm, size_t samples, int16_t *out);
/* `samples`, an even number, at 16000 become half as many. `pcm` and `out` may be the same. */
void downsample(struct downsampler *downsampler, const int16_t *pcm, size_t samples, int16_t *out);

#endif
