#include "session/leg.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "net/socket.h"
#include "session/player.h"

/* A latched source that is silent for this long loses its place to another one. */
#define RELATCH_SILENCE_US 2000000

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
  digits_start(leg);
  return LEG_OK;
}

void leg_close(struct leg *leg) {
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

enum source leg_hears(struct leg *leg, const union address *source, uint64_t now_us) {
  if (leg->latched && address_equal(&leg->latch, source)) return SOURCE_KNOWN;
  const union address *signalled = &leg->settings.remote;
  const bool silent = now_us - leg->counters.last_received_us >= RELATCH_SILENCE_US;
  /* A party that was heard where the signalling said has no NAT before it: its pauses are no chance for a stranger. */
  const bool moved = silent && (!address_equal(&leg->latch, signalled) || address_same_host(&leg->latch, source));
  /* The signalled address may always take its place back: a stranger who was first does not keep the party out. */
  if (leg->latched && !address_equal(signalled, source) && !moved) return SOURCE_STRANGER;
  leg->latched = true;
  leg->latch = *source;
  return SOURCE_NEW;
}

const union address *leg_remote(const struct leg *leg) { return leg->latched ? &leg->latch : &leg->settings.remote; }

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
  if (moved) leg->latched = false;
  leg->configured = true;
  leg->settings = *settings;
  digits_configure(leg);
  return true;
}
