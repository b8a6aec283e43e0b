/*
 * Opus (RFC 6716, RFC 7587) through libopus, one channel of 16 kHz. Its RTP clock is 48 kHz whatever is sampled. A packet is one
 * piece of coding; what we send is one frame of it.
 */
#include <opus.h>
#include <stdlib.h>
#include <string.h>

#include "codec/kind.h"

#define SAMPLE_RATE 16000
#define CLOCK_RATE 48000
#define OPUS_FRAME_SAMPLES (FRAME_MS * SAMPLE_RATE / 1000)
#define CHANNELS 1
#define TICKS_PER_SAMPLE (CLOCK_RATE / SAMPLE_RATE)
#define MAX_PACKET_MS 60
#define MAX_PACKET_SAMPLES (MAX_PACKET_MS * SAMPLE_RATE / 1000)
/* RFC 6716 §3.2.5: of 2.5 ms in 120. */
#define MAX_FRAMES 48
/* What is concealed is counted in these. */
#define STEP_SAMPLES (SAMPLE_RATE / 400)
#define DEFAULT_PACKET_MS 20
/* As many bits a second as RFC 7587 §3.1.1 finds useful for speech of one channel. */
#define MIN_BITRATE 6000
#define MAX_BITRATE 40000
/* Of 10. What is beyond costs time and is not heard at such rates. */
#define COMPLEXITY 5
/* Until reports say what is lost. */
#define EXPECTED_LOSS_PERCENT 5
/* In less than that libopus puts no error correction at 16 kHz, unless more than 5 % are lost, and then at a smaller bandwidth. */
#define PROTECTED_BITRATE 26000
#define NARROW_RATE 8000
#define MEDIUM_RATE 12000
/* A packet of so many bytes says nothing but that there is silence. */
#define SILENCE_BYTES 2

struct opus_decoder {
  struct decoder decoder;
  OpusDecoder *state;
};

struct opus_encoder {
  struct encoder encoder;
  OpusEncoder *state;
  bool discontinuous;
  uint16_t packet_samples;
  uint16_t waiting; /* samples */
  int16_t pcm[MAX_PACKET_SAMPLES];
};

/* RFC 6716 §3.4: what does not add up is no packet. */
static size_t payload_ticks(const uint8_t *payload, size_t bytes) {
  opus_int16 sizes[MAX_FRAMES];
  if (payload == NULL || bytes == 0 || bytes > INT16_MAX) return 0;
  const int frames = opus_packet_parse(payload, (opus_int32)bytes, NULL, NULL, sizes, NULL);
  return frames <= 0 ? 0 : (size_t)frames * (size_t)opus_packet_get_samples_per_frame(payload, CLOCK_RATE);
}

static struct decoder *open_decoder(void) {
  struct opus_decoder *decoder = calloc(1, sizeof *decoder);
  if (decoder == NULL) return NULL;
  decoder->state = opus_decoder_create(SAMPLE_RATE, CHANNELS, NULL);
  if (decoder->state != NULL) return &decoder->decoder;
  free(decoder);
  return NULL;
}

static void close_decoder(struct decoder *base) {
  struct opus_decoder *decoder = (struct opus_decoder *)base;
  opus_decoder_destroy(decoder->state);
  free(decoder);
}

static void restart_decoder(struct decoder *base) { opus_decoder_ctl(((struct opus_decoder *)base)->state, OPUS_RESET_STATE); }

static void conceal(struct decoder *base, int16_t *pcm, size_t samples) {
  struct opus_decoder *decoder = (struct opus_decoder *)base;
  while (samples > 0) {
    int16_t frame[OPUS_FRAME_SAMPLES] = {0};
    const size_t part = samples < OPUS_FRAME_SAMPLES ? samples : OPUS_FRAME_SAMPLES;
    const size_t whole = (part + STEP_SAMPLES - 1) / STEP_SAMPLES * STEP_SAMPLES;
    /* Where even that fails it is silence. */
    if (opus_decode(decoder->state, NULL, 0, frame, (int)whole, 0) < 0) memset(frame, 0, sizeof frame);
    memcpy(pcm, frame, part * sizeof *pcm);
    pcm += part;
    samples -= part;
  }
}

static size_t decode(struct decoder *base, const uint8_t *payload, size_t bytes, int16_t *pcm, size_t room) {
  struct opus_decoder *decoder = (struct opus_decoder *)base;
  const size_t samples = payload_ticks(payload, bytes) / TICKS_PER_SAMPLE;
  if (samples == 0 || samples > room) return 0;
  const int decoded = opus_decode(decoder->state, payload, (opus_int32)bytes, pcm, (int)samples, 0);
  if (decoded != (int)samples) conceal(base, pcm, samples);
  return samples;
}

static void recover(struct decoder *base, const uint8_t *payload, size_t bytes, int16_t *pcm, size_t samples) {
  struct opus_decoder *decoder = (struct opus_decoder *)base;
  if (samples % STEP_SAMPLES == 0 && payload_ticks(payload, bytes) > 0 &&
      opus_decode(decoder->state, payload, (opus_int32)bytes, pcm, (int)samples, 1) == (int)samples) {
    return;
  }
  conceal(base, pcm, samples);
}

