/* ITU-T G.726 at 32 kbit/s as a codec of a stream, packed as RFC 3551 §4.5.4 has it: the earlier sample in the lower four bits. */
#include <stdlib.h>

#include "codec/concealment.h"
#include "codec/g726_predictor.h"
#include "codec/kind.h"

#define SAMPLES_PER_BYTE 2
#define FRAME_BYTES (FRAME_SAMPLES / SAMPLES_PER_BYTE)
#define CODE_BITS 4
#define CODE_MASK 15
/* From 16 bits to the 14 of the codec. */
#define SCALE_BITS 2

struct g726_decoder {
  struct decoder decoder;
  struct g726_predictor predictor;
  struct concealment concealment;
};

struct g726_encoder {
  struct encoder encoder;
  struct g726_predictor predictor;
};

static size_t payload_ticks(const uint8_t *payload, size_t bytes) {
  (void)payload;
  return bytes * SAMPLES_PER_BYTE;
}

static void restart_decoder(struct decoder *base) {
  struct g726_decoder *decoder = (struct g726_decoder *)base;
  g726_start(&decoder->predictor);
  concealment_start(&decoder->concealment, 8000);
}

static struct decoder *open_decoder(void) {
  struct g726_decoder *decoder = calloc(1, sizeof *decoder);
  if (decoder == NULL) return NULL;
  restart_decoder(&decoder->decoder);
  return &decoder->decoder;
}

static void close_decoder(struct decoder *decoder) { free(decoder); }

static int16_t widened(int sample) {
  const int wide = sample * (1 << SCALE_BITS);
  return (int16_t)(wide < INT16_MIN ? INT16_MIN : wide > INT16_MAX ? INT16_MAX : wide);
}

static size_t decode(struct decoder *base, const uint8_t *payload, size_t bytes, int16_t *pcm, size_t room) {
  struct g726_decoder *decoder = (struct g726_decoder *)base;
  if (bytes > room / SAMPLES_PER_BYTE) bytes = room / SAMPLES_PER_BYTE;
  for (size_t i = 0; i < bytes; i++) {
    pcm[SAMPLES_PER_BYTE * i] = widened(g726_decode(&decoder->predictor, payload[i] & CODE_MASK));
    pcm[SAMPLES_PER_BYTE * i + 1] = widened(g726_decode(&decoder->predictor, payload[i] >> CODE_BITS));
  }
  concealment_hear(&decoder->concealment, pcm, SAMPLES_PER_BYTE * bytes);
  return SAMPLES_PER_BYTE * bytes;
}

static void conceal(struct decoder *base, int16_t *pcm, size_t samples) {
  struct g726_decoder *decoder = (struct g726_decoder *)base;
  concealment_fill(&decoder->concealment, pcm, samples);
  /* As if codes had come that make this audio: the predictor goes on from where the far end's may be now. */
  for (size_t i = 0; i < samples; i++) g726_encode(&decoder->predictor, pcm[i] >> SCALE_BITS);
}

static void restart_encoder(struct encoder *base) { g726_start(&((struct g726_encoder *)base)->predictor); }

static struct encoder *open_encoder(const struct encoder_options *options) {
  (void)options;
  struct g726_encoder *encoder = calloc(1, sizeof *encoder);
  if (encoder == NULL) return NULL;
  restart_encoder(&encoder->encoder);
  return &encoder->encoder;
}

static void close_encoder(struct encoder *encoder) { free(encoder); }

static size_t encode(struct encoder *base, const int16_t *pcm, uint8_t *bytes) {
  struct g726_encoder *encoder = (struct g726_encoder *)base;
  for (size_t i = 0; i < FRAME_BYTES; i++) {
    const unsigned first = g726_encode(&encoder->predictor, pcm[SAMPLES_PER_BYTE * i] >> SCALE_BITS);
    const unsigned second = g726_encode(&encoder->predictor, pcm[SAMPLES_PER_BYTE * i + 1] >> SCALE_BITS);
    bytes[i] = (uint8_t)(first | second << CODE_BITS);
  }
  return FRAME_BYTES;
}

const struct codec_kind g726_kind = {
    .traits = {.sample_rate = 8000,
               .clock_rate = 8000,
               .frame_samples = FRAME_SAMPLES,
               .frame_ticks = FRAME_SAMPLES,
               .max_frame_bytes = FRAME_BYTES},
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
