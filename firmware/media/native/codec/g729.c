/* ITU-T G.729 Annex A, through bcg729. */
#include <bcg729/decoder.h>
#include <bcg729/encoder.h>
#include <stdlib.h>
#include <string.h>

#include "codec/kind.h"

struct g729_decoder {
  struct decoder decoder;
  bcg729DecoderChannelContextStruct *state;
};

struct g729_encoder {
  struct encoder encoder;
  bcg729EncoderChannelContextStruct *state;
  bool annex_b;
};

static size_t payload_ticks(const uint8_t *payload, size_t bytes) {
  (void)payload;
  const size_t rest = bytes % G729_FRAME_BYTES;
  if (rest != 0 && rest != G729_SID_BYTES) return 0;
  return (bytes / G729_FRAME_BYTES + (rest != 0)) * FRAME_SAMPLES;
}

static struct decoder *open_decoder(void) {
  struct g729_decoder *decoder = calloc(1, sizeof *decoder);
  if (decoder == NULL) return NULL;
  decoder->state = initBcg729DecoderChannel();
  if (decoder->state != NULL) return &decoder->decoder;
  free(decoder);
  return NULL;
}

static void close_decoder(struct decoder *base) {
  struct g729_decoder *decoder = (struct g729_decoder *)base;
  closeBcg729DecoderChannel(decoder->state);
  free(decoder);
}

static void restart_decoder(struct decoder *base) {
  struct g729_decoder *decoder = (struct g729_decoder *)base;
  bcg729DecoderChannelContextStruct *state = initBcg729DecoderChannel();
  if (state == NULL) return;
  closeBcg729DecoderChannel(decoder->state);
  decoder->state = state;
}

static size_t decode(struct decoder *base, const uint8_t *payload, size_t bytes, int16_t *pcm, size_t room) {
  struct g729_decoder *decoder = (struct g729_decoder *)base;
  size_t samples = 0;
  while (bytes >= G729_SID_BYTES && room - samples >= FRAME_SAMPLES) {
    /* RFC 3551 §4.5.6: what is shorter than a frame, at the end, is a silence descriptor. */
    const size_t frame = bytes >= G729_FRAME_BYTES ? G729_FRAME_BYTES : G729_SID_BYTES;
    bcg729Decoder(decoder->state, payload, (uint8_t)frame, 0, frame == G729_SID_BYTES, 0, pcm + samples);
    samples += FRAME_SAMPLES;
    payload += frame;
    bytes -= frame;
  }
  return samples;
}

static void conceal(struct decoder *base, int16_t *pcm, size_t samples) {
  struct g729_decoder *decoder = (struct g729_decoder *)base;
  while (samples > 0) {
    int16_t frame[FRAME_SAMPLES];
    const size_t part = samples < FRAME_SAMPLES ? samples : FRAME_SAMPLES;
    bcg729Decoder(decoder->state, NULL, 0, 1, 0, 0, frame);
    memcpy(pcm, frame, part * sizeof *pcm);
    pcm += part;
    samples -= part;
  }
}

static struct encoder *open_encoder(const struct encoder_options *options) {
  struct g729_encoder *encoder = calloc(1, sizeof *encoder);
  if (encoder == NULL) return NULL;
  encoder->annex_b = options->annex_b;
  encoder->state = initBcg729EncoderChannel(encoder->annex_b);
  if (encoder->state != NULL) return &encoder->encoder;
  free(encoder);
  return NULL;
}

static void close_encoder(struct encoder *base) {
  struct g729_encoder *encoder = (struct g729_encoder *)base;
  closeBcg729EncoderChannel(encoder->state);
  free(encoder);
}

static void restart_encoder(struct encoder *base) {
  struct g729_encoder *encoder = (struct g729_encoder *)base;
  bcg729EncoderChannelContextStruct *state = initBcg729EncoderChannel(encoder->annex_b);
  if (state == NULL) return;
  closeBcg729EncoderChannel(encoder->state);
  encoder->state = state;
}

static size_t encode(struct encoder *base, const int16_t *pcm, uint8_t *bytes) {
  struct g729_encoder *encoder = (struct g729_encoder *)base;
  uint8_t length = 0;
  bcg729Encoder(encoder->state, pcm, bytes, &length);
  return length;
}

const struct codec_kind g729_kind = {
    .traits = {.sample_rate = 8000,
               .clock_rate = 8000,
               .frame_samples = FRAME_SAMPLES,
               .frame_ticks = FRAME_SAMPLES,
               .max_frame_bytes = G729_FRAME_BYTES},
    .payload_ticks = payload_ticks,
    .decoder_open = open_decoder,
    .decoder_close = close_decoder,
    .decoder_restart = restart_decoder,
    .decode = decode,
    .conceal = conceal,
    .encoder_open = open_encoder,
    .encoder_close = close_encoder,
    .encoder_restart = restart_encoder,
    .encode = encode,
};
