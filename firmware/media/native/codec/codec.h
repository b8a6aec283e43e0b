/*
 * Audio codecs of a leg, each with its state. PCM is 16 bit, native byte order, one channel. Memory is taken when a coder is
 * opened or restarted, never for a packet.
 */
#ifndef RINGDOWN_CODEC_H
#define RINGDOWN_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of the codecs that count RTP time in 1/8000 s; what a codec and its PCM count in, its traits tell. */
#define SAMPLES_PER_MS 8
#define FRAME_MS 10
#define FRAME_SAMPLES (FRAME_MS * SAMPLES_PER_MS)

#define G729_FRAME_BYTES 10
#define G729_SID_BYTES 2

#define DEFAULT_OPUS_BITRATE 20000 /* unless the far end wants less */

/* RFC 3551 §4.2: a receiver should take packets of up to 200 ms. */
#define MAX_PAYLOAD_MS 200
/* Of any codec. */
#define MAX_SAMPLE_RATE 16000
#define MAX_FRAME_SAMPLES (FRAME_MS * MAX_SAMPLE_RATE / 1000)
#define MAX_FRAME_BYTES 80
#define MAX_PAYLOAD_SAMPLES (MAX_PAYLOAD_MS * MAX_SAMPLE_RATE / 1000)

enum codec { CODEC_PCMU, CODEC_PCMA, CODEC_G729, CODEC_G722, CODEC_G726, CODEC_OPUS };
#define CODEC_COUNT 6

struct codec_traits {
  uint32_t sample_rate;     /* of its PCM: 8000 or 16000 */
  uint32_t clock_rate;      /* of its RTP timestamps */
  uint16_t frame_samples;   /* PCM of 10 ms */
  uint16_t frame_ticks;     /* RTP units of 10 ms */
  uint16_t max_frame_bytes; /* that 10 ms become */
  bool coded_whole;         /* a packet is one piece of coding, whatever its length: it is cut nowhere */
};

const struct codec_traits *codec_traits(enum codec codec);

/*
 * RTP units that such a payload stands for, or 0 when it is not a whole number of the codec's frames.
 * RFC 3551 §4.5.6: a G.729 payload is any number of 10-byte frames, with at most one 2-byte silence descriptor, last.
 */
size_t codec_payload_ticks(enum codec codec, const uint8_t *payload, size_t bytes);

/* From a stream's payloads to PCM. */
struct decoder;
struct decoder *decoder_open(enum codec codec); /* NULL: no memory */
void decoder_close(struct decoder *decoder);    /* NULL does nothing */
/* What is decoded from here on is another encoder's. Goes on with the old state when there is no memory. */
void decoder_restart(struct decoder *decoder);
/*
 * A whole payload, as codec_payload_ticks takes it. Samples at the codec's sample rate: as many whole frames as `room`
 * holds. MAX_PAYLOAD_SAMPLES is enough for MAX_PAYLOAD_MS of any codec.
 */
size_t decoder_decode(struct decoder *decoder, const uint8_t *payload, size_t bytes, int16_t *pcm, size_t room);
/*
 * `samples` of time whose payload never came, guessed from what came before: whole frames of 10 ms at best, since
 * that is what codecs guess in. After a silence descriptor (G.729 Annex B) it is the comfort noise of the pause.
 */
void decoder_conceal(struct decoder *decoder, int16_t *pcm, size_t samples);
/*
 * The same, when the payload that directly follows the lost time is there already: what it says of that time is heard. It is
 * itself decoded afterwards.
 */
void decoder_recover(struct decoder *decoder, const uint8_t *payload, size_t bytes, int16_t *pcm, size_t samples);

/* From PCM to the payloads of a stream. */
struct encoder;
/* What the far end wants. All 0 is good for every codec. */
struct encoder_options {
  bool annex_b; /* G.729: silence becomes descriptors and pauses */
  /* Opus, as RFC 7587 §6.1 has it: */
  uint16_t packet_ms;   /* what one packet stands for: 10, 20, 40 or 60; 0: 20 */
  uint32_t max_rate;    /* samples a second that are played there; 0: all */
  uint32_t max_bitrate; /* bit/s; 0: DEFAULT_OPUS_BITRATE, or what error correction needs */
  bool fec;             /* each packet has the one before it once more, smaller, when losses are expected */
  bool constant_rate;
  bool discontinuous;   /* silence is not sent */
};
bool encoder_options_equal(const struct encoder_options *one, const struct encoder_options *other);
/* NULL: no memory. */
struct encoder *encoder_open(enum codec codec, const struct encoder_options *options);
void encoder_close(struct encoder *encoder); /* NULL does nothing */
/* What is encoded from here on goes to another decoder. Goes on with the old state when there is no memory. */
void encoder_restart(struct encoder *encoder);
/*
 * 10 ms of PCM at the codec's sample rate, to at most MAX_FRAME_BYTES. How many bytes it became. With Annex B that may
 * be 2, a silence descriptor, which has to be the last frame of its packet; or 0, nothing to send for these 10 ms.
 * Where packets are coded whole it is ENCODER_WAITS until the last 10 ms of one, and then its bytes, at most MAX_FRAME_BYTES
 * for each of its 10 ms; or 0, nothing to send for all of them.
 */
#define ENCODER_WAITS SIZE_MAX
size_t encoder_encode(struct encoder *encoder, const int16_t *pcm, uint8_t *bytes);
/* What waits for the rest of its packet is forgotten. */
void encoder_forget_part(struct encoder *encoder);
/* So many of a hundred packets are lost on their way. */
void encoder_expect_loss(struct encoder *encoder, unsigned percent);

#endif
