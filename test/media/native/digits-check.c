/* Digits through a session: from events and tones of one party to events and tones for the other. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/dtmf.h"
#include "bench.h"
#include "session/party.h"

#define EVENT_1 (EVENT_TYPE + 1) /* on leg 1 */

/* Party 0, who speaks or presses in packets of 20 ms, and party 1, whose ears are independent of the session. */
struct call {
  struct bench bench;
  uint16_t sequence;
  uint32_t timestamp;

  struct dtmf_generator generator;
  struct encoder *encoder;
  uint32_t event_began;
  uint32_t event_lasted;

  struct decoder *decoder;
  struct dtmf_detector detector;
  struct event_receiver receiver;
  bool has_heard;
  uint16_t last_sequence;
  uint32_t last_timestamp;
  unsigned out_of_order, audio_packets, event_packets, overlaps;
  bool in_event;
  unsigned loud_blocks; /* of 10 ms, louder than a whisper */
  char events[128], tones[128];
};

struct side {
  bool events, detects, signalling;
};

static void set_side(struct call *call, unsigned leg, enum codec codec, struct side side) {
  struct leg_settings settings = call->bench.session->legs[leg].settings;
  settings.codec = codec;
  settings.event_payload_type = side.events ? (uint8_t)(EVENT_TYPE + leg) : NO_PAYLOAD_TYPE;
  settings.event_received_type = NO_PAYLOAD_TYPE;
  settings.detects_digits = side.detects;
  settings.digits_by_signalling = side.signalling;
  if (!session_configure(call->bench.session, leg, &settings)) abort();
}

static void open_call(struct call *call, struct side first, enum codec codec1, uint16_t ptime1_ms, struct side second) {
  memset(call, 0, sizeof *call);
  bench_open(&call->bench, CODEC_PCMA, 20, codec1, ptime1_ms);
  set_side(call, 0, CODEC_PCMA, first);
  set_side(call, 1, codec1, second);
  call->encoder = encoder_open(CODEC_PCMA, &(struct encoder_options){0});
  call->decoder = decoder_open(codec1);
  dtmf_detector_start(&call->detector);
  event_receiver_start(&call->receiver, 8000);
  call->timestamp = 0xffffe000;
}

static void close_call(struct call *call) {
  encoder_close(call->encoder);
  decoder_close(call->decoder);
  bench_close(&call->bench);
}

static void send_packet(struct call *call, bool marker, uint8_t type, uint32_t timestamp, const uint8_t *payload, size_t count) {
  uint8_t bytes[PACKET_BYTES];
  const struct rtp_packet packet = {
      .marker = marker, .payload_type = type, .sequence_number = call->sequence++, .timestamp = timestamp, .ssrc = 7};
  rtp_write_header(bytes, &packet);
  memcpy(bytes + RTP_HEADER_BYTES, payload, count);
  session_receive(call->bench.session, 0, bytes, RTP_HEADER_BYTES + count, &call->bench.parties[0].address,
                  call->bench.now_ms * 1000);
  send_queue_flush(loop_queue(call->bench.loop));
}

static void note(char *text, size_t room, const struct event_change *changes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const size_t used = strlen(text);
    if (changes[i].edge == EVENT_ENDED) {
      snprintf(text + used, room - used, "%c%u ", event_digit(changes[i].event), (changes[i].duration_ms + 10) / 20 * 20);
    }
  }
}

