/* ITU-T G.711: every conversion is one look into a table; the tables are made from the recommendation's segments. */
#include "codec/g711.h"

#include <stdlib.h>

#include "codec/concealment.h"
#include "codec/kind.h"

#define SEGMENTS 8
#define INTERVALS 16
#define ALAW_INVERTED_BITS 0x55 /* G.711 §3.1: even bits inverted on the line */
#define ULAW_BIAS 33            /* of the 14-bit mu-law input scale */
#define ULAW_CLIP 8158          /* 14 bit */
#define ALAW_LEVELS 8192        /* 13-bit input, two's complement */
#define ULAW_LEVELS 16384       /* 14-bit input */
#define SIGN_BIT 0x80

static int16_t alaw_to_pcm[256];
static int16_t ulaw_to_pcm[256];
static uint8_t pcm_to_alaw[ALAW_LEVELS];
static uint8_t pcm_to_ulaw[ULAW_LEVELS];

/* G.711 table 1a: segments 0 and 1 have steps of 2 (13-bit scale), each further one twice that of the one before. */
static int16_t alaw_value(uint8_t code) {
  code ^= ALAW_INVERTED_BITS;
  const int segment = (code >> 4) & (SEGMENTS - 1);
  const int interval = code & (INTERVALS - 1);
  int magnitude = interval * 2 + 1;
  if (segment > 0) magnitude = (magnitude + 2 * INTERVALS) << (segment - 1);
  magnitude *= 8; /* a 13-bit value in 16 bits; magnitude counts halves of the 12-bit unit */
  return (int16_t)(code & SIGN_BIT ? magnitude : -magnitude);
}

/* G.711 table 2a: all bits inverted on the line. */
static int16_t ulaw_value(uint8_t code) {
  code = (uint8_t)~code;
  const int segment = (code >> 4) & (SEGMENTS - 1);
  const int interval = code & (INTERVALS - 1);
  const int magnitude = (((interval * 2 + ULAW_BIAS) << segment) - ULAW_BIAS) * 4;
  return (int16_t)(code & SIGN_BIT ? -magnitude : magnitude);
}

/* `level` is 13 bit. Positive and negative decision levels mirror each other: -1 falls where 0 falls. */
static uint8_t alaw_code(int level) {
  const int sign = level >= 0 ? SIGN_BIT : 0;
  int magnitude = (level >= 0 ? level : -level - 1) >> 1; /* 11 bit: 0 to 2047 */
  int segment = 0;
  while (segment < SEGMENTS - 1 && magnitude >= INTERVALS << (segment == 0 ? 0 : 1)) {
    if (segment > 0) magnitude >>= 1;
    segment++;
  }
  return (uint8_t)((sign | (segment << 4) | (magnitude & (INTERVALS - 1))) ^ ALAW_INVERTED_BITS);
}

/* `level` is 14 bit, mirrored as above. */
static uint8_t ulaw_code(int level) {
  const int sign = level >= 0 ? 0 : SIGN_BIT;
  int magnitude = level >= 0 ? level : -level - 1;
  if (magnitude > ULAW_CLIP) magnitude = ULAW_CLIP;
  magnitude += ULAW_BIAS;
  int segment = 0;
  while (magnitude >= (4 * INTERVALS) << segment) segment++;
  return (uint8_t)~(sign | (segment << 4) | ((magnitude >> (segment + 1)) & (INTERVALS - 1)));
}

/* Before main or as the addon is loaded: tables of this size are no text to write down. */
__attribute__((constructor)) static void make_tables(void) {
  for (int code = 0; code < 256; code++) {
    alaw_to_pcm[code] = alaw_value((uint8_t)code);
    ulaw_to_pcm[code] = ulaw_value((uint8_t)code);
  }
  for (int level = -ALAW_LEVELS / 2; level < ALAW_LEVELS / 2; level++) {
    pcm_to_alaw[level + ALAW_LEVELS / 2] = alaw_code(level);
  }
  for (int level = -ULAW_LEVELS / 2; level < ULAW_LEVELS / 2; level++) {
    pcm_to_ulaw[level + ULAW_LEVELS / 2] = ulaw_code(level);
  }
}

void g711_decode(enum g711_law law, const uint8_t *bytes, size_t count, int16_t *pcm) {
  const int16_t *table = law == G711_ALAW ? alaw_to_pcm : ulaw_to_pcm;
  for (size_t i = 0; i < count; i++) pcm[i] = table[bytes[i]];
}

