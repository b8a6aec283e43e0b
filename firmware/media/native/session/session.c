#include "session/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "record/recording.h"
#include "session/forward.h"
#include "session/conference.h"
#include "session/listening.h"
#include "session/loop.h"
#include "session/pair.h"
#include "session/player.h"
#include "session/route.h"

#define EVENT_BYTES 4      /* RFC 4733 §2.3 */
#define MAX_NOISE_BYTES 32 /* RFC 3389 §3.1: a level, and the order of a model that nobody makes longer */
/*
 * Audio may come at twice its pace, and so much at once, as after a stall of the network. More is no conversation, and
 * the work of coding it would be taken from all other calls.
 */
#define MAX_PACE 2
/* More than fit into a socket. */
#define MAX_FORGOTTEN 4096
#define MAX_BURST_US 10000000

struct session *session_open(const char *const *addresses, const uint16_t *ports, unsigned leg_count, unsigned *failed,
                             enum leg_fault *fault) {
  *failed = 0;
  *fault = LEG_ERRNO;
  const size_t bytes = sizeof(struct session) + leg_count * sizeof(struct leg);
  struct session *session = aligned_alloc(_Alignof(struct session), bytes);
  if (session == NULL) return NULL;
  memset(session, 0, bytes);
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
  if (leg_count == 2) leg_join(&session->legs[0], &session->legs[1], 0);
  return session;
}

void session_close(struct session *session) {
  recordings_hang_up(session, loop_now_us());
  for (unsigned i = 0; i < session->leg_count; i++) leg_close(&session->legs[i]);
  free(session);
}

/* One packet after the other, so that nobody can keep us here. */
static unsigned forget(int fd) {
  unsigned count = 0;
  uint8_t byte;
  for (unsigned turn = 0; fd >= 0 && turn < MAX_FORGOTTEN; turn++) {
    if (recv(fd, &byte, sizeof byte, MSG_DONTWAIT) >= 0) count++;
    /* An error that the network reported (ICMP) is none that keeps packets from being there. */
    else if (errno == EAGAIN || errno == EWOULDBLOCK) break;
  }
  return count;
}

void session_forget_waiting(struct session *session) {
  for (unsigned i = 0; i < session->leg_count; i++) {
    struct leg *leg = &session->legs[i];
    leg->counters.unknown_payload_type += forget(leg->rtp_fd) + forget(leg->connection.fd);
    forget(leg->rtcp_fd);
  }
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
    if (session->legs[i].listening != NULL) listening_wake(session->legs[i].listening);
  }
}

void session_detach(struct session *session) {
  /* First of all, since routes change and with them who listens: nobody may be woken who sleeps already. */
  for (unsigned i = 0; i < session->leg_count; i++) {
    struct leg *leg = &session->legs[i];
    leg_leave_conference(leg, true);
    if (leg->peer != NULL && leg->peer->session != session) leg_part(leg, loop_now_us());
  }
  recordings_detach(session);
  for (unsigned i = 0; i < session->leg_count; i++) {
    digits_detach(&session->legs[i]);
    leg_pause_playing(&session->legs[i]);
    reporting_detach(&session->legs[i], session->loop);
    silence_detach(&session->legs[i], session->loop);
    if (session->legs[i].listening != NULL) listening_sleep(session->legs[i].listening);
  }
  session->loop = NULL;
}

static void discard(uint64_t *reason) { (*reason)++; }

static void discard_late(struct leg *from, const struct arrived *arrived) {
  from->counters.late++;
  if (!arrived->repeated) from->counters.missed++;
}

static enum content content_of(const struct leg *leg, const struct rtp_packet *packet) {
  if (packet->payload_type == leg->settings.payload_type) return CONTENT_AUDIO;
  /* Never NO_PAYLOAD_TYPE. RFC 3264 §5.1: each side names the number under which it wants to receive; some keep to one. */
  if (packet->payload_type == leg->settings.event_payload_type) return CONTENT_EVENT;
  if (packet->payload_type == leg->settings.event_received_type) return CONTENT_EVENT;
  return packet->payload_type == leg->settings.noise_payload_type ? CONTENT_NOISE : CONTENT_AUDIO;
}

static void pass_over(struct leg *from, const struct rtp_packet *packet) {
  if (!receiver_pass_over(&from->receiver, packet)) return;
  if (from->listening != NULL) listening_pass_over(from->listening, packet);
}

static bool in_time(struct leg *from, uint32_t ticks, uint64_t now_us) {
  const uint64_t us = (uint64_t)ticks * 1000000 / codec_traits(from->settings.codec)->clock_rate / MAX_PACE;
  if (from->taken_until_us < now_us) from->taken_until_us = now_us;
  if (from->taken_until_us + us > now_us + MAX_BURST_US / MAX_PACE) return false;
  from->taken_until_us += us;
  return true;
}

/* Another source: what it says has no place yet in what we send. */
static void restart(struct leg *from) {
  struct leg *to = leg_peer(from);
  if (to != NULL && to->voice == VOICE_PEER) to->outgoing.placed = false;
  from->event_known = false;
  if (from->listening != NULL) listening_restart(from->listening);
  digits_restart(from);
}

/* What follows a hold or a flood lies no more where the other stream would have it. */
static void drop(struct leg *from, const struct arrived *arrived) {
  struct leg *to = leg_peer(from);
  if (to != NULL && to->voice == VOICE_PEER && arrived->content != CONTENT_EVENT) to->outgoing.placed = false;
  discard(&from->counters.unforwarded);
}

