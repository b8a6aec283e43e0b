/*
 * media-check chain FROM TO PERCENT conceal|silence: speech at 16 kHz from standard input through two codecs, as a call has it:
 * coded by FROM in packets of 20 ms, of which PERCENT are lost, decoded, coded by TO and decoded again. What is heard goes to
 * standard output, at 8 kHz where one of the codecs has no more. "pcm8" and "pcm16" are no codecs at all, to compare with.
 * With "silence" nothing is concealed: what is lost is silent.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "codec/codec.h"
#include "codec/resample.h"
#include "conversion.h"

#define PACKET_FRAMES 2
#define MAX_PCM (PACKET_FRAMES * MAX_FRAME_SAMPLES)

struct hop {
  uint32_t sample_rate;
  struct decoder *decoder; /* NULL: PCM */
  struct encoder *encoder;
  uint8_t bytes[PACKET_FRAMES * MAX_FRAME_BYTES];
};

static struct hop hop_named(const char *name) {
  static const char *const names[] = {"pcmu", "pcma", "g729", "g722", "g726", "opus"};
  struct hop hop = {.sample_rate = strcmp(name, "pcm8") == 0 ? 8000 : 16000};
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
    if (strcmp(name, names[i]) != 0) continue;
    hop.sample_rate = codec_traits((enum codec)i)->sample_rate;
    hop.decoder = decoder_open((enum codec)i);
    hop.encoder = encoder_open((enum codec)i, &(struct encoder_options){0});
  }
  return hop;
}

/* What comes out on the other side of a packet that is lost or not. */
static void cross(struct hop *hop, int16_t *pcm, bool lost, bool concealing) {
  const size_t frame = hop->sample_rate * FRAME_MS / 1000;
  if (hop->encoder == NULL) {
    if (lost) memset(pcm, 0, PACKET_FRAMES * frame * sizeof *pcm);
    return;
  }
  size_t bytes = 0;
  for (unsigned i = 0; i < PACKET_FRAMES; i++) {
    const size_t coded = encoder_encode(hop->encoder, pcm + i * frame, hop->bytes + bytes);
    if (coded != ENCODER_WAITS) bytes += coded;
  }
  if (!lost) decoder_decode(hop->decoder, hop->bytes, bytes, pcm, MAX_PCM);
  else if (concealing) decoder_conceal(hop->decoder, pcm, PACKET_FRAMES * frame);
  else memset(pcm, 0, PACKET_FRAMES * frame * sizeof *pcm);
}

static struct upsampler up;
static struct downsampler down[3];

/* 20 ms from one sample rate to another. */
static void convert(int16_t *pcm, uint32_t from, uint32_t to, struct downsampler *downsampler) {
  if (from > to) {
    downsample(downsampler, pcm, MAX_PCM, pcm);
  } else if (from < to) {
    int16_t slow[MAX_PCM / 2];
    memcpy(slow, pcm, sizeof slow);
    upsample(&up, slow, MAX_PCM / 2, pcm);
  }
}

void chain(const char *from_name, const char *to_name, unsigned percent, bool concealing) {
  struct hop from = hop_named(from_name), to = hop_named(to_name);
  const uint32_t heard_rate = from.sample_rate < to.sample_rate ? from.sample_rate : to.sample_rate;
  int16_t pcm[MAX_PCM];
  uint32_t dice = 1;
  while (fread(pcm, sizeof *pcm, MAX_PCM, stdin) == MAX_PCM) {
    dice = dice * 1664525 + 1013904223;
    const bool lost = (dice >> 16) % 100 < percent;
    convert(pcm, 16000, from.sample_rate, &down[0]);
    cross(&from, pcm, lost, concealing);
    convert(pcm, from.sample_rate, to.sample_rate, &down[1]);
    cross(&to, pcm, false, concealing);
    convert(pcm, to.sample_rate, heard_rate, &down[2]);
    fwrite(pcm, sizeof *pcm, PACKET_FRAMES * heard_rate * FRAME_MS / 1000, stdout);
  }
  decoder_close(from.decoder);
  encoder_close(from.encoder);
  decoder_close(to.decoder);
  encoder_close(to.encoder);
}
