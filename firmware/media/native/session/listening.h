/*
 * What a party says as PCM, in order and in time: from its packets through the jitter buffer and the decoder to whoever
 * wants it: the other leg's stream (ROUTE_TRANSCODE), a tap, or who pulls. A leg has one only while somebody does.
 */
#ifndef RINGDOWN_LISTENING_H
#define RINGDOWN_LISTENING_H

#include "codec/codec.h"
#include "rtp/jitter.h"
#include "session/timer.h"

struct leg;
struct listening;

struct listening *listening_open(struct leg *leg); /* of the leg's codec; NULL: no memory */
void listening_close(struct listening *listening);   /* NULL does nothing */
/* Another source, or one that began again. */
void listening_restart(struct listening *listening);
/* The session is on a loop now, or who listens has changed: what is due comes as soon as the loop turns. */
void listening_wake(struct listening *listening);
void listening_sleep(struct listening *listening);

/* For how long a packet of comfort noise stands at least, in RTP units. */
uint32_t listening_noise_ticks(enum codec codec);
/* A packet of audio, or of comfort noise (`ticks` is 0). False: too late, or twice. */
bool listening_take(struct listening *listening, const struct rtp_packet *packet, uint32_t ticks, uint64_t now_us);
/* A telephone event of the same source: audio may pause for it. */
void listening_pass_over(struct listening *listening, const struct rtp_packet *packet);
/* RTP time of the source's next audio. */
uint32_t listening_time(const struct listening *listening);

/* See leg_pull in party.h. */
void listening_pull(struct listening *listening, uint64_t now_us, int16_t *pcm, size_t samples, uint32_t sample_rate);

#endif
