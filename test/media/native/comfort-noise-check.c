#include <math.h>
#include <stdlib.h>

#include "bench.h"
#include "codec/comfort_noise.h"

#define SECOND 8000

static double level_of(const int16_t *pcm, size_t samples) {
  double power = 0;
  for (size_t i = 0; i < samples; i++) power += (double)pcm[i] * pcm[i];
  return -10 * log10(power / (double)samples / 32768 / 32768 + 1e-13);
}

/* How alike neighbours are: 1 for a low hum, -1 for a high hiss. */
static double colour_of(const int16_t *pcm, size_t samples, size_t lag) {
  double power = 0, product = 0;
  for (size_t i = lag; i < samples; i++) {
    power += (double)pcm[i] * pcm[i];
    product += (double)pcm[i] * pcm[i - lag];
  }
  return product / power;
}

CHECK(check_noise_level, "comfort noise has the level that its payload says, in dBov") {
  static int16_t pcm[SECOND];
  for (unsigned level = 10; level < 80; level += 5) {
    struct comfort_noise noise;
    comfort_noise_start(&noise);
    const uint8_t payload[] = {(uint8_t)level, 60, 140};
    for (size_t bytes = 1; bytes <= 3; bytes++) {
      EXPECT(comfort_noise_hear(&noise, payload, bytes), true);
      comfort_noise_fill(&noise, pcm, SECOND);
      EXPECT(fabs(level_of(pcm + SECOND / 4, SECOND * 3 / 4) - level) < 1, true);
    }
  }
}

CHECK(check_noise_described, "noise that is described and made again has its level and its colour") {
  static int16_t room[SECOND], again[SECOND];
  srand(3);
  for (int tilt = -8; tilt <= 8; tilt += 4) {
    double before = 0;
    for (size_t i = 0; i < SECOND; i++) {
      before = tilt / 10.0 * before + (rand() % 2001 - 1000) * 0.3;
      room[i] = (int16_t)before;
    }
    uint8_t payload[COMFORT_NOISE_MAX_BYTES];
    EXPECT(comfort_noise_describe(room, 480, payload, sizeof payload), COMFORT_NOISE_MAX_BYTES);
    struct comfort_noise noise;
    comfort_noise_start(&noise);
    EXPECT(comfort_noise_hear(&noise, payload, sizeof payload), true);
    comfort_noise_fill(&noise, again, SECOND);
    EXPECT(fabs(level_of(again + 1000, SECOND - 1000) - level_of(room, SECOND)) < 2, true);
    for (size_t lag = 1; lag <= 2; lag++) {
      EXPECT(fabs(colour_of(again + 1000, SECOND - 1000, lag) - colour_of(room, SECOND, lag)) < 0.15, true);
    }
    /* RFC 3389 §3.2: of a low hum the first coefficient is negative, so its byte is below 127. */
    if (tilt != 0) EXPECT(payload[1] < 127, tilt > 0);
  }
}

CHECK(check_noise_hostile, "no payload makes comfort noise loud, unstable or endless") {
  srand(4);
  struct comfort_noise noise;
  comfort_noise_start(&noise);
  int16_t pcm[400];
  comfort_noise_fill(&noise, pcm, 400);
  for (size_t i = 0; i < 400; i++) EXPECT(pcm[i], 0);
  uint8_t payload[64];
  EXPECT(comfort_noise_hear(&noise, payload, 0), false);
  payload[0] = 0x80;
  EXPECT(comfort_noise_hear(&noise, payload, 1), false);
  for (unsigned round = 0; round < 2000; round++) {
    const size_t bytes = 1 + (size_t)rand() % 63;
    for (size_t i = 0; i < bytes; i++) payload[i] = (uint8_t)(round % 3 == 0 ? (rand() % 2) * 255 : rand());
    payload[0] &= 0x7f;
    EXPECT(comfort_noise_hear(&noise, payload, bytes), true);
    comfort_noise_fill(&noise, pcm, 400);
    bool finite = true;
    for (size_t i = 0; i < COMFORT_NOISE_MAX_ORDER; i++) finite = finite && isfinite(noise.backward[i]);
    EXPECT(finite, true);
  }
  payload[0] = 127;
  comfort_noise_hear(&noise, payload, 1);
  for (unsigned i = 0; i < 20; i++) comfort_noise_fill(&noise, pcm, 400);
  EXPECT(pcm[399], 0);
  EXPECT(comfort_noise_describe(pcm, 0, payload, 10), 0);
  EXPECT(comfort_noise_describe(pcm, 400, payload, 0), 0);
  for (unsigned i = 0; i < 400; i++) pcm[i] = 0;
  EXPECT(comfort_noise_describe(pcm, 400, payload, 10), 1);
  EXPECT(payload[0], 127);
  for (unsigned i = 0; i < 400; i++) pcm[i] = INT16_MIN;
  EXPECT(comfort_noise_describe(pcm, 400, payload, sizeof payload), COMFORT_NOISE_MAX_BYTES);
  EXPECT(payload[0], 0);
}
