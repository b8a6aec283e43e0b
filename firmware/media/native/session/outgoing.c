#include "session/outgoing.h"

#include <string.h>
#include <sys/random.h>

static uint32_t random32(void) {
  uint32_t value = 0;
  while (getrandom(&value, sizeof value, 0) != sizeof value) continue;
  return value;
}

void outgoing_start(struct outgoing *outgoing) {
  memset(outgoing, 0, sizeof *outgoing);
  outgoing->ssrc = random32();
  outgoing->next_sequence = (uint16_t)random32();
  outgoing->position = random32();
  outgoing->marker_pending = true;
}

void outgoing_set_format(struct outgoing *outgoing, enum codec codec, unsigned ptime_ms) {
  outgoing->codec = codec;
  outgoing->packet_bytes = ptime_ms / FRAME_MS * codec_traits(codec)->max_frame_bytes;
  outgoing->framed_bytes = 0;
  outgoing->pcm_samples = 0;
  outgoing->placed = false;
}

static size_t framed_samples(const struct outgoing *outgoing) {
  return codec_payload_ticks(outgoing->codec, outgoing->framed_bytes);
}

uint32_t outgoing_end(const struct outgoing *outgoing) {
  return outgoing->position + (uint32_t)(framed_samples(outgoing) + outgoing->pcm_samples);
}

uint32_t outgoing_by_now(const struct outgoing *outgoing, uint64_t now_us) {
  const uint32_t end = outgoing_end(outgoing);
  if (outgoing->last_sent_us == 0) return end;
  const uint32_t by_now = outgoing->last_timestamp + (uint32_t)((now_us - outgoing->last_sent_us) * codec_traits(outgoing->codec)->clock_rate / 1000000);
  return (int32_t)(by_now - end) > 0 ? by_now : end;
}

void outgoing_place(struct outgoing *outgoing, const struct rtp_packet *source, uint64_t now_us) {
  outgoing->position = outgoing_by_now(outgoing, now_us);
  outgoing->framed_bytes = 0;
  outgoing->pcm_samples = 0;
  outgoing->placed = true;
  outgoing->placed_at = source->sequence_number;
  outgoing->sequence_distance = (uint16_t)(outgoing->next_sequence - source->sequence_number);
  outgoing->timestamp_distance = outgoing->position - source->timestamp;
  outgoing->marker_pending = true;
}

static void emit(struct outgoing *outgoing, const struct destination *to, struct rtp_packet *packet) {
  packet->ssrc = outgoing->ssrc;
  outgoing->packets++;
  outgoing->octets += (uint32_t)packet->payload_bytes;
  send_queue_add(to->queue, to->fd, to->to, to->counters, to->crypto, packet);
}

static void note_audio(struct outgoing *outgoing, const struct destination *to, uint32_t timestamp) {
  outgoing->last_timestamp = timestamp;
  outgoing->last_sent_us = to->now_us;
  outgoing->marker_pending = false;
}

bool outgoing_pass(struct outgoing *outgoing, const struct destination *to, const struct rtp_packet *source,
                   size_t samples, uint8_t payload_type) {
  if ((uint16_t)(source->sequence_number - outgoing->placed_at) >= 0x8000) return false;
  /* Keeps `placed_at` within half the number space behind the newest packet. */
  if ((uint16_t)(source->sequence_number - outgoing->placed_at) >= 0x4000) outgoing->placed_at += 0x2000;

  struct rtp_packet packet = *source;
  packet.payload_type = payload_type;
  packet.sequence_number = (uint16_t)(source->sequence_number + outgoing->sequence_distance);
  packet.timestamp = source->timestamp + outgoing->timestamp_distance;
  if (samples > 0) {
    packet.marker = source->marker || outgoing->marker_pending;
  }
  const uint16_t next = (uint16_t)(packet.sequence_number + 1);
  if ((int16_t)(next - outgoing->next_sequence) > 0) {
    outgoing->next_sequence = next;
    if (samples > 0) {
      outgoing->position = packet.timestamp + (uint32_t)samples;
      note_audio(outgoing, to, packet.timestamp);
    }
  }
  emit(outgoing, to, &packet);
  return true;
}

