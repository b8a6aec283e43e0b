#include "fuzz.h"

#include "codec/comfort_noise.h"

#define PART_SAMPLES 80

/* One payload after another, each with its length before it: whatever they ask for, the noise stays noise. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  struct comfort_noise noise;
  comfort_noise_start(&noise);
  while (length > 0) {
    const size_t payload = bytes[0] < length - 1 ? bytes[0] : length - 1;
    int16_t pcm[PART_SAMPLES];
    const bool heard = comfort_noise_hear(&noise, bytes + 1, payload);
    FUZZ_ASSERT(!heard || payload > 0);
    comfort_noise_fill(&noise, pcm, PART_SAMPLES);
    uint8_t described[COMFORT_NOISE_MAX_BYTES];
    FUZZ_ASSERT(comfort_noise_describe(pcm, PART_SAMPLES, described, sizeof described) <= sizeof described);
    bytes += 1 + payload;
    length -= 1 + payload;
  }
  return 0;
}
