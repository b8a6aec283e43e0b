/*
 * All that one codec makes of PCM, to compare processors by: codec-output CODEC plain|pauses|fec < PCM
 * Or which of its builds G.729 runs in here, "wide" or "narrow": codec-output width
 *
 * CODEC is the number that codec.h gives it. Of each packet its length and its bytes, and what a decoder makes of them, of some that
 * are lost, and, at the end, of payloads that nobody coded.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/codec.h"
#include "codec/g729_width.h"

#define PACKET_FRAMES 2 /* of 10 ms, where packets are coded whole */
#define LOST_SHARE 16
#define FOREIGN_PAYLOADS 300
#define FOREIGN_MAX_BYTES 80

/* The same on every machine, other than rand. */
static unsigned next_random(void) {
  static uint32_t state = 1;
  state = state * 1664525 + 1013904223;
  return state >> 16;
}

static void put(const void *bytes, size_t size) {
  if (fwrite(bytes, 1, size, stdout) != size) abort();
}

static void encode_and_decode(struct encoder *encoder, struct decoder *decoder, size_t frame_samples) {
  int16_t pcm[MAX_FRAME_SAMPLES], heard[MAX_PAYLOAD_SAMPLES];
  uint8_t bytes[PACKET_FRAMES * MAX_FRAME_BYTES];
  size_t waiting = 0;
  bool lost = false;
  while (fread(pcm, sizeof *pcm, frame_samples, stdin) == frame_samples) {
    const size_t length = encoder_encode(encoder, pcm, bytes);
    waiting += frame_samples;
    if (length == ENCODER_WAITS) continue;
    const uint16_t size = (uint16_t)length;
    put(&size, sizeof size);
    put(bytes, length);
    if (lost && length > 0) {
      decoder_recover(decoder, bytes, length, heard, waiting);
      put(heard, waiting * sizeof *heard);
    }
    lost = next_random() % LOST_SHARE == 0;
    if (!lost && length > 0) {
      put(heard, decoder_decode(decoder, bytes, length, heard, MAX_PAYLOAD_SAMPLES) * sizeof *heard);
    } else if (length == 0) {
      decoder_conceal(decoder, heard, waiting);
      put(heard, waiting * sizeof *heard);
    }
    waiting = 0;
  }
}

static void decode_foreign(enum codec codec, struct decoder *decoder) {
  for (unsigned payload = 0; payload < FOREIGN_PAYLOADS; payload++) {
    uint8_t bytes[FOREIGN_MAX_BYTES];
    int16_t heard[MAX_PAYLOAD_SAMPLES];
    const size_t frames = 1 + next_random() % 4;
    const size_t length = codec == CODEC_G729 ? frames * G729_FRAME_BYTES : frames * (FOREIGN_MAX_BYTES / 4);
    for (size_t i = 0; i < length; i++) bytes[i] = (uint8_t)next_random();
    if (codec_payload_ticks(codec, bytes, length) == 0) continue;
    put(heard, decoder_decode(decoder, bytes, length, heard, MAX_PAYLOAD_SAMPLES) * sizeof *heard);
    decoder_conceal(decoder, heard, FRAME_SAMPLES);
    put(heard, FRAME_SAMPLES * sizeof *heard);
  }
}

int main(int argument_count, char **arguments) {
  if (argument_count == 2 && strcmp(arguments[1], "width") == 0) {
    puts(g729_is_wide() ? "wide" : "narrow");
    return 0;
  }
  if (argument_count != 3) return 2;
  const enum codec codec = (enum codec)(atoi(arguments[1]) % CODEC_COUNT);
  const struct encoder_options options = {
      .annex_b = strcmp(arguments[2], "pauses") == 0,
      .discontinuous = strcmp(arguments[2], "pauses") == 0,
      .fec = strcmp(arguments[2], "fec") == 0,
      .packet_ms = PACKET_FRAMES * FRAME_MS,
  };
  struct encoder *encoder = encoder_open(codec, &options);
  struct decoder *decoder = decoder_open(codec);
  if (encoder == NULL || decoder == NULL) return 1;
  encoder_expect_loss(encoder, 100 / LOST_SHARE);
  encode_and_decode(encoder, decoder, codec_traits(codec)->frame_samples);
  decode_foreign(codec, decoder);
  encoder_close(encoder);
  decoder_close(decoder);
  return 0;
}
