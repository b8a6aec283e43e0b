/*
 * What a party says and hears, for what is made on its loop: players, conferences, recorders, detectors of tones. All
 * on the loop's thread. A session that is closed or moved takes its legs along: whoever speaks or listens lets go first.
 *
 *   a player      leg_set_voice(leg, VOICE_LOCAL), then leg_speak 20 ms each 20 ms, then leg_set_voice(leg, VOICE_PEER)
 *   a recorder    leg_add_tap(leg, &recorder->tap), then leg_remove_tap(leg, &recorder->tap)
 *   a mixer       leg_set_voice(leg, VOICE_LOCAL), leg_set_ear(leg, EAR_PULL), then leg_pull and leg_speak each 20 ms
 */
#ifndef RINGDOWN_PARTY_H
#define RINGDOWN_PARTY_H

#include "session/leg.h"

/* Who speaks to the party of `leg`. The stream goes on without a break; its next packet begins a talkspurt. False: no memory. */
bool leg_set_voice(struct leg *leg, enum voice voice);
/* VOICE_LOCAL while the leg has a player or a seat in a conference. For those two. */
void leg_choose_voice(struct leg *leg);
/*
 * PCM into our stream to the party, at 8000 or 16000 samples a second; sent whenever a packet is full. Time that
 * passed without leg_speak is a jump of its timestamp. Nothing happens while the leg is not configured or may not send,
 * or its voice is not VOICE_LOCAL.
 */
void leg_speak(struct leg *leg, const int16_t *pcm, size_t samples, uint32_t sample_rate, uint64_t now_us);
/* The same whatever the leg's voice: for what takes its place for a moment. */
void leg_put(struct leg *leg, const int16_t *pcm, size_t samples, uint32_t sample_rate, uint64_t now_us);
/*
 * A copy of what the party says, decoded beside the relay where the relay does not decode. Any number of taps. False: no
 * memory; the tap is there, and hears nothing.
 */
bool leg_add_tap(struct leg *leg, struct leg_tap *tap);
void leg_remove_tap(struct leg *leg, struct leg_tap *tap); /* not there: nothing */
/* EAR_PULL: what the party says is kept for leg_pull. False: no memory. */
bool leg_set_ear(struct leg *leg, enum leg_ear ear);
/*
 * What the party said in the time since the last pull, for mixers: `samples` (an even number) at 8000 or 16000 a second,
 * concealed where it was lost, silence where nothing was said. Pull at the pace of the samples.
 */
void leg_pull(struct leg *leg, uint64_t now_us, int16_t *pcm, size_t samples, uint32_t sample_rate);

#endif
