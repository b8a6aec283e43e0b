#include "session/outgoing.h"

#include <string.h>
#include <sys/random.h>

/*
 * RFC 3711 §3.3.1: who misses the first packets, and a wrap among them, would have another roll-over counter from then on
 * and hear nothing. So a wrap is at least half the numbers away.
 */
#define MAX_FIRST_SEQUENCE 0x7fff

/* Of a new stream, by chance (RFC 3550 §5.1, §8.1). */
struct identity {
  uint32_t ssrc;
  uint32_t sequence;
  uint32_t position;
};

void outgoing_start(struct outgoing *outgoing) {
  memset(outgoing, 0, sizeof *outgoing);
  outgoing->traits = codec_traits(outgoing->codec);
  outgoing_identify(outgoing);
}

void outgoing_identify(struct outgoing *outgoing) {
  struct identity identity;
  while (getrandom(&identity, sizeof identity, 0) != sizeof identity) continue;
  outgoing->ssrc = identity.ssrc;
  outgoing->next_sequence = (uint16_t)(identity.sequence & MAX_FIRST_SEQUENCE);
  outgoing->position = identity.position;
  outgoing->last_sent_us = 0;
  outgoing->placed = false;
  outgoing->marker_pending = true;
}

void outgoing_close(struct outgoing *outgoing) {
  encoder_close(outgoing->encoder);
  outgoing->encoder = NULL;
}

static void forget_parts(struct outgoing *outgoing) {
  if (outgoing->encoder != NULL) encoder_forget_part(outgoing->encoder);
  outgoing->framed_bytes = 0;
  outgoing->framed_ticks = 0;
  outgoing->pcm_samples = 0;
}

void outgoing_set_format(struct outgoing *outgoing, enum codec codec, unsigned ptime_ms) {
  outgoing->codec = codec;
  outgoing->traits = codec_traits(codec);
  outgoing->packet_ms = (uint16_t)ptime_ms;
  outgoing->packet_bytes = (uint16_t)(ptime_ms / FRAME_MS * outgoing->traits->max_frame_bytes);
  forget_parts(outgoing);
  outgoing->placed = false;
  if (outgoing->traits->coded_whole) outgoing_close(outgoing);
}

bool outgoing_set_encoder(struct outgoing *outgoing, bool wanted, const struct encoder_options *options) {
  struct encoder_options of_packets = *options;
  of_packets.packet_ms = outgoing->packet_ms;
  struct encoder *encoder = wanted ? encoder_open(outgoing->codec, &of_packets) : NULL;
  if (wanted && encoder == NULL) return false;
  encoder_close(outgoing->encoder);
  outgoing->encoder = encoder;
  return true;
}

/* RTP units of what waits as PCM. */
static uint32_t pcm_ticks(const struct outgoing *outgoing) {
  return (uint32_t)outgoing->pcm_samples * outgoing->traits->frame_ticks / outgoing->traits->frame_samples;
}

uint32_t outgoing_end(const struct outgoing *outgoing) {
  return outgoing->position + outgoing->framed_ticks + pcm_ticks(outgoing);
}

uint32_t outgoing_by_now(const struct outgoing *outgoing, uint64_t now_us) {
  const uint32_t end = outgoing_end(outgoing);
  if (outgoing->last_sent_us == 0) return end;
  /* Tones are made in steps of their own, which may be a little ahead or behind. */
  const uint64_t since_us = now_us > outgoing->last_sent_us ? now_us - outgoing->last_sent_us : 0;
  const uint32_t by_now = outgoing->last_timestamp + (uint32_t)(since_us * outgoing->traits->clock_rate / 1000000);
  return (int32_t)(by_now - end) > 0 ? by_now : end;
}

void outgoing_resume(struct outgoing *outgoing, uint64_t now_us) {
  outgoing->position = outgoing_by_now(outgoing, now_us);
  forget_parts(outgoing);
  outgoing->placed = true;
  outgoing->marker_pending = true;
}

