/* The filter between 8 and 16 kHz, judged by what it does to tones. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "codec/resample.h"

#define SECOND_8K 8000
#define SETTLING 100

static int16_t slow[SECOND_8K], fast[2 * SECOND_8K];

static void make_tone(int16_t *pcm, size_t samples, double sample_rate, double hertz, double amplitude) {
  for (size_t i = 0; i < samples; i++) pcm[i] = (int16_t)lrint(amplitude * sin(2 * M_PI * hertz * (double)i / sample_rate));
}

/* Level of one frequency, in dB of a tone of `amplitude`. */
static double level_at(const int16_t *pcm, size_t samples, double sample_rate, double hertz, double amplitude) {
  double real = 0, imaginary = 0;
  for (size_t i = 0; i < samples; i++) {
    /* Hann: what is elsewhere does not leak in here. */
    const double weight = 1 - cos(2 * M_PI * ((double)i + 0.5) / (double)samples);
    real += weight * pcm[i] * cos(2 * M_PI * hertz * (double)i / sample_rate);
    imaginary += weight * pcm[i] * sin(2 * M_PI * hertz * (double)i / sample_rate);
  }
  return 20 * log10(hypot(real, imaginary) / (double)samples * 2 / amplitude + 1e-9);
}

/* In pieces of changing length, so that their seams would be heard. */
static void upsample_in_pieces(void) {
  struct upsampler upsampler = {{0}};
  for (size_t done = 0, piece = 1; done < SECOND_8K; done += piece, piece = piece % 333 + 7) {
    if (piece > SECOND_8K - done) piece = SECOND_8K - done;
    upsample(&upsampler, slow + done, piece, fast + 2 * done);
  }
}

static void downsample_in_pieces(void) {
  struct downsampler downsampler = {{0}, {0}};
  for (size_t done = 0, piece = 1; done < SECOND_8K; done += piece, piece = piece % 333 + 7) {
    if (piece > SECOND_8K - done) piece = SECOND_8K - done;
    downsample(&downsampler, fast + 2 * done, 2 * piece, slow + done);
  }
}

CHECK(check_upsampling, "upsampling is flat to 3400 Hz, and its mirror image is 50 dB down") {
  const double amplitude = 16000;
  for (double hertz = 50; hertz <= 3400; hertz += 50) {
    make_tone(slow, SECOND_8K, 8000, hertz, amplitude);
    upsample_in_pieces();
    const double level = level_at(fast + SETTLING, 2 * SECOND_8K - SETTLING, 16000, hertz, amplitude);
    const double image = level_at(fast + SETTLING, 2 * SECOND_8K - SETTLING, 16000, 8000 - hertz, amplitude);
    EXPECT(fabs(level) < 0.05, true);
    EXPECT(image < -50, true);
  }
}

CHECK(check_downsampling, "downsampling is flat to 3400 Hz, and what is above 4600 Hz comes back 50 dB down") {
  const double amplitude = 16000;
  for (double hertz = 50; hertz < 8000; hertz += 50) {
    if (hertz > 3400 && hertz < 4600) continue;
    make_tone(fast, 2 * SECOND_8K, 16000, hertz, amplitude);
    downsample_in_pieces();
    const double level = level_at(slow + SETTLING, SECOND_8K - SETTLING, 8000, hertz > 4000 ? 8000 - hertz : hertz, amplitude);
    if (hertz <= 3400) EXPECT(fabs(level) < 0.05, true);
    else EXPECT(level < -50, true);
  }
}

CHECK(check_resampling, "what goes up and down again comes back after its delay, and full scale does not wrap") {
  make_tone(slow, SECOND_8K, 8000, 1234, 20000);
  int16_t before[SECOND_8K];
  memcpy(before, slow, sizeof before);
  upsample_in_pieces();
  downsample_in_pieces();
  int worst = 0;
  for (size_t i = SETTLING; i < SECOND_8K; i++) {
    const int difference = abs(slow[i] - before[i - UPSAMPLE_DELAY - DOWNSAMPLE_DELAY]);
    if (difference > worst) worst = difference;
  }
  EXPECT(worst < 20, true);
  /* The worst that samples can do to a sum of products; the sanitizers watch the sum. */
  for (size_t i = 0; i < SECOND_8K; i++) slow[i] = i / 2 % 2 ? INT16_MAX : INT16_MIN;
  for (size_t i = 1000; i < 1024; i++) slow[i] = i % 2 ? INT16_MAX : INT16_MIN;
  upsample_in_pieces();
  downsample_in_pieces();
  for (size_t i = 0; i < SECOND_8K; i++) slow[i] = INT16_MIN;
  upsample_in_pieces();
  EXPECT(fast[SECOND_8K], INT16_MIN);
}
