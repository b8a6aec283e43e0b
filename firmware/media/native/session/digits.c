#include "session/digits.h"

#include <stddef.h>
#include <string.h>

#include "session/forward.h"
#include "session/loop.h"
#include "session/party.h"

#define TONE_STEP_US 10000
/* A loop that stood still for so long does not say all that it missed. */
#define MAX_BEHIND_US 200000

static struct leg *leg_of(struct timer *timer) {
  return (struct leg *)((char *)timer - offsetof(struct leg, digits) - offsetof(struct digits, timer));
}

static void run(struct timer *timer, uint64_t now_us);

void digits_start(struct leg *leg) {
  leg->digits.timer.fire = run;
  dtmf_detector_start(&leg->digits.detector);
}

static bool has_events(const struct leg *leg) { return leg->settings.event_payload_type != NO_PAYLOAD_TYPE; }

static uint32_t clock_rate(const struct leg *leg) { return codec_traits(leg->settings.codec)->clock_rate; }

bool digits_pass_on(const struct leg *from, const struct leg *to) { return has_events(to) && clock_rate(from) == clock_rate(to); }

bool digits_removes(const struct leg *from, const struct leg *to) {
  return from->settings.detects_digits && (has_events(to) || to->settings.digits_by_signalling);
}

static void report(const struct leg *leg, const struct event_change *change, enum digit_source source) {
  const struct session *session = leg->session;
  const char digit = event_digit(change->event);
  if (digit == 0 || session->loop == NULL) return;
  const struct media_event event = {.kind = EVENT_DIGIT,
                                    .session = session->id,
                                    .leg = (uint8_t)(leg - session->legs),
                                    .value = source,
                                    .duration_ms = change->duration_ms,
                                    .text = {digit}};
  engine_report(session->loop, &event);
}

static uint64_t due(const struct digits *digits) {
  const uint64_t silence_us = event_receiver_due(&digits->received);
  uint64_t press_us = event_sender_due(&digits->sender);
  if (digits->in_audio && (digits->sounding || press_us != UINT64_MAX)) press_us = digits->next_us;
  return silence_us < press_us ? silence_us : press_us;
}

static void arm(struct leg *leg) {
  struct loop *loop = leg->session->loop;
  if (loop == NULL) return;
  const uint64_t due_us = due(&leg->digits);
  if (due_us == UINT64_MAX) timer_disarm(loop, &leg->digits.timer);
  else timer_arm(loop, &leg->digits.timer, due_us);
}

void digits_configure(struct leg *leg) {
  struct digits *digits = &leg->digits;
  const bool in_audio = !has_events(leg);
  const uint32_t rate = clock_rate(leg);
  if (in_audio != digits->in_audio || rate != digits->sender.clock_rate) {
    digits->in_audio = in_audio;
    digits->sounding = false;
    event_sender_start(&digits->sender, rate);
  }
  if (rate != digits->received.clock_rate) event_receiver_start(&digits->received, rate);
  arm(leg);
}

void digits_attach(struct leg *leg, uint64_t now_us) {
  leg->digits.next_us = now_us;
  if (leg->configured) arm(leg);
}

void digits_detach(struct leg *leg) {
  if (leg->session->loop != NULL) timer_disarm(leg->session->loop, &leg->digits.timer);
}

void digits_restart(struct leg *leg) {
  event_receiver_restart(&leg->digits.received);
  leg->digits.filled = 0;
}

bool digits_send(struct leg *leg, const struct event_press *presses, unsigned count, uint64_t now_us) {
  struct event_sender *sender = &leg->digits.sender;
  if (!leg->configured || !leg->settings.sends || leg->settings.digits_by_signalling) return false;
  const struct event_sender before = *sender;
  const bool was_idle = !event_sender_is_busy(sender) && !leg->digits.sounding;
  for (unsigned i = 0; i < count; i++) {
    if (event_sender_add(sender, &presses[i])) continue;
    *sender = before;
    return false;
  }
  if (was_idle) {
    /* The pause after the press before last may still run. */
    if (sender->due_us < now_us) sender->due_us = now_us;
    leg->digits.next_us = now_us;
  }
  arm(leg);
  return true;
}

/* The other party pressed, or released, a key that is not relayed as it came. */
static void press_for(const struct leg *from, struct leg *to, const struct event_change *change, uint64_t now_us) {
  if (event_digit(change->event) == 0) return;
  if (change->edge == EVENT_BEGAN) {
    if (to->voice != VOICE_PEER || from->ear == EAR_PULL) return;
    const struct event_press press = {change->event, EVENT_UNTIL_RELEASED, EVENT_MIN_MS};
    digits_send(to, &press, 1, now_us);
  } else {
    /* As long as it was pressed, though it was recognized late. */
    event_sender_release(&to->digits.sender, change->duration_ms, now_us);
    arm(to);
  }
}

static void take_received(struct leg *from, const struct event_change *change, uint64_t now_us) {
  struct leg *to = leg_peer(from);
  if (to != NULL && !digits_pass_on(from, to)) press_for(from, to, change, now_us);
  if (change->edge == EVENT_ENDED) report(from, change, DIGIT_BY_EVENT);
}

void digits_take_event(struct leg *from, const struct rtp_packet *packet, uint64_t now_us) {
  struct event_change changes[EVENT_MAX_CHANGES];
  struct event_receiver *received = &from->digits.received;
  const size_t count =
      event_receiver_take(received, packet->timestamp, packet->payload, packet->payload_bytes, now_us, changes);
  for (size_t i = 0; i < count; i++) take_received(from, &changes[i], now_us);
  /* While a key is held its timer fires early and is armed anew, rather than with each packet. */
  if (received->pressed && !from->digits.timer.armed) arm(from);
}

