#include "codec/codec.h"

#include "codec/kind.h"

static const struct codec_kind *const kinds[] = {
    [CODEC_PCMU] = &pcmu_kind,
    [CODEC_PCMA] = &pcma_kind,
    [CODEC_G729] = &g729_kind,
    [CODEC_G722] = &g722_kind,
    [CODEC_G726] = &g726_kind,
    [CODEC_OPUS] = &opus_kind,
};

const struct codec_traits *codec_traits(enum codec codec) { return &kinds[codec]->traits; }

size_t codec_payload_ticks(enum codec codec, const uint8_t *payload, size_t bytes) {
  return kinds[codec]->payload_ticks(payload, bytes);
}

struct decoder *decoder_open(enum codec codec) {
  struct decoder *decoder = kinds[codec]->decoder_open();
  if (decoder != NULL) decoder->kind = kinds[codec];
  return decoder;
}

void decoder_close(struct decoder *decoder) {
  if (decoder != NULL) decoder->kind->decoder_close(decoder);
}

void decoder_restart(struct decoder *decoder) { decoder->kind->decoder_restart(decoder); }

size_t decoder_decode(struct decoder *decoder, const uint8_t *payload, size_t bytes, int16_t *pcm, size_t room) {
  return decoder->kind->decode(decoder, payload, bytes, pcm, room);
}

void decoder_conceal(struct decoder *decoder, int16_t *pcm, size_t samples) {
  decoder->kind->conceal(decoder, pcm, samples);
}

void decoder_recover(struct decoder *decoder, const uint8_t *payload, size_t bytes, int16_t *pcm, size_t samples) {
  if (decoder->kind->recover != NULL) decoder->kind->recover(decoder, payload, bytes, pcm, samples);
  else decoder->kind->conceal(decoder, pcm, samples);
}

bool encoder_options_equal(const struct encoder_options *one, const struct encoder_options *other) {
  return one->annex_b == other->annex_b && one->packet_ms == other->packet_ms && one->max_rate == other->max_rate &&
         one->max_bitrate == other->max_bitrate && one->fec == other->fec && one->constant_rate == other->constant_rate &&
         one->discontinuous == other->discontinuous;
}

struct encoder *encoder_open(enum codec codec, const struct encoder_options *options) {
  struct encoder *encoder = kinds[codec]->encoder_open(options);
  if (encoder != NULL) encoder->kind = kinds[codec];
  return encoder;
}

void encoder_close(struct encoder *encoder) {
  if (encoder != NULL) encoder->kind->encoder_close(encoder);
}

void encoder_restart(struct encoder *encoder) { encoder->kind->encoder_restart(encoder); }

size_t encoder_encode(struct encoder *encoder, const int16_t *pcm, uint8_t *bytes) {
  return encoder->kind->encode(encoder, pcm, bytes);
}

void encoder_forget_part(struct encoder *encoder) {
  if (encoder->kind->forget_part != NULL) encoder->kind->forget_part(encoder);
}

void encoder_expect_loss(struct encoder *encoder, unsigned percent) {
  if (encoder->kind->expect_loss != NULL) encoder->kind->expect_loss(encoder, percent);
}
