#include "session/forward.h"

#include "session/loop.h"

/*
 * Gaps up to this are filled, so that what was said before and after keeps its distance; longer ones are silence on
 * the other leg too (its timestamp jumps).
 */
#define MAX_CONCEALED_PACKETS 3
#define MAX_CONCEALED_SAMPLES (MAX_CONCEALED_PACKETS * 60 * SAMPLES_PER_MS)
/* How far from the audio, or from the present, an event's timestamp may lie and still be believed. */
#define MAX_EVENT_DISTANCE_SAMPLES (5000 * SAMPLES_PER_MS)

/* A leg that takes no silence descriptors gets none: such audio is decoded. So is what tones are taken out of. */
static bool same_codec(const struct leg *from, const struct leg *to) {
  if (from->settings.codec != to->settings.codec || digits_removes(from, to)) return false;
  return from->settings.codec != CODEC_G729 || !from->settings.annex_b || to->settings.annex_b;
}

static bool pass(struct leg *to, const struct destination *destination, const struct arrived *arrived) {
  struct outgoing *outgoing = &to->outgoing;
  if (arrived->arrival == ARRIVAL_RESTART || !outgoing->placed) {
    if (arrived->arrival == ARRIVAL_LATE) return false;
    outgoing_place(outgoing, arrived->packet, arrived->now_us);
  }
  /* A packet that overtook others goes on with its own number: the party's jitter buffer sorts it in. */
  const uint8_t payload_type = arrived->samples > 0 ? destination->payload_type : destination->event_payload_type;
  return outgoing_pass(outgoing, destination, arrived->packet, arrived->samples, payload_type);
}

/* What a packet says, for the taps too; without the tones that the other leg is not to hear. */
static size_t decode(struct leg *from, const struct arrived *arrived, int16_t pcm[MAX_PAYLOAD_SAMPLES]) {
  const struct rtp_packet *packet = arrived->packet;
  const struct codec_traits *traits = codec_traits(from->settings.codec);
  const size_t samples = decoder_decode(from->coders.decoder, packet->payload, packet->payload_bytes, pcm, MAX_PAYLOAD_SAMPLES);
  const struct said said = {
      .pcm = pcm,
      .samples = samples,
      .sample_rate = traits->sample_rate,
      .timestamp = packet->timestamp,
      .clock_rate = traits->clock_rate,
      .restarted = arrived->arrival == ARRIVAL_RESTART,
      .now_us = arrived->now_us,
  };
  for (struct leg_tap *tap = from->taps; tap != NULL; tap = tap->next) tap->hear(tap, &said);
  digits_take_audio(from, pcm, samples, traits->sample_rate, arrived->now_us);
  return samples;
}

static void transcode(struct leg *from, struct leg *to, const struct destination *destination, const struct arrived *arrived) {
  int16_t pcm[MAX_PAYLOAD_SAMPLES];
  const size_t samples = decode(from, arrived, pcm);
  /* A digit that began in it has taken the stream. */
  if (!digits_hold(to, arrived->now_us)) outgoing_append_pcm(&to->outgoing, destination, pcm, samples);
}

/* Fills `total` samples of time that was lost. */
static void conceal(struct leg *from, struct outgoing *outgoing, const struct destination *to, size_t total) {
  size_t done = 0;
  while (done < total) {
    int16_t pcm[FRAME_SAMPLES];
    const size_t part = total - done < FRAME_SAMPLES ? total - done : FRAME_SAMPLES;
    decoder_conceal(from->coders.decoder, pcm, part);
    outgoing_append_pcm(outgoing, to, pcm, part);
    done += part;
  }
}

/* The source's clock against what was expected; makes the other stream's time follow. */
static void keep_time(struct leg *from, struct leg *to, const struct destination *destination,
                      const struct arrived *arrived, bool transcoded) {
  const int32_t gap = (int32_t)(arrived->packet->timestamp - from->expected_timestamp);
  /* Less than a frame is a clock read coarsely: following it would tear the audio, and forwards only, run away. */
  if (arrived->missing == 0 && gap > -FRAME_SAMPLES && gap < FRAME_SAMPLES) return;
  from->expected_timestamp = arrived->packet->timestamp;
  if (gap == 0) return;
  if (gap < 0) {
    /* The source set its clock back without a new SSRC: nothing to align to. */
    to->outgoing.marker_pending = true;
    return;
  }
  const bool lost = arrived->missing > 0 && arrived->missing <= MAX_CONCEALED_PACKETS;
  if (transcoded && lost && gap <= MAX_CONCEALED_SAMPLES) {
    conceal(from, &to->outgoing, destination, (size_t)gap);
  } else {
    outgoing_skip(&to->outgoing, destination, (uint32_t)gap);
  }
}