static void listen_in(struct call *call) {
  struct rtp_packet packet;
  while (hear(&call->bench, &packet)) {
    if (call->has_heard && (uint16_t)(packet.sequence_number - call->last_sequence) != 1) call->out_of_order++;
    call->has_heard = true;
    call->last_sequence = packet.sequence_number;
    if (packet.payload_type == EVENT_1) {
      struct event_change changes[EVENT_MAX_CHANGES];
      const size_t count = event_receiver_take(&call->receiver, packet.timestamp, packet.payload, packet.payload_bytes,
                                               call->bench.now_ms * 1000, changes);
      call->event_packets++;
      call->in_event = (packet.payload[1] & 0x80) == 0;
      note(call->events, sizeof call->events, changes, count);
      continue;
    }
    int16_t pcm[MAX_PAYLOAD_SAMPLES];
    const size_t samples = decoder_decode(call->decoder, packet.payload, packet.payload_bytes, pcm, MAX_PAYLOAD_SAMPLES);
    if (call->audio_packets++ > 0 && (int32_t)(packet.timestamp - call->last_timestamp) <= 0) call->out_of_order++;
    call->last_timestamp = packet.timestamp;
    if (call->in_event) call->overlaps++;
    for (size_t at = 0; at + DTMF_BLOCK_SAMPLES <= samples; at += DTMF_BLOCK_SAMPLES) {
      struct event_change changes[DTMF_MAX_CHANGES];
      int peak = 0;
      for (unsigned i = 0; i < DTMF_BLOCK_SAMPLES; i++) peak = abs(pcm[at + i]) > peak ? abs(pcm[at + i]) : peak;
      if (peak > 500) call->loud_blocks++;
      note(call->tones, sizeof call->tones, changes, dtmf_detector_take(&call->detector, pcm + at, changes));
    }
  }
}

static void let_pass(struct call *call) {
  for (unsigned i = 0; i < 20; i++) {
    pass(&call->bench, 1);
    listen_in(call);
  }
  call->timestamp += 160;
}

/* Audio for that long: tones of a digit, or silence for 0. */
static void speak(struct call *call, char digit, unsigned ms) {
  uint8_t event = 0;
  if (event_of_digit(digit, &event)) dtmf_generator_start(&call->generator, event);
  for (unsigned done = 0; done < ms; done += 20) {
    int16_t pcm[160] = {0};
    uint8_t payload[160];
    for (unsigned i = 0; digit != 0 && i < 2; i++) dtmf_generate(&call->generator, i == 1 && done + 20 >= ms, pcm + i * 80, 80);
    for (unsigned i = 0; i < 2; i++) encoder_encode(call->encoder, pcm + i * 80, payload + i * 80);
    send_packet(call, false, PCMA_TYPE, call->timestamp, payload, sizeof payload);
    let_pass(call);
  }
}

/* A press in telephone events, 20 ms apart, without audio meanwhile. */
static void press_as(struct call *call, uint8_t type, char digit, unsigned ms) {
  uint8_t event = 0;
  if (!event_of_digit(digit, &event)) abort();
  const uint32_t began = call->timestamp;
  for (unsigned done = 20; done <= ms + 40; done += 20) {
    const unsigned lasted = (done < ms ? done : ms) * 8;
    const uint8_t report[] = {event, (uint8_t)(done >= ms ? 0x8a : 10), (uint8_t)(lasted >> 8), (uint8_t)lasted};
    send_packet(call, done == 20, type, began, report, sizeof report);
    let_pass(call);
  }
}

static void press(struct call *call, char digit, unsigned ms) { press_as(call, EVENT_TYPE, digit, ms); }

/* What the runtime is told: "0e5:100 " is digit 5 of leg 0, by event; 'a' in audio. In steps of 20 ms. */
static const char *told(struct call *call) {
  static char text[256];
  struct media_event event;
  text[0] = 0;
  while (reports_take(loop_reports(call->bench.loop), &event)) {
    if (event.kind != EVENT_DIGIT) continue;
    const size_t used = strlen(text);
    snprintf(text + used, sizeof text - used, "%u%c%s:%u ", event.leg, event.value == DIGIT_BY_EVENT ? 'e' : 'a', event.text,
             (event.duration_ms + 10) / 20 * 20);
  }
  return text;
}

static void expect_text(int line, const char *is, const char *wanted) {
  if (strcmp(is, wanted) == 0) return;
  printf(" (\"%s\", not \"%s\")", is, wanted);
  expect_at(line, "a text", 0, 1);
}
#define EXPECT_TEXT(is, wanted) expect_text(__LINE__, is, wanted)

