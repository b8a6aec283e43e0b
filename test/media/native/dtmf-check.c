/* Digits in audio: what must be heard, what must not, and what is left of them when they are taken out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/dtmf.h"
#include "bench.h"

#define PI 3.14159265358979323846
#define MS 8 /* samples */
#define ROOM (60 * 1000 * MS)
#define DBM0(level) (22470.0 * pow(10, (level) / 20.0))

static const double frequencies[8] = {697, 770, 852, 941, 1209, 1336, 1477, 1633};
static const char *const keys = "123A456B789C*0#D";

static int16_t audio[ROOM];
static size_t length;

static double uniform(uint32_t *seed) {
  *seed = *seed * 1664525u + 1013904223u;
  return (*seed >> 8) / 16777216.0;
}

static double gaussian(uint32_t *seed) {
  const double radius = sqrt(-2 * log(uniform(seed) + 1e-12));
  return radius * cos(2 * PI * uniform(seed));
}

struct press {
  char key;
  unsigned ms;
  double low, high;    /* dBm0 */
  double off;          /* of both frequencies, per cent */
};

static void silence(size_t samples) {
  for (size_t i = 0; i < samples && length < ROOM; i++) audio[length++] = 0;
}

static void add_press(struct press press) {
  const unsigned index = (unsigned)(strchr(keys, press.key) - keys);
  const double low = frequencies[index / 4] * (1 + press.off / 100);
  const double high = frequencies[4 + index % 4] * (1 + press.off / 100);
  for (size_t i = 0; i < (size_t)press.ms * MS && length < ROOM; i++) {
    const double at = 2 * PI * (double)i / 8000;
    audio[length++] = (int16_t)lrint(DBM0(press.low) * sin(low * at) + DBM0(press.high) * sin(high * at + 1));
  }
}

static void add_noise(double dbm0, uint32_t seed) {
  const double deviation = DBM0(dbm0) / sqrt(2);
  for (size_t i = 0; i < length; i++) {
    const double sum = audio[i] + deviation * gaussian(&seed);
    audio[i] = (int16_t)lrint(fmax(-32768, fmin(32767, sum)));
  }
}

/* What is heard, as digits; `shortest` and `longest` of them in ms */
struct heard {
  char digits[256];
  unsigned count;
  unsigned shortest, longest;
};

static struct heard detect(void) {
  static struct dtmf_detector detector;
  struct heard heard = {.shortest = UINT32_MAX};
  dtmf_detector_start(&detector);
  silence(100 * MS);
  for (size_t at = 0; at + DTMF_BLOCK_SAMPLES <= length; at += DTMF_BLOCK_SAMPLES) {
    struct event_change changes[DTMF_MAX_CHANGES];
    const size_t count = dtmf_detector_take(&detector, audio + at, changes);
    for (size_t i = 0; i < count; i++) {
      if (changes[i].edge == EVENT_BEGAN) {
        if (heard.count < sizeof heard.digits - 1) heard.digits[heard.count] = event_digit(changes[i].event);
        heard.count++;
      } else {
        if (changes[i].duration_ms < heard.shortest) heard.shortest = changes[i].duration_ms;
        if (changes[i].duration_ms > heard.longest) heard.longest = changes[i].duration_ms;
      }
    }
  }
  return heard;
}

/* All sixteen keys, each at another place between two blocks. */
static struct heard detect_keys(struct press press, unsigned pause_ms, double noise_dbm0, uint32_t seed) {
  length = 0;
  silence(50 * MS + seed % 80);
  for (unsigned i = 0; i < 16; i++) {
    press.key = keys[i];
    add_press(press);
    silence(pause_ms * MS + (i + seed) * 13 % 80);
  }
  if (noise_dbm0 > -90) add_noise(noise_dbm0, seed);
  return detect();
}

static void expect_keys(const struct heard *heard, bool wanted) {
  EXPECT(heard->count, wanted ? 16 : 0);
  if (wanted && strcmp(heard->digits, keys) != 0) {
    printf(" (heard %s)", heard->digits);
    EXPECT(0, 1);
  }
}

