#include "session/forward.h"

#include "session/listening.h"
#include "session/loop.h"

/* How far from the audio, or from the present, an event's timestamp may lie and still be believed. */
#define MAX_EVENT_DISTANCE_SECONDS 5

static bool pass(struct leg *to, const struct destination *destination, const struct arrived *arrived) {
  struct outgoing *outgoing = &to->outgoing;
  if (!outgoing->placed) {
    if (arrived->arrival == ARRIVAL_LATE) return false;
    outgoing_place(outgoing, arrived->packet, arrived->now_us);
  }
  /* A packet that overtook others goes on with its own number: the party's jitter buffer sorts it in. */
  const uint8_t payload_type = arrived->content == CONTENT_AUDIO   ? destination->payload_type
                               : arrived->content == CONTENT_EVENT ? destination->event_payload_type
                                                                   : destination->noise_payload_type;
  return outgoing_pass(outgoing, destination, arrived->packet, arrived->ticks, payload_type);
}

/* The source's clock against what was expected; makes the other stream's time follow. */
static void keep_time(struct leg *from, struct leg *to, const struct destination *destination, const struct arrived *arrived) {
  const int32_t frame = codec_traits(from->settings.codec)->frame_ticks;
  const int32_t gap = (int32_t)(arrived->packet->timestamp - from->expected_timestamp);
  /* Less than a frame is a clock read coarsely: following it would tear the audio, and forwards only, run away. */
  if (gap > -frame && gap < frame) return;
  from->expected_timestamp = arrived->packet->timestamp;
  /* Back: the source set its clock without a new SSRC, there is nothing to align to. */
  if (gap < 0) to->outgoing.marker_pending = true;
  else outgoing_skip(&to->outgoing, destination, (uint32_t)gap);
}

static bool reframe(struct leg *from, struct leg *to, const struct destination *destination, const struct arrived *arrived) {
  const struct rtp_packet *packet = arrived->packet;
  if (arrived->arrival == ARRIVAL_LATE) return false;
  if (!to->outgoing.placed) {
    outgoing_resume(&to->outgoing, arrived->now_us);
    from->expected_timestamp = packet->timestamp;
  }
  keep_time(from, to, destination, arrived);
  if (arrived->content == CONTENT_NOISE) {
    outgoing_noise(&to->outgoing, destination, packet->payload, packet->payload_bytes);
    return true;
  }
  if (packet->marker) to->outgoing.marker_pending = true;
  outgoing_append_encoded(&to->outgoing, destination, packet->payload, packet->payload_bytes);
  from->expected_timestamp += arrived->ticks;
  return true;
}

static bool is_near(uint32_t distance, const struct outgoing *outgoing) {
  const int32_t most = MAX_EVENT_DISTANCE_SECONDS * (int32_t)outgoing->traits->clock_rate;
  return (int32_t)distance > -most && (int32_t)distance < most;
}

bool forward_event(struct leg *from, struct leg *to, const struct arrived *arrived) {
  const struct destination destination = leg_destination(to, arrived->now_us);
  const struct rtp_packet *packet = arrived->packet;
  if (arrived->arrival == ARRIVAL_LATE) return false;
  if (!to->outgoing.placed) {
    outgoing_resume(&to->outgoing, arrived->now_us);
    from->expected_timestamp = packet->timestamp;
    from->event_known = false;
  }
  /* RFC 4733 §2.5.1.2: every packet of an event has the timestamp of its beginning. */
  if (!from->event_known || from->event_timestamp != packet->timestamp) {
    const uint32_t ahead = packet->timestamp - from->expected_timestamp;
    const uint32_t told = outgoing_end(&to->outgoing) + ahead;
    /* Audio may have paused for long, by the clock too. One press must never share its timestamp with the next. */
    const uint32_t by_now = outgoing_by_now(&to->outgoing, destination.now_us);
    from->event_known = true;
    from->event_timestamp = packet->timestamp;
    from->event_sent_as = is_near(ahead, &to->outgoing) || is_near(told - by_now, &to->outgoing) ? told : by_now;
  }
  outgoing_event(&to->outgoing, &destination, packet, from->event_sent_as);
  return true;
}

struct destination leg_destination(struct leg *to, uint64_t now_us) {
  return (struct destination){
      .fd = to->connection.fd >= 0 ? to->connection.fd : to->rtp_fd,
      .to = to->connection.fd >= 0 ? NULL : leg_remote(to),
      .counters = &to->counters,
      .queue = loop_queue(to->session->loop),
      .now_us = now_us,
      .payload_type = to->settings.payload_type,
      .event_payload_type = to->settings.event_payload_type,
      .noise_payload_type = to->settings.noise_payload_type,
      .crypto = to->protection.outbound,
  };
}

bool forward(struct leg *from, struct leg *to, const struct arrived *arrived) {
  if (from->route == ROUTE_REFRAME && arrived->content == CONTENT_EVENT) return forward_event(from, to, arrived);
  const struct destination destination = leg_destination(to, arrived->now_us);
  if (from->route == ROUTE_PASS) return pass(to, &destination, arrived);
  return reframe(from, to, &destination, arrived);
}