CHECK(check_event_to_tone, "digits: events become tones on a leg without them, in one unbroken stream") {
  static const struct {
    enum codec codec;
    uint16_t ptime_ms;
  } cases[] = {{CODEC_PCMA, 20}, {CODEC_PCMA, 30}, {CODEC_PCMU, 20}};
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct call call;
    open_call(&call, (struct side){.events = true}, cases[i].codec, cases[i].ptime_ms, (struct side){0});
    speak(&call, 0, 200);
    press(&call, '5', 100);
    speak(&call, 0, 100);
    press(&call, '#', 300);
    speak(&call, 0, 400);
    EXPECT_TEXT(call.tones, "5100 #300 ");
    EXPECT(call.event_packets, 0);
    EXPECT(call.out_of_order, 0);
    EXPECT(call.loud_blocks >= 40 && call.loud_blocks <= 44, true);
    EXPECT_TEXT(told(&call), "0e5:100 0e#:300 ");
    close_call(&call);
  }
}

CHECK(check_event_never_ends, "digits: a press without an end is a tone that ends once nothing tells of it") {
  struct call call;
  open_call(&call, (struct side){.events = true}, CODEC_PCMA, 20, (struct side){0});
  speak(&call, 0, 100);
  const uint8_t report[] = {7, 10, 0, 160};
  send_packet(&call, true, EVENT_TYPE, call.timestamp, report, sizeof report);
  for (unsigned i = 0; i < 50; i++) let_pass(&call);
  speak(&call, 0, 200);
  EXPECT_TEXT(call.tones, "7400 ");
  EXPECT_TEXT(told(&call), "0e7:20 ");
  EXPECT(call.out_of_order, 0);
  close_call(&call);
}

CHECK(check_tone_to_event, "digits: tones become events on a leg that has them, and hardly any of them stays in the audio") {
  static const struct {
    enum codec codec;
    uint16_t ptime_ms;
  } cases[] = {{CODEC_PCMA, 20}, {CODEC_PCMA, 30}, {CODEC_PCMU, 20}};
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct call call;
    open_call(&call, (struct side){.detects = true}, cases[i].codec, cases[i].ptime_ms, (struct side){.events = true});
    speak(&call, 0, 200);
    speak(&call, '5', 100);
    speak(&call, 0, 100);
    speak(&call, '5', 60);
    speak(&call, 0, 100);
    speak(&call, '*', 400);
    speak(&call, 0, 400);
    EXPECT_TEXT(call.events, "5100 560 *400 ");
    EXPECT_TEXT(call.tones, "");
    EXPECT_TEXT(told(&call), "0a5:100 0a5:60 0a*:400 ");
    EXPECT(call.out_of_order, 0);
    /* Three of them, each 20 ms and a fade. */
    EXPECT(call.loud_blocks <= 3 * 3, true);
    close_call(&call);
  }
}

CHECK(check_tone_to_tone, "digits: where neither leg has events tones stay in the audio as they are, and are told") {
  struct call call;
  open_call(&call, (struct side){.detects = true}, CODEC_PCMA, 20, (struct side){0});
  speak(&call, 0, 200);
  speak(&call, '5', 100);
  speak(&call, 0, 400);
  EXPECT_TEXT(call.tones, "5100 ");
  EXPECT_TEXT(told(&call), "0a5:100 ");
  EXPECT(call.audio_packets, 35);
  EXPECT(call.out_of_order, 0);
  close_call(&call);
}

