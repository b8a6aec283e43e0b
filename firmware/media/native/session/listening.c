#include "session/listening.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "codec/comfort_noise.h"
#include "codec/resample.h"
#include "net/socket.h"
#include "session/forward.h"
#include "session/loop.h"

/* What waits for leg_pull: a packet of the longest kind, and what one pull takes. */
#define FIFO_SAMPLES (MAX_PAYLOAD_SAMPLES + 20 * MAX_SAMPLE_RATE / 1000)
/* More than that is left after a pull: the source is ahead of who pulls, and what is oldest is dropped. */
#define MAX_LEFT_US 60000

/* What one packet of comfort noise stands for at least, in frames. */
#define NOISE_FRAMES 2
/* Of the spectrum of a pause that another codec's descriptor began. */
#define TOLD_REFLECTIONS 6

struct fifo {
  struct upsampler upsampler;
  struct downsampler downsampler;
  size_t count;
  int16_t pcm[FIFO_SAMPLES];
};

struct listening {
  struct timer timer;
  struct leg *leg;
  struct decoder *decoder;
  const struct codec_traits *traits;
  struct fifo *fifo; /* NULL until somebody pulls */
  bool restarted;     /* for the next to hear */
  uint32_t timestamp; /* of what is handed out next, by the source's clock */
  bool noise_is_ours;   /* the pause has comfort noise that the codec did not make */
  struct comfort_noise noise;
  struct jitter jitter;
};

static void fire(struct timer *timer, uint64_t now_us);

struct listening *listening_open(struct leg *leg) {
  struct listening *listening = calloc(1, sizeof *listening);
  if (listening == NULL) return NULL;
  listening->timer.fire = fire;
  listening->leg = leg;
  listening->traits = codec_traits(leg->settings.codec);
  listening->decoder = decoder_open(leg->settings.codec);
  if (listening->decoder == NULL) {
    free(listening);
    return NULL;
  }
  listening->restarted = true;
  comfort_noise_start(&listening->noise);
  jitter_open(&listening->jitter, listening->traits->clock_rate);
  socket_stamp(leg->rtp_fd);
  if (leg->connection.fd >= 0) socket_stamp(leg->connection.fd);
  return listening;
}

void listening_close(struct listening *listening) {
  if (listening == NULL) return;
  listening_sleep(listening);
  decoder_close(listening->decoder);
  free(listening->fifo);
  free(listening);
}

void listening_restart(struct listening *listening) {
  listening->restarted = true;
  jitter_restart(&listening->jitter);
  decoder_restart(listening->decoder);
  if (listening->fifo != NULL) listening->fifo->count = 0;
}

/* Whoever pulls comes by himself. */
static bool is_pulled(const struct listening *listening) { return listening->leg->ear == EAR_PULL; }

static void keep_for_pull(struct listening *listening, const int16_t *pcm, size_t samples) {
  struct fifo *fifo = listening->fifo;
  if (fifo == NULL) return;
  if (fifo->count + samples > FIFO_SAMPLES) {
    const size_t excess = fifo->count + samples - FIFO_SAMPLES;
    const size_t dropped = excess < fifo->count ? excess : fifo->count;
    memmove(fifo->pcm, fifo->pcm + dropped, (fifo->count - dropped) * sizeof *pcm);
    fifo->count -= dropped;
  }
  memcpy(fifo->pcm + fifo->count, pcm, samples * sizeof *pcm);
  fifo->count += samples;
}

/* To everybody who wants it. `to` is NULL unless the other leg's stream does. */
static void hand_out(struct listening *listening, struct leg *to, const struct destination *destination, int16_t *pcm,
                     size_t samples) {
  struct leg *leg = listening->leg;
  const uint64_t now_us = destination->now_us;
  const struct said said = {.pcm = pcm,
                            .samples = samples,
                            .sample_rate = listening->traits->sample_rate,
                            .timestamp = listening->timestamp,
                            .clock_rate = listening->traits->clock_rate,
                            .restarted = listening->restarted,
                            .now_us = now_us};
  for (struct leg_tap *tap = leg->taps; tap != NULL; tap = tap->next) tap->hear(tap, &said);
  listening->timestamp += (uint32_t)(samples * listening->traits->frame_ticks / listening->traits->frame_samples);
  listening->restarted = false;
  digits_take_audio(leg, pcm, samples, listening->traits->sample_rate, now_us);
  /* A digit that began in it has taken the stream. */
  if (to != NULL && digits_hold(to, now_us)) to->outgoing.placed = false;
  /* Afterwards only a packet finds its place again, not what stands for one. */
  else if (to != NULL && to->outgoing.placed) outgoing_append_pcm(&to->outgoing, destination, pcm, samples, listening->traits->sample_rate);
  if (is_pulled(listening)) keep_for_pull(listening, pcm, samples);
}

