#include "fuzz.h"

#include "codec/codec.h"

/* Of what was lost, by the first byte of what follows: a part of a frame, of a step of Opus, and as much as is ever asked for. */
static const size_t lost_samples[] = {240, 320, 161, 960, MAX_PAYLOAD_SAMPLES};

static void lose(struct decoder *decoder, const uint8_t *bytes, size_t length, int16_t *pcm) {
  const size_t following = length == 0 ? 0 : bytes[0] < length - 1 ? bytes[0] : length - 1;
  const size_t samples = lost_samples[following == 0 ? 0 : bytes[1] % (sizeof lost_samples / sizeof *lost_samples)];
  if (following == 0) decoder_conceal(decoder, pcm, samples);
  else decoder_recover(decoder, bytes + 1, following, pcm, samples);
}

/*
 * The payloads of one source, as each codec reads them: a byte of length, then the payload. An empty one was lost, and what follows
 * may tell of it.
 */
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
    if (payload == 0) lose(decoder, bytes + 1, length - 1, pcm);
    else if (ticks > 0) FUZZ_ASSERT(decoder_decode(decoder, bytes + 1, payload, pcm, MAX_PAYLOAD_SAMPLES) > 0);
    bytes += 1 + payload;
    length -= 1 + payload;
  }
  decoder_close(decoder);
  return 0;
}
