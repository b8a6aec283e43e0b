/* What stands in for lost audio: heard by a voice of known pitch. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "codec/concealment.h"

#define SECOND 16000

/* Pulses of a voice: harmonics of `hertz`, falling by 6 dB an octave. */
static void make_voice(int16_t *pcm, size_t samples, double sample_rate, double hertz) {
  for (size_t i = 0; i < samples; i++) {
    double sum = 0;
    for (unsigned k = 1; k * hertz < 3400; k++) sum += sin(2 * M_PI * k * hertz * (double)i / sample_rate + k * k) / k;
    pcm[i] = (int16_t)(4000 * sum);
  }
}

static double noise_to_signal(const int16_t *heard, const int16_t *said, size_t samples) {
  double noise = 0, signal = 0;
  for (size_t i = 0; i < samples; i++) {
    noise += pow(heard[i] - said[i], 2);
    signal += pow(said[i], 2);
  }
  return noise / signal;
}

static int biggest_step(const int16_t *pcm, size_t samples) {
  int biggest = 0;
  for (size_t i = 1; i < samples; i++) {
    if (abs(pcm[i] - pcm[i - 1]) > biggest) biggest = abs(pcm[i] - pcm[i - 1]);
  }
  return biggest;
}

CHECK(check_concealed_voice, "a lost packet of a steady voice is filled with the same voice, without a seam") {
  static const uint32_t rates[] = {8000, 16000};
  for (unsigned r = 0; r < 2; r++) {
    const uint32_t rate = rates[r];
    const size_t packet = rate / 50;
    for (double hertz = 70; hertz < 200; hertz += 17) {
      static int16_t said[SECOND], heard[SECOND];
      static struct concealment concealment;
      make_voice(said, rate, rate, hertz);
      memcpy(heard, said, sizeof heard);
      concealment_start(&concealment, rate);
      for (size_t at = 0; at + packet <= rate; at += packet) {
        if (at / packet % 10 == 9) concealment_fill(&concealment, heard + at, packet);
        else concealment_hear(&concealment, heard + at, packet);
      }
      EXPECT(noise_to_signal(heard + 9 * packet, said + 9 * packet, packet) < 0.25, true);
      EXPECT(biggest_step(heard, rate) < 1.3 * biggest_step(said, rate), true);
    }
  }
}

CHECK(check_concealment_fades, "a loss fades to silence within 50 ms, and is the same in any pieces") {
  static int16_t said[SECOND], whole[1600], pieces[1600];
  make_voice(said, 8000, 8000, 120);
  static struct concealment one, other;
  concealment_start(&one, 8000);
  concealment_hear(&one, said, 8000);
  other = one;
  concealment_fill(&one, whole, 800);
  for (size_t done = 0, piece = 1; done < 800; done += piece, piece = piece % 91 + 3) {
    if (piece > 800 - done) piece = 800 - done;
    concealment_fill(&other, pieces + done, piece);
  }
  EXPECT(memcmp(whole, pieces, 800 * sizeof *whole), 0);
  EXPECT(memcmp(&one, &other, sizeof one), 0);
  double energy[5] = {0};
  for (size_t i = 0; i < 400; i++) energy[i / 80] += whole[i] * (double)whole[i];
  for (unsigned i = 1; i < 5; i++) EXPECT(energy[i] < energy[i - 1] * 1.2, true);
  EXPECT(energy[4] < energy[0] / 20, true);
  for (size_t i = 400; i < 800; i++) EXPECT(whole[i], 0);
}

/* Every sample the loudest there is, silence, one sample at a time: nothing overflows, and nothing is read that was not heard. */
CHECK(check_concealment_extremes, "concealment stands the loudest audio, silence, and losses at any time") {
  srand(1);
  static struct concealment concealment;
  for (unsigned round = 0; round < 40; round++) {
    concealment_start(&concealment, round % 2 ? 16000 : 8000);
    for (unsigned i = 0; i < 50; i++) {
      int16_t pcm[2000];
      const size_t samples = (size_t)rand() % (round % 3 == 0 ? 2000 : 200) + 1;
      for (size_t k = 0; k < samples; k++) pcm[k] = round % 4 == 0 ? 0 : rand() % 2 ? INT16_MAX : INT16_MIN;
      if (rand() % 3 == 0) concealment_fill(&concealment, pcm, samples);
      else concealment_hear(&concealment, pcm, samples);
    }
  }
  int16_t pcm[160];
  concealment_start(&concealment, 8000);
  concealment_fill(&concealment, pcm, 160);
  for (unsigned i = 0; i < 160; i++) EXPECT(pcm[i], 0);
}

CHECK(check_decoders_conceal, "every decoder goes on after any loss, in any piece") {
  srand(2);
  for (enum codec codec = 0; codec < CODEC_COUNT; codec++) {
    struct decoder *decoder = decoder_open(codec);
    struct encoder *encoder = encoder_open(codec, &(struct encoder_options){0});
    const struct codec_traits *traits = codec_traits(codec);
    for (unsigned i = 0; i < 200; i++) {
      int16_t pcm[MAX_FRAME_SAMPLES], lost[1000];
      uint8_t bytes[6 * MAX_FRAME_BYTES];
      for (unsigned k = 0; k < MAX_FRAME_SAMPLES; k++) pcm[k] = (int16_t)(rand() % 65536 - 32768);
      const size_t length = encoder_encode(encoder, pcm, bytes);
      if (traits->coded_whole) continue; /* opus-check.c has them */
      EXPECT(length, traits->max_frame_bytes);
      if (rand() % 3 == 0) decoder_conceal(decoder, lost, (size_t)rand() % 500 * 2);
      else EXPECT(decoder_decode(decoder, bytes, length, pcm, MAX_FRAME_SAMPLES), traits->frame_samples);
      if (rand() % 30 == 0) decoder_restart(decoder);
      if (rand() % 30 == 0) encoder_restart(encoder);
    }
    decoder_close(decoder);
    encoder_close(encoder);
  }
}
