/*
 * Audio codecs, all of 8000 samples a second. PCM is 16 bit, native byte order. Nothing here allocates but g729_open and g729_restart.
 */
#ifndef RINGDOWN_CODEC_H
#define RINGDOWN_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SAMPLES_PER_MS 8
#define FRAME_MS 10
#define FRAME_SAMPLES (FRAME_MS * SAMPLES_PER_MS)

#define G729_FRAME_BYTES 10
#define G729_SID_BYTES 2

enum codec { CODEC_PCMU, CODEC_PCMA, CODEC_G729 };
#define CODEC_COUNT 3

/*
 * How many samples such a payload stands for, or 0 when it is not a whole number of frames.
 * RFC 3551 §4.5.6: a G.729 payload is any number of 10-byte frames, with at most one 2-byte silence descriptor, last.
 */
size_t codec_payload_samples(enum codec codec, size_t payload_bytes);

/* ITU-T G.711. The tables must be made once before anything else: g711_make_tables. */
void g711_make_tables(void);
void g711_decode(enum codec codec, const uint8_t *bytes, size_t count, int16_t *pcm);
void g711_encode(enum codec codec, const int16_t *pcm, size_t count, uint8_t *bytes);

/* Both directions of one leg's G.729 Annex A, through bcg729. */
struct g729;
struct g729 *g729_open(void); /* NULL: no memory */
void g729_close(struct g729 *g729);
/* What is decoded from here on is another encoder's. Goes on with the old state when there is no memory. */
void g729_restart(struct g729 *g729);
/* `bytes` is G729_FRAME_BYTES, or G729_SID_BYTES for a silence descriptor (Annex B). Gives FRAME_SAMPLES. */
void g729_decode(struct g729 *g729, const uint8_t *bytes, size_t length, int16_t *pcm);
/* One frame that never came: what the codec guesses from those before. */
void g729_conceal(struct g729 *g729, int16_t *pcm);
/* FRAME_SAMPLES in, G729_FRAME_BYTES out, always: we do not send silence descriptors. */
void g729_encode(struct g729 *g729, const int16_t *pcm, uint8_t *bytes);

#endif
