#include "fuzz.h"

#include "codec/codec.h"

#define CONCEALED_SAMPLES 240

/* The payloads of one source, as each codec reads them: a byte of length, then the payload; an empty one was lost. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  if (length == 0) return 0;
  const enum codec codec = (enum codec)(bytes[0] % CODEC_COUNT);
  struct decoder *decoder = decoder_open(codec);
  if (decoder == NULL) return 0;
  bytes++;
  length--;
  while (length > 0) {
    const size_t payload = bytes[0] < length - 1 ? bytes[0] : length - 1;
    int16_t pcm[MAX_PAYLOAD_SAMPLES];
    const size_t ticks = codec_payload_ticks(codec, bytes + 1, payload);
    if (payload == 0) decoder_conceal(decoder, pcm, CONCEALED_SAMPLES);
    else if (ticks > 0) FUZZ_ASSERT(decoder_decode(decoder, bytes + 1, payload, pcm, MAX_PAYLOAD_SAMPLES) > 0);
    bytes += 1 + payload;
    length -= 1 + payload;
  }
  decoder_close(decoder);
  return 0;
}