static void send_framed(struct outgoing *outgoing, const struct destination *to) {
  struct rtp_packet packet = {
      .marker = outgoing->marker_pending,
      .payload_type = to->payload_type,
      .sequence_number = outgoing->next_sequence++,
      .timestamp = outgoing->position,
      .payload = outgoing->framed,
      .payload_bytes = outgoing->framed_bytes,
  };
  emit(outgoing, to, &packet);
  note_audio(outgoing, to, packet.timestamp);
  outgoing->position += (uint32_t)framed_samples(outgoing);
  outgoing->framed_bytes = 0;
}

static void append_frames(struct outgoing *outgoing, const struct destination *to, const uint8_t *bytes, size_t count) {
  while (count > 0) {
    const size_t room = outgoing->packet_bytes - outgoing->framed_bytes;
    const size_t part = count < room ? count : room;
    memcpy(outgoing->framed + outgoing->framed_bytes, bytes, part);
    outgoing->framed_bytes += part;
    bytes += part;
    count -= part;
    if (outgoing->framed_bytes == outgoing->packet_bytes) send_framed(outgoing, to);
  }
}

void outgoing_append_encoded(struct outgoing *outgoing, const struct destination *to, const uint8_t *bytes, size_t count) {
  const size_t descriptor = outgoing->codec == CODEC_G729 ? count % G729_FRAME_BYTES : 0;
  append_frames(outgoing, to, bytes, count - descriptor);
  if (descriptor == 0) return;
  /* RFC 3551 §4.5.6: a silence descriptor is the last frame of its packet. */
  memcpy(outgoing->framed + outgoing->framed_bytes, bytes + count - descriptor, descriptor);
  outgoing->framed_bytes += descriptor;
  send_framed(outgoing, to);
}

void outgoing_append_pcm(struct outgoing *outgoing, const struct destination *to, const int16_t *pcm, size_t count) {
  while (count > 0) {
    const size_t room = FRAME_SAMPLES - outgoing->pcm_samples;
    const size_t part = count < room ? count : room;
    memcpy(outgoing->pcm + outgoing->pcm_samples, pcm, part * sizeof *pcm);
    outgoing->pcm_samples += part;
    pcm += part;
    count -= part;
    if (outgoing->pcm_samples == FRAME_SAMPLES) {
      uint8_t frame[MAX_FRAME_BYTES];
      const size_t bytes = encoder_encode(to->encoder, outgoing->pcm, frame);
      outgoing->pcm_samples = 0;
      append_frames(outgoing, to, frame, bytes);
    }
  }
}

void outgoing_skip(struct outgoing *outgoing, const struct destination *to, uint32_t samples) {
  if (outgoing->pcm_samples > 0) {
    /* A frame cannot go out in part: the silence begins inside it. */
    static const int16_t silence[FRAME_SAMPLES];
    const size_t rest = FRAME_SAMPLES - outgoing->pcm_samples;
    outgoing_append_pcm(outgoing, to, silence, rest);
    samples = samples > rest ? samples - (uint32_t)rest : 0;
  }
  if (outgoing->framed_bytes > 0) send_framed(outgoing, to);
  outgoing->position += samples;
  outgoing->marker_pending = true;
}

void outgoing_event(struct outgoing *outgoing, const struct destination *to, const struct rtp_packet *source, uint32_t timestamp) {
  struct rtp_packet packet = *source;
  packet.payload_type = to->event_payload_type;
  packet.sequence_number = outgoing->next_sequence++;
  packet.timestamp = timestamp;
  emit(outgoing, to, &packet);
}

void outgoing_inject(struct outgoing *outgoing, const struct destination *to, const struct event_packet *event) {
  struct rtp_packet packet = {
      .marker = event->marker,
      .payload_type = to->event_payload_type,
      .sequence_number = outgoing->next_sequence++,
      .timestamp = event->timestamp,
      .payload = event->payload,
      .payload_bytes = sizeof event->payload,
  };
  /* What the source sends next is one further on; the number before it is taken. */
  outgoing->sequence_distance++;
  outgoing->placed_at = (uint16_t)(outgoing->next_sequence - outgoing->sequence_distance);
  if (outgoing->last_sent_us == 0) {
    /* No audio yet: the clock of the stream begins to run here, so that the next press has another timestamp. */
    outgoing->last_timestamp = event->timestamp;
    outgoing->last_sent_us = to->now_us;
  }
  emit(outgoing, to, &packet);
}
