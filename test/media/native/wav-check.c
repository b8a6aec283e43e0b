#include <stdlib.h>
#include <string.h>

#include "audio/wav.h"
#include "bench.h"
#include "codec/codec.h"

static const uint8_t PLAIN[] = {'R', 'I', 'F', 'F', 40, 0, 0, 0, 'W', 'A', 'V', 'E', 'f', 'm', 't', ' ',
                                16,  0,   0,   0,   1,  0, 1, 0, 0x40, 0x1f, 0, 0, 0x80, 0x3e, 0, 0,
                                2,   0,   16,  0,   'd', 'a', 't', 'a', 4, 0, 0, 0, 0x34, 0x12, 0xff, 0xff};

/* Parses a copy that ends where the allocation does, so that the sanitizer sees each byte too many. */
static enum wav_fault parse(const uint8_t *bytes, size_t length, struct wav *wav) {
  uint8_t *copy = malloc(length == 0 ? 1 : length);
  memcpy(copy, bytes, length);
  const enum wav_fault fault = wav_parse(copy, length, wav);
  if (fault == WAV_OK) {
    int16_t pcm[64];
    for (size_t at = 0; at < wav->samples && at < 1000000; at += 64) wav_read(wav, at, pcm, 64);
  }
  free(copy);
  return fault;
}

CHECK(check_wav, "a WAV file is read") {
  struct wav wav;
  int16_t pcm[4] = {0};
  EXPECT(wav_parse(PLAIN, sizeof PLAIN, &wav), WAV_OK);
  EXPECT(wav.coding, WAV_PCM16);
  EXPECT(wav.sample_rate, 8000);
  EXPECT(wav.samples, 2);
  EXPECT(wav_read(&wav, 0, pcm, 4), 2);
  EXPECT(pcm[0], 0x1234);
  EXPECT(pcm[1], -1);
  EXPECT(wav_read(&wav, 1, pcm, 4), 1);
  EXPECT(wav_read(&wav, 2, pcm, 4), 0);
  EXPECT(wav_read(&wav, SIZE_MAX, pcm, 4), 0);
}

CHECK(check_wav_chunks, "chunks that are not known are passed over, of odd length too") {
  uint8_t bytes[sizeof PLAIN + 12];
  struct wav wav;
  memcpy(bytes, PLAIN, 12);
  memcpy(bytes + 12, "LIST\3\0\0\0abc", 12);
  memcpy(bytes + 24, PLAIN + 12, sizeof PLAIN - 12);
  bytes[4] = 52;
  EXPECT(parse(bytes, sizeof bytes, &wav), WAV_OK);
  EXPECT(wav.samples, 2);
  /* A-law of three samples, whose pad byte is left out. */
  memcpy(bytes, PLAIN, sizeof PLAIN);
  bytes[4] = 39;
  bytes[20] = 6;
  bytes[32] = 1;
  bytes[34] = 8;
  bytes[40] = 3;
  EXPECT(parse(bytes, sizeof PLAIN - 1, &wav), WAV_OK);
  EXPECT(wav.coding, WAV_ALAW);
  EXPECT(wav.samples, 3);
}

CHECK(check_wav_codings, "a WAV file says its coding by a tag, or by a GUID that is one of those") {
  static const struct {
    uint8_t tag, bits;
    enum wav_coding coding;
    int16_t first; /* of the byte 0x34, or of 0x1234 */
  } cases[] = {{1, 16, WAV_PCM16, 0x1234}, {6, 8, WAV_ALAW, -8960}, {7, 8, WAV_ULAW, -3388}};
  for (unsigned i = 0; i < 3; i++) {
    uint8_t bytes[sizeof PLAIN + 24];
    struct wav wav;
    int16_t pcm[4];
    memcpy(bytes, PLAIN, sizeof PLAIN);
    bytes[20] = cases[i].tag;
    bytes[32] = cases[i].bits / 8;
    bytes[34] = cases[i].bits;
    EXPECT(parse(bytes, sizeof PLAIN, &wav), WAV_OK);
    EXPECT(wav.coding, cases[i].coding);
    EXPECT(wav_parse(bytes, sizeof PLAIN, &wav), WAV_OK);
    EXPECT(wav.samples, cases[i].bits == 8 ? 4 : 2);
    EXPECT(wav_read(&wav, 0, pcm, 1), 1);
    if (pcm[0] != cases[i].first) EXPECT(pcm[0], cases[i].first);
    /* The same with WAVE_FORMAT_EXTENSIBLE. */
    memcpy(bytes + 36, "\x16\0\x10\0\4\0\0\0", 8);
    memcpy(bytes + 44, (const uint8_t[]){cases[i].tag, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71}, 16);
    memcpy(bytes + 60, PLAIN + 36, 12);
    bytes[4] = 64;
    bytes[16] = 40;
    bytes[20] = 0xfe;
    bytes[21] = 0xff;
    EXPECT(parse(bytes, sizeof bytes, &wav), WAV_OK);
    EXPECT(wav.coding, cases[i].coding);
    bytes[59] ^= 1;
    EXPECT(parse(bytes, sizeof bytes, &wav), WAV_UNSUPPORTED);
  }
}

