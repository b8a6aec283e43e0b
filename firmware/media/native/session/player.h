/*
 * Plays a sound to a party, 20 ms each 20 ms. A player belongs to its leg: it moves with it from loop to loop, and ends with
 * it. While it plays, the party hears neither its peer nor its conference.
 */
#ifndef RINGDOWN_PLAYER_H
#define RINGDOWN_PLAYER_H

#include "audio/sound.h"
#include "session/leg.h"

struct player;

/* Takes the sound over. `id` is the runtime's, for EVENT_PLAYBACK_ENDED. NULL: no memory, and the sound is the caller's still. */
struct player *player_open(uint64_t id, const struct sound *sound);
/* One that no leg has taken. NULL does nothing. */
void player_close(struct player *player);
uint64_t player_id(const struct player *player);

/* All that follows: on the loop's thread of the leg. */

/* Instead of what is played there now, which ends without an event. The player is the leg's from now on. */
void leg_play(struct leg *leg, struct player *player, uint64_t now_us);
/* Without an event. Nothing plays: nothing happens. */
void leg_stop_playing(struct leg *leg);
/* Its loop is about to lose the leg. */
void leg_pause_playing(struct leg *leg);
/* And another one has got it: the sound goes on where it was. */
void leg_resume_playing(struct leg *leg);

#endif
