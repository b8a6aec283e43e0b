/*
 * G.711 against tables 1 and 2 of the recommendation, made here from their decision values: a list of 128 intervals, looked
 * through from the start. The codec's own tables are made from bits.
 */
#include <stdlib.h>

#include "bench.h"
#include "codec/g711.h"

#define INTERVALS 128

struct interval {
  int from;  /* the smallest magnitude in it */
  int value; /* that it is decoded to */
};

/* On the scales of the tables: 4096 for A-law, 8159 for mu-law. */
static void make_alaw(struct interval intervals[INTERVALS]) {
  int from = 0;
  for (int n = 0; n < INTERVALS; n++) {
    const int segment = n / 16;
    const int step = segment < 2 ? 2 : 2 << (segment - 1);
    intervals[n] = (struct interval){from, from + step / 2};
    from += step;
  }
}

static void make_ulaw(struct interval intervals[INTERVALS]) {
  /* The first interval is half as wide as the others of its segment, and is decoded to 0. */
  int from = 0;
  for (int n = 0; n < INTERVALS; n++) {
    const int step = n == 0 ? 1 : 2 << (n / 16);
    intervals[n] = (struct interval){from, n == 0 ? 0 : from + step / 2};
    from += step;
  }
}

static int interval_of(const struct interval intervals[INTERVALS], int magnitude) {
  int n = 0;
  while (n + 1 < INTERVALS && intervals[n + 1].from <= magnitude) n++;
  return n;
}

CHECK(check_g711, "G.711 is the recommendation's, for every one of 65536 samples and 256 codes of both laws") {
  struct interval intervals[INTERVALS];
  for (unsigned law = 0; law < 2; law++) {
    const bool alaw = law == 1;
    if (alaw) make_alaw(intervals);
    else make_ulaw(intervals);
    const enum g711_law name = alaw ? G711_ALAW : G711_ULAW;
    const int scale = alaw ? 8 : 4; /* of 16 bits to that of the table */
    int wrong_levels = 0, wrong_codes = 0;
    for (int code = 0; code < 256; code++) {
      /* Character signals as they are on the line: even bits of A-law inverted, all of mu-law but the sign's meaning. */
      const uint8_t byte = (uint8_t)code;
      const int n = alaw ? (code ^ 0x55) & 127 : 127 - (code & 127);
      const int expected = intervals[n].value * scale * (code & 0x80 ? 1 : -1);
      int16_t level;
      g711_decode(name, &byte, 1, &level);
      wrong_levels += level != expected;
    }
    for (int sample = -32768; sample < 32768; sample++) {
      /* The negative half mirrors the positive one, -1 falling where 0 falls. */
      const int magnitude = (sample >= 0 ? sample : -1 - sample) / scale;
      const int n = interval_of(intervals, magnitude), sign = sample >= 0 ? 0x80 : 0;
      const int expected = alaw ? (n | sign) ^ 0x55 : (127 - n) | sign;
      const int16_t pcm = (int16_t)sample;
      uint8_t code;
      g711_encode(name, &pcm, 1, &code);
      wrong_codes += code != expected;
    }
    EXPECT(wrong_levels, 0);
    EXPECT(wrong_codes, 0);
  }
}

CHECK(check_g711_lengths, "G.711 of any number of samples is that of each") {
  srand(5);
  for (unsigned law = 0; law < 2; law++) {
    for (size_t samples = 0; samples < 100; samples++) {
      int16_t pcm[100];
      uint8_t together[100], alone;
      for (size_t i = 0; i < samples; i++) pcm[i] = (int16_t)(rand() % 65536 - 32768);
      g711_encode((enum g711_law)law, pcm, samples, together);
      int wrong = 0;
      for (size_t i = 0; i < samples; i++) {
        g711_encode((enum g711_law)law, pcm + i, 1, &alone);
        wrong += alone != together[i];
      }
      EXPECT(wrong, 0);
    }
  }
}
