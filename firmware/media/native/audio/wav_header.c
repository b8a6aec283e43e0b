#include "audio/wav_header.h"

#include <string.h>

#define CODING_PCM 1
#define SAMPLE_BYTES 2
#define FORMAT_BYTES 16

static void write16(uint8_t *bytes, unsigned value) {
  bytes[0] = (uint8_t)value;
  bytes[1] = (uint8_t)(value >> 8);
}

static void write32(uint8_t *bytes, uint32_t value) {
  write16(bytes, value & 0xffff);
  write16(bytes + 2, value >> 16);
}

static uint32_t read32(const uint8_t *bytes) {
  return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

void wav_header_write(const struct wav_header *header, uint8_t bytes[WAV_HEADER_BYTES]) {
  memcpy(bytes, "RIFF....WAVEfmt ", 16);
  write32(bytes + 4, WAV_HEADER_BYTES - 8 + header->data_bytes);
  write32(bytes + 16, FORMAT_BYTES);
  write16(bytes + 20, CODING_PCM);
  write16(bytes + 22, header->channels);
  write32(bytes + 24, header->sample_rate);
  write32(bytes + 28, header->sample_rate * header->channels * SAMPLE_BYTES);
  write16(bytes + 32, (unsigned)header->channels * SAMPLE_BYTES);
  write16(bytes + 34, SAMPLE_BYTES * 8);
  memcpy(bytes + 36, "data", 4);
  write32(bytes + 40, header->data_bytes);
}

bool wav_header_read(const uint8_t bytes[WAV_HEADER_BYTES], struct wav_header *header) {
  *header = (struct wav_header){
      .sample_rate = read32(bytes + 24), .channels = (uint16_t)(bytes[22] | bytes[23] << 8), .data_bytes = read32(bytes + 40)};
  uint8_t again[WAV_HEADER_BYTES];
  wav_header_write(header, again);
  return (header->channels == 1 || header->channels == 2) && memcmp(bytes, again, sizeof again) == 0;
}
