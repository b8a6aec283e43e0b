/*
 * All loops, and which session lives on which. For one thread, that of JavaScript; a call waits until the loop is
 * free, a batch of packets at most.
 */
#ifndef RINGDOWN_ENGINE_H
#define RINGDOWN_ENGINE_H

#include "session/loop.h"

/* One for each dialog: 800 calls that ring eight devices each. */
#define ENGINE_MAX_SESSIONS 8192
#define ENGINE_MAX_LOOPS 16

struct engine;

/* `wake` is called by any loop's thread when events wait (report.h). NULL with errno set when the system will not have it. */
struct engine *engine_start(unsigned loops, void (*wake)(void *argument), void *argument);
/* Ends the threads, then closes and frees every session. */
void engine_stop(struct engine *engine);

unsigned engine_loop_count(const struct engine *engine);
struct loop *engine_loop(struct engine *engine, unsigned index);

/* One leg of a session. */
struct engine_party {
  uint32_t handle;
  unsigned leg;
};

enum engine_result {
  ENGINE_DONE,
  ENGINE_UNKNOWN, /* a handle that is not open */
  ENGINE_NO_LEG,  /* the session has no such leg; or one leg, twice */
  ENGINE_REFUSED, /* epoll refuses, or there is no memory for a codec */
};

/*
 * Hands over an opened session, which lives on no loop yet: on the emptiest one from the first call on that has to do with it, and
 * what has come to its sockets by then is forgotten. Its handle, never 0; or 0 when ENGINE_MAX_SESSIONS are open.
 */
uint32_t engine_add(struct engine *engine, struct session *session);
/* Takes a session back, to be closed by the caller; NULL for a handle that is not open. */
struct session *engine_remove(struct engine *engine, uint32_t handle);
/* Runs `visit` on the session, on its loop's thread, and waits for it. False for a handle that is not open, or when epoll refuses. */
bool engine_visit(struct engine *engine, uint32_t handle, void (*visit)(struct session *session, void *argument), void *argument);
/*
 * The same on `most` sessions that live on a loop, from slot `from` on (0 to begin with; a number of no slot begins anew): a loop is
 * kept from its packets for no longer than these take. Where to go on; 0 when there is no session left.
 */
uint32_t engine_visit_some(struct engine *engine, uint32_t from, unsigned most, void (*visit)(struct session *session, void *argument),
                           void *argument);
/*
 * Both parties hear each other from now on (pair.h), and live on one loop: those who are fewer move, or those who are in no
 * conference. Two who are in conferences of two loops hear each other once one of them has left (engine_reunite). Whoever was
 * joined with either is alone, which is so after ENGINE_REFUSED too.
 */
enum engine_result engine_join(struct engine *engine, const struct engine_party *one, const struct engine_party *other);
/* The party is alone. */
enum engine_result engine_part(struct engine *engine, const struct engine_party *party);
/*
 * The session lives on `loop` from now on, under the same handle, with what waits in its sockets: for what sessions share (a
 * conference). Whoever is joined with it comes along, unless he is in a conference: then they are apart for as long. False for a
 * handle that is not open, or when epoll refuses, and then all are where they were.
 */
bool engine_move(struct engine *engine, uint32_t handle, unsigned loop);
/* After somebody has left a conference: those who were joined and are on two loops come together, where nothing holds them. */
void engine_reunite(struct engine *engine);
/* Which loop a session lives on; ENGINE_MAX_LOOPS for none, and for a handle that is not open. */
unsigned engine_loop_of(const struct engine *engine, uint32_t handle);
/* The loop with the fewest legs, for what is shared. */
unsigned engine_emptiest(const struct engine *engine);
/* Returns when every loop has turned; never, when one hangs. */
void engine_await(struct engine *engine);

#endif
