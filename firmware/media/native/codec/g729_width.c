#include "codec/g729_width.h"

#ifdef G729_WIDE

#include <bcg729/decoder.h>
#include <bcg729/encoder.h>

/*
 * The Makefile compiles G.729 twice: `narrow_` with what every x86-64 has, `wide_` with AVX2, where the same bits take an eighth less
 * time. What bcg729 calls itself by is here, so that whoever opens a coder need not know.
 */
#define BUILD(width)                                                                                                              \
  bcg729EncoderChannelContextStruct *width##initBcg729EncoderChannel(uint8_t annex_b);                                            \
  void width##closeBcg729EncoderChannel(bcg729EncoderChannelContextStruct *encoder);                                              \
  void width##bcg729Encoder(bcg729EncoderChannelContextStruct *encoder, const int16_t *pcm, uint8_t *bytes, uint8_t *length);     \
  bcg729DecoderChannelContextStruct *width##initBcg729DecoderChannel(void);                                                       \
  void width##closeBcg729DecoderChannel(bcg729DecoderChannelContextStruct *decoder);                                              \
  void width##bcg729Decoder(bcg729DecoderChannelContextStruct *decoder, const uint8_t *bytes, uint8_t length, uint8_t lost,       \
                            uint8_t descriptor, uint8_t noise, int16_t *pcm)
BUILD(narrow_);
BUILD(wide_);

static bool kept_narrow;

bool g729_is_wide(void) { return !kept_narrow && __builtin_cpu_supports("avx2"); }

void g729_keep_narrow(bool narrow) { kept_narrow = narrow; }

bcg729EncoderChannelContextStruct *initBcg729EncoderChannel(uint8_t annex_b) {
  return g729_is_wide() ? wide_initBcg729EncoderChannel(annex_b) : narrow_initBcg729EncoderChannel(annex_b);
}

void closeBcg729EncoderChannel(bcg729EncoderChannelContextStruct *encoder) {
  if (g729_is_wide()) wide_closeBcg729EncoderChannel(encoder);
  else narrow_closeBcg729EncoderChannel(encoder);
}

void bcg729Encoder(bcg729EncoderChannelContextStruct *encoder, const int16_t pcm[], uint8_t bytes[], uint8_t *length) {
  if (g729_is_wide()) wide_bcg729Encoder(encoder, pcm, bytes, length);
  else narrow_bcg729Encoder(encoder, pcm, bytes, length);
}

bcg729DecoderChannelContextStruct *initBcg729DecoderChannel(void) {
  return g729_is_wide() ? wide_initBcg729DecoderChannel() : narrow_initBcg729DecoderChannel();
}

void closeBcg729DecoderChannel(bcg729DecoderChannelContextStruct *decoder) {
  if (g729_is_wide()) wide_closeBcg729DecoderChannel(decoder);
  else narrow_closeBcg729DecoderChannel(decoder);
}

void bcg729Decoder(bcg729DecoderChannelContextStruct *decoder, const uint8_t bytes[], uint8_t length, uint8_t lost,
                   uint8_t descriptor, uint8_t noise, int16_t pcm[]) {
  if (g729_is_wide()) wide_bcg729Decoder(decoder, bytes, length, lost, descriptor, noise, pcm);
  else narrow_bcg729Decoder(decoder, bytes, length, lost, descriptor, noise, pcm);
}

#else

bool g729_is_wide(void) { return false; }

void g729_keep_narrow(bool narrow) { (void)narrow; }

#endif
