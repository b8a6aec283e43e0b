/* ITU-T G.722 at 64 kbit/s as a codec of a stream: 16 kHz PCM through the filters of §5.2 and §5.3 and the coders of the two bands. */
#include "codec/g722.h"

#include <stdlib.h>
#include <string.h>

#include "codec/concealment.h"
#include "codec/kind.h"

#define PAIR_TICKS 1 /* RFC 3551 §4.5.2: the RTP clock is 8000, a pair of samples and one byte of the payload each */
#define FILTER_TAPS 24
#define HALF_TAPS (FILTER_TAPS / 2)
#define FRAME_PAIRS FRAME_SAMPLES
#define SYNTHESIS_BITS 11
#define ANALYSIS_BITS 14
/* Samples by which what comes out of the decoder lies behind what goes into the encoder. */
#define FILTER_DELAY (FILTER_TAPS - 2)

/* The quadrature mirror filter of table 11, its odd and even taps, and whole for the low and the high band. */
static const int16_t odd_taps[HALF_TAPS] = {3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11};
static const int16_t even_taps[HALF_TAPS] = {-11, 53, -156, 362, -805, 3876, 951, -210, 32, 12, -11, 3};
static const int16_t low_taps[FILTER_TAPS] = {
    3, -11, -11, 53, 12, -156, 32, 362, -210, -805, 951, 3876,
    3876, 951, -805, -210, 362, 32, -156, 12, 53, -11, -11, 3,
};
static const int16_t high_taps[FILTER_TAPS] = {
    -3, -11, 11, 53, -12, -156, -32, 362, 210, -805, -951, 3876,
    -3876, 951, 805, -210, -362, 32, 156, 12, -53, -11, 11, 3,
};

struct g722_decoder {
  struct decoder decoder;
  struct g722_bands bands;
  int16_t sums[HALF_TAPS - 1]; /* of the two bands, the newest last */
  int16_t differences[HALF_TAPS - 1];
  struct concealment concealment;
};

struct g722_encoder {
  struct encoder encoder;
  struct g722_bands bands;
  int16_t past[FILTER_TAPS - 2];
};

static int clamp(int value, int low, int high) { return value < low ? low : value > high ? high : value; }

static int filtered(const int16_t *pcm, const int16_t *taps, unsigned count) {
  int sum = 0;
  for (unsigned i = 0; i < count; i++) sum += pcm[i] * taps[i];
  return sum;
}

/* 24 samples to one of each band, of 15 bits. */
static void analyse(const int16_t *pcm, int *low, int *high) {
  *low = clamp(filtered(pcm, low_taps, FILTER_TAPS) >> ANALYSIS_BITS, -16384, 16383);
  *high = clamp(filtered(pcm, high_taps, FILTER_TAPS) >> ANALYSIS_BITS, -16384, 16383);
}

static size_t payload_ticks(const uint8_t *payload, size_t bytes) {
  (void)payload;
  return bytes * PAIR_TICKS;
}

static void restart_decoder(struct decoder *base) {
  struct g722_decoder *decoder = (struct g722_decoder *)base;
  g722_bands_start(&decoder->bands);
  memset(decoder->sums, 0, sizeof decoder->sums);
  memset(decoder->differences, 0, sizeof decoder->differences);
  concealment_start(&decoder->concealment, 16000);
}

static struct decoder *open_decoder(void) {
  struct g722_decoder *decoder = calloc(1, sizeof *decoder);
  if (decoder == NULL) return NULL;
  restart_decoder(&decoder->decoder);
  return &decoder->decoder;
}

static void close_decoder(struct decoder *decoder) { free(decoder); }