static void deliver_event(struct leg *from, const struct arrived *arrived) {
  struct leg *to = leg_peer(from);
  if (!from->settings.receives || !in_time(from, 0, arrived->now_us)) return drop(from, arrived);
  if (from->listening != NULL) listening_pass_over(from->listening, arrived->packet);
  digits_take_event(from, arrived->packet, arrived->now_us);
  /* Heard by the runtime, and made anew where the other leg has no events, or has them by another clock. */
  if (from->route == ROUTE_NONE || !digits_pass_on(from, to)) return;
  if (digits_is_cut(from, arrived->packet)) {
    to->outgoing.placed = false;
    return drop(from, arrived);
  }
  bool late;
  if (from->route == ROUTE_TRANSCODE) {
    if (to->outgoing.placed && from->listening != NULL) from->expected_timestamp = listening_time(from->listening);
    late = !forward_event(from, to, arrived);
  } else {
    late = !forward(from, to, arrived);
  }
  if (late) discard_late(from, arrived);
}

static void deliver(struct leg *from, const struct arrived *arrived) {
  if (arrived->content == CONTENT_EVENT) return deliver_event(from, arrived);
  if (from->listening == NULL && from->route == ROUTE_NONE) return drop(from, arrived);
  /* Comfort noise has its time too, which is filled where it is decoded. */
  const uint32_t ticks = arrived->content == CONTENT_NOISE ? listening_noise_ticks(from->settings.codec) : arrived->ticks;
  if (!in_time(from, ticks, arrived->now_us)) return drop(from, arrived);
  bool late = false;
  if (from->listening != NULL) late = !listening_take(from->listening, arrived->packet, arrived->ticks, arrived->now_us);
  if (from->route == ROUTE_PASS || from->route == ROUTE_REFRAME) {
    struct leg *to = leg_peer(from);
    /* Digits speak in its place: the source finds its place anew afterwards. */
    if (digits_hold(to, arrived->now_us)) return drop(from, arrived);
    late = !forward(from, to, arrived);
  }
  if (late) discard_late(from, arrived);
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

  const enum content content = content_of(from, &packet);
  uint32_t ticks = 0;
  switch (content) {
    case CONTENT_EVENT:
      if (packet.payload_bytes == 0 || packet.payload_bytes % EVENT_BYTES != 0) return discard(&counters->malformed);
      break;
    case CONTENT_NOISE:
      if (packet.payload_bytes == 0 || packet.payload_bytes > MAX_NOISE_BYTES) return discard(&counters->malformed);
      break;
    case CONTENT_AUDIO:
      if (packet.payload_type != from->settings.payload_type) {
        /* Comfort noise that was not negotiated, mostly: it has its number in the stream all the same. */
        if (latch_is_at(&from->latch, source)) {
          pass_over(from, &packet);
          silence_end(from, now_us);
        }
        return discard(&counters->unknown_payload_type);
      }
      ticks = (uint32_t)codec_payload_ticks(from->settings.codec, packet.payload, packet.payload_bytes);
      if (ticks == 0 || ticks > MAX_PAYLOAD_MS * codec_traits(from->settings.codec)->clock_rate / 1000) {
        return discard(&counters->malformed);
      }
      break;
  }
  switch (latch_hear(&from->latch, source, proof_of(from, &packet), now_us)) {
    case SOURCE_STRANGER:
      return discard(&counters->wrong_source);
    case SOURCE_NEW:
      connection_close(from);
      tell_latched(session, index);
      break;
    case SOURCE_KNOWN:
      break;
  }

  counters->packets_received++;
  counters->bytes_received += received_bytes;
  counters->last_received_us = now_us;

  int missing = 0;
  const enum arrival arrival = receiver_place(&from->receiver, &packet, &missing);
  counters->packets_lost += (uint64_t)(int64_t)missing;
  silence_end(from, now_us);
  /* Its number passed on would pull the stream away from the packets that follow. */
  if (arrival == ARRIVAL_STRAY) return discard(&counters->late);
  reporting_note(from, &packet, arrival == ARRIVAL_RESTART, content == CONTENT_AUDIO, now_us);
  if (arrival == ARRIVAL_RESTART) restart(from);

  const struct arrived arrived = {.packet = &packet,
                                  .content = content,
                                  .arrival = arrival,
                                  .repeated = arrival == ARRIVAL_LATE && missing == 0,
                                  .ticks = ticks,
                                  .now_us = now_us};
  deliver(from, &arrived);
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

static void begin_anew(struct leg *leg, enum leg_change change) {
  outgoing_set_format(&leg->outgoing, leg->settings.codec, leg->settings.ptime_ms);
  struct leg *peer = leg_peer(leg);
  /* What comes in here now has another shape: its place in the other stream is sought anew. */
  if (peer != NULL && peer->voice == VOICE_PEER) peer->outgoing.placed = false;
  if (change != LEG_PARTY) return;
  listening_close(leg->listening);
  leg->listening = NULL;
  outgoing_close(&leg->outgoing);
}

bool session_configure(struct session *session, unsigned index, const struct leg_settings *settings) {
  struct leg *leg = &session->legs[index];
  const enum leg_change change = leg_configure(leg, settings);
  if (session->loop != NULL) silence_watch(leg, session->loop, loop_now_us());
  if (change != LEG_SAME) begin_anew(leg, change);
  return leg_choose_routes(leg);
}
