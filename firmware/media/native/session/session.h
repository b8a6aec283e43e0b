/*
 * One leg for each dialog, or two whose media meet from the start. Legs of any sessions on one loop can be joined and parted at any
 * time (pair.h); a leg may also speak with what is made on its loop: a conference, a player.
 */
#ifndef RINGDOWN_SESSION_H
#define RINGDOWN_SESSION_H

#include "session/leg.h"

#define SESSION_MAX_LEGS 2

struct recording;

struct session {
  uint64_t id;       /* the runtime's, for its events */
  struct loop *loop; /* on which it lives; NULL: on none (yet) */
  unsigned leg_count;
  struct recording *recordings; /* record/recording.h */
  struct leg legs[]; /* leg_count of them: SESSION_MAX_LEGS at most */
};

/*
 * Binds one or two legs. NULL when one fails: `*failed` is its index, `*fault` says why, with errno for LEG_ERRNO.
 */
struct session *session_open(const char *const *addresses, const uint16_t *ports, unsigned leg_count, unsigned *failed,
                             enum leg_fault *fault);
/* It lives on no loop any more. */
void session_close(struct session *session);
/* What has come to its sockets and was not read is no more: it came before anybody had said what to do with it. Lives on no loop. */
void session_forget_waiting(struct session *session);
/* Called by its loop. What is not of its own is left behind: its seats in conferences, and peers of other sessions. */
void session_attach(struct session *session, struct loop *loop);
void session_detach(struct session *session);

/* All that follows: on its loop's thread, with monotonic microseconds of the present. */

/* A packet of `length` bytes from `source` on the RTP port of one leg, read in place; goes to its peer as it deserves. */
void session_receive(struct session *session, unsigned leg, uint8_t *bytes, size_t length,
                     const union address *source, uint64_t now_us);
/* The same for its RTCP port. */
void session_receive_rtcp(struct session *session, unsigned leg, uint8_t *bytes, size_t length,
                          const union address *source, uint64_t now_us);
/* What was negotiated for a leg, again at any time. False: no memory for its codec; it is silent. */
bool session_configure(struct session *session, unsigned leg, const struct leg_settings *settings);

#endif