/* The party still holds a key whose beginning `to` was told of, by events: it is told of the end. */
static void end_relayed(struct leg *from, struct leg *to, uint64_t now_us) {
  const struct event_receiver *received = &from->digits.received;
  const bool passed = from->route == ROUTE_PASS && to->outgoing.placed;
  const bool told = from->event_known && from->event_timestamp == received->timestamp;
  if (from->route == ROUTE_NONE || !(passed || told)) return;
  const struct destination destination = leg_destination(to, now_us);
  const uint32_t timestamp = passed ? received->timestamp + to->outgoing.timestamp_distance : from->event_sent_as;
  struct event_packet packet = {.timestamp = timestamp};
  event_receiver_end_report(received, packet.payload);
  for (unsigned i = 0; i < EVENT_END_REPORTS; i++) outgoing_inject(&to->outgoing, &destination, &packet);
}

void digits_part(struct leg *from, struct leg *to, uint64_t now_us) {
  struct digits *digits = &from->digits;
  if (digits->received.pressed) {
    if (has_events(to)) end_relayed(from, to, now_us);
    digits->cut = true;
    digits->cut_timestamp = digits->received.timestamp;
  }
  /* As events or as tones, for as long as it was held. */
  event_sender_release(&to->digits.sender, 0, now_us);
  if (to->configured) arm(to);
}

bool digits_is_cut(struct leg *from, const struct rtp_packet *packet) {
  struct digits *digits = &from->digits;
  if (!digits->cut) return false;
  /* A long press changes its timestamp (RFC 4733 §2.5.1.3); another one begins with none before it. */
  if (packet->timestamp != digits->cut_timestamp && digits->received.before > 0) digits->cut_timestamp = packet->timestamp;
  digits->cut = packet->timestamp == digits->cut_timestamp;
  return digits->cut;
}

static void take_block(struct leg *from, uint64_t now_us) {
  struct leg *to = leg_peer(from);
  struct event_change changes[DTMF_MAX_CHANGES];
  const size_t count = dtmf_detector_take(&from->digits.detector, from->digits.block, changes);
  for (size_t i = 0; i < count; i++) {
    if (to != NULL && digits_removes(from, to)) press_for(from, to, &changes[i], now_us);
    if (changes[i].edge == EVENT_ENDED) report(from, &changes[i], DIGIT_IN_AUDIO);
  }
}

void digits_take_audio(struct leg *from, int16_t *pcm, size_t samples, uint32_t sample_rate, uint64_t now_us) {
  struct digits *digits = &from->digits;
  if (!from->settings.detects_digits) return;
  const struct leg *to = leg_peer(from);
  const bool removes = to != NULL && digits_removes(from, to);
  const size_t each = sample_rate / DTMF_RATE;
  for (size_t at = 0; at + each <= samples;) {
    const size_t room = DTMF_BLOCK_SAMPLES - digits->filled;
    const size_t left = (samples - at) / each;
    const size_t part = left < room ? left : room;
    if (each == 1) memcpy(digits->block + digits->filled, pcm + at, part * sizeof *pcm);
    else downsample(&digits->downsampler, pcm + at, part * each, digits->block + digits->filled);
    digits->filled += part;
    if (digits->filled == DTMF_BLOCK_SAMPLES) {
      take_block(from, now_us);
      digits->filled = 0;
    }
    if (removes) dtmf_mute(&digits->mute, dtmf_detector_is_sounding(&digits->detector), pcm + at, part * each);
    at += part * each;
  }
}

bool digits_hold(const struct leg *leg, uint64_t now_us) {
  const struct digits *digits = &leg->digits;
  if (digits->in_audio) return digits->sounding || event_sender_is_busy(&digits->sender);
  /* RFC 4733 §2.6: audio is left out while an event says the same. */
  return event_sender_is_pressed(&digits->sender, now_us);
}

static void send_events(struct leg *leg, uint64_t now_us) {
  struct event_packet packet;
  const struct destination destination = leg_destination(leg, now_us);
  while (event_sender_next(&leg->digits.sender, now_us, outgoing_by_now(&leg->outgoing, now_us), &packet)) {
    if (leg->settings.sends) outgoing_inject(&leg->outgoing, &destination, &packet);
  }
}

static void send_tones(struct leg *leg, uint64_t now_us) {
  struct digits *digits = &leg->digits;
  if (digits->next_us + MAX_BEHIND_US < now_us) digits->next_us = now_us;
  while (digits->next_us <= now_us && digits_hold(leg, now_us)) {
    struct event_packet packet;
    int16_t pcm[DTMF_BLOCK_SAMPLES] = {0};
    while (event_sender_next(&digits->sender, digits->next_us, 0, &packet)) {
      if (!packet.marker) continue;
      dtmf_generator_start(&digits->generator, packet.payload[0]);
      digits->sounding = true;
    }
    if (digits->sounding) {
      const bool is_last = !event_sender_is_pressed(&digits->sender, digits->next_us);
      digits->sounding = dtmf_generate(&digits->generator, is_last, pcm, DTMF_BLOCK_SAMPLES);
    }
    leg_put(leg, pcm, DTMF_BLOCK_SAMPLES, DTMF_RATE, digits->next_us);
    /* What the peer says afterwards has no place yet in a stream that others spoke into. */
    leg->outgoing.placed = false;
    digits->next_us += TONE_STEP_US;
  }
}

static void run(struct timer *timer, uint64_t now_us) {
  struct leg *leg = leg_of(timer);
  struct event_change change;
  if (event_receiver_expire(&leg->digits.received, now_us, &change)) take_received(leg, &change, now_us);
  if (leg->digits.in_audio) send_tones(leg, now_us);
  else send_events(leg, now_us);
  arm(leg);
}