void outgoing_place(struct outgoing *outgoing, const struct rtp_packet *source, uint64_t now_us) {
  outgoing_resume(outgoing, now_us);
  outgoing->placed_at = source->sequence_number;
  outgoing->sequence_distance = (uint16_t)(outgoing->next_sequence - source->sequence_number);
  outgoing->timestamp_distance = outgoing->position - source->timestamp;
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
                   size_t ticks, uint8_t payload_type) {
  if ((uint16_t)(source->sequence_number - outgoing->placed_at) >= 0x8000) return false;
  /* Keeps `placed_at` within half the number space behind the newest packet. */
  if ((uint16_t)(source->sequence_number - outgoing->placed_at) >= 0x4000) outgoing->placed_at += 0x2000;

  struct rtp_packet packet = *source;
  packet.payload_type = payload_type;
  packet.sequence_number = (uint16_t)(source->sequence_number + outgoing->sequence_distance);
  packet.timestamp = source->timestamp + outgoing->timestamp_distance;
  if (ticks > 0) {
    packet.marker = source->marker || outgoing->marker_pending;
  }
  const uint16_t next = (uint16_t)(packet.sequence_number + 1);
  if ((int16_t)(next - outgoing->next_sequence) > 0) {
    outgoing->next_sequence = next;
    if (ticks > 0) {
      outgoing->position = packet.timestamp + (uint32_t)ticks;
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
  outgoing->position += outgoing->framed_ticks;
  outgoing->framed_bytes = 0;
  outgoing->framed_ticks = 0;
}

static void append_frames(struct outgoing *outgoing, const struct destination *to, const uint8_t *bytes, size_t count) {
  while (count > 0) {
    const size_t room = outgoing->packet_bytes - outgoing->framed_bytes;
    const size_t part = count < room ? count : room;
    memcpy(outgoing->framed + outgoing->framed_bytes, bytes, part);
    outgoing->framed_bytes += (uint16_t)part;
    outgoing->framed_ticks = (uint16_t)codec_payload_ticks(outgoing->codec, outgoing->framed, outgoing->framed_bytes);
    bytes += part;
    count -= part;
    if (outgoing->framed_bytes == outgoing->packet_bytes) send_framed(outgoing, to);
  }
}

/* RFC 3551 §4.5.6: a silence descriptor is the last frame of its packet. */
static void append_descriptor(struct outgoing *outgoing, const struct destination *to, const uint8_t *bytes) {
  memcpy(outgoing->framed + outgoing->framed_bytes, bytes, G729_SID_BYTES);
  outgoing->framed_bytes += G729_SID_BYTES;
  outgoing->framed_ticks += outgoing->traits->frame_ticks;
  send_framed(outgoing, to);
}

void outgoing_append_encoded(struct outgoing *outgoing, const struct destination *to, const uint8_t *bytes, size_t count) {
  const size_t descriptor = outgoing->codec == CODEC_G729 ? count % G729_FRAME_BYTES : 0;
  append_frames(outgoing, to, bytes, count - descriptor);
  if (descriptor != 0) append_descriptor(outgoing, to, bytes + count - descriptor);
}

/* Time that nothing is sent for. What was framed ends before it. */
static void pause(struct outgoing *outgoing, const struct destination *to, uint32_t ticks) {
  if (outgoing->framed_bytes > 0) send_framed(outgoing, to);
  outgoing->position += ticks;
  outgoing->marker_pending = true;
}

/* A frame of PCM, where a packet is coded whole. */
static void encode_whole(struct outgoing *outgoing, const struct destination *to, const int16_t *pcm) {
  const size_t bytes = encoder_encode(outgoing->encoder, pcm, outgoing->framed);
  outgoing->framed_ticks += outgoing->traits->frame_ticks;
  if (bytes == ENCODER_WAITS) return;
  if (bytes == 0) {
    pause(outgoing, to, outgoing->framed_ticks);
    outgoing->framed_ticks = 0;
    return;
  }
  outgoing->framed_bytes = (uint16_t)bytes;
  send_framed(outgoing, to);
}

/* A whole frame of PCM. */
static void encode(struct outgoing *outgoing, const struct destination *to, const int16_t *pcm) {
  if (outgoing->traits->coded_whole) return encode_whole(outgoing, to, pcm);
  /* A full packet is sent at once, so that there is always room for a frame. */
  uint8_t *frame = outgoing->framed + outgoing->framed_bytes;
  const size_t bytes = encoder_encode(outgoing->encoder, pcm, frame);
  if (bytes == outgoing->traits->max_frame_bytes) {
    outgoing->framed_bytes += (uint16_t)bytes;
    outgoing->framed_ticks += outgoing->traits->frame_ticks;
    if (outgoing->framed_bytes >= outgoing->packet_bytes) send_framed(outgoing, to);
  } else if (bytes == 0) {
    pause(outgoing, to, outgoing->traits->frame_ticks);
  } else {
    outgoing->framed_bytes += (uint16_t)bytes;
    outgoing->framed_ticks += outgoing->traits->frame_ticks;
    send_framed(outgoing, to);
  }
}

static void append_own_rate(struct outgoing *outgoing, const struct destination *to, const int16_t *pcm, size_t count) {
  const size_t frame = outgoing->traits->frame_samples;
  while (count > 0) {
    if (outgoing->pcm_samples == 0 && count >= frame) {
      encode(outgoing, to, pcm);
      pcm += frame;
      count -= frame;
      continue;
    }
    const size_t room = frame - outgoing->pcm_samples;
    const size_t part = count < room ? count : room;
    memcpy(outgoing->pcm + outgoing->pcm_samples, pcm, part * sizeof *pcm);
    outgoing->pcm_samples += (uint16_t)part;
    pcm += part;
    count -= part;
    if (outgoing->pcm_samples < frame) continue;
    outgoing->pcm_samples = 0;
    encode(outgoing, to, outgoing->pcm);
  }
}

void outgoing_append_pcm(struct outgoing *outgoing, const struct destination *to, const int16_t *pcm, size_t count,
                         uint32_t sample_rate) {
  if (sample_rate == outgoing->traits->sample_rate) {
    append_own_rate(outgoing, to, pcm, count);
    return;
  }
  while (count > 1) {
    int16_t converted[2 * MAX_FRAME_SAMPLES];
    const size_t part = count < MAX_FRAME_SAMPLES ? count & ~(size_t)1 : MAX_FRAME_SAMPLES;
    if (sample_rate < outgoing->traits->sample_rate) {
      upsample(&outgoing->upsampler, pcm, part, converted);
      append_own_rate(outgoing, to, converted, 2 * part);
    } else {
      downsample(&outgoing->downsampler, pcm, part, converted);
      append_own_rate(outgoing, to, converted, part / 2);
    }
    pcm += part;
    count -= part;
  }
}

static const int16_t silence[MAX_FRAME_SAMPLES];

/* A frame cannot go out in part: it ends in silence. How many ticks of that. */
static uint32_t complete_frame(struct outgoing *outgoing, const struct destination *to) {
  if (outgoing->pcm_samples == 0) return 0;
  const uint32_t rest = outgoing->traits->frame_ticks - pcm_ticks(outgoing);
  append_own_rate(outgoing, to, silence, (size_t)(outgoing->traits->frame_samples - outgoing->pcm_samples));
  return rest;
}

void outgoing_skip(struct outgoing *outgoing, const struct destination *to, uint32_t ticks) {
  uint32_t done = complete_frame(outgoing, to);
  /* Nor can a part of what is coded whole. One that silence does not fill goes on to wait. */
  if (outgoing->traits->coded_whole) {
    for (; outgoing->framed_ticks > 0 && done + outgoing->traits->frame_ticks <= ticks; done += outgoing->traits->frame_ticks) {
      encode_whole(outgoing, to, silence);
    }
    if (outgoing->framed_ticks > 0) return;
  }
  pause(outgoing, to, ticks > done ? ticks - done : 0);
}

void outgoing_noise(struct outgoing *outgoing, const struct destination *to, const uint8_t *bytes, size_t count) {
  complete_frame(outgoing, to);
  pause(outgoing, to, 0);
  struct rtp_packet packet = {
      .payload_type = to->noise_payload_type,
      .sequence_number = outgoing->next_sequence++,
      .timestamp = outgoing->position,
      .payload = bytes,
      .payload_bytes = count,
  };
  emit(outgoing, to, &packet);
  note_audio(outgoing, to, packet.timestamp);
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
