/*
 * Two parties who hear each other: any two legs on one loop, of one session or of two, put together and taken apart at any time.
 * Neither party notices: our stream to it keeps its SSRC, and its numbers and its time go on. On the loop's thread.
 */
#ifndef RINGDOWN_PAIR_H
#define RINGDOWN_PAIR_H

#include "session/leg.h"

/*
 * Both hear each other from now on, as soon as nothing else speaks to them: a player, a conference. Whoever was joined with either
 * is alone. Joined already: nothing. False: no memory for a codec; they are joined, and what could not be opened is silent.
 */
bool leg_join(struct leg *one, struct leg *other, uint64_t now_us);
/* It hears nobody and nobody hears it, but for what is played to it and its conference. Keys that are held are released. */
void leg_part(struct leg *leg, uint64_t now_us);

#endif
