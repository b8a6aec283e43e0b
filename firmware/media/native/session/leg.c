#include "session/leg.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "net/socket.h"
#include "session/listening.h"
#include "session/player.h"
#include "session/session.h"

enum leg_fault leg_open(struct leg *leg, const char *address, uint16_t port) {
  memset(leg, 0, sizeof *leg);
  leg->rtp_fd = -1;
  leg->rtcp_fd = -1;
  leg->connection.fd = -1;
  union address rtp;
  union address rtcp;
  if (!address_parse(address, port, &rtp) || !address_parse(address, (uint16_t)(port + 1), &rtcp)) {
    return LEG_BAD_ADDRESS;
  }
  leg->family = rtp.any.sa_family;
  leg->settings.dscp = SOCKET_DSCP;
  leg->rtp_fd = socket_open(&rtp);
  if (leg->rtp_fd < 0) return LEG_ERRNO;
  leg->rtcp_fd = socket_open(&rtcp);
  if (leg->rtcp_fd < 0) {
    const int reason = errno;
    leg_close(leg);
    errno = reason;
    return LEG_ERRNO;
  }
  outgoing_start(&leg->outgoing);
  reporting_open(&leg->reporting);
  digits_start(leg);
  return LEG_OK;
}

void leg_close(struct leg *leg) {
  connection_close(leg);
  if (leg->rtcp_fd >= 0) reporting_leave(leg);
  if (leg->rtp_fd >= 0) close(leg->rtp_fd);
  if (leg->rtcp_fd >= 0) close(leg->rtcp_fd);
  leg->rtp_fd = -1;
  leg->rtcp_fd = -1;
  player_close(leg->player);
  leg->player = NULL;
  listening_close(leg->listening);
  leg->listening = NULL;
  outgoing_close(&leg->outgoing);
  protection_close(&leg->protection);
}

const union address *leg_remote(const struct leg *leg) { return latch_remote(&leg->latch); }

enum leg_change leg_configure(struct leg *leg, const struct leg_settings *settings) {
  const struct leg_settings old = leg->settings;
  const bool moved = !leg->configured || !address_equal(&old.remote, &settings->remote);
  latch_signal(&leg->latch, &settings->remote);
  latch_signal(&leg->rtcp_latch, &settings->rtcp_remote);
  if (!leg->latch.known) connection_close(leg);
  if (old.dscp != settings->dscp) {
    socket_mark(leg->rtp_fd, leg->family, settings->dscp);
    socket_mark(leg->rtcp_fd, leg->family, settings->dscp);
    if (leg->connection.fd >= 0) socket_mark(leg->connection.fd, leg->family, settings->dscp);
  }
  leg->configured = true;
  leg->settings = *settings;
  /* RFC 2543 B.5: so a party on hold is told to send nothing; it wants none of our reports either (reporting.c). */
  if (address_is_unspecified(&settings->remote)) leg->settings.sends = false;
  digits_configure(leg);
  /* At another address, or after another codec, the far end codes from its initial state, and so must we. */
  if (moved || old.codec != settings->codec || !encoder_options_equal(&old.encoding, &settings->encoding)) return LEG_PARTY;
  return old.ptime_ms != settings->ptime_ms ? LEG_MEDIA : LEG_SAME;
}