static size_t samples_of(const struct listening *listening, uint32_t ticks) {
  return (size_t)ticks * listening->traits->frame_samples / listening->traits->frame_ticks;
}

static uint32_t ticks_at(const struct leg *to, const struct listening *listening, uint32_t ticks) {
  return (uint32_t)((uint64_t)ticks * to->outgoing.traits->clock_rate / listening->traits->clock_rate);
}

/* False: nothing that is there says what was lost. */
static bool recover(struct listening *listening, struct leg *to, const struct destination *destination, size_t samples) {
  int16_t pcm[MAX_PAYLOAD_SAMPLES];
  struct jitter_next following;
  if (samples > MAX_PAYLOAD_SAMPLES || !jitter_peek(&listening->jitter, &following)) return false;
  if (following.payload_type == listening->leg->settings.noise_payload_type) return false;
  decoder_recover(listening->decoder, following.payload, following.bytes, pcm, samples);
  hand_out(listening, to, destination, pcm, samples);
  return true;
}

static void conceal(struct listening *listening, struct leg *to, const struct destination *destination, uint32_t ticks) {
  size_t left = samples_of(listening, ticks);
  if (recover(listening, to, destination, left)) return;
  while (left > 0) {
    int16_t pcm[MAX_FRAME_SAMPLES];
    const size_t part = left < listening->traits->frame_samples ? left : listening->traits->frame_samples;
    decoder_conceal(listening->decoder, pcm, part);
    hand_out(listening, to, destination, pcm, part);
    left -= part;
  }
}

/* RFC 3389 comfort noise goes to a leg as such where it takes it; G.729 has descriptors of its own. */
static bool takes_noise(const struct leg *to) {
  return to != NULL && to->settings.noise_payload_type != NO_PAYLOAD_TYPE && to->settings.codec != CODEC_G729;
}

static void make_noise(struct listening *listening, int16_t *pcm, size_t samples) {
  if (!listening->noise_is_ours) {
    decoder_conceal(listening->decoder, pcm, samples);
    return;
  }
  comfort_noise_fill(&listening->noise, pcm, samples);
}

/* The pause goes on. A leg that makes its own noise has just time pass. */
static void fill_pause(struct listening *listening, struct leg *to, const struct destination *destination, uint32_t ticks) {
  struct leg *const sounded = takes_noise(to) ? NULL : to;
  size_t left = samples_of(listening, ticks);
  while (left > 0) {
    int16_t pcm[MAX_FRAME_SAMPLES];
    const size_t part = left < listening->traits->frame_samples ? left : listening->traits->frame_samples;
    make_noise(listening, pcm, part);
    hand_out(listening, sounded, destination, pcm, part);
    left -= part;
  }
  if (sounded != to && to->outgoing.placed) outgoing_skip(&to->outgoing, destination, ticks_at(to, listening, ticks));
}

static void begin_noise(struct listening *listening, struct leg *to, const struct destination *destination, const struct jitter_next *next) {
  listening->noise_is_ours = true;
  /* One that cannot be read changes nothing: the pause is as the one before. */
  comfort_noise_hear(&listening->noise, next->payload, next->bytes);
  if (takes_noise(to) && to->outgoing.placed) outgoing_noise(&to->outgoing, destination, next->payload, next->bytes);
  jitter_pause(&listening->jitter, true);
  fill_pause(listening, to, destination, next->ticks);
}

