/*
 * The thread that moves packets. It alone touches open sessions; another thread asks it to, through loop_call.
 */
#ifndef RINGDOWN_LOOP_H
#define RINGDOWN_LOOP_H

#include "session/session.h"

#define LOOP_MAX_SESSIONS 4096

struct loop;

/* Starts the thread. NULL with errno set when the system will not have it. */
struct loop *loop_start(void);
/* Ends the thread, then closes and frees every session. */
void loop_stop(struct loop *loop);

/* Hands an opened session over. Its handle, never 0; or 0 when LOOP_MAX_SESSIONS are open or epoll refuses. */
uint32_t loop_add(struct loop *loop, struct session *session);
/* Takes a session back, to be closed by the caller; NULL for a handle that is not open. */
struct session *loop_remove(struct loop *loop, uint32_t handle);
/*
 * Runs `visit` on the session, on the loop's thread, and waits for it. False for a handle that is not open.
 * One caller at a time.
 */
bool loop_visit(struct loop *loop, uint32_t handle, void (*visit)(struct session *session, void *argument), void *argument);

uint64_t loop_now_ms(void);

#endif