void g711_encode(enum g711_law law, const int16_t *pcm, size_t count, uint8_t *bytes) {
  if (law == G711_ALAW) {
    for (size_t i = 0; i < count; i++) bytes[i] = pcm_to_alaw[(pcm[i] + 32768) >> 3];
  } else {
    for (size_t i = 0; i < count; i++) bytes[i] = pcm_to_ulaw[(pcm[i] + 32768) >> 2];
  }
}

struct g711_decoder {
  struct decoder decoder;
  enum g711_law law;
  struct concealment concealment;
};

static size_t payload_ticks(const uint8_t *payload, size_t bytes) {
  (void)payload;
  return bytes;
}

static struct decoder *open_decoder(enum g711_law law) {
  struct g711_decoder *decoder = calloc(1, sizeof *decoder);
  if (decoder == NULL) return NULL;
  decoder->law = law;
  concealment_start(&decoder->concealment, 8000);
  return &decoder->decoder;
}

static struct decoder *open_ulaw_decoder(void) { return open_decoder(G711_ULAW); }
static struct decoder *open_alaw_decoder(void) { return open_decoder(G711_ALAW); }

static void close_decoder(struct decoder *decoder) { free(decoder); }

static void restart_decoder(struct decoder *base) {
  struct g711_decoder *decoder = (struct g711_decoder *)base;
  concealment_start(&decoder->concealment, 8000);
}

static size_t decode(struct decoder *base, const uint8_t *payload, size_t bytes, int16_t *pcm, size_t room) {
  struct g711_decoder *decoder = (struct g711_decoder *)base;
  const size_t count = bytes < room ? bytes : room;
  g711_decode(decoder->law, payload, count, pcm);
  concealment_hear(&decoder->concealment, pcm, count);
  return count;
}

static void conceal(struct decoder *base, int16_t *pcm, size_t samples) {
  struct g711_decoder *decoder = (struct g711_decoder *)base;
  concealment_fill(&decoder->concealment, pcm, samples);
}

/* Nothing to remember from one frame to the next. */
struct g711_encoder {
  struct encoder encoder;
  enum g711_law law;
};

static struct encoder *open_encoder(enum g711_law law) {
  struct g711_encoder *encoder = calloc(1, sizeof *encoder);
  if (encoder == NULL) return NULL;
  encoder->law = law;
  return &encoder->encoder;
}

static struct encoder *open_ulaw_encoder(const struct encoder_options *options) {
  (void)options;
  return open_encoder(G711_ULAW);
}

static struct encoder *open_alaw_encoder(const struct encoder_options *options) {
  (void)options;
  return open_encoder(G711_ALAW);
}

static void close_encoder(struct encoder *encoder) { free(encoder); }

static void restart_encoder(struct encoder *encoder) { (void)encoder; }

static size_t encode(struct encoder *base, const int16_t *pcm, uint8_t *bytes) {
  const struct g711_encoder *encoder = (const struct g711_encoder *)base;
  g711_encode(encoder->law, pcm, FRAME_SAMPLES, bytes);
  return FRAME_SAMPLES;
}

#define G711_TRAITS \
  {.sample_rate = 8000, .clock_rate = 8000, .frame_samples = FRAME_SAMPLES, .frame_ticks = FRAME_SAMPLES, .max_frame_bytes = FRAME_SAMPLES}

const struct codec_kind pcmu_kind = {
    .traits = G711_TRAITS,
    .payload_ticks = payload_ticks,
    .decoder_open = open_ulaw_decoder,
    .decoder_close = close_decoder,
    .decoder_restart = restart_decoder,
    .decode = decode,
    .conceal = conceal,
    .encoder_open = open_ulaw_encoder,
    .encoder_close = close_encoder,
    .encoder_restart = restart_encoder,
    .encode = encode,
};

const struct codec_kind pcma_kind = {
    .traits = G711_TRAITS,
    .payload_ticks = payload_ticks,
    .decoder_open = open_alaw_decoder,
    .decoder_close = close_decoder,
    .decoder_restart = restart_decoder,
    .decode = decode,
    .conceal = conceal,
    .encoder_open = open_alaw_encoder,
    .encoder_close = close_encoder,
    .encoder_restart = restart_encoder,
    .encode = encode,
};
