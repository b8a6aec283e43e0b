/* Two legs whose media meet. */
#ifndef RINGDOWN_SESSION_H
#define RINGDOWN_SESSION_H

#include "session/leg.h"

struct session {
  struct leg legs[2];
};

/*
 * Binds both legs. NULL when one fails: `*failed` is its index, `*fault` says why, with errno for LEG_ERRNO.
 */
struct session *session_open(const char *const addresses[2], const uint16_t ports[2], unsigned *failed, enum leg_fault *fault);
void session_close(struct session *session);

/* A packet of `length` bytes from `source` on the RTP port of one leg; goes to the other one as it deserves. */
void session_receive(struct session *session, unsigned leg, const uint8_t *bytes, size_t length,
                     const union address *source, uint64_t now_ms, struct send_queue *queue);
/* For `coders` see leg_configure. */
void session_configure(struct session *session, unsigned leg, const struct leg_settings *settings, struct coders *coders);

#endif
