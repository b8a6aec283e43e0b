/* Who hears whom in a conference, by content: each party sounds a frequency of its own. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "audio/mixer.h"
#include "bench.h"

#define FRAMES 50
#define RATE MIXER_SAMPLE_RATE

/* Frequencies whose periods fit the frame, so that one does not leak into another. */
static int hz_of(int party) { return 200 + 50 * party; }

static void sound(int16_t *pcm, int hz, double amplitude, unsigned frame) {
  for (unsigned i = 0; i < MIXER_FRAME_SAMPLES; i++) {
    pcm[i] = (int16_t)lrint(amplitude * sin(2 * acos(-1) * hz * (frame * MIXER_FRAME_SAMPLES + i) / RATE));
  }
}

/* The amplitude of one frequency in a frame. */
static double amplitude_of(const int16_t *pcm, int hz) {
  double in = 0, across = 0;
  for (unsigned i = 0; i < MIXER_FRAME_SAMPLES; i++) {
    in += pcm[i] * cos(2 * acos(-1) * hz * i / RATE);
    across += pcm[i] * sin(2 * acos(-1) * hz * i / RATE);
  }
  return 2 * hypot(in, across) / MIXER_FRAME_SAMPLES;
}

static bool hears(const struct mixer *mixer, int listener, int hz, double amplitude) {
  int16_t pcm[MIXER_FRAME_SAMPLES];
  mixer_others(mixer, listener, pcm);
  return fabs(amplitude_of(pcm, hz) - amplitude) < amplitude / 50 + 5;
}

/* One frame in which the first `count` parties sound with these amplitudes. */
static void frame_of(struct mixer *mixer, const double *amplitudes, int count, unsigned frame) {
  static int16_t pcm[MIXER_MAX_PARTIES][MIXER_FRAME_SAMPLES];
  for (int i = 0; i < count; i++) {
    sound(pcm[i], hz_of(i), amplitudes[i], frame);
    mixer_put(mixer, i, pcm[i]);
  }
  mixer_mix(mixer);
}

CHECK(check_mix, "each party hears the others and never himself") {
  struct mixer *mixer = mixer_open(MIXER_MAX_SPEAKERS);
  const double amplitudes[] = {3000, 2500, 2000, 1500};
  for (int i = 0; i < 5; i++) EXPECT(mixer_join(mixer), i);
  for (unsigned frame = 0; frame < FRAMES; frame++) frame_of(mixer, amplitudes, 4, frame);
  for (int listener = 0; listener < 5; listener++) {
    for (int speaker = 0; speaker < 4; speaker++) {
      EXPECT(hears(mixer, listener, hz_of(speaker), listener == speaker ? 0 : amplitudes[speaker]), true);
    }
    EXPECT(mixer_hears_all(mixer, listener), listener == 4);
  }
  int16_t own[MIXER_FRAME_SAMPLES];
  mixer_others(mixer, 4, own);
  EXPECT(memcmp(own, mixer_all(mixer), sizeof own), 0);
  mixer_close(mixer);
}

CHECK(check_saturation, "a sum too large is cut off and does not wrap") {
  struct mixer *mixer = mixer_open(3);
  int16_t pcm[MIXER_FRAME_SAMPLES], heard[MIXER_FRAME_SAMPLES];
  for (unsigned i = 0; i < MIXER_FRAME_SAMPLES; i++) pcm[i] = i % 2 == 0 ? INT16_MAX : INT16_MIN;
  for (int i = 0; i < 4; i++) mixer_join(mixer);
  for (unsigned frame = 0; frame < 2; frame++) {
    for (int i = 0; i < 3; i++) mixer_put(mixer, i, pcm);
    mixer_announce(mixer, pcm);
    mixer_mix(mixer);
  }
  EXPECT(memcmp(mixer_all(mixer), pcm, sizeof pcm), 0);
  mixer_others(mixer, 0, heard);
  EXPECT(memcmp(heard, pcm, sizeof pcm), 0);
  mixer_close(mixer);
}

static int count_heard_by(const struct mixer *mixer, int listener, const double *amplitudes, int count) {
  int heard = 0;
  for (int i = 0; i < count; i++) heard += hears(mixer, listener, hz_of(i), amplitudes[i]);
  return heard;
}

