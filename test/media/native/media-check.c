/*
 * The packet code as a program under sanitizers.
 *
 *   media-check run [PART]          every check, or those with PART in their name; prints "ok NAME" or "not ok NAME: …"
 *   media-check decode CODEC        payload on standard input to PCM on standard output
 *   media-check encode CODEC        PCM to payload
 *   media-check chain FROM TO PERCENT conceal|silence   see chain.c
 *   media-check words KIND          test sequences of recommendations, see words.c
 *   media-check reference           PCM through G.729 and through bcg729 as it came: where do they differ
 *   media-check digits              the digits in PCM, then how many of how many 10 ms would be muted
 *   media-check sessions COUNT      so many sessions opened and closed, and the bytes that they left
 *   media-check fuzz SEED SECONDS   hostile packets for as long as that
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "conversion.h"

static enum codec codec_named(const char *name) {
  if (strcmp(name, "pcma") == 0) return CODEC_PCMA;
  if (strcmp(name, "g722") == 0) return CODEC_G722;
  if (strcmp(name, "g726") == 0) return CODEC_G726;
  return strcmp(name, "g729") == 0 ? CODEC_G729 : CODEC_PCMU;
}

static void convert(bool decoding, enum codec codec) {
  const struct codec_traits *traits = codec_traits(codec);
  struct decoder *decoder = decoder_open(codec);
  struct encoder *encoder = encoder_open(codec, &(struct encoder_options){0});
  if (decoder == NULL || encoder == NULL) abort();
  int16_t pcm[MAX_FRAME_SAMPLES];
  uint8_t bytes[MAX_FRAME_BYTES];
  for (;;) {
    memset(pcm, 0, sizeof pcm);
    if (decoding) {
      const size_t got = fread(bytes, 1, traits->max_frame_bytes, stdin);
      if (codec_payload_ticks(codec, bytes, got) == 0) break;
      fwrite(pcm, sizeof *pcm, decoder_decode(decoder, bytes, got, pcm, MAX_FRAME_SAMPLES), stdout);
    } else {
      if (fread(pcm, sizeof *pcm, traits->frame_samples, stdin) == 0) break;
      fwrite(bytes, 1, encoder_encode(encoder, pcm, bytes), stdout);
    }
  }
  decoder_close(decoder);
  encoder_close(encoder);
}

int main(int count_of_arguments, char **arguments) {
  if (count_of_arguments == 4 && strcmp(arguments[1], "fuzz") == 0) {
    return fuzz((unsigned)atoi(arguments[2]), (unsigned)atoi(arguments[3])) ? 0 : 1;
  }
  if (count_of_arguments >= 2 && strcmp(arguments[1], "run") == 0) {
    return run_checks(count_of_arguments > 2 ? arguments[2] : "") == 0 ? 0 : 1;
  }
  if (count_of_arguments == 2 && strcmp(arguments[1], "digits") == 0) {
    print_digits();
    return 0;
  }
  if (count_of_arguments == 2 && strcmp(arguments[1], "reference") == 0) return same_as_reference() ? 0 : 1;
  if (count_of_arguments == 3 && strcmp(arguments[1], "sessions") == 0) {
    return lifetime(strtoull(arguments[2], NULL, 10)) ? 0 : 1;
  }
  if (count_of_arguments == 6 && strcmp(arguments[1], "chain") == 0) {
    chain(arguments[2], arguments[3], (unsigned)atoi(arguments[4]), strcmp(arguments[5], "conceal") == 0);
    return 0;
  }
  if (count_of_arguments == 3 && strcmp(arguments[1], "words") == 0 && words(arguments[2])) return 0;
  if (count_of_arguments == 3) {
    convert(strcmp(arguments[1], "decode") == 0, codec_named(arguments[2]));
    return 0;
  }
  fprintf(stderr, "usage: media-check run [PART] | decode CODEC | encode CODEC | chain ... | words KIND | reference | digits | sessions COUNT | fuzz SEED SECONDS\n");
  return 2;
}