CHECK(check_wav_g722, "G.722 has two samples a byte, at 16 kHz alone, and is decoded as a whole") {
  static const uint8_t codes[] = {0xfa, 0xdb, 0x30, 0x98};
  uint8_t bytes[sizeof PLAIN];
  struct wav wav;
  int16_t pcm[8], expected[8];
  memcpy(bytes, PLAIN, sizeof bytes);
  memcpy(bytes + 20, "\x8f\2\1\0\x80\x3e\0\0\x40\x1f\0\0\1\0\4\0", 16);
  memcpy(bytes + 44, codes, sizeof codes);
  EXPECT(parse(bytes, sizeof bytes, &wav), WAV_OK);
  EXPECT(wav.coding, WAV_G722);
  EXPECT(wav.samples, 8);
  EXPECT(wav_parse(bytes, sizeof bytes, &wav), WAV_OK);
  EXPECT(wav_read(&wav, 0, pcm, 8), 0);
  EXPECT(wav_decode_g722(&wav, pcm), true);
  struct decoder *decoder = decoder_open(CODEC_G722);
  decoder_decode(decoder, codes, sizeof codes, expected, 8);
  decoder_close(decoder);
  EXPECT(memcmp(pcm, expected, sizeof pcm), 0);
  bytes[32] = 2;
  EXPECT(parse(bytes, sizeof bytes, &wav), WAV_NO_FORMAT);
  bytes[32] = 1;
  memcpy(bytes + 24, "\x40\x1f", 2);
  EXPECT(parse(bytes, sizeof bytes, &wav), WAV_UNSUPPORTED);
}

CHECK(check_wav_lies, "a WAV file that lies is an error") {
  static const struct {
    unsigned at;
    uint8_t bytes[4];
    unsigned count;
    enum wav_fault fault;
  } cases[] = {
      {0, {'R', 'I', 'F', 'X'}, 4, WAV_NOT_RIFF},
      {8, {'A', 'V', 'I', ' '}, 4, WAV_NOT_RIFF},
      {4, {41, 0, 0, 0}, 4, WAV_TRUNCATED},
      {4, {0xff, 0xff, 0xff, 0xff}, 4, WAV_TRUNCATED},
      {4, {0, 0, 0, 0}, 4, WAV_TRUNCATED},
      {4, {4, 0, 0, 0}, 4, WAV_NO_DATA},
      {16, {0xff, 0xff, 0xff, 0xff}, 4, WAV_TRUNCATED},
      {16, {14, 0, 0, 0}, 4, WAV_NO_FORMAT},
      {20, {3, 0}, 2, WAV_UNSUPPORTED},
      {20, {0xfe, 0xff}, 2, WAV_UNSUPPORTED},
      {22, {2, 0}, 2, WAV_UNSUPPORTED},
      {22, {0, 0}, 2, WAV_UNSUPPORTED},
      {24, {0x44, 0xac, 0, 0}, 4, WAV_UNSUPPORTED},
      {24, {0, 0, 0, 0}, 4, WAV_UNSUPPORTED},
      {32, {4, 0}, 2, WAV_NO_FORMAT},
      {34, {24, 0}, 2, WAV_UNSUPPORTED},
      {36, {'f', 'a', 'c', 't'}, 4, WAV_NO_DATA},
      {40, {0, 0, 0, 0}, 4, WAV_NO_DATA},
      {40, {3, 0, 0, 0}, 4, WAV_TRUNCATED},
      {40, {6, 0, 0, 0}, 4, WAV_TRUNCATED},
      {40, {0xff, 0xff, 0xff, 0xff}, 4, WAV_TRUNCATED},
      {12, {'f', 'm', 't', 'x'}, 4, WAV_NO_FORMAT},
  };
  struct wav wav;
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint8_t bytes[sizeof PLAIN];
    memcpy(bytes, PLAIN, sizeof bytes);
    memcpy(bytes + cases[i].at, cases[i].bytes, cases[i].count);
    EXPECT(parse(bytes, sizeof bytes, &wav), cases[i].fault);
  }
  for (size_t length = 0; length < sizeof PLAIN; length++) EXPECT(parse(PLAIN, length, &wav) == WAV_OK, false);
}

CHECK(check_wav_noise, "no bytes crash the WAV reader") {
  srand(7);
  struct wav wav;
  for (unsigned round = 0; round < 20000; round++) {
    uint8_t bytes[128];
    memcpy(bytes, PLAIN, sizeof PLAIN);
    for (size_t i = sizeof PLAIN; i < sizeof bytes; i++) bytes[i] = (uint8_t)rand();
    for (unsigned i = 0; i < 1 + round % 6; i++) bytes[(unsigned)rand() % sizeof PLAIN] = (uint8_t)rand();
    parse(bytes, (size_t)rand() % sizeof bytes, &wav);
  }
}
