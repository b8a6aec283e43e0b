#include "fuzz.h"

#include <string.h>

#include "../g729-reference.h"

#define MAX_FRAMES 200

/* PCM to both G.729 coders, and bytes to both decoders: a byte that says which, then these. What they make is the same. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  static int16_t pcm[MAX_FRAMES * REFERENCE_FRAME_SAMPLES];
  if (length == 0) return 0;
  const uint8_t kind = bytes[0];
  bytes++;
  length--;
  if (kind % 4 == 3) {
    FUZZ_ASSERT(g729_first_difference_of(bytes, length / 10) < 0);
    return 0;
  }
  if (kind % 4 == 2) {
    /* A byte a sample, so that an input is longer in time. */
    const size_t count = length < sizeof pcm / 2 ? length : sizeof pcm / 2;
    for (size_t i = 0; i < count; i++) pcm[i] = (int16_t)(bytes[i] << 8);
    length = 2 * count;
  } else {
    length = length < sizeof pcm ? length : sizeof pcm;
    memcpy(pcm, bytes, length);
  }
  FUZZ_ASSERT(g729_first_difference(pcm, length / sizeof *pcm / REFERENCE_FRAME_SAMPLES, kind & 1, kind) < 0);
  return 0;
}