CHECK(check_loudest, "only the loudest are mixed, and places do not flap") {
  struct mixer *mixer = mixer_open(3);
  double amplitudes[] = {2000, 4000, 1000, 3000, 1500, 500};
  for (int i = 0; i < 7; i++) mixer_join(mixer);
  for (unsigned frame = 0; frame < FRAMES; frame++) frame_of(mixer, amplitudes, 6, frame);
  EXPECT(count_heard_by(mixer, 6, amplitudes, 6), 3);
  for (int i = 0; i < 6; i++) EXPECT(hears(mixer, 6, hz_of(i), amplitudes[i]), amplitudes[i] >= 2000);
  /* Little louder than one who has a place: he keeps it. */
  amplitudes[4] = 2300;
  for (unsigned frame = 0; frame < FRAMES; frame++) {
    frame_of(mixer, amplitudes, 6, frame);
    EXPECT(hears(mixer, 6, hz_of(4), 0), true);
    EXPECT(hears(mixer, 6, hz_of(0), 2000), true);
  }
  /* Much louder: it is his, at once and to stay. */
  amplitudes[4] = 6000;
  for (unsigned frame = 0; frame < FRAMES; frame++) frame_of(mixer, amplitudes, 6, frame);
  EXPECT(hears(mixer, 6, hz_of(4), 6000), true);
  EXPECT(hears(mixer, 6, hz_of(0), 0), true);
  /* A pause between words costs no place; a long one does. */
  const double paused[] = {2000, 0, 1000, 0, 0, 500};
  for (unsigned frame = 0; frame < 5; frame++) frame_of(mixer, paused, 6, frame);
  EXPECT(hears(mixer, 6, hz_of(2), 0), true);
  for (unsigned frame = 0; frame < 2 * FRAMES; frame++) frame_of(mixer, paused, 6, frame);
  EXPECT(count_heard_by(mixer, 6, (const double[]){2000, -1000, 1000, -1000, -1000, 500}, 6), 3);
  mixer_close(mixer);
}

CHECK(check_click, "who enters or leaves the mix does not click") {
  struct mixer *mixer = mixer_open(1);
  int16_t loud[MIXER_FRAME_SAMPLES], louder[MIXER_FRAME_SAMPLES];
  for (unsigned i = 0; i < MIXER_FRAME_SAMPLES; i++) {
    loud[i] = 3000;
    louder[i] = 9000;
  }
  for (int i = 0; i < 3; i++) mixer_join(mixer);
  int16_t last = 0;
  int steepest = 0;
  for (unsigned frame = 0; frame < FRAMES; frame++) {
    mixer_put(mixer, 0, loud);
    if (frame >= FRAMES / 2) mixer_put(mixer, 1, louder);
    mixer_mix(mixer);
    for (unsigned i = 0; i < MIXER_FRAME_SAMPLES; i++) {
      const int step = abs(mixer_all(mixer)[i] - last);
      if (step > steepest) steepest = step;
      last = mixer_all(mixer)[i];
    }
  }
  EXPECT(last, 9000);
  EXPECT(steepest > 0 && steepest <= 9000 / 80 + 1, true);
  mixer_close(mixer);
}

CHECK(check_mute, "a muted party hears and is not heard") {
  struct mixer *mixer = mixer_open(3);
  const double amplitudes[] = {3000, 2000};
  mixer_join(mixer);
  mixer_join(mixer);
  for (unsigned frame = 0; frame < FRAMES; frame++) frame_of(mixer, amplitudes, 2, frame);
  EXPECT(hears(mixer, 1, hz_of(0), 3000), true);
  EXPECT(mixer_active(mixer), 0);
  mixer_mute(mixer, 0, true);
  EXPECT(mixer_active(mixer), MIXER_NOBODY);
  for (unsigned frame = 0; frame < 2; frame++) frame_of(mixer, amplitudes, 2, frame);
  EXPECT(hears(mixer, 1, hz_of(0), 0), true);
  EXPECT(hears(mixer, 0, hz_of(1), 2000), true);
  mixer_mute(mixer, 0, false);
  for (unsigned frame = 0; frame < 2; frame++) frame_of(mixer, amplitudes, 2, frame);
  EXPECT(hears(mixer, 1, hz_of(0), 3000), true);
  mixer_close(mixer);
}

CHECK(check_announcement, "an announcement is heard by all") {
  struct mixer *mixer = mixer_open(3);
  const double amplitudes[] = {3000, 2000};
  int16_t tone[MIXER_FRAME_SAMPLES];
  for (int i = 0; i < 3; i++) mixer_join(mixer);
  for (unsigned frame = 0; frame < FRAMES; frame++) {
    sound(tone, 1000, 700, frame);
    mixer_announce(mixer, tone);
    frame_of(mixer, amplitudes, 2, frame);
  }
  for (int i = 0; i < 3; i++) EXPECT(hears(mixer, i, 1000, 700), true);
  frame_of(mixer, amplitudes, 2, 0);
  EXPECT(hears(mixer, 2, 1000, 0), true);
  mixer_close(mixer);
}

