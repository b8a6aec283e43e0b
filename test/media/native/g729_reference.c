#include "g729-reference.h"

#include <bcg729/decoder.h>
#include <bcg729/encoder.h>
#include <stdlib.h>
#include <string.h>

#ifdef G729_IS_OURS
bcg729EncoderChannelContextStruct *reference_initBcg729EncoderChannel(uint8_t annex_b);
void reference_closeBcg729EncoderChannel(bcg729EncoderChannelContextStruct *encoder);
void reference_bcg729Encoder(bcg729EncoderChannelContextStruct *encoder, const int16_t *pcm, uint8_t *bytes, uint8_t *length);
bcg729DecoderChannelContextStruct *reference_initBcg729DecoderChannel(void);
void reference_closeBcg729DecoderChannel(bcg729DecoderChannelContextStruct *decoder);
void reference_bcg729Decoder(bcg729DecoderChannelContextStruct *decoder, const uint8_t *bytes, uint8_t length, uint8_t lost,
                             uint8_t descriptor, uint8_t noise, int16_t *pcm);
#else
/* Debian's library: nothing of it is ours. */
#define reference_initBcg729EncoderChannel initBcg729EncoderChannel
#define reference_closeBcg729EncoderChannel closeBcg729EncoderChannel
#define reference_bcg729Encoder bcg729Encoder
#define reference_initBcg729DecoderChannel initBcg729DecoderChannel
#define reference_closeBcg729DecoderChannel closeBcg729DecoderChannel
#define reference_bcg729Decoder bcg729Decoder
#endif

#define FRAME_BYTES 10
#define DESCRIPTOR_BYTES 2
#define LOST_SHARE 16

struct decoders {
  bcg729DecoderChannelContextStruct *ours, *theirs;
};

static bool decode_alike(const struct decoders *decoders, const uint8_t *bytes, uint8_t length, bool lost) {
  int16_t ours[REFERENCE_FRAME_SAMPLES], theirs[REFERENCE_FRAME_SAMPLES];
  const bool descriptor = length == DESCRIPTOR_BYTES;
  bcg729Decoder(decoders->ours, bytes, length, lost, descriptor, 0, ours);
  reference_bcg729Decoder(decoders->theirs, bytes, length, lost, descriptor, 0, theirs);
  return memcmp(ours, theirs, sizeof ours) == 0;
}

static struct decoders open_decoders(void) {
  return (struct decoders){initBcg729DecoderChannel(), reference_initBcg729DecoderChannel()};
}

static void close_decoders(const struct decoders *decoders) {
  closeBcg729DecoderChannel(decoders->ours);
  reference_closeBcg729DecoderChannel(decoders->theirs);
}

long g729_first_difference(const int16_t *pcm, size_t frames, bool annex_b, unsigned seed) {
  bcg729EncoderChannelContextStruct *ours = initBcg729EncoderChannel(annex_b);
  bcg729EncoderChannelContextStruct *theirs = reference_initBcg729EncoderChannel(annex_b);
  const struct decoders decoders = open_decoders();
  long differs = -1;
  for (size_t frame = 0; frame < frames && differs < 0; frame++) {
    uint8_t bytes[FRAME_BYTES] = {0}, their_bytes[FRAME_BYTES] = {0}, length = 0, their_length = 0;
    bcg729Encoder(ours, pcm + frame * REFERENCE_FRAME_SAMPLES, bytes, &length);
    reference_bcg729Encoder(theirs, pcm + frame * REFERENCE_FRAME_SAMPLES, their_bytes, &their_length);
    const bool lost = length == 0 || rand_r(&seed) % LOST_SHARE == 0;
    if (length == their_length && memcmp(bytes, their_bytes, sizeof bytes) == 0 && decode_alike(&decoders, bytes, length, lost)) continue;
    differs = (long)frame;
  }
  closeBcg729EncoderChannel(ours);
  reference_closeBcg729EncoderChannel(theirs);
  close_decoders(&decoders);
  return differs;
}

long g729_first_difference_of(const uint8_t *bytes, size_t frames) {
  const struct decoders decoders = open_decoders();
  long differs = -1;
  for (size_t frame = 0; frame < frames && differs < 0; frame++) {
    if (!decode_alike(&decoders, bytes + frame * FRAME_BYTES, FRAME_BYTES, false)) differs = (long)frame;
  }
  close_decoders(&decoders);
  return differs;
}