/* A pause of G.729 begins with 10 ms of its noise, from which others may learn how loud it is. */
static void tell_noise(struct leg *to, const struct destination *destination, const int16_t *pcm, size_t samples) {
  uint8_t payload[1 + TOLD_REFLECTIONS] = {COMFORT_NOISE_SILENCE};
  const size_t bytes = comfort_noise_describe(pcm, samples, payload, sizeof payload);
  outgoing_noise(&to->outgoing, destination, payload, bytes > 0 ? bytes : 1);
}

/* The last frame of a G.729 payload says that a pause begins (RFC 3551 §4.5.6). */
static bool ends_talkspurt(const struct leg *leg, size_t bytes) {
  return leg->settings.codec == CODEC_G729 && bytes % G729_FRAME_BYTES == G729_SID_BYTES;
}

static void play(struct listening *listening, struct leg *to, const struct destination *destination, const struct jitter_next *next) {
  int16_t pcm[MAX_PAYLOAD_SAMPLES];
  if (to != NULL && next->marker) to->outgoing.marker_pending = true;
  if (next->payload_type == listening->leg->settings.noise_payload_type) {
    begin_noise(listening, to, destination, next);
    return;
  }
  const size_t samples = decoder_decode(listening->decoder, next->payload, next->bytes, pcm, MAX_PAYLOAD_SAMPLES);
  listening->noise_is_ours = false;
  const bool ends = ends_talkspurt(listening->leg, next->bytes);
  const size_t noise = ends && takes_noise(to) && to->outgoing.placed ? listening->traits->frame_samples : 0;
  hand_out(listening, to, destination, pcm, samples - noise);
  if (ends) jitter_pause(&listening->jitter, true);
  if (noise == 0) return;
  tell_noise(to, destination, pcm + samples - noise, noise);
  hand_out(listening, NULL, destination, pcm + samples - noise, noise);
  outgoing_skip(&to->outgoing, destination, to->outgoing.traits->frame_ticks);
}

/* The other leg, when what is heard goes into its stream. */
static struct leg *listener(const struct listening *listening) {
  const struct leg *leg = listening->leg;
  struct leg *to = leg->route == ROUTE_TRANSCODE ? leg_peer(leg) : NULL;
  return to != NULL && to->outgoing.encoder != NULL ? to : NULL;
}

/* Everything that is due; then the timer waits for what comes next. */
static void settle(struct listening *listening, uint64_t now_us) {
  struct leg *const to = listener(listening);
  const struct destination destination = to != NULL ? leg_destination(to, now_us) : (struct destination){.now_us = now_us};
  const bool held = to != NULL && digits_hold(to, now_us);
  if (held) to->outgoing.placed = false;
  else if (to != NULL && !to->outgoing.placed && listening->jitter.count > 0) outgoing_resume(&to->outgoing, now_us);
  struct jitter_next next;
  while (jitter_next(&listening->jitter, now_us, &next) > JITTER_EMPTY) {
    listening->timestamp = listening_time(listening) - next.ticks;
    switch (next.kind) {
      case JITTER_PACKET:
        play(listening, to, &destination, &next);
        break;
      case JITTER_LOST:
        conceal(listening, to, &destination, next.ticks);
        break;
      case JITTER_NOISE:
        fill_pause(listening, to, &destination, next.ticks);
        break;
      case JITTER_JUMP:
        if (to != NULL && to->outgoing.placed) outgoing_skip(&to->outgoing, &destination, ticks_at(to, listening, next.ticks));
        break;
      case JITTER_WAIT:
      case JITTER_EMPTY:
        break;
    }
  }
  struct loop *const loop = listening->leg->session->loop;
  if (next.kind == JITTER_WAIT && !is_pulled(listening)) timer_arm(loop, &listening->timer, next.due_us);
  else timer_disarm(loop, &listening->timer);
}

static void fire(struct timer *timer, uint64_t now_us) {
  settle((struct listening *)((char *)timer - offsetof(struct listening, timer)), now_us);
}

void listening_wake(struct listening *listening) {
  /* Before the first packet nothing is due, and each call that is set up would wake the loop's thread to find that out. */
  if (listening->jitter.started) timer_arm(listening->leg->session->loop, &listening->timer, 0);
}

