/*
 * The stream that we send on one leg: its own SSRC, and sequence numbers and timestamps that go on without a break
 * whatever the source does. Media enters in one of two ways:
 *
 *   passed on    a source's packet, its sequence number and timestamp moved by a fixed distance
 *   appended     audio in the leg's own codec, or PCM, cut into packets of the leg's own length
 */
#ifndef RINGDOWN_OUTGOING_H
#define RINGDOWN_OUTGOING_H

#include "codec/codec.h"
#include "codec/resample.h"
#include "net/send_queue.h"
#include "rtp/event.h"
#include "rtp/rtp.h"

#define MAX_PTIME_MS 120
#define MAX_FRAMED_BYTES (MAX_PTIME_MS / FRAME_MS * MAX_FRAME_BYTES)

struct outgoing {
  const struct codec_traits *traits;
  uint32_t ssrc;
  uint32_t packets; /* sent, for sender reports */
  uint32_t octets;  /* of their payload */
  uint32_t position;       /* timestamp of the first sample that was not sent yet */
  uint32_t last_timestamp; /* of the last audio packet */
  uint16_t next_sequence;
  bool marker_pending;     /* the next audio packet begins a talkspurt */
  bool placed;             /* the source has its place in this stream */
  uint64_t last_sent_us;   /* monotonic; 0 before the first */

  /* Passed on: the distances from the source. */
  uint16_t placed_at; /* the source's sequence number at which they began to hold */
  uint16_t sequence_distance;
  uint32_t timestamp_distance;

  enum codec codec;
  uint16_t packet_ms;
  uint16_t packet_bytes; /* of payload in a full packet, where it consists of frames */
  uint16_t framed_bytes;
  uint16_t framed_ticks; /* of what is framed, or waits in the encoder */
  uint16_t pcm_samples;
  struct encoder *encoder; /* NULL while nothing is to be encoded */
  uint8_t framed[MAX_FRAMED_BYTES + MAX_FRAME_BYTES];
  int16_t pcm[MAX_FRAME_SAMPLES]; /* part of a frame, before it is encoded */
  struct upsampler upsampler;
  struct downsampler downsampler;
};

/* Where packets of the stream go. */
struct destination {
  int fd;
  const union address *to; /* NULL: `fd` is connected to it */
  struct leg_counters *counters;
  struct send_queue *queue;
  uint64_t now_us;
  uint8_t payload_type;
  uint8_t event_payload_type;
  uint8_t noise_payload_type;
  struct crypto_context *crypto; /* NULL: plain RTP */
};

/* Random SSRC, sequence number (in the lower half) and timestamp (RFC 3550 §5.1). */
void outgoing_start(struct outgoing *outgoing);
/* The same for a stream that has its format: from now on it is another one. */
void outgoing_identify(struct outgoing *outgoing);
void outgoing_close(struct outgoing *outgoing);
/* Audio from now on in this codec, `ptime_ms` (10 to MAX_PTIME_MS, a multiple of 10) to a packet. Forgets a part of a packet,
 * and the encoder where packets are coded whole. */
void outgoing_set_format(struct outgoing *outgoing, enum codec codec, unsigned ptime_ms);
/* Makes outgoing_append_pcm possible, or impossible (`wanted` false). False: no memory. */
bool outgoing_set_encoder(struct outgoing *outgoing, bool wanted, const struct encoder_options *options);

/*
 * A new source, or one that began again: its place is where the stream would be by now had it never stopped. Afterwards
 * `placed` holds.
 */
void outgoing_resume(struct outgoing *outgoing, uint64_t now_us);
/* The same for one whose packets are passed on, this one first. */
void outgoing_place(struct outgoing *outgoing, const struct rtp_packet *source, uint64_t now_us);
/* The timestamp of the next sample to be appended. */
uint32_t outgoing_end(const struct outgoing *outgoing);
/* The same had audio never paused. */
uint32_t outgoing_by_now(const struct outgoing *outgoing, uint64_t now_us);

/* `ticks` is 0 for what is no audio, which `payload_type` then says. False: from before the source was placed. */
bool outgoing_pass(struct outgoing *outgoing, const struct destination *to, const struct rtp_packet *source,
                   size_t ticks, uint8_t payload_type);
/* At 8000 or 16000 samples a second, an even number of them. What the encoder makes a pause of is not sent. */
void outgoing_append_pcm(struct outgoing *outgoing, const struct destination *to, const int16_t *pcm, size_t count,
                         uint32_t sample_rate);
/* A valid payload in the leg's own codec. */
void outgoing_append_encoded(struct outgoing *outgoing, const struct destination *to, const uint8_t *bytes, size_t count);
/* Silence that is not sent: what is waiting goes out, then the time jumps. */
void outgoing_skip(struct outgoing *outgoing, const struct destination *to, uint32_t ticks);
/* Comfort noise (RFC 3389): what is waiting goes out, then this; the silence that follows is skipped. */
void outgoing_noise(struct outgoing *outgoing, const struct destination *to, const uint8_t *bytes, size_t count);
/* One packet of an event (RFC 4733) beside appended audio. */
void outgoing_event(struct outgoing *outgoing, const struct destination *to, const struct rtp_packet *source, uint32_t timestamp);
/* A report of an event of our own, wherever audio comes from. Late packets of a source that is passed on are late for good. */
void outgoing_inject(struct outgoing *outgoing, const struct destination *to, const struct event_packet *event);

#endif
