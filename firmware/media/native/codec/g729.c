#include <bcg729/decoder.h>
#include <bcg729/encoder.h>
#include <stdlib.h>

#include "codec/codec.h"

struct g729 {
  bcg729DecoderChannelContextStruct *decoder;
  bcg729EncoderChannelContextStruct *encoder;
};

struct g729 *g729_open(void) {
  struct g729 *g729 = calloc(1, sizeof *g729);
  if (g729 == NULL) return NULL;
  g729->decoder = initBcg729DecoderChannel();
  g729->encoder = initBcg729EncoderChannel(0);
  if (g729->decoder != NULL && g729->encoder != NULL) return g729;
  g729_close(g729);
  return NULL;
}

void g729_close(struct g729 *g729) {
  if (g729 == NULL) return;
  if (g729->decoder != NULL) closeBcg729DecoderChannel(g729->decoder);
  if (g729->encoder != NULL) closeBcg729EncoderChannel(g729->encoder);
  free(g729);
}

void g729_restart(struct g729 *g729) {
  bcg729DecoderChannelContextStruct *decoder = initBcg729DecoderChannel();
  if (decoder == NULL) return;
  closeBcg729DecoderChannel(g729->decoder);
  g729->decoder = decoder;
}

void g729_decode(struct g729 *g729, const uint8_t *bytes, size_t length, int16_t *pcm) {
  bcg729Decoder(g729->decoder, bytes, (uint8_t)length, 0, length == G729_SID_BYTES, 0, pcm);
}

void g729_conceal(struct g729 *g729, int16_t *pcm) { bcg729Decoder(g729->decoder, NULL, 0, 1, 0, 0, pcm); }

void g729_encode(struct g729 *g729, const int16_t *pcm, uint8_t *bytes) {
  uint8_t length = 0;
  bcg729Encoder(g729->encoder, pcm, bytes, &length);
}