void listening_sleep(struct listening *listening) {
  struct loop *const loop = listening->leg->session->loop;
  if (loop != NULL) timer_disarm(loop, &listening->timer);
}

uint32_t listening_noise_ticks(enum codec codec) { return NOISE_FRAMES * codec_traits(codec)->frame_ticks; }

/* Comfort noise whose time was concealed as lost: the pause begins now, and goes on by itself. */
static bool begin_late_noise(struct listening *listening, const struct rtp_packet *packet, uint64_t now_us) {
  if (!jitter_pause_late(&listening->jitter, packet->sequence_number, true)) return false;
  struct leg *const to = listener(listening);
  const struct destination destination = to != NULL ? leg_destination(to, now_us) : (struct destination){.now_us = now_us};
  begin_noise(listening, to, &destination, &(struct jitter_next){.payload = packet->payload, .bytes = packet->payload_bytes});
  if (!is_pulled(listening)) settle(listening, now_us);
  return true;
}

bool listening_take(struct listening *listening, const struct rtp_packet *packet, uint32_t ticks, uint64_t now_us) {
  const bool is_noise = ticks == 0;
  if (is_noise) ticks = listening_noise_ticks(listening->leg->settings.codec);
  const uint64_t arrived_us = loop_arrival_us(listening->leg->session->loop, now_us);
  enum jitter_put put = jitter_put(&listening->jitter, packet, ticks, arrived_us);
  if (put == JITTER_FULL) {
    jitter_hurry(&listening->jitter);
    settle(listening, now_us);
    put = jitter_put(&listening->jitter, packet, ticks, arrived_us);
  }
  if (put == JITTER_LATE && is_noise) return begin_late_noise(listening, packet, now_us);
  if (put == JITTER_TAKEN && !is_pulled(listening)) settle(listening, now_us);
  return put == JITTER_TAKEN;
}

void listening_pass_over(struct listening *listening, const struct rtp_packet *packet) {
  jitter_pass_over(&listening->jitter, packet->sequence_number);
}

uint32_t listening_time(const struct listening *listening) { return (uint32_t)listening->jitter.next_time; }

/* `count` samples of the source's own rate from the fifo, silence where it has less. */
static void take_out(struct fifo *fifo, int16_t *pcm, size_t count) {
  const size_t there = fifo->count < count ? fifo->count : count;
  memcpy(pcm, fifo->pcm, there * sizeof *pcm);
  memset(pcm + there, 0, (count - there) * sizeof *pcm);
  fifo->count -= there;
  memmove(fifo->pcm, fifo->pcm + there, fifo->count * sizeof *pcm);
}

static void drop_excess(struct listening *listening) {
  struct fifo *fifo = listening->fifo;
  const size_t most = (size_t)listening->traits->sample_rate * MAX_LEFT_US / 1000000;
  if (fifo->count <= most) return;
  memmove(fifo->pcm, fifo->pcm + (fifo->count - most), most * sizeof *fifo->pcm);
  fifo->count = most;
}

void listening_pull(struct listening *listening, uint64_t now_us, int16_t *pcm, size_t samples, uint32_t sample_rate) {
  if (listening->fifo == NULL) listening->fifo = calloc(1, sizeof *listening->fifo);
  if (listening->fifo == NULL) {
    memset(pcm, 0, samples * sizeof *pcm);
    return;
  }
  settle(listening, now_us);
  drop_excess(listening);
  if (sample_rate == listening->traits->sample_rate) {
    take_out(listening->fifo, pcm, samples);
    return;
  }
  while (samples > 0) {
    int16_t own[2 * MAX_FRAME_SAMPLES];
    const size_t part = samples < MAX_FRAME_SAMPLES ? samples : MAX_FRAME_SAMPLES;
    if (sample_rate > listening->traits->sample_rate) {
      take_out(listening->fifo, own, part / 2);
      upsample(&listening->fifo->upsampler, own, part / 2, pcm);
    } else {
      take_out(listening->fifo, own, 2 * part);
      downsample(&listening->fifo->downsampler, own, 2 * part, pcm);
    }
    pcm += part;
    samples -= part;
  }
}
