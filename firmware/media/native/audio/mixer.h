/*
 * The mix of one conference: everybody hears the loudest speakers, and nobody himself. PCM is 16 bit at 16 kHz, in frames of
 * 20 ms; no gain is ever changed, but for 5 ms when somebody enters or leaves the mix, so that there is no click.
 *
 * Who is not among the speakers hears the same as all others who are not: that mix is made once.
 *
 * For each frame: mixer_put of who said something, mixer_mix, then mixer_all or mixer_others for each party.
 */
#ifndef RINGDOWN_MIXER_H
#define RINGDOWN_MIXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MIXER_MAX_PARTIES 64
#define MIXER_MAX_SPEAKERS 8
#define MIXER_DEFAULT_SPEAKERS 3
#define MIXER_SAMPLE_RATE 16000
#define MIXER_FRAME_MS 20
#define MIXER_FRAME_SAMPLES (MIXER_SAMPLE_RATE / 1000 * MIXER_FRAME_MS)
#define MIXER_NOBODY (-1)

struct mixer;

/* `speakers`, 1 to MIXER_MAX_SPEAKERS, are mixed at a time. NULL: no memory. */
struct mixer *mixer_open(unsigned speakers);
void mixer_close(struct mixer *mixer);

/* The place of a new party, 0 to MIXER_MAX_PARTIES - 1, or MIXER_NOBODY when the conference is full. */
int mixer_join(struct mixer *mixer);
void mixer_leave(struct mixer *mixer, int party);
/* A muted party is heard by nobody, and hears. */
void mixer_mute(struct mixer *mixer, int party, bool muted);

/* What a party said: MIXER_FRAME_SAMPLES that stay where they are until the frame is over. Who has put nothing is silent. */
void mixer_put(struct mixer *mixer, int party, const int16_t *pcm);
/* A tone or prompt that all parties hear in this frame; stays as long. At most one a frame: the last. */
void mixer_announce(struct mixer *mixer, const int16_t *pcm);
/* Chooses the speakers of this frame and adds them up. */
void mixer_mix(struct mixer *mixer);

/* Whether the party is to hear mixer_all: there is nothing of its own in it. */
bool mixer_hears_all(const struct mixer *mixer, int party);
/* MIXER_FRAME_SAMPLES, until the next mixer_mix. */
const int16_t *mixer_all(const struct mixer *mixer);
/* The same without what the party said itself. */
void mixer_others(const struct mixer *mixer, int party, int16_t *pcm);

/* The loudest speaker of the last moments, who stays so until another is for 300 ms; MIXER_NOBODY before the first. */
int mixer_active(const struct mixer *mixer);

#endif
