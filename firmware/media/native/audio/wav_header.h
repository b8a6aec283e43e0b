/* The head of a RIFF WAVE file of 16 bit PCM, which is written before it is known how long the file becomes. */
#ifndef RINGDOWN_WAV_HEADER_H
#define RINGDOWN_WAV_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#define WAV_HEADER_BYTES 44
/* The sizes in the head have 32 bits; even, so that no chunk needs padding. */
#define WAV_MAX_DATA_BYTES (UINT32_MAX - WAV_HEADER_BYTES - 3)

struct wav_header {
  uint32_t sample_rate;
  uint16_t channels;   /* 1 or 2 */
  uint32_t data_bytes; /* what follows the head */
};

void wav_header_write(const struct wav_header *header, uint8_t bytes[WAV_HEADER_BYTES]);
/* False for anything that wav_header_write does not write. */
bool wav_header_read(const uint8_t bytes[WAV_HEADER_BYTES], struct wav_header *header);

#endif