static bool is_near(uint32_t distance) {
  return (int32_t)distance > -MAX_EVENT_DISTANCE_SAMPLES && (int32_t)distance < MAX_EVENT_DISTANCE_SAMPLES;
}

static void append_event(struct leg *from, struct leg *to, const struct destination *destination,
                         const struct rtp_packet *packet) {
  /* RFC 4733 §2.5.1.2: every packet of an event has the timestamp of its beginning. */
  if (!from->event_known || from->event_timestamp != packet->timestamp) {
    const uint32_t ahead = packet->timestamp - from->expected_timestamp;
    const uint32_t told = outgoing_end(&to->outgoing) + ahead;
    /* Audio may have paused for long, by the clock too. One press must never share its timestamp with the next. */
    const uint32_t by_now = outgoing_by_now(&to->outgoing, destination->now_us);
    from->event_known = true;
    from->event_timestamp = packet->timestamp;
    from->event_sent_as = is_near(ahead) || is_near(told - by_now) ? told : by_now;
  }
  outgoing_event(&to->outgoing, destination, packet, from->event_sent_as);
}

static bool append(struct leg *from, struct leg *to, const struct destination *destination,
                   const struct arrived *arrived) {
  const struct rtp_packet *packet = arrived->packet;
  if (arrived->arrival == ARRIVAL_LATE) return false;
  if (arrived->arrival == ARRIVAL_RESTART || !to->outgoing.placed) {
    outgoing_place(&to->outgoing, packet, arrived->now_us);
    from->expected_timestamp = packet->timestamp;
    from->event_known = false;
  }
  if (arrived->samples == 0) {
    append_event(from, to, destination, packet);
    return true;
  }
  const bool transcoded = !same_codec(from, to);
  keep_time(from, to, destination, arrived, transcoded);
  if (packet->marker) to->outgoing.marker_pending = true;
  if (transcoded) {
    transcode(from, to, destination, arrived);
  } else {
    outgoing_append_encoded(&to->outgoing, destination, packet->payload, packet->payload_bytes);
  }
  from->expected_timestamp += (uint32_t)arrived->samples;
  return true;
}

struct destination leg_destination(struct leg *to, uint64_t now_us) {
  return (struct destination){
      .fd = to->rtp_fd,
      .to = leg_remote(to),
      .counters = &to->counters,
      .queue = loop_queue(to->session->loop),
      .now_us = now_us,
      .payload_type = to->settings.payload_type,
      .event_payload_type = to->settings.event_payload_type,
      .encoder = to->coders.encoder,
      .crypto = to->protection.outbound,
  };
}

/* For those who listen, where the way to the other leg decodes nothing. */
static void overhear(struct leg *from, const struct arrived *arrived) {
  if (from->taps == NULL && !from->settings.detects_digits) return;
  if (arrived->samples == 0 || arrived->arrival == ARRIVAL_LATE) return;
  int16_t pcm[MAX_PAYLOAD_SAMPLES];
  decode(from, arrived, pcm);
}

bool forward(struct leg *from, struct leg *to, const struct arrived *arrived) {
  /* Its number passed on would pull the stream away from the packets that follow. */
  if (arrived->arrival == ARRIVAL_STRAY) return false;
  if (to == NULL) {
    overhear(from, arrived);
    return arrived->arrival != ARRIVAL_LATE;
  }
  const struct destination destination = leg_destination(to, arrived->now_us);
  if (!same_codec(from, to)) return append(from, to, &destination, arrived);
  overhear(from, arrived);
  if (from->settings.ptime_ms == to->settings.ptime_ms) return pass(to, &destination, arrived);
  return append(from, to, &destination, arrived);
}
