#include "fuzz.h"

#include "audio/wav.h"

#define CHUNK_SAMPLES 320

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  struct wav wav;
  const enum wav_fault fault = wav_parse(bytes, length, &wav);
  FUZZ_ASSERT(wav_fault_text(fault) != NULL);
  if (fault != WAV_OK) return 0;
  FUZZ_ASSERT(wav.samples >= 1 && wav.samples <= 2 * length && wav.data > bytes && wav.data < bytes + length);
  if (wav.coding == WAV_G722) {
    int16_t *pcm = malloc(wav.samples * sizeof *pcm);
    FUZZ_ASSERT(pcm != NULL && wav_decode_g722(&wav, pcm));
    free(pcm);
    return 0;
  }
  size_t heard = 0;
  for (;;) {
    int16_t pcm[CHUNK_SAMPLES];
    const size_t got = wav_read(&wav, heard, pcm, CHUNK_SAMPLES);
    if (got == 0) break;
    heard += got;
  }
  FUZZ_ASSERT(heard == wav.samples);
  return 0;
}
