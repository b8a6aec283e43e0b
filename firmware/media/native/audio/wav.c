#include "audio/wav.h"

#include <string.h>

#include "codec/codec.h"
#include "codec/g711.h"

#define CHUNK_HEADER_BYTES 8
#define FORM_BYTES 4
#define FORMAT_BYTES 16
#define EXTENSIBLE_BYTES 40
#define EXTENSIBLE_CODING_OFFSET 24

/* RFC 2361 A: what a format chunk calls its coding. */
#define TAG_PCM 1
#define TAG_ALAW 6
#define TAG_ULAW 7
#define TAG_G722 0x28f /* not registered there, and what others write and read all the same */
#define TAG_EXTENSIBLE 0xfffe /* the coding is told by a GUID, whose first two bytes are such a tag */

static uint16_t read16(const uint8_t *bytes) { return (uint16_t)(bytes[0] | bytes[1] << 8); }

static uint32_t read32(const uint8_t *bytes) { return read16(bytes) | (uint32_t)read16(bytes + 2) << 16; }

/* The GUIDs of the codings differ in their first two bytes alone. */
static bool is_coding_guid(const uint8_t *guid) {
  static const uint8_t rest[14] = {0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71};
  return memcmp(guid + 2, rest, sizeof rest) == 0;
}

static enum wav_fault parse_format(const uint8_t *chunk, size_t length, struct wav *wav) {
  if (length < FORMAT_BYTES) return WAV_NO_FORMAT;
  uint16_t tag = read16(chunk);
  if (tag == TAG_EXTENSIBLE) {
    if (length < EXTENSIBLE_BYTES || !is_coding_guid(chunk + EXTENSIBLE_CODING_OFFSET)) return WAV_UNSUPPORTED;
    tag = read16(chunk + EXTENSIBLE_CODING_OFFSET);
  }
  const uint16_t channels = read16(chunk + 2);
  wav->sample_rate = read32(chunk + 4);
  const uint16_t block_bytes = read16(chunk + 12);
  const uint16_t bits = read16(chunk + 14);
  if (tag == TAG_PCM && bits == 16) wav->coding = WAV_PCM16;
  else if (tag == TAG_ALAW && bits == 8) wav->coding = WAV_ALAW;
  else if (tag == TAG_ULAW && bits == 8) wav->coding = WAV_ULAW;
  else if (tag == TAG_G722 && wav->sample_rate == 16000) wav->coding = WAV_G722;
  else return WAV_UNSUPPORTED;
  if (channels != 1 || (wav->sample_rate != 8000 && wav->sample_rate != 16000)) return WAV_UNSUPPORTED;
  if (wav->coding == WAV_G722) return block_bytes == 1 ? WAV_OK : WAV_NO_FORMAT;
  return block_bytes == bits / 8 ? WAV_OK : WAV_NO_FORMAT;
}

enum wav_fault wav_parse(const uint8_t *bytes, size_t length, struct wav *wav) {
  if (length < CHUNK_HEADER_BYTES + FORM_BYTES || memcmp(bytes, "RIFF", 4) != 0 || memcmp(bytes + 8, "WAVE", 4) != 0) {
    return WAV_NOT_RIFF;
  }
  const uint32_t form = read32(bytes + 4);
  if (form < FORM_BYTES || form > length - CHUNK_HEADER_BYTES) return WAV_TRUNCATED;
  const size_t end = CHUNK_HEADER_BYTES + (size_t)form;
  bool format_known = false;
  size_t offset = CHUNK_HEADER_BYTES + FORM_BYTES;
  while (end - offset >= CHUNK_HEADER_BYTES) {
    const uint8_t *chunk = bytes + offset + CHUNK_HEADER_BYTES;
    const size_t size = read32(bytes + offset + 4);
    if (size > end - offset - CHUNK_HEADER_BYTES) return WAV_TRUNCATED;
    if (memcmp(bytes + offset, "fmt ", 4) == 0) {
      const enum wav_fault fault = parse_format(chunk, size, wav);
      if (fault != WAV_OK) return fault;
      format_known = true;
    } else if (memcmp(bytes + offset, "data", 4) == 0) {
      if (!format_known) return WAV_NO_FORMAT;
      const size_t sample_bytes = wav->coding == WAV_PCM16 ? 2 : 1;
      if (size == 0) return WAV_NO_DATA;
      if (size % sample_bytes != 0) return WAV_TRUNCATED;
      wav->data = chunk;
      wav->samples = wav->coding == WAV_G722 ? 2 * size : size / sample_bytes;
      return WAV_OK;
    }
    offset += CHUNK_HEADER_BYTES + size;
    /* A chunk of odd length is followed by a byte that does not count; the last one is at times left out. */
    if (size % 2 != 0 && offset < end) offset++;
  }
  return WAV_NO_DATA;
}

const char *wav_fault_text(enum wav_fault fault) {
  switch (fault) {
    case WAV_OK:
      return "nothing is wrong with it";
    case WAV_NOT_RIFF:
      return "it is no WAV file";
    case WAV_TRUNCATED:
      return "it ends before its lengths say";
    case WAV_NO_FORMAT:
      return "its format is missing or contradicts itself";
    case WAV_UNSUPPORTED:
      return "it is not one channel of 16-bit PCM, A-law or mu-law at 8 or 16 kHz, or of G.722 at 16 kHz";
    case WAV_NO_DATA:
      return "there is no audio in it";
  }
  return "unknown";
}

size_t wav_read(const struct wav *wav, size_t from, int16_t *pcm, size_t count) {
  if (from >= wav->samples || wav->coding == WAV_G722) return 0;
  if (count > wav->samples - from) count = wav->samples - from;
  if (wav->coding == WAV_PCM16) {
    for (size_t i = 0; i < count; i++) pcm[i] = (int16_t)read16(wav->data + 2 * (from + i));
  } else {
    g711_decode(wav->coding == WAV_ALAW ? G711_ALAW : G711_ULAW, wav->data + from, count, pcm);
  }
  return count;
}

bool wav_decode_g722(const struct wav *wav, int16_t *pcm) {
  struct decoder *decoder = decoder_open(CODEC_G722);
  if (decoder == NULL) return false;
  decoder_decode(decoder, wav->data, wav->samples / 2, pcm, wav->samples);
  decoder_close(decoder);
  return true;
}
