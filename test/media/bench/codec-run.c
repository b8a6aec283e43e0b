/*
 * One codec at work, for make bench-media-qemu: codec-run CODEC encode|decode FRAMES < PCM
 *
 * CODEC is the number that codec.h gives it; PCM at its sample rate, 10 ms a frame, is begun again at its end. Decoding encodes
 * each frame first, so that what it costs is the difference.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/codec.h"

#define MAX_INPUT_SAMPLES (10 * MAX_SAMPLE_RATE)

int main(int argument_count, char **arguments) {
  static int16_t input[MAX_INPUT_SAMPLES];
  if (argument_count != 4) return 2;
  const enum codec codec = (enum codec)(atoi(arguments[1]) % CODEC_COUNT);
  const unsigned frames = (unsigned)atoi(arguments[3]);
  const size_t frame_samples = codec_traits(codec)->frame_samples;
  const size_t available = fread(input, sizeof *input, MAX_INPUT_SAMPLES, stdin) / frame_samples;
  struct encoder *encoder = encoder_open(codec, false);
  struct decoder *decoder = decoder_open(codec);
  if (available == 0 || encoder == NULL || decoder == NULL) return 1;
  unsigned sum = 0;
  for (unsigned frame = 0; frame < frames; frame++) {
    uint8_t bytes[MAX_FRAME_BYTES];
    const size_t length = encoder_encode(encoder, input + frame % available * frame_samples, bytes);
    if (length > 0) sum += bytes[length - 1];
    int16_t pcm[MAX_FRAME_SAMPLES];
    if (strcmp(arguments[2], "decode") == 0 && length > 0) {
      sum += (unsigned)pcm[decoder_decode(decoder, bytes, length, pcm, MAX_FRAME_SAMPLES) - 1];
    }
  }
  printf("%u\n", sum);
  encoder_close(encoder);
  decoder_close(decoder);
  return 0;
}
