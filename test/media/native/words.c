/*
 * media-check words KIND: the recommendations' test sequences as 16-bit words of this machine's byte order, from standard input
 * to standard output.
 *
 *   g722-encode                      two equal bands of samples (.XMT) to codes (.COD), §II.2: a word with its lowest bit set resets
 *   g722-low1, -low2, -low3, -high   codes (.COD) to what one band decodes to in a mode (.RC1, .RC2, .RC3, .RC0)
 *   g729-encode, g729b-encode        PCM (.IN) to serial bits (.BIT): 0x6b21, how many, then a word for each bit
 *   g729-decode                      serial bits to PCM (.PST); 0x6b20, or a word that is no bit, is a frame that was lost
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/codec.h"
#include "codec/g722.h"
#include "conversion.h"

#define RESET_BIT 1
#define SYNC_GOOD 0x6b21
#define BIT_ZERO 0x7f
#define BIT_ONE 0x81
#define FRAME_BITS (8 * G729_FRAME_BYTES)
#define SID_BITS (8 * G729_SID_BYTES)

static bool read_word(uint16_t *word) { return fread(word, sizeof *word, 1, stdin) == 1; }

static void write_word(uint16_t word) { fwrite(&word, sizeof word, 1, stdout); }

static void g722_words(const char *kind) {
  struct g722_bands bands;
  g722_bands_start(&bands);
  const bool encoding = strcmp(kind, "g722-encode") == 0, high_wanted = strcmp(kind, "g722-high") == 0;
  const unsigned mode = encoding || high_wanted ? 1 : (unsigned)(kind[strlen(kind) - 1] - '0');
  uint16_t word;
  while (read_word(&word)) {
    if ((word & RESET_BIT) != 0) {
      g722_bands_start(&bands);
      write_word(RESET_BIT);
    } else if (encoding) {
      const int sample = (int16_t)word >> 1;
      write_word((uint16_t)(g722_bands_encode(&bands, sample, sample) << 8));
    } else {
      int low, high;
      g722_bands_decode(&bands, (uint8_t)(word >> 8), mode, &low, &high);
      write_word((uint16_t)((high_wanted ? high : low) * 2));
    }
  }
}

static void g729_encode_words(bool annex_b) {
  struct encoder *encoder = encoder_open(CODEC_G729, &(struct encoder_options){.annex_b = annex_b});
  int16_t pcm[FRAME_SAMPLES];
  while (fread(pcm, sizeof *pcm, FRAME_SAMPLES, stdin) == FRAME_SAMPLES) {
    uint8_t bytes[MAX_FRAME_BYTES];
    const size_t bits = 8 * encoder_encode(encoder, pcm, bytes);
    write_word(SYNC_GOOD);
    write_word((uint16_t)bits);
    for (size_t i = 0; i < bits; i++) write_word(bytes[i / 8] >> (7 - i % 8) & 1 ? BIT_ONE : BIT_ZERO);
  }
  encoder_close(encoder);
}

/* The bits of one frame. False: one of them is none. */
static bool read_bits(uint8_t *bytes, size_t bits) {
  bool whole = true;
  for (size_t i = 0; i < bits; i++) {
    uint16_t word = 0;
    if (!read_word(&word) || (word != BIT_ZERO && word != BIT_ONE)) whole = false;
    else if (word == BIT_ONE) bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
  }
  return whole;
}

static void g729_decode_words(void) {
  struct decoder *decoder = decoder_open(CODEC_G729);
  uint16_t sync, bits;
  while (read_word(&sync) && read_word(&bits) && bits <= FRAME_BITS) {
    uint8_t bytes[G729_FRAME_BYTES] = {0};
    int16_t pcm[FRAME_SAMPLES];
    const bool whole = read_bits(bytes, bits) && sync == SYNC_GOOD;
    /* The bits of a descriptor are 15; a word more makes them whole bytes. */
    const size_t length = bits == FRAME_BITS ? G729_FRAME_BYTES : bits == SID_BITS || bits == SID_BITS - 1 ? G729_SID_BYTES : 0;
    if (whole && length > 0) decoder_decode(decoder, bytes, length, pcm, FRAME_SAMPLES);
    else decoder_conceal(decoder, pcm, FRAME_SAMPLES);
    fwrite(pcm, sizeof *pcm, FRAME_SAMPLES, stdout);
  }
  decoder_close(decoder);
}

bool words(const char *kind) {
  static const char *const g722_kinds[] = {"g722-encode", "g722-low1", "g722-low2", "g722-low3", "g722-high"};
  for (unsigned i = 0; i < sizeof g722_kinds / sizeof *g722_kinds; i++) {
    if (strcmp(kind, g722_kinds[i]) == 0) return g722_words(kind), true;
  }
  if (strcmp(kind, "g729-encode") == 0) return g729_encode_words(false), true;
  if (strcmp(kind, "g729b-encode") == 0) return g729_encode_words(true), true;
  if (strcmp(kind, "g729-decode") == 0) return g729_decode_words(), true;
  return false;
}
