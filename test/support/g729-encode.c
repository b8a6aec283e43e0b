/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * g729-encode: 8 kHz mono s16le on standard input, G.729 Annex A frames of 10 bytes each (10 ms, without Annex B)
 * on standard output. Test phones use it, so that what they send never passed through the box's own addon.
 */
#include <bcg729/encoder.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define SAMPLES_PER_FRAME 80
#define BYTES_PER_FRAME 10

/* Fills one frame, the missing end with silence. 0 at the end of the input. */
static int read_frame(int16_t samples[SAMPLES_PER_FRAME]) {
  uint8_t bytes[2 * SAMPLES_PER_FRAME];
  size_t got = fread(bytes, 1, sizeof bytes, stdin);
  if (got == 0) return 0;
  memset(bytes + got, 0, sizeof bytes - got);
  for (int i = 0; i < SAMPLES_PER_FRAME; i++) {
    samples[i] = (int16_t)(uint16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8);
  }
  return 1;
}

int main(void) {
  bcg729EncoderChannelContextStruct *encoder = initBcg729EncoderChannel(0);
  if (encoder == NULL) {
    fputs("g729-encode: no memory for the encoder\n", stderr);
    return 1;
  }
  int16_t samples[SAMPLES_PER_FRAME];
  while (read_frame(samples)) {
    uint8_t frame[BYTES_PER_FRAME];
    uint8_t length = 0;
    bcg729Encoder(encoder, samples, frame, &length);
    if (length != BYTES_PER_FRAME || fwrite(frame, 1, length, stdout) != length) {
      fputs("g729-encode: a frame could not be written\n", stderr);
      return 1;
    }
  }
  closeBcg729EncoderChannel(encoder);
  return fflush(stdout) == 0 ? 0 : 1;
}
