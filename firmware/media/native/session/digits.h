/*
 * The digits of a party, pressed and heard: its telephone events and tones become its peer's events or tones, and
 * are told to the runtime; digits that the runtime wants pressed go the same way. On the loop's thread.
 *
 *   the party's events    relayed (forward.c) where the other leg has events; else its presses become tones there
 *   tones in its audio    taken out and made events where the other leg has events; else they stay where they are
 *
 * A leg whose runtime tells it of digits by signalling gets neither: the runtime is told, and sees to it.
 */
#ifndef RINGDOWN_DIGITS_H
#define RINGDOWN_DIGITS_H

#include "audio/dtmf.h"
#include "codec/resample.h"
#include "rtp/event.h"
#include "rtp/rtp.h"
#include "session/timer.h"

struct leg;

/* What is asked for each packet comes first. */
struct digits {
  /* What is pressed for the party: as events, or as tones. */
  bool in_audio;
  bool sounding;
  struct event_sender sender;
  struct dtmf_generator generator;
  uint64_t next_us; /* of the tones' next 10 ms */

  /* What the party presses. */
  struct event_receiver received;
  struct dtmf_detector detector;
  struct dtmf_mute mute;
  struct downsampler downsampler; /* of wideband: what lies above the band is not to fold down to tones */
  int16_t block[DTMF_BLOCK_SAMPLES];
  size_t filled;
  bool cut; /* who heard the beginning of the press hears the party no more, and who hears it now gets none of the rest */
  uint32_t cut_timestamp; /* of the source, then */

  struct timer timer; /* of what is being pressed, in either direction */
};

enum digit_source { DIGIT_BY_EVENT, DIGIT_IN_AUDIO };

void digits_start(struct leg *leg);
/* After new settings. */
void digits_configure(struct leg *leg);
/* The session is on a loop from now on, or no more. */
void digits_attach(struct leg *leg, uint64_t now_us);
void digits_detach(struct leg *leg);

/* The source of the leg is another one. */
void digits_restart(struct leg *leg);
/* `to` is no longer the peer of `from`: what is pressed ends there. Before their routes change. */
void digits_part(struct leg *from, struct leg *to, uint64_t now_us);
/* A packet of events of a press that began before the party had this peer: after digits_take_event. */
bool digits_is_cut(struct leg *from, const struct rtp_packet *packet);
/* A packet of events from the party. */
void digits_take_event(struct leg *from, const struct rtp_packet *packet, uint64_t now_us);
/* What the party said; tones are muted where digits_removes. Nothing unless the leg is to be listened to. */
void digits_take_audio(struct leg *from, int16_t *pcm, size_t samples, uint32_t sample_rate, uint64_t now_us);
/* True when tones are taken out of what goes from one to the other, which therefore has to be decoded. */
bool digits_removes(const struct leg *from, const struct leg *to);
/* True when its events go to the other one as they came: both have them, by the same clock (RFC 4733 §2.1). */
bool digits_pass_on(const struct leg *from, const struct leg *to);

/* Presses for the party of `leg`, after those that wait. False: not all of them fit, or may be sent; then none is. */
bool digits_send(struct leg *leg, const struct event_press *presses, unsigned count, uint64_t now_us);
/* True while the stream to the party is taken by digits: nobody else speaks. */
bool digits_hold(const struct leg *leg, uint64_t now_us);

#endif
