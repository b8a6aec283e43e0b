#include "g729-reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "codec/g729_width.h"

#define FRAMES 400
#define SAMPLES (FRAMES * REFERENCE_FRAME_SAMPLES)
/* First in the build for this processor, then in the one for all; those are one where there are no others. */
#define IN_EACH_BUILD for (int build = 0; build < 2; g729_keep_narrow(++build == 1))

/* One kind of sound after another, each a tenth of all, from a whisper to what no wire carries. */
static int16_t sample_of(unsigned i, unsigned *seed) {
  const double time = i / 8000.0;
  const int noise = rand_r(seed) % 65536 - 32768;
  switch (i / (SAMPLES / 10) % 10) {
    case 0: return (int16_t)(12000 * sin(2 * M_PI * (150 + 40 * sin(7 * time)) * time) * fabs(sin(9 * time)));
    case 1: return (int16_t)(noise / 2000);
    case 2: return (int16_t)noise;
    case 3: return (int16_t)(noise < 0 ? INT16_MIN : INT16_MAX);
    case 4: return (int16_t)(i / 37 % 2 == 0 ? INT16_MAX : INT16_MIN);
    case 5: return 0;
    case 6: return (int16_t)(noise % 997 == 0 ? INT16_MAX : noise / 8000);
    case 7: return (int16_t)(32000 * sin(2 * M_PI * (200 + 400 * time) * time));
    case 8: return INT16_MIN;
    default: return (int16_t)(i % 61 == 0 ? noise : noise / 300);
  }
}

CHECK(check_as_reference, "G.729: bit by bit what bcg729 makes of it, with and without Annex B, whatever is said and lost") {
  static int16_t pcm[SAMPLES];
  for (unsigned seed = 1; seed <= 3; seed++) {
    unsigned random = seed;
    for (unsigned i = 0; i < SAMPLES; i++) pcm[i] = sample_of(i + seed * 997, &random);
    IN_EACH_BUILD {
      EXPECT(g729_first_difference(pcm, FRAMES, false, seed), -1);
      EXPECT(g729_first_difference(pcm, FRAMES, true, seed), -1);
    }
  }
}

CHECK(check_any_frames_as_reference, "G.729: frames that nobody coded are decoded as by bcg729") {
  static uint8_t bytes[FRAMES * 10];
  for (unsigned seed = 1; seed <= 3; seed++) {
    unsigned random = seed;
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)rand_r(&random);
    IN_EACH_BUILD EXPECT(g729_first_difference_of(bytes, FRAMES), -1);
  }
}

bool same_as_reference(void) {
  static int16_t pcm[60 * 8000];
  const size_t frames = fread(pcm, sizeof *pcm, sizeof pcm / sizeof *pcm, stdin) / REFERENCE_FRAME_SAMPLES;
  bool same = frames > 0;
  IN_EACH_BUILD {
    const long without = g729_first_difference(pcm, frames, false, 1), with = g729_first_difference(pcm, frames, true, 1);
    printf("%zu frames, %s build: first difference %ld without Annex B, %ld with it\n", frames,
           g729_is_wide() ? "wide" : "narrow", without, with);
    same = same && without < 0 && with < 0;
  }
  return same;
}
