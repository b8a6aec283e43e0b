/*
 * All loops, and which session lives on which. For one thread, that of JavaScript; a call waits until the loop has
 * seen to it, a batch of packets at most.
 */
#ifndef RINGDOWN_ENGINE_H
#define RINGDOWN_ENGINE_H

#include "session/loop.h"

#define ENGINE_MAX_SESSIONS 4096
#define ENGINE_MAX_LOOPS 16

struct engine;

/* `wake` is called by any loop's thread when events wait (report.h). NULL with errno set when the system will not have it. */
struct engine *engine_start(unsigned loops, void (*wake)(void *argument), void *argument);
/* Ends the threads, then closes and frees every session. */
void engine_stop(struct engine *engine);

unsigned engine_loop_count(const struct engine *engine);
struct loop *engine_loop(struct engine *engine, unsigned index);

/* Hands an opened session over to the emptiest loop. Its handle, never 0; or 0 when ENGINE_MAX_SESSIONS are open or epoll refuses. */
uint32_t engine_add(struct engine *engine, struct session *session);
/* Takes a session back, to be closed by the caller; NULL for a handle that is not open. */
struct session *engine_remove(struct engine *engine, uint32_t handle);
/* Runs `visit` on the session, on its loop's thread, and waits for it. False for a handle that is not open. */
bool engine_visit(struct engine *engine, uint32_t handle, void (*visit)(struct session *session, void *argument), void *argument);
/* The same on every session, loop after loop: no loop is kept from its packets for longer than its own sessions take. */
void engine_visit_all(struct engine *engine, void (*visit)(struct session *session, void *argument), void *argument);
/*
 * The session lives on `loop` from now on, under the same handle, with what waits in its sockets: for what two sessions
 * share (a conference). False for a handle that is not open, or when epoll refuses, and then it is where it was.
 */
bool engine_move(struct engine *engine, uint32_t handle, unsigned loop);
/* Which loop a session lives on; ENGINE_MAX_LOOPS for a handle that is not open. */
unsigned engine_loop_of(const struct engine *engine, uint32_t handle);
/* The loop with the fewest sessions, for what is shared. */
unsigned engine_emptiest(const struct engine *engine);
/* Returns when every loop has turned; never, when one hangs. */
void engine_await(struct engine *engine);

#endif
