#include "session/connection.h"

#include <sys/resource.h>
#include <unistd.h>

#include "net/socket.h"
#include "session/leg.h"
#include "session/loop.h"
#include "session/session.h"

/* A call that begins needs descriptors more than one that runs: the last sixteenth is for it. They are given out from below. */
static bool leaves_enough(int fd) {
  struct rlimit limit;
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 && (rlim_t)fd < limit.rlim_cur - limit.rlim_cur / 16;
}

bool connection_is_due(const struct leg *leg) {
  return leg->connection.fd < 0 && !leg->connection.refused && leg->latch.known && leg->latch.packets >= LATCH_PACKETS;
}

bool connection_open(struct leg *leg) {
  leg->connection.fd = socket_connect(leg->rtp_fd, &leg->latch.heard, leg->settings.dscp);
  leg->connection.settles = true;
  if (leg->connection.fd < 0 || !leaves_enough(leg->connection.fd)) {
    connection_refuse(leg);
    return false;
  }
  if (leg->listening != NULL) socket_stamp(leg->connection.fd);
  return true;
}

void connection_refuse(struct leg *leg) {
  connection_close(leg);
  leg->connection.refused = true;
}

void connection_close(struct leg *leg) {
  leg->connection.refused = false;
  if (leg->connection.fd < 0) return;
  /* A packet may wait to go out of it. */
  if (leg->session->loop != NULL) send_queue_flush(loop_queue(leg->session->loop));
  close(leg->connection.fd);
  leg->connection.fd = -1;
}
