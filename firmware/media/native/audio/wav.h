/*
 * RIFF WAVE files with one channel of PCM (16 bit), A-law or mu-law at 8 or 16 kHz, or G.722 at 16 kHz: bytes in, values out.
 * What is said in a file is believed only where the file is long enough for it.
 */
#ifndef RINGDOWN_WAV_H
#define RINGDOWN_WAV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wav_coding { WAV_PCM16, WAV_ALAW, WAV_ULAW, WAV_G722 };

enum wav_fault {
  WAV_OK,
  WAV_NOT_RIFF,      /* no RIFF file of the form WAVE */
  WAV_TRUNCATED,     /* a chunk is longer than the file, or the file is than its form */
  WAV_NO_FORMAT,     /* no format chunk before the data, or one that contradicts itself */
  WAV_UNSUPPORTED,   /* another coding, rate or number of channels */
  WAV_NO_DATA,       /* no data chunk, or an empty one */
};

struct wav {
  enum wav_coding coding;
  uint32_t sample_rate; /* 8000 or 16000 */
  const uint8_t *data;  /* within the file's bytes */
  size_t samples;       /* at least 1; of G.722 two a byte */
};

/* `bytes` must stay where they are for as long as the result is used. With a fault *wav is undefined. */
enum wav_fault wav_parse(const uint8_t *bytes, size_t length, struct wav *wav);
/* What is wrong with a file, for an error message. */
const char *wav_fault_text(enum wav_fault fault);
/* Up to `count` samples from the sample `from` on; 0 at the end. Not of G.722, whose samples depend on all before them. */
size_t wav_read(const struct wav *wav, size_t from, int16_t *pcm, size_t count);
/* All samples of G.722. False: no memory. */
bool wav_decode_g722(const struct wav *wav, int16_t *pcm);

#endif
