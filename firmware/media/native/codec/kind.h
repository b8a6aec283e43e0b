/*
 * What a codec has to be able to do. One file a codec defines its kind; codec.c knows them all. Each coder begins with the
 * member of this name, and is otherwise the codec's own.
 */
#ifndef RINGDOWN_CODEC_KIND_H
#define RINGDOWN_CODEC_KIND_H

#include "codec/codec.h"

struct decoder {
  const struct codec_kind *kind;
};

struct encoder {
  const struct codec_kind *kind;
};

/* Each as the function of codec.h with that name. `kind` of a coder is set by codec.c once it is open. */
struct codec_kind {
  struct codec_traits traits;
  size_t (*payload_ticks)(const uint8_t *payload, size_t bytes);

  struct decoder *(*decoder_open)(void);
  void (*decoder_close)(struct decoder *decoder);
  void (*decoder_restart)(struct decoder *decoder);
  size_t (*decode)(struct decoder *decoder, const uint8_t *payload, size_t bytes, int16_t *pcm, size_t room);
  void (*conceal)(struct decoder *decoder, int16_t *pcm, size_t samples);
  /* NULL: a payload says nothing of the time before it. */
  void (*recover)(struct decoder *decoder, const uint8_t *payload, size_t bytes, int16_t *pcm, size_t samples);

  struct encoder *(*encoder_open)(const struct encoder_options *options);
  void (*encoder_close)(struct encoder *encoder);
  void (*encoder_restart)(struct encoder *encoder);
  size_t (*encode)(struct encoder *encoder, const int16_t *pcm, uint8_t *bytes);
  void (*forget_part)(struct encoder *encoder);                    /* NULL: nothing ever waits */
  void (*expect_loss)(struct encoder *encoder, unsigned percent); /* NULL: nothing is done about it */
};

extern const struct codec_kind pcmu_kind;
extern const struct codec_kind pcma_kind;
extern const struct codec_kind g729_kind;
extern const struct codec_kind g722_kind;
extern const struct codec_kind g726_kind;
extern const struct codec_kind opus_kind;

#endif
