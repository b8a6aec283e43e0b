/*
 * codec-alone: 8 kHz mono s16 of this machine's byte order on standard input, encoded to G.729 and decoded again with
 * bcg729 and nothing else. On standard output the nanoseconds of CPU that the codec took, without reading. What the
 * benchmark of the media worker is held against.
 */
#define _POSIX_C_SOURCE 200809L
#include <bcg729/decoder.h>
#include <bcg729/encoder.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define SAMPLES_PER_FRAME 80
#define BYTES_PER_FRAME 10
#define MAX_FRAMES 60000 /* ten minutes */

static int16_t samples[MAX_FRAMES][SAMPLES_PER_FRAME];
static uint8_t frames[MAX_FRAMES][BYTES_PER_FRAME];

static int64_t cpu_ns(void) {
  struct timespec used;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

int main(void) {
  bcg729EncoderChannelContextStruct *encoder = initBcg729EncoderChannel(0);
  bcg729DecoderChannelContextStruct *decoder = initBcg729DecoderChannel();
  const size_t count = fread(samples, sizeof samples[0], MAX_FRAMES, stdin);
  if (encoder == NULL || decoder == NULL || count == 0) {
    fputs("codec-alone: no memory, or nothing to encode\n", stderr);
    return 1;
  }
  const int64_t before = cpu_ns();
  for (size_t i = 0; i < count; i++) {
    uint8_t length = 0;
    bcg729Encoder(encoder, samples[i], frames[i], &length);
  }
  for (size_t i = 0; i < count; i++) bcg729Decoder(decoder, frames[i], BYTES_PER_FRAME, 0, 0, 0, samples[i]);
  printf("%" PRId64 "\n", cpu_ns() - before);
  closeBcg729EncoderChannel(encoder);
  closeBcg729DecoderChannel(decoder);
  return 0;
}
