#include "fuzz.h"

#include <string.h>

#include "audio/wav.h"
#include "audio/wav_header.h"

/* Any head that is taken is one that we write, and a file with it is read as it says; and any numbers come back from a head. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  if (length < WAV_HEADER_BYTES) return 0;
  /* Of exactly its length, so that reading past it is noticed. */
  uint8_t *head = malloc(WAV_HEADER_BYTES);
  memcpy(head, bytes, WAV_HEADER_BYTES);
  struct wav_header header;
  memset(&header, 0xa5, sizeof header);
  if (wav_header_read(head, &header)) {
    uint8_t again[WAV_HEADER_BYTES];
    wav_header_write(&header, again);
    FUZZ_ASSERT(memcmp(head, again, sizeof again) == 0);
    struct wav wav;
    if (header.channels == 1 && header.data_bytes >= 2 && header.data_bytes <= length - WAV_HEADER_BYTES && header.data_bytes % 2 == 0 &&
        wav_parse(bytes, length, &wav) == WAV_OK) {
      FUZZ_ASSERT(wav.data == bytes + WAV_HEADER_BYTES && wav.samples == header.data_bytes / 2);
    }
  }
  struct wav_header given, back;
  memcpy(&given.sample_rate, bytes, sizeof given.sample_rate);
  memcpy(&given.data_bytes, bytes + 4, sizeof given.data_bytes);
  memcpy(&given.channels, bytes + 8, sizeof given.channels);
  wav_header_write(&given, head);
  FUZZ_ASSERT(wav_header_read(head, &back) == (given.channels == 1 || given.channels == 2));
  FUZZ_ASSERT(back.sample_rate == given.sample_rate && back.data_bytes == given.data_bytes && back.channels == given.channels);
  free(head);
  return 0;
}
