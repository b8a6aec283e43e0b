#include "session/session.h"

#include <errno.h>
#include <stdlib.h>

#include "session/forward.h"

#define MAX_PACKET_SAMPLES (MAX_PAYLOAD_MS * SAMPLES_PER_MS)
#define EVENT_BYTES 4 /* RFC 4733 §2.3 */
/*
 * Audio may come at twice its pace, and so much at once, as after a stall of the network. More is no conversation, and
 * the work of coding it would be taken from all other calls.
 */
#define MAX_PACE 2
#define MAX_BURST_SAMPLES (10000 * SAMPLES_PER_MS)

struct session *session_open(const char *const addresses[2], const uint16_t ports[2], unsigned *failed, enum leg_fault *fault) {
  *failed = 0;
  *fault = LEG_ERRNO;
  struct session *session = calloc(1, sizeof *session);
  if (session == NULL) return NULL;
  *fault = leg_open(&session->legs[0], addresses[0], ports[0]);
  if (*fault == LEG_OK) {
    *fault = leg_open(&session->legs[1], addresses[1], ports[1]);
    if (*fault == LEG_OK) return session;
    *failed = 1;
    const int reason = errno;
    leg_close(&session->legs[0]);
    errno = reason;
  }
  free(session);
  return NULL;
}

void session_close(struct session *session) {
  leg_close(&session->legs[0]);
  leg_close(&session->legs[1]);
  free(session);
}

static void discard(uint64_t *reason) { (*reason)++; }

static bool is_event(const struct leg *leg, const struct rtp_packet *packet) {
  return leg->settings.event_payload_type != NO_PAYLOAD_TYPE && packet->payload_type == leg->settings.event_payload_type;
}

static bool in_time(struct leg *from, size_t samples, uint64_t now_ms) {
  const uint64_t now = now_ms * SAMPLES_PER_MS * MAX_PACE;
  if (from->taken_until < now) from->taken_until = now;
  if (from->taken_until + samples > now + MAX_BURST_SAMPLES) return false;
  from->taken_until += samples;
  return true;
}

void session_receive(struct session *session, unsigned index, const uint8_t *bytes, size_t length,
                     const union address *source, uint64_t now_ms, struct send_queue *queue) {
  struct leg *from = &session->legs[index];
  struct leg *to = &session->legs[1 - index];
  struct leg_counters *counters = &from->counters;

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
      if (from->latched && address_equal(&from->latch, source)) receiver_pass_over(&from->receiver, &packet);
      return discard(&counters->unknown_payload_type);
    }
    samples = codec_payload_ticks(from->settings.codec, packet.payload_bytes);
    if (samples == 0 || samples > MAX_PACKET_SAMPLES) return discard(&counters->malformed);
  }
  if (!leg_accepts_source(from, source, now_ms)) return discard(&counters->wrong_source);

  counters->packets_received++;
  counters->bytes_received += length;
  counters->last_received_ms = now_ms;

  unsigned missing = 0;
  const enum arrival arrival = receiver_place(&from->receiver, &packet, &missing);
  counters->packets_lost += missing;
  /* The adaptive codebook of one source makes a thump of the first frames of the next. */
  if (arrival == ARRIVAL_RESTART) decoder_restart(from->coders.decoder);

  if (!to->configured || !from->settings.receives || !to->settings.sends ||
      (event && to->settings.event_payload_type == NO_PAYLOAD_TYPE) || !in_time(from, samples, now_ms)) {
    /* What follows a hold, a flood, or a restart that went nowhere, lies no more where the other stream would have it. */
    if (!event || arrival == ARRIVAL_RESTART) to->outgoing.placed = false;
    return discard(&counters->unforwarded);
  }
  const struct arrived arrived = {
      .packet = &packet, .arrival = arrival, .missing = missing, .samples = samples, .now_ms = now_ms};
  if (!forward(from, to, &arrived, queue)) discard(&counters->late);
}

void session_configure(struct session *session, unsigned index, const struct leg_settings *settings, struct coders *coders) {
  struct leg *leg = &session->legs[index];
  struct leg *other = &session->legs[1 - index];
  if (!leg_configure(leg, settings, coders)) return;
  outgoing_set_format(&leg->outgoing, settings->codec, settings->ptime_ms);
  /* What comes in here now has another shape: its place in the other stream is sought anew. */
  other->outgoing.placed = false;
}