/* Two tones, one as loud as that, of wideband audio that lasts 100 ms; what the runtime is told. */
static const char *told_of(double low_hz, double high_hz, double low, double high) {
  static char text[64];
  struct call call;
  open_call(&call, (struct side){.detects = true}, CODEC_PCMA, 20, (struct side){0});
  for (unsigned block = 0; block < 30; block++) {
    int16_t pcm[160] = {0};
    for (unsigned i = 0; block < 10 && i < 160; i++) {
      const double at = 2 * M_PI * (block * 160 + i) / 16000;
      pcm[i] = (int16_t)lrint(low * sin(low_hz * at) + high * sin(high_hz * at));
    }
    digits_take_audio(&call.bench.session->legs[0], pcm, 160, 16000, call.bench.now_ms * 1000);
    pass(&call.bench, 10);
  }
  snprintf(text, sizeof text, "%s", told(&call));
  close_call(&call);
  return text;
}

CHECK(check_wideband_tones, "digits: tones of wideband audio are told, and not what folds down to them") {
  EXPECT_TEXT(told_of(770, 1336, 4000, 4000), "0a5:100 ");
  /* Their mirrors at 4000 Hz, as loud as averaged pairs would make them equal. */
  EXPECT_TEXT(told_of(8000 - 770, 8000 - 1336, 16000, 9300), "");
}

CHECK(check_event_relayed, "digits: events between two legs that have them are relayed as they came, and told") {
  struct call call;
  open_call(&call, (struct side){.events = true}, CODEC_PCMA, 20, (struct side){.events = true});
  speak(&call, 0, 100);
  press(&call, '9', 100);
  speak(&call, 0, 100);
  EXPECT_TEXT(call.events, "9100 ");
  EXPECT(call.event_packets, 7);
  EXPECT_TEXT(told(&call), "0e9:100 ");
  EXPECT(call.out_of_order, 0);
  /* RFC 3264 §5.1: it comes under the number of our description, and goes under that of the party's. */
  struct leg_settings settings = call.bench.session->legs[0].settings;
  settings.event_received_type = 96;
  EXPECT(session_configure(call.bench.session, 0, &settings), true);
  press_as(&call, 96, '1', 60);
  press(&call, '2', 60);
  EXPECT_TEXT(call.events, "9100 160 260 ");
  /* Unless that is the number of the audio. */
  settings.event_received_type = PCMA_TYPE;
  EXPECT(session_configure(call.bench.session, 0, &settings), true);
  const unsigned before = call.audio_packets;
  speak(&call, 0, 100);
  EXPECT(call.audio_packets, before + 5);
  close_call(&call);
}

CHECK(check_signalling, "digits: a leg that is told of them by signalling gets neither event nor tone") {
  struct call call;
  open_call(&call, (struct side){.events = true}, CODEC_PCMA, 20, (struct side){.signalling = true});
  speak(&call, 0, 100);
  press(&call, '9', 100);
  speak(&call, 0, 100);
  set_side(&call, 0, CODEC_PCMA, (struct side){.detects = true});
  speak(&call, '4', 100);
  speak(&call, 0, 200);
  EXPECT_TEXT(told(&call), "0e9:100 0a4:100 ");
  EXPECT_TEXT(call.tones, "");
  EXPECT(call.event_packets, 0);
  EXPECT(call.loud_blocks <= 3, true);
  close_call(&call);
}

static bool send_digits(struct call *call, const char *digits, uint32_t ms, uint32_t pause_ms) {
  struct event_press presses[EVENT_QUEUE_PRESSES + 1];
  unsigned count = 0;
  for (; digits[count] != 0; count++) {
    presses[count] = (struct event_press){.duration_ms = ms, .pause_ms = pause_ms};
    if (!event_of_digit(digits[count], &presses[count].event)) abort();
  }
  return digits_send(&call->bench.session->legs[1], presses, count, call->bench.now_ms * 1000);
}