CHECK(check_active, "the active speaker is who has been the loudest for a while") {
  struct mixer *mixer = mixer_open(3);
  for (int i = 0; i < 2; i++) mixer_join(mixer);
  EXPECT(mixer_active(mixer), MIXER_NOBODY);
  for (unsigned frame = 0; frame < FRAMES; frame++) frame_of(mixer, (const double[]){3000, 500}, 2, frame);
  EXPECT(mixer_active(mixer), 0);
  for (unsigned frame = 0; frame < 5; frame++) frame_of(mixer, (const double[]){300, 5000}, 2, frame);
  EXPECT(mixer_active(mixer), 0);
  for (unsigned frame = 0; frame < 20; frame++) frame_of(mixer, (const double[]){300, 5000}, 2, frame);
  EXPECT(mixer_active(mixer), 1);
  /* Alike loud: it does not go to and fro. */
  unsigned changes = 0;
  for (unsigned frame = 0; frame < 500; frame++) {
    const int before = mixer_active(mixer);
    frame_of(mixer, frame % 30 < 15 ? (const double[]){5200, 5000} : (const double[]){4800, 5000}, 2, frame);
    changes += mixer_active(mixer) != before;
  }
  EXPECT(changes, 0);
  /* Silence is no speaker. */
  for (unsigned frame = 0; frame < 200; frame++) frame_of(mixer, (const double[]){10, 0}, 2, frame);
  EXPECT(mixer_active(mixer), 1);
  mixer_leave(mixer, 1);
  EXPECT(mixer_active(mixer), MIXER_NOBODY);
  mixer_close(mixer);
}

CHECK(check_active_tie, "of two who are equally loud one is the active speaker, and stays it") {
  for (unsigned third = 0; third < 2; third++) {
    struct mixer *mixer = mixer_open(3);
    for (int i = 0; i < 3; i++) mixer_join(mixer);
    unsigned frame = 0;
    /* With another one before them, who speaks on more quietly, and with none. */
    const double alone[] = {0, 0, 1000};
    for (; third == 1 && frame < FRAMES; frame++) frame_of(mixer, alone, 3, frame);
    EXPECT(mixer_active(mixer), third == 1 ? 2 : MIXER_NOBODY);
    for (unsigned i = 0; i < FRAMES; i++, frame++) {
      const double louder[] = {i % 2 == 0 ? 4000 : 3800, i % 2 == 0 ? 3800 : 4000, third == 1 ? 1000 : 0};
      frame_of(mixer, louder, 3, frame);
    }
    const int active = mixer_active(mixer);
    EXPECT(active == 0 || active == 1, true);
    unsigned changes = 0;
    for (unsigned i = 0; i < FRAMES; i++, frame++) {
      const double louder[] = {i % 2 == 0 ? 4000 : 3800, i % 2 == 0 ? 3800 : 4000, third == 1 ? 1000 : 0};
      frame_of(mixer, louder, 3, frame);
      if (mixer_active(mixer) != active) changes++;
    }
    EXPECT(changes, 0);
    mixer_close(mixer);
  }
}

CHECK(check_full, "64 parties, and not one more") {
  struct mixer *mixer = mixer_open(MIXER_DEFAULT_SPEAKERS);
  double amplitudes[MIXER_MAX_PARTIES];
  for (int i = 0; i < MIXER_MAX_PARTIES; i++) {
    EXPECT(mixer_join(mixer), i);
    amplitudes[i] = 100 + 50 * i;
  }
  EXPECT(mixer_join(mixer), MIXER_NOBODY);
  for (unsigned frame = 0; frame < FRAMES; frame++) frame_of(mixer, amplitudes, MIXER_MAX_PARTIES, frame);
  for (int i = 0; i < MIXER_MAX_PARTIES; i++) EXPECT(mixer_hears_all(mixer, i), i < 61);
  EXPECT(hears(mixer, 0, hz_of(63), amplitudes[63]), true);
  EXPECT(hears(mixer, 63, hz_of(63), 0), true);
  mixer_leave(mixer, 17);
  EXPECT(mixer_join(mixer), 17);
  mixer_close(mixer);
}
