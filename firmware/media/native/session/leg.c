#include "session/leg.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "net/socket.h"
#include "session/player.h"

enum leg_fault leg_open(struct leg *leg, const char *address, uint16_t port) {
  memset(leg, 0, sizeof *leg);
  leg->rtp_fd = -1;
  leg->rtcp_fd = -1;
  union address rtp;
  union address rtcp;
  if (!address_parse(address, port, &rtp) || !address_parse(address, (uint16_t)(port + 1), &rtcp)) {
    return LEG_BAD_ADDRESS;
  }
  leg->family = rtp.any.sa_family;
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
  if (leg->rtcp_fd >= 0) reporting_leave(leg);
  if (leg->rtp_fd >= 0) close(leg->rtp_fd);
  if (leg->rtcp_fd >= 0) close(leg->rtcp_fd);
  leg->rtp_fd = -1;
  leg->rtcp_fd = -1;
  player_close(leg->player);
  leg->player = NULL;
  coders_close(&leg->coders);
  protection_close(&leg->protection);
}

bool coders_open(struct coders *coders, enum codec codec) {
  coders->decoder = decoder_open(codec);
  coders->encoder = encoder_open(codec, false);
  if (coders->decoder != NULL && coders->encoder != NULL) return true;
  coders_close(coders);
  return false;
}

void coders_close(struct coders *coders) {
  decoder_close(coders->decoder);
  encoder_close(coders->encoder);
  *coders = (struct coders){NULL, NULL};
}

const union address *leg_remote(const struct leg *leg) { return latch_remote(&leg->latch); }

bool leg_configure(struct leg *leg, const struct leg_settings *settings, bool *media_changed) {
  const struct leg_settings *old = &leg->settings;
  const bool moved = !leg->configured || !address_equal(&old->remote, &settings->remote);
  if (moved || old->codec != settings->codec) {
    /* At another address, or after another codec, the far end codes from its initial state, and so must we. */
    struct coders coders;
    if (!coders_open(&coders, settings->codec)) return false;
    coders_close(&leg->coders);
    leg->coders = coders;
  }
  *media_changed = moved || old->codec != settings->codec || old->ptime_ms != settings->ptime_ms ||
                   old->annex_b != settings->annex_b;
  latch_signal(&leg->latch, &settings->remote);
  latch_signal(&leg->rtcp_latch, &settings->rtcp_remote);
  if (!leg->configured || old->dscp != settings->dscp) {
    socket_mark(leg->rtp_fd, leg->family, settings->dscp);
    socket_mark(leg->rtcp_fd, leg->family, settings->dscp);
  }
  leg->configured = true;
  leg->settings = *settings;
  digits_configure(leg);
  return true;
}