CHECK(check_send_digits, "digits: what the runtime wants pressed goes out between the audio, by event or by tone") {
  for (unsigned by_event = 0; by_event < 2; by_event++) {
    for (unsigned ptime_ms = 20; ptime_ms <= 30; ptime_ms += 10) {
      struct call call;
      open_call(&call, (struct side){.events = true}, CODEC_PCMA, (uint16_t)ptime_ms, (struct side){.events = by_event == 1});
      speak(&call, 0, 200);
      EXPECT(send_digits(&call, "12*", 100, 80), true);
      speak(&call, 0, 1000);
      EXPECT(send_digits(&call, "3", 60, 80), true);
      speak(&call, 0, 400);
      EXPECT_TEXT(by_event == 1 ? call.events : call.tones, "1100 2100 *100 360 ");
      EXPECT(call.overlaps, 0);
      EXPECT(call.out_of_order, 0);
      EXPECT_TEXT(told(&call), "");
      EXPECT(event_sender_is_busy(&call.bench.session->legs[1].digits.sender), false);
      EXPECT(call.bench.session->legs[1].digits.timer.armed, false);
      close_call(&call);
    }
  }
}

CHECK(check_send_digits_bounds, "digits: all of a string fits, or none; held legs get none; a stream without audio has a clock") {
  struct call call;
  open_call(&call, (struct side){.events = true}, CODEC_PCMA, 20, (struct side){.events = true});
  char digits[EVENT_QUEUE_PRESSES + 2];
  memset(digits, '1', sizeof digits - 1);
  digits[sizeof digits - 1] = 0;
  EXPECT(send_digits(&call, digits, 40, 40), false);
  EXPECT(event_sender_is_busy(&call.bench.session->legs[1].digits.sender), false);
  EXPECT(send_digits(&call, "12", 40, 39), false);
  /* Nobody has said a word yet. */
  EXPECT(send_digits(&call, "111", 40, 40), true);
  for (unsigned i = 0; i < 20; i++) let_pass(&call);
  EXPECT_TEXT(call.events, "140 140 140 ");
  EXPECT(call.out_of_order, 0);
  struct leg_settings settings = call.bench.session->legs[1].settings;
  settings.sends = false;
  EXPECT(session_configure(call.bench.session, 1, &settings), true);
  EXPECT(send_digits(&call, "1", 40, 40), false);
  close_call(&call);
}

CHECK(check_digits_move, "digits: a press goes on when its session is let go of and taken in") {
  struct call call;
  open_call(&call, (struct side){.events = true}, CODEC_PCMA, 20, (struct side){.events = true});
  speak(&call, 0, 100);
  EXPECT(send_digits(&call, "12", 200, 80), true);
  speak(&call, 0, 100);
  loop_let_go(call.bench.loop, call.bench.session);
  EXPECT(call.bench.session->legs[1].digits.timer.armed, false);
  EXPECT(loop_take_in(call.bench.loop, call.bench.session), true);
  speak(&call, 0, 600);
  EXPECT_TEXT(call.events, "1200 2200 ");
  /* And it is closed while a key is pressed. */
  EXPECT(send_digits(&call, "3", 200, 80), true);
  speak(&call, 0, 100);
  close_call(&call);
}

CHECK(check_voice_local, "digits: a leg that is spoken to by a player hears no digits of its peer, but what is pressed for it") {
  struct call call;
  open_call(&call, (struct side){.events = true}, CODEC_PCMA, 20, (struct side){0});
  leg_set_voice(&call.bench.session->legs[1], VOICE_LOCAL);
  speak(&call, 0, 100);
  press(&call, '5', 100);
  EXPECT(call.audio_packets, 0);
  EXPECT_TEXT(told(&call), "0e5:100 ");
  EXPECT(send_digits(&call, "6", 100, 80), true);
  const int16_t loud[160] = {20000, 20000, 20000};
  for (unsigned i = 0; i < 20; i++) {
    leg_speak(&call.bench.session->legs[1], loud, 160, 8000, call.bench.now_ms * 1000);
    let_pass(&call);
  }
  EXPECT_TEXT(call.tones, "6100 ");
  EXPECT(call.out_of_order, 0);
  close_call(&call);
}

