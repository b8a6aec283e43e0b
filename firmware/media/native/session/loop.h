/*
 * A thread that moves packets, and runs timers. It alone touches the sessions that live on it, and whatever else was
 * made on it (conferences, players, recorders); another thread does so through loop_call alone.
 */
#ifndef RINGDOWN_LOOP_H
#define RINGDOWN_LOOP_H

#include "session/report.h"
#include "session/session.h"
#include "session/timer.h"

struct loop;

/* That ever live on one at once. */
#define LOOP_MAX_SESSIONS 8192

/* A loop without a thread, for checks: its timers run when loop_run_timers is called. NULL with errno set: no memory. */
struct loop *loop_open(void (*wake)(void *argument), void *argument);
void loop_close(struct loop *loop);
/* Starts the thread; false with errno set when the system will not have it. */
bool loop_start(struct loop *loop);
/* Ends the thread. Sessions stay as they are. A loop that was not started: nothing. */
void loop_stop(struct loop *loop);

/*
 * Runs `call` between two batches of packets, as if on the loop's thread: there, and waits for it; or here, where the thread waits for
 * packets itself, which it does not read before the call is over. One caller at a time. A loop without a thread runs it here.
 */
void loop_call(struct loop *loop, void (*call)(struct loop *loop, void *argument), void *argument);

/* On the loop's thread, as all that follows. */

/* The session lives here from now on: its sockets are heard. False: epoll refuses, and it lives nowhere. */
bool loop_take_in(struct loop *loop, struct session *session);
void loop_let_go(struct loop *loop, struct session *session);

void timer_arm(struct loop *loop, struct timer *timer, uint64_t due_us);
void timer_disarm(struct loop *loop, struct timer *timer);
/* Fires what is due; when to come again (timers_next). */
uint64_t loop_run_timers(struct loop *loop, uint64_t now_us);

/* What sends; flushed after each timer and each batch of packets. */
struct send_queue *loop_queue(struct loop *loop);

/*
 * When the packet that is being received came to its socket, where that was asked for (socket_stamp); else now. It may have
 * waited there because we were late, which is nothing to learn about its network from.
 */
uint64_t loop_arrival_us(const struct loop *loop, uint64_t now_us);

/* Tells JavaScript. Never waits; false when too much waits there already, and the event is dropped. */
bool engine_report(struct loop *loop, const struct media_event *event);
struct reports *loop_reports(struct loop *loop);

/* Monotonic microseconds. */
uint64_t loop_now_us(void);

#endif