static size_t decode(struct decoder *base, const uint8_t *payload, size_t bytes, int16_t *pcm, size_t room) {
  struct g722_decoder *decoder = (struct g722_decoder *)base;
  const size_t pairs = bytes < room / 2 ? bytes : room / 2;
  int16_t *out = pcm;
  for (size_t left = pairs; left > 0;) {
    const size_t part = left < FRAME_PAIRS ? left : FRAME_PAIRS;
    int16_t sums[HALF_TAPS - 1 + FRAME_PAIRS], differences[HALF_TAPS - 1 + FRAME_PAIRS];
    memcpy(sums, decoder->sums, sizeof decoder->sums);
    memcpy(differences, decoder->differences, sizeof decoder->differences);
    for (size_t i = 0; i < part; i++) {
      int low, high;
      g722_bands_decode(&decoder->bands, payload[i], 1, &low, &high);
      sums[HALF_TAPS - 1 + i] = (int16_t)(low + high);
      differences[HALF_TAPS - 1 + i] = (int16_t)(low - high);
    }
    for (size_t i = 0; i < part; i++) {
      *out++ = (int16_t)clamp(filtered(differences + i, even_taps, HALF_TAPS) >> SYNTHESIS_BITS, INT16_MIN, INT16_MAX);
      *out++ = (int16_t)clamp(filtered(sums + i, odd_taps, HALF_TAPS) >> SYNTHESIS_BITS, INT16_MIN, INT16_MAX);
    }
    memcpy(decoder->sums, sums + part, sizeof decoder->sums);
    memcpy(decoder->differences, differences + part, sizeof decoder->differences);
    payload += part;
    left -= part;
  }
  concealment_hear(&decoder->concealment, pcm, 2 * pairs);
  return 2 * pairs;
}

/* As if the frames had come that make this audio: the predictors go on from where the far end's may be now. */
static void follow(struct g722_decoder *decoder, const int16_t *pcm, size_t pairs) {
  for (size_t i = 0; i < pairs; i++) {
    int low, high;
    analyse(pcm + 2 * i, &low, &high);
    g722_bands_encode(&decoder->bands, low, high);
    memmove(decoder->sums, decoder->sums + 1, sizeof decoder->sums - sizeof *decoder->sums);
    memmove(decoder->differences, decoder->differences + 1, sizeof decoder->differences - sizeof *decoder->differences);
    decoder->sums[HALF_TAPS - 2] = (int16_t)(low + high);
    decoder->differences[HALF_TAPS - 2] = (int16_t)(low - high);
  }
}

static void conceal(struct decoder *base, int16_t *pcm, size_t samples) {
  struct g722_decoder *decoder = (struct g722_decoder *)base;
  while (samples > 0) {
    const size_t part = samples < 2 * FRAME_PAIRS ? samples : 2 * FRAME_PAIRS;
    int16_t ahead[2 * FRAME_PAIRS + FILTER_DELAY];
    concealment_fill(&decoder->concealment, ahead, part);
    /* The filters look beyond what is asked for, at what would follow. */
    struct concealment further = decoder->concealment;
    concealment_fill(&further, ahead + part, FILTER_DELAY);
    follow(decoder, ahead, part / 2);
    memcpy(pcm, ahead, part * sizeof *pcm);
    pcm += part;
    samples -= part;
  }
}

static void restart_encoder(struct encoder *base) {
  struct g722_encoder *encoder = (struct g722_encoder *)base;
  g722_bands_start(&encoder->bands);
  memset(encoder->past, 0, sizeof encoder->past);
}

static struct encoder *open_encoder(const struct encoder_options *options) {
  (void)options;
  struct g722_encoder *encoder = calloc(1, sizeof *encoder);
  if (encoder == NULL) return NULL;
  restart_encoder(&encoder->encoder);
  return &encoder->encoder;
}

static void close_encoder(struct encoder *encoder) { free(encoder); }

static size_t encode(struct encoder *base, const int16_t *pcm, uint8_t *bytes) {
  struct g722_encoder *encoder = (struct g722_encoder *)base;
  int16_t line[FILTER_TAPS - 2 + 2 * FRAME_PAIRS];
  memcpy(line, encoder->past, sizeof encoder->past);
  memcpy(line + FILTER_TAPS - 2, pcm, 2 * FRAME_PAIRS * sizeof *pcm);
  for (size_t i = 0; i < FRAME_PAIRS; i++) {
    int low, high;
    analyse(line + 2 * i, &low, &high);
    bytes[i] = g722_bands_encode(&encoder->bands, low, high);
  }
  memcpy(encoder->past, line + 2 * FRAME_PAIRS, sizeof encoder->past);
  return FRAME_PAIRS;
}

const struct codec_kind g722_kind = {
    .traits = {.sample_rate = 16000,
               .clock_rate = 8000,
               .frame_samples = 2 * FRAME_PAIRS,
               .frame_ticks = FRAME_PAIRS,
               .max_frame_bytes = FRAME_PAIRS},
    .payload_ticks = payload_ticks,
    .decoder_open = open_decoder,
    .decoder_close = close_decoder,
    .decoder_restart = restart_decoder,
    .decode = decode,
    .conceal = conceal,
    .encoder_open = open_encoder,
    .encoder_close = close_encoder,
    .encoder_restart = restart_encoder,
    .encode = encode,
};
