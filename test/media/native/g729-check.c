#include <math.h>
#include <stdlib.h>

#include "bench.h"

#define FRAMES 300
#define SPEECH_FRAMES 100

static double power_of(const int16_t *pcm) {
  double power = 0;
  for (unsigned i = 0; i < FRAME_SAMPLES; i++) power += (double)pcm[i] * pcm[i];
  return power / FRAME_SAMPLES;
}

/* A second of a voice, then a room with a faint noise. */
static void next_frame(unsigned frame, int16_t pcm[FRAME_SAMPLES]) {
  for (unsigned i = 0; i < FRAME_SAMPLES; i++) {
    const double time = (frame * FRAME_SAMPLES + i) / 8000.0;
    double sample = rand() % 101 - 50;
    if (frame < SPEECH_FRAMES) {
      for (unsigned k = 1; k < 12; k++) sample += 3000.0 / k * sin(2 * M_PI * (120 + 10 * sin(9 * time)) * k * time) * fabs(sin(12 * time));
    }
    pcm[i] = (int16_t)sample;
  }
}

CHECK(check_annex_b, "G.729 Annex B: silence becomes descriptors and pauses, and the pauses are heard as noise") {
  srand(6);
  struct encoder *encoder = encoder_open(CODEC_G729, &(struct encoder_options){.annex_b = true});
  struct decoder *decoder = decoder_open(CODEC_G729);
  unsigned speech = 0, descriptors = 0, nothing = 0, late = 0;
  double room = 0, noise = 0;
  for (unsigned frame = 0; frame < FRAMES; frame++) {
    int16_t pcm[FRAME_SAMPLES];
    uint8_t bytes[MAX_FRAME_BYTES];
    next_frame(frame, pcm);
    const size_t length = encoder_encode(encoder, pcm, bytes);
    if (frame >= FRAMES / 2) room += power_of(pcm), late += length == G729_FRAME_BYTES;
    speech += length == G729_FRAME_BYTES;
    descriptors += length == G729_SID_BYTES;
    nothing += length == 0;
    if (length > 0) EXPECT(decoder_decode(decoder, bytes, length, pcm, FRAME_SAMPLES), FRAME_SAMPLES);
    else decoder_conceal(decoder, pcm, FRAME_SAMPLES);
    if (frame >= FRAMES / 2) noise += power_of(pcm);
  }
  EXPECT(speech + descriptors + nothing, FRAMES);
  EXPECT(speech >= SPEECH_FRAMES - 20, true);
  EXPECT(descriptors > 0, true);
  EXPECT(nothing > FRAMES / 4, true);
  EXPECT(late < 10, true);
  /* The noise of the far room is heard in a pause, within 6 dB, however long nothing comes. */
  EXPECT(noise > room / 4 && noise < room * 4, true);
  encoder_restart(encoder);
  decoder_close(decoder);
  encoder_close(encoder);
}

CHECK(check_without_annex_b, "G.729 without Annex B: every frame is a frame of ten bytes") {
  srand(6);
  struct encoder *encoder = encoder_open(CODEC_G729, &(struct encoder_options){0});
  for (unsigned frame = 0; frame < FRAMES; frame++) {
    int16_t pcm[FRAME_SAMPLES];
    uint8_t bytes[MAX_FRAME_BYTES];
    next_frame(frame, pcm);
    EXPECT(encoder_encode(encoder, pcm, bytes), G729_FRAME_BYTES);
  }
  encoder_close(encoder);
}

/* RFC 3551 §4.5.6 */
CHECK(check_payloads, "payloads stand for whole frames; a descriptor is only the last one") {
  static const struct {
    enum codec codec;
    size_t bytes, ticks;
  } cases[] = {
      {CODEC_G729, 0, 0},    {CODEC_G729, 1, 0},    {CODEC_G729, 2, 80},    {CODEC_G729, 10, 80},   {CODEC_G729, 12, 160},
      {CODEC_G729, 14, 0},   {CODEC_G729, 20, 160}, {CODEC_G729, 22, 240},  {CODEC_PCMU, 0, 0},     {CODEC_PCMA, 161, 161},
      {CODEC_G722, 160, 160}, {CODEC_G722, 1, 1},   {CODEC_G722, 480, 480},   {CODEC_G726, 1, 2},     {CODEC_G726, 80, 160},
  };
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    EXPECT(codec_payload_ticks(cases[i].codec, NULL, cases[i].bytes), cases[i].ticks);
  }
  /* No more is decoded than there is room for. */
  int16_t pcm[400];
  uint8_t bytes[400] = {0};
  for (enum codec codec = 0; codec < CODEC_COUNT; codec++) {
    struct decoder *decoder = decoder_open(codec);
    EXPECT(decoder_decode(decoder, bytes, 100, pcm, 250) <= 250, true);
    EXPECT(decoder_decode(decoder, bytes, 0, pcm, 250), 0);
    decoder_close(decoder);
  }
}
