/*
 * Comfort noise (RFC 3389): a level and a spectrum, in a few bytes, for the pauses in which nothing else is sent.
 */
#ifndef RINGDOWN_COMFORT_NOISE_H
#define RINGDOWN_COMFORT_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reflection coefficients that are read; a payload may have more, which change little. */
#define COMFORT_NOISE_MAX_ORDER 12
#define COMFORT_NOISE_MAX_BYTES (1 + COMFORT_NOISE_MAX_ORDER)
#define COMFORT_NOISE_SILENCE 127 /* the level that is as good as none, in -dBov */
#define COMFORT_NOISE_TYPE 13 /* payload type at a clock rate of 8000 (RFC 3551 table 4) */

struct comfort_noise {
  unsigned order;
  float reflections[COMFORT_NOISE_MAX_ORDER]; /* of the lattice filter that shapes the noise */
  float backward[COMFORT_NOISE_MAX_ORDER];    /* what each of its stages keeps for the next sample */
  float gain, target_gain;
  uint32_t seed;
};

/* Silence until a payload is heard. */
void comfort_noise_start(struct comfort_noise *noise);
/* What the noise is to be like from now on; its level gets there within some 20 ms. False: no such payload, nothing changes. */
bool comfort_noise_hear(struct comfort_noise *noise, const uint8_t *payload, size_t bytes);
/* The next samples, at the sample rate of the stream that the payload belongs to. */
void comfort_noise_fill(struct comfort_noise *noise, int16_t *pcm, size_t samples);

/*
 * Noise as a payload: 10 to 60 ms of it, and as many reflection coefficients as `room` has bytes after the first one, up to
 * COMFORT_NOISE_MAX_ORDER. How many bytes it took; 0 when there is nothing to describe or no room.
 */
size_t comfort_noise_describe(const int16_t *pcm, size_t samples, uint8_t *payload, size_t room);

#endif
