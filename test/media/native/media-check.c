/*
 * The packet code as a program under sanitizers.
 *
 *   media-check run [PART]          every check, or those with PART in their name; prints "ok NAME" or "not ok NAME: …"
 *   media-check decode CODEC        payload on standard input to PCM on standard output
 *   media-check encode CODEC        PCM to payload
 *   media-check fuzz SEED SECONDS   hostile packets for as long as that
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static enum codec codec_named(const char *name) {
  if (strcmp(name, "pcma") == 0) return CODEC_PCMA;
  return strcmp(name, "g729") == 0 ? CODEC_G729 : CODEC_PCMU;
}

static void convert(bool decoding, enum codec codec) {
  struct g729 *g729 = g729_open();
  int16_t pcm[FRAME_SAMPLES];
  uint8_t bytes[FRAME_SAMPLES];
  const size_t frame = codec == CODEC_G729 ? G729_FRAME_BYTES : FRAME_SAMPLES;
  g711_make_tables();
  for (;;) {
    memset(bytes, 0, sizeof bytes);
    const size_t got = decoding ? fread(bytes, 1, frame, stdin) : fread(pcm, sizeof *pcm, FRAME_SAMPLES, stdin);
    if (got == 0 || (codec == CODEC_G729 && got != (decoding ? frame : FRAME_SAMPLES))) break;
    if (codec == CODEC_G729 && decoding) g729_decode(g729, bytes, frame, pcm);
    else if (codec == CODEC_G729) g729_encode(g729, pcm, bytes);
    else if (decoding) g711_decode(codec, bytes, got, pcm);
    else g711_encode(codec, pcm, got, bytes);
    const size_t samples = codec == CODEC_G729 ? FRAME_SAMPLES : got;
    if (decoding) fwrite(pcm, sizeof *pcm, samples, stdout);
    else fwrite(bytes, 1, codec == CODEC_G729 ? frame : got, stdout);
  }
  g729_close(g729);
}

int main(int count_of_arguments, char **arguments) {
  if (count_of_arguments == 4 && strcmp(arguments[1], "fuzz") == 0) {
    g711_make_tables();
    return fuzz((unsigned)atoi(arguments[2]), (unsigned)atoi(arguments[3])) ? 0 : 1;
  }
  if (count_of_arguments >= 2 && strcmp(arguments[1], "run") == 0) {
    return run_checks(count_of_arguments > 2 ? arguments[2] : "") == 0 ? 0 : 1;
  }
  if (count_of_arguments == 3) {
    convert(strcmp(arguments[1], "decode") == 0, codec_named(arguments[2]));
    return 0;
  }
  fprintf(stderr, "usage: media-check run [PART] | decode CODEC | encode CODEC | fuzz SEED SECONDS\n");
  return 2;
}
