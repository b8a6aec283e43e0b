/*
 * One codec at work, for make bench-media-qemu: codec-run CODEC encode|decode FRAMES plain|fec < PCM
 *
 * CODEC is the number that codec.h gives it; PCM at its sample rate, 10 ms a frame, is begun again at its end. Decoding encodes
 * each frame first, so that what it costs is the difference. With `fec` packets carry forward error correction (Opus).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/codec.h"

#define MAX_INPUT_SAMPLES (10 * MAX_SAMPLE_RATE)
/* Of a codec whose packets are coded whole: 60 ms at most. */
#define MAX_PACKET_FRAMES 6

int main(int argument_count, char **arguments) {
  static int16_t input[MAX_INPUT_SAMPLES];
  if (argument_count != 5) return 2;
  const enum codec codec = (enum codec)(atoi(arguments[1]) % CODEC_COUNT);
  const unsigned frames = (unsigned)atoi(arguments[3]);
  const size_t frame_samples = codec_traits(codec)->frame_samples;
  const size_t available = fread(input, sizeof *input, MAX_INPUT_SAMPLES, stdin) / frame_samples;
  struct encoder *encoder = encoder_open(codec, &(struct encoder_options){.fec = strcmp(arguments[4], "fec") == 0});
  struct decoder *decoder = decoder_open(codec);
  if (available == 0 || encoder == NULL || decoder == NULL) return 1;
  unsigned sum = 0;
  for (unsigned frame = 0; frame < frames; frame++) {
    uint8_t bytes[MAX_PACKET_FRAMES * MAX_FRAME_BYTES];
    const size_t length = encoder_encode(encoder, input + frame % available * frame_samples, bytes);
    if (length == 0 || length == ENCODER_WAITS) continue;
    sum += bytes[length - 1];
    int16_t pcm[MAX_PACKET_FRAMES * MAX_FRAME_SAMPLES];
    if (strcmp(arguments[2], "decode") == 0) {
      sum += (unsigned)pcm[decoder_decode(decoder, bytes, length, pcm, MAX_PACKET_FRAMES * MAX_FRAME_SAMPLES) - 1];
    }
  }
  printf("%u\n", sum);
  encoder_close(encoder);
  decoder_close(decoder);
  return 0;
}