static unsigned packet_ms(unsigned wanted) {
  if (wanted == 0) return DEFAULT_PACKET_MS;
  return wanted >= 60 ? 60 : wanted >= 40 ? 40 : wanted >= 20 ? 20 : 10;
}

static opus_int32 bandwidth(uint32_t rate) {
  if (rate == 0 || rate > MEDIUM_RATE) return OPUS_BANDWIDTH_WIDEBAND;
  return rate > NARROW_RATE ? OPUS_BANDWIDTH_MEDIUMBAND : OPUS_BANDWIDTH_NARROWBAND;
}

static opus_int32 bitrate(const struct encoder_options *options) {
  const uint32_t wanted = options->max_bitrate;
  if (wanted == 0) return options->fec ? PROTECTED_BITRATE : DEFAULT_OPUS_BITRATE;
  return (opus_int32)(wanted < MIN_BITRATE ? MIN_BITRATE : wanted > MAX_BITRATE ? MAX_BITRATE : wanted);
}

static void expect_loss(struct encoder *base, unsigned percent) {
  opus_encoder_ctl(((struct opus_encoder *)base)->state, OPUS_SET_PACKET_LOSS_PERC((opus_int32)(percent > 100 ? 100 : percent)));
}

static struct encoder *open_encoder(const struct encoder_options *options) {
  struct opus_encoder *encoder = calloc(1, sizeof *encoder);
  if (encoder == NULL) return NULL;
  encoder->state = opus_encoder_create(SAMPLE_RATE, CHANNELS, OPUS_APPLICATION_VOIP, NULL);
  if (encoder->state == NULL) {
    free(encoder);
    return NULL;
  }
  encoder->discontinuous = options->discontinuous;
  encoder->packet_samples = (uint16_t)(packet_ms(options->packet_ms) * SAMPLE_RATE / 1000);
  opus_encoder_ctl(encoder->state, OPUS_SET_COMPLEXITY(COMPLEXITY));
  opus_encoder_ctl(encoder->state, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
  opus_encoder_ctl(encoder->state, OPUS_SET_MAX_BANDWIDTH(bandwidth(options->max_rate)));
  opus_encoder_ctl(encoder->state, OPUS_SET_BITRATE(bitrate(options)));
  opus_encoder_ctl(encoder->state, OPUS_SET_VBR(options->constant_rate ? 0 : 1));
  opus_encoder_ctl(encoder->state, OPUS_SET_DTX(options->discontinuous ? 1 : 0));
  opus_encoder_ctl(encoder->state, OPUS_SET_INBAND_FEC(options->fec ? 1 : 0));
  if (options->fec) expect_loss(&encoder->encoder, EXPECTED_LOSS_PERCENT);
  return &encoder->encoder;
}

static void close_encoder(struct encoder *base) {
  struct opus_encoder *encoder = (struct opus_encoder *)base;
  opus_encoder_destroy(encoder->state);
  free(encoder);
}

static void forget_part(struct encoder *base) { ((struct opus_encoder *)base)->waiting = 0; }

static void restart_encoder(struct encoder *base) {
  opus_encoder_ctl(((struct opus_encoder *)base)->state, OPUS_RESET_STATE);
  forget_part(base);
}

static size_t encode(struct encoder *base, const int16_t *pcm, uint8_t *bytes) {
  struct opus_encoder *encoder = (struct opus_encoder *)base;
  memcpy(encoder->pcm + encoder->waiting, pcm, OPUS_FRAME_SAMPLES * sizeof *pcm);
  encoder->waiting += OPUS_FRAME_SAMPLES;
  if (encoder->waiting < encoder->packet_samples) return ENCODER_WAITS;
  encoder->waiting = 0;
  const opus_int32 room = encoder->packet_samples / OPUS_FRAME_SAMPLES * MAX_FRAME_BYTES;
  const opus_int32 length = opus_encode(encoder->state, encoder->pcm, encoder->packet_samples, bytes, room);
  return length < 0 || (encoder->discontinuous && length <= SILENCE_BYTES) ? 0 : (size_t)length;
}

const struct codec_kind opus_kind = {
    .traits = {.sample_rate = SAMPLE_RATE,
               .clock_rate = CLOCK_RATE,
               .frame_samples = OPUS_FRAME_SAMPLES,
               .frame_ticks = OPUS_FRAME_SAMPLES * TICKS_PER_SAMPLE,
               .max_frame_bytes = MAX_FRAME_BYTES,
               .coded_whole = true},
    .payload_ticks = payload_ticks,
    .decoder_open = open_decoder,
    .decoder_close = close_decoder,
    .decoder_restart = restart_decoder,
    .decode = decode,
    .conceal = conceal,
    .recover = recover,
    .encoder_open = open_encoder,
    .encoder_close = close_encoder,
    .encoder_restart = restart_encoder,
    .encode = encode,
    .forget_part = forget_part,
    .expect_loss = expect_loss,
};
