/*
 * A conference: parties on one loop, mixed every 20 ms. Each has a seat, which belongs to its leg and goes with it: when the
 * session leaves the loop, it leaves the conference. A party in a conference hears that and not its peer, and the peer does
 * not hear the party, until it leaves.
 */
#ifndef RINGDOWN_CONFERENCE_H
#define RINGDOWN_CONFERENCE_H

#include "audio/mixer.h"
#include "audio/tone.h"
#include "session/leg.h"
#include "session/loop.h"

#define CONFERENCE_MAX_PARTIES MIXER_MAX_PARTIES
/* In all conferences together. */
#define CONFERENCE_MAX_SEATS 128

struct conference;
struct seat;

struct conference_settings {
  uint64_t id;                /* the runtime's, for EVENT_ACTIVE_SPEAKER */
  unsigned speakers;          /* that are mixed at a time; 1 to MIXER_MAX_SPEAKERS */
  bool has_entry, has_exit;   /* heard by all when somebody comes or goes */
  struct tone_pattern entry, exit;
};

/* Any thread. NULL: no memory, or a tone that is none. */
struct conference *conference_open(struct loop *loop, const struct conference_settings *settings);
struct loop *conference_loop(const struct conference *conference);
/* A seat for conference_join. NULL: no memory, or CONFERENCE_MAX_SEATS are taken. */
struct seat *seat_open(void);
/* One that no leg has taken. NULL does nothing. */
void seat_close(struct seat *seat);

/* All that follows: on the conference's loop's thread. */

/* Everybody leaves, without a tone. */
void conference_close(struct conference *conference);
/*
 * Gives the leg, which lives on the loop, its seat. False when the conference is full, or there is no memory: the seat is the caller's still. Who has a
 * seat in it already keeps that one (and this one is closed); one in another conference is left.
 */
bool conference_join(struct conference *conference, struct leg *leg, struct seat *seat, bool announced, uint64_t now_us);
unsigned conference_count(const struct conference *conference);

/* Not in a conference: nothing. */
void leg_leave_conference(struct leg *leg, bool announced);
struct conference *leg_conference(const struct leg *leg); /* NULL: in none */
void leg_mute_in_conference(struct leg *leg, bool muted);

#endif