CHECK(check_ear_pull, "digits: what is pressed in a conference is told, and no tone for the peer outside") {
  struct call call;
  open_call(&call, (struct side){.events = true}, CODEC_PCMA, 20, (struct side){0});
  speak(&call, 0, 100);
  leg_set_ear(&call.bench.session->legs[0], EAR_PULL);
  const unsigned before = call.audio_packets;
  press(&call, '5', 100);
  EXPECT(call.audio_packets, before);
  EXPECT_TEXT(told(&call), "0e5:100 ");
  leg_set_ear(&call.bench.session->legs[0], EAR_PEER);
  press(&call, '6', 100);
  EXPECT_TEXT(call.tones, "6100 ");
  close_call(&call);
}

static unsigned heard_samples;
static uint32_t heard_timestamp;
static void count_said(struct leg_tap *tap, const struct said *said) {
  (void)tap;
  heard_samples += (unsigned)said->samples;
  heard_timestamp = said->timestamp;
}

CHECK(check_taps, "digits: everybody who listens to a party hears it, until he listens no more") {
  struct call call;
  open_call(&call, (struct side){.events = true}, CODEC_PCMA, 20, (struct side){.events = true});
  struct leg_tap taps[3] = {{.hear = count_said}, {.hear = count_said}, {.hear = count_said}};
  struct leg *leg = &call.bench.session->legs[0];
  for (unsigned i = 0; i < 3; i++) leg_add_tap(leg, &taps[i]);
  heard_samples = 0;
  speak(&call, 0, 100);
  EXPECT(heard_samples, 3 * 800);
  EXPECT(heard_timestamp, call.timestamp - 160);
  leg_remove_tap(leg, &taps[1]);
  leg_remove_tap(leg, &taps[1]);
  speak(&call, 0, 100);
  EXPECT(heard_samples, 5 * 800);
  leg_remove_tap(leg, &taps[0]);
  leg_remove_tap(leg, &taps[2]);
  speak(&call, 0, 100);
  EXPECT(heard_samples, 5 * 800);
  EXPECT(call.audio_packets, 15);
  close_call(&call);
}

/* What the source says in the press is left out, and so is what is made up when it falls silent meanwhile. */
CHECK(check_press_over_pause, "digits: nothing is heard of a peer during a press, neither its comfort noise nor what conceals its loss") {
  static const uint8_t types[] = {PCMA_TYPE, NOISE_TYPE};
  for (unsigned noise = 0; noise < 2; noise++) {
    struct bench bench;
    struct rtp_packet packet;
    uint32_t pressed_at = 0;
    unsigned events = 0, overlaps = 0, after = 0;
    bench_open(&bench, CODEC_PCMA, 20, CODEC_PCMU, 20);
    for (unsigned leg = 0; leg < 2; leg++) {
      struct leg_settings settings = bench.session->legs[leg].settings;
      settings.noise_payload_type = NOISE_TYPE;
      EXPECT(session_configure(bench.session, leg, &settings), true);
    }
    const struct event_press press = {5, 200, 100};
    for (uint16_t i = 0; i < 30; i++) {
      if (i == 5) EXPECT(digits_send(&bench.session->legs[1], &press, 1, bench.now_ms * 1000), true);
      const bool silent = i >= 12 && i < 20;
      const uint8_t type = i >= 8 && i < 20 ? types[noise] : PCMA_TYPE;
      if (!silent) say(&bench, (struct sending){type, i == 0, i, 160u * i, 7, type == PCMA_TYPE ? 160 : 1});
      for (unsigned ms = 0; ms < 20; ms++) {
        pass(&bench, 1);
        while (hear(&bench, &packet)) {
          if (packet.payload_type == EVENT_TYPE + 1) {
            pressed_at = packet.timestamp;
            events++;
          } else if (events > 0) {
            if ((int32_t)(packet.timestamp - pressed_at) < 1600 - 160) overlaps++;
            after++;
          }
        }
      }
    }
    EXPECT(events >= 5, true);
    EXPECT(overlaps, 0);
    EXPECT(after >= 9, true);
    bench_close(&bench);
  }
}
