#include "session/session.h"

#include <errno.h>
#include <stdlib.h>

#include "record/recording.h"
#include "session/forward.h"
#include "session/loop.h"
#include "session/player.h"

#define MAX_PACKET_SAMPLES (MAX_PAYLOAD_MS * SAMPLES_PER_MS)
#define EVENT_BYTES 4 /* RFC 4733 §2.3 */
/*
 * Audio may come at twice its pace, and so much at once, as after a stall of the network. More is no conversation, and
 * the work of coding it would be taken from all other calls.
 */
#define MAX_PACE 2
#define MAX_BURST_US 10000000

struct session *session_open(const char *const *addresses, const uint16_t *ports, unsigned leg_count, unsigned *failed,
                             enum leg_fault *fault) {
  *failed = 0;
  *fault = LEG_ERRNO;
  struct session *session = calloc(1, sizeof *session);
  if (session == NULL) return NULL;
  for (; session->leg_count < leg_count; session->leg_count++) {
    struct leg *leg = &session->legs[session->leg_count];
    *fault = leg_open(leg, addresses[session->leg_count], ports[session->leg_count]);
    if (*fault != LEG_OK) {
      *failed = session->leg_count;
      const int reason = errno;
      session_close(session);
      errno = reason;
      return NULL;
    }
    leg->session = session;
  }
  return session;
}

void session_close(struct session *session) {
  recordings_hang_up(session, loop_now_us());
  for (unsigned i = 0; i < session->leg_count; i++) leg_close(&session->legs[i]);
  free(session);
}

void session_attach(struct session *session, struct loop *loop) {
  session->loop = loop;
  recordings_attach(session);
  const uint64_t now_us = loop_now_us();
  for (unsigned i = 0; i < session->leg_count; i++) {
    digits_attach(&session->legs[i], now_us);
    reporting_attach(&session->legs[i], loop, now_us);
    leg_resume_playing(&session->legs[i]);
    silence_watch(&session->legs[i], loop, now_us);
  }
}

void session_detach(struct session *session) {
  recordings_detach(session);
  for (unsigned i = 0; i < session->leg_count; i++) {
    digits_detach(&session->legs[i]);
    leg_pause_playing(&session->legs[i]);
    reporting_detach(&session->legs[i], session->loop);
    silence_detach(&session->legs[i], session->loop);
  }
  session->loop = NULL;
}

static void discard(uint64_t *reason) { (*reason)++; }

static bool is_event(const struct leg *leg, const struct rtp_packet *packet) {
  const struct leg_settings *settings = &leg->settings;
  /* Never NO_PAYLOAD_TYPE. RFC 3264 §5.1: each side names the number under which it wants to receive; some keep to one. */
  return packet->payload_type == settings->event_payload_type ||
         (packet->payload_type == settings->event_received_type && packet->payload_type != settings->payload_type);
}

static bool in_time(struct leg *from, size_t ticks, uint64_t now_us) {
  const uint64_t us = (uint64_t)ticks * 1000000 / codec_traits(from->settings.codec)->clock_rate / MAX_PACE;
  if (from->taken_until_us < now_us) from->taken_until_us = now_us;
  if (from->taken_until_us + us > now_us + MAX_BURST_US / MAX_PACE) return false;
  from->taken_until_us += us;
  return true;
}

static void tell_latched(const struct session *session, unsigned index) {
  const struct leg *leg = &session->legs[index];
  struct media_event event = {.kind = EVENT_LATCHED, .session = session->id, .leg = (uint8_t)index};
  event.value = address_port(&leg->latch.heard);
  address_print(&leg->latch.heard, event.text, sizeof event.text);
  if (session->loop != NULL) engine_report(session->loop, &event);
}

/* False: it was none of the party's packets, and is counted. */
static bool unprotect(struct leg *leg, uint8_t *bytes, size_t *length, uint64_t now_us) {
  switch (protection_unprotect_rtp(&leg->protection, bytes, length, now_us)) {
    case CRYPTO_OK:
      return true;
    case CRYPTO_MALFORMED:
      discard(&leg->counters.malformed);
      return false;
    case CRYPTO_FORGED:
    case CRYPTO_STRANGE:
      discard(&leg->counters.unauthenticated);
      return false;
    case CRYPTO_REPLAYED:
      discard(&leg->counters.replayed);
      return false;
  }
  return false;
}

static enum proof proof_of(const struct leg *leg, const struct rtp_packet *packet) {
  if (!protection_is_on(&leg->protection)) return PROOF_NONE;
  const struct receiver *receiver = &leg->receiver;
  const bool newer = !receiver->started || receiver->ssrc != packet->ssrc || (int16_t)(packet->sequence_number - receiver->highest) > 0;
  return newer ? PROOF_NEWEST : PROOF_OLD;
}