CHECK(check_dtmf_levels, "dtmf: every key is heard from 40 ms on, at any level and twist that Q.24 allows") {
  static const struct {
    struct press press;
    bool wanted;
  } cases[] = {
      {{0, 40, -10, -10, 0}, true},    {{0, 100, -3, -3, 0}, true},      {{0, 40, -34, -34, 0}, true},
      {{0, 40, -14, -10, 0}, true},    {{0, 40, -10, -18, 0}, true},   {{0, 40, -10, -10, 1.5}, true},
      {{0, 40, -10, -10, -1.5}, true}, {{0, 40, -14, -10, 1.5}, true}, {{0, 40, -10, -18, -1.5}, true},
      {{0, 1000, -10, -10, 1.5}, true},
      /* Too far off, too short, too faint, one far above the other. */
      {{0, 100, -10, -10, 3.5}, false}, {{0, 100, -10, -10, -3.5}, false}, {{0, 100, -10, -10, 4}, false},
      {{0, 100, -10, -10, -5}, false},  {{0, 15, -10, -10, 0}, false},      {{0, 100, -45, -45, 0}, false},
      {{0, 100, -18, -10, 0}, false},   {{0, 100, -10, -22, 0}, false},     {{0, 100, -10, -90, 0}, false},
      {{0, 100, -90, -10, 0}, false},
  };
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (uint32_t seed = 0; seed < 8; seed++) {
      const struct heard heard = detect_keys(cases[i].press, 40, -99, seed * 11);
      if ((heard.count == 16) != cases[i].wanted) printf(" (case %u)", i);
      expect_keys(&heard, cases[i].wanted);
    }
  }
}

CHECK(check_dtmf_durations, "dtmf: the length of a press is told within 15 ms") {
  for (unsigned ms = 40; ms <= 500; ms += 23) {
    const struct heard heard = detect_keys((struct press){0, ms, -10, -9, 0}, 60, -99, ms);
    expect_keys(&heard, true);
    if (heard.shortest + 15 < ms || heard.longest > ms + 15) printf(" (%u to %u)", heard.shortest, heard.longest);
    EXPECT(heard.shortest + 15 >= ms, true);
    EXPECT(heard.longest <= ms + 15, true);
  }
}

CHECK(check_dtmf_noise, "dtmf: every key is heard through noise 15 dB below it") {
  unsigned heard_count = 0;
  for (uint32_t seed = 1; seed <= 60; seed++) {
    /* Two tones of -13 dBm0 are -10 dBm0 together. */
    const struct heard heard = detect_keys((struct press){0, 50, -13, -13, seed % 3 == 0 ? 1.5 : 0}, 50, -25, seed);
    heard_count += strcmp(heard.digits, keys) == 0 ? 16 : 0;
    expect_keys(&heard, true);
  }
  EXPECT(heard_count, 60 * 16);
}

CHECK(check_dtmf_gaps, "dtmf: a click in a press makes no two of it, and 40 ms between two make them two") {
  length = 0;
  silence(333);
  add_press((struct press){'5', 60, -10, -10, 0});
  silence(6 * MS);
  add_press((struct press){'5', 60, -10, -10, 0});
  silence(40 * MS);
  add_press((struct press){'5', 60, -10, -10, 0});
  /* Another key without any pause. */
  add_press((struct press){'9', 60, -10, -10, 0});
  const struct heard heard = detect();
  EXPECT(strcmp(heard.digits, "559"), 0);
  if (strcmp(heard.digits, "559") != 0) printf(" (heard %s)", heard.digits);
}

/* A pair of such notes is a digit, whoever plays it. */
static bool is_near_tone(double frequency) {
  for (unsigned i = 0; i < 8; i++) {
    if (fabs(frequency / frequencies[i] - 1) < 0.026) return true;
  }
  return false;
}

CHECK(check_dtmf_noise_alone, "dtmf: noise, one tone, and chords of other frequencies are no digits") {
  length = 0;
  silence(59 * 1000 * MS);
  add_noise(-20, 7);
  EXPECT(detect().count, 0);
  /* Every pair of notes of two octaves, 60 ms each. */
  length = 0;
  for (unsigned low = 0; low < 24; low++) {
    for (unsigned high = low; high < 24; high++) {
      if (is_near_tone(440 * pow(2, low / 12.0)) && is_near_tone(440 * pow(2, high / 12.0))) continue;
      for (size_t i = 0; i < 60 * MS && length < ROOM; i++) {
        const double at = 2 * PI * (double)i / 8000;
        const double a = 440 * pow(2, low / 12.0);
        const double b = 440 * pow(2, high / 12.0);
        audio[length++] = (int16_t)(5000 * (sin(a * at) + sin(b * at)) + 500 * sin(3 * a * at) + 1500 * sin(2 * a * at));
      }
    }
  }
  EXPECT(detect().count, 0);
}

