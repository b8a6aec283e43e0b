#include "codec/codec.h"

size_t codec_payload_samples(enum codec codec, size_t payload_bytes) {
  if (codec != CODEC_G729) return payload_bytes;
  const size_t rest = payload_bytes % G729_FRAME_BYTES;
  if (rest != 0 && rest != G729_SID_BYTES) return 0;
  return (payload_bytes / G729_FRAME_BYTES + (rest != 0)) * FRAME_SAMPLES;
}