void session_receive(struct session *session, unsigned index, uint8_t *bytes, size_t length,
                     const union address *source, uint64_t now_us) {
  struct leg *from = &session->legs[index];
  struct leg_counters *counters = &from->counters;

  if (from->settings.rtcp_mux && length >= 2 && rtcp_is_muxed(bytes)) {
    session_receive_rtcp(session, index, bytes, length, source, now_us);
    return;
  }
  const size_t received_bytes = length;
  if (!unprotect(from, bytes, &length, now_us)) return;

  struct rtp_packet packet;
  if (!rtp_parse(bytes, length, &packet)) return discard(&counters->malformed);
  if (!from->configured) return discard(&counters->unknown_payload_type);

  const bool event = is_event(from, &packet);
  size_t samples = 0;
  if (event) {
    if (packet.payload_bytes == 0 || packet.payload_bytes % EVENT_BYTES != 0) return discard(&counters->malformed);
  } else {
    if (packet.payload_type != from->settings.payload_type) {
      /* Comfort noise (RFC 3389), mostly: it has its number in the stream, whether it was negotiated or not. */
      if (latch_is_at(&from->latch, source)) {
        receiver_pass_over(&from->receiver, &packet);
        silence_end(from, now_us);
      }
      return discard(&counters->unknown_payload_type);
    }
    samples = codec_payload_ticks(from->settings.codec, packet.payload_bytes);
    if (samples == 0 || samples > MAX_PACKET_SAMPLES) return discard(&counters->malformed);
  }
  switch (latch_hear(&from->latch, source, proof_of(from, &packet), now_us)) {
    case SOURCE_STRANGER:
      return discard(&counters->wrong_source);
    case SOURCE_NEW:
      tell_latched(session, index);
      break;
    case SOURCE_KNOWN:
      break;
  }

  counters->packets_received++;
  counters->bytes_received += received_bytes;
  counters->last_received_us = now_us;

  unsigned missing = 0;
  const enum arrival arrival = receiver_place(&from->receiver, &packet, &missing);
  counters->packets_lost += missing;
  silence_end(from, now_us);
  if (arrival != ARRIVAL_STRAY) reporting_note(from, &packet, arrival == ARRIVAL_RESTART, !event, now_us);
  if (arrival == ARRIVAL_RESTART) {
    /* The adaptive codebook of one source makes a thump of the first frames of the next. */
    decoder_restart(from->coders.decoder);
    digits_restart(from);
  }

  struct leg *to = session->leg_count == 2 ? &session->legs[1 - index] : NULL;
  const bool can_hear = to != NULL && to->configured && to->voice == VOICE_PEER && to->settings.sends;
  bool wanted = can_hear && !digits_hold(to, now_us);
  bool overheard = from->taps != NULL || from->settings.detects_digits;
  if (event && from->settings.receives && arrival != ARRIVAL_STRAY) {
    digits_take_event(from, &packet, now_us);
    wanted = can_hear && to->settings.event_payload_type != NO_PAYLOAD_TYPE;
    overheard = true;
  }
  /* Whoever speaks in its place meanwhile: the source finds its place anew afterwards. */
  if (to != NULL && !event && !wanted) to->outgoing.placed = false;
  if (!from->settings.receives || !(wanted || overheard) || !in_time(from, samples, now_us)) {
    /* What follows a hold, a flood, or a restart that went nowhere, lies no more where the other stream would have it. */
    if (to != NULL && (!event || arrival == ARRIVAL_RESTART)) to->outgoing.placed = false;
    return discard(&counters->unforwarded);
  }
  const struct arrived arrived = {
      .packet = &packet, .arrival = arrival, .missing = missing, .samples = samples, .now_us = now_us};
  if (!forward(from, wanted ? to : NULL, &arrived)) discard(&counters->late);
}

void session_receive_rtcp(struct session *session, unsigned index, uint8_t *bytes, size_t length,
                          const union address *source, uint64_t now_us) {
  struct leg *leg = &session->legs[index];
  if (protection_unprotect_rtcp(&leg->protection, bytes, &length, now_us) != CRYPTO_OK) {
    discard(&leg->reporting.discarded_reports);
    return;
  }
  reporting_receive(leg, bytes, length, source, protection_is_on(&leg->protection), now_us);
}

bool session_configure(struct session *session, unsigned index, const struct leg_settings *settings) {
  struct leg *leg = &session->legs[index];
  bool media_changed = false;
  if (!leg_configure(leg, settings, &media_changed)) return false;
  if (session->loop != NULL) silence_watch(leg, session->loop, loop_now_us());
  if (!media_changed) return true;
  outgoing_set_format(&leg->outgoing, settings->codec, settings->ptime_ms);
  /* What comes in here now has another shape: its place in the other stream is sought anew. */
  if (session->leg_count == 2) session->legs[1 - index].outgoing.placed = false;
  return true;
}