CHECK(check_dtmf_mute, "dtmf: what is left of a digit is less than 30 ms, and does not click") {
  unsigned longest = 0;
  for (unsigned shift = 0; shift < 80; shift += 7) {
    static struct dtmf_detector detector;
    struct dtmf_mute mute = {0};
    dtmf_detector_start(&detector);
    length = 0;
    silence(400 + shift);
    const size_t began = length;
    add_press((struct press){'8', 200, -10, -8, 0});
    const size_t ended = length;
    silence(800);
    unsigned left = 0;
    for (size_t at = 0; at + DTMF_BLOCK_SAMPLES <= length; at += DTMF_BLOCK_SAMPLES) {
      struct event_change changes[DTMF_MAX_CHANGES];
      int16_t *block = audio + at;
      dtmf_detector_take(&detector, block, changes);
      dtmf_mute(&mute, dtmf_detector_is_sounding(&detector), block, DTMF_BLOCK_SAMPLES);
    }
    for (size_t i = began; i < ended; i++) {
      if (abs(audio[i]) > 100) left = (unsigned)(i - began) + 1;
    }
    if (left > longest) longest = left;
  }
  EXPECT(longest < 30 * MS, true);
  if (longest >= 30 * MS) printf(" (%u ms)", longest / MS);
  /* Speech is not touched: silence in, silence out; and after a digit all is heard again. */
  struct dtmf_mute mute = {0};
  int16_t pcm[160];
  for (unsigned i = 0; i < 160; i++) pcm[i] = 1000;
  dtmf_mute(&mute, true, pcm, 80);
  dtmf_mute(&mute, false, pcm + 80, 80);
  EXPECT(pcm[0] > 990, true);
  EXPECT(pcm[45], 0);
  EXPECT(pcm[125], 1000);
  int steepest = 0;
  for (unsigned i = 1; i < 160; i++) steepest = abs(pcm[i] - pcm[i - 1]) > steepest ? abs(pcm[i] - pcm[i - 1]) : steepest;
  EXPECT(steepest < 50, true);
}

CHECK(check_dtmf_generator, "dtmf: what is generated is heard, begins and ends softly, and keeps its level") {
  length = 0;
  silence(400);
  for (unsigned i = 0; i < 16; i++) {
    struct dtmf_generator generator;
    uint8_t event;
    EXPECT(event_of_digit(keys[i], &event), true);
    dtmf_generator_start(&generator, event);
    const size_t began = length;
    for (unsigned block = 0; block < 8; block++) {
      EXPECT(dtmf_generate(&generator, block == 7, audio + length, 80), block != 7);
      length += 80;
    }
    int peak = 0;
    for (size_t j = began; j < length; j++) peak = abs(audio[j]) > peak ? abs(audio[j]) : peak;
    /* -9 dBm0 and -7 dBm0 at once. */
    EXPECT(peak > 16000 && peak < 18100, true);
    EXPECT(abs(audio[began]) < 200, true);
    EXPECT(audio[length - 1], 0);
    silence(400);
  }
  EXPECT(strcmp(detect().digits, keys), 0);
  /* The level of a press of 20 s does not run away. */
  struct dtmf_generator generator;
  dtmf_generator_start(&generator, 15);
  int peak = 0;
  for (unsigned block = 0; block < 2000; block++) {
    dtmf_generate(&generator, false, audio, 80);
    peak = 0;
    for (unsigned j = 0; j < 80; j++) peak = abs(audio[j]) > peak ? abs(audio[j]) : peak;
  }
  EXPECT(peak > 12000 && peak < 18100, true);
}

void print_digits(void) {
  struct dtmf_detector detector;
  struct event_change changes[DTMF_MAX_CHANGES];
  int16_t pcm[DTMF_BLOCK_SAMPLES];
  unsigned muted = 0;
  unsigned blocks = 0;
  dtmf_detector_start(&detector);
  for (; fread(pcm, sizeof *pcm, DTMF_BLOCK_SAMPLES, stdin) == DTMF_BLOCK_SAMPLES; blocks++) {
    const size_t count = dtmf_detector_take(&detector, pcm, changes);
    for (size_t i = 0; i < count; i++) {
      if (changes[i].edge == EVENT_BEGAN) putchar(event_digit(changes[i].event));
    }
    if (dtmf_detector_is_sounding(&detector)) muted++;
  }
  printf("\n%u of %u\n", muted, blocks);
}
