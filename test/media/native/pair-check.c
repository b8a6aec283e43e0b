/* Legs of several sessions on one loop, by the clock of the check: who hears whom, and that no phone notices a change. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session/conference.h"
#include "session/pair.h"
#include "session/player.h"

#define MAX_DIALOGS 4

/* A session of one leg, and the phone beyond it. */
struct dialog {
  struct session *session;
  int fd;
  union address address;
  uint16_t sequence; /* of what the phone says next */
  /* Of what it heard last. */
  bool heard;
  uint32_t ssrc;
  uint16_t heard_sequence;
  uint32_t heard_timestamp;
};

struct office {
  struct loop *loop;
  uint64_t now_ms;
  unsigned count;
  struct dialog dialogs[MAX_DIALOGS];
};

static const uint8_t TYPES[] = {PCMU_TYPE, PCMA_TYPE, G729_TYPE, G722_TYPE, G726_TYPE, OPUS_TYPE};
static const uint16_t BYTES_OF_20_MS[] = {160, 160, 20, 160, 80, 40};

static struct leg *leg_at(struct office *office, unsigned which) { return &office->dialogs[which].session->legs[0]; }
static uint64_t now_of(const struct office *office) { return office->now_ms * 1000; }

static void set(struct office *office, unsigned which, enum codec codec, uint8_t event_payload_type) {
  const struct dialog *dialog = &office->dialogs[which];
  const struct leg_settings settings = {
      .remote = dialog->address,
      .rtcp_remote = dialog->address,
      .codec = codec,
      .payload_type = TYPES[codec],
      .event_payload_type = event_payload_type,
      .event_received_type = NO_PAYLOAD_TYPE,
      .noise_payload_type = NO_PAYLOAD_TYPE,
      .ptime_ms = 20,
      .receives = true,
      .sends = true,
      .dscp = 46,
  };
  if (!session_configure(dialog->session, 0, &settings)) abort();
}

static void dial(struct office *office, enum codec codec) {
  struct dialog *dialog = &office->dialogs[office->count];
  _Atomic uint16_t ports[1] = {0};
  memset(dialog, 0, sizeof *dialog);
  dialog->session = open_at_free_ports(ports, 1);
  if (!loop_take_in(office->loop, dialog->session)) abort();
  dialog->session->id = office->count + 1;
  if (!address_parse("127.0.0.1", 0, &dialog->address)) abort();
  dialog->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  socklen_t length = address_length(&dialog->address);
  if (bind(dialog->fd, &dialog->address.any, length) != 0) abort();
  if (getsockname(dialog->fd, &dialog->address.any, &length) != 0) abort();
  set(office, office->count++, codec, (uint8_t)EVENT_TYPE);
}

static void open_office(struct office *office, const enum codec *codecs, unsigned count) {
  office->loop = loop_open(NULL, NULL);
  office->now_ms = 1000;
  office->count = 0;
  if (office->loop == NULL) abort();
  for (unsigned i = 0; i < count; i++) dial(office, codecs[i]);
}

static void hang_up(struct office *office, unsigned which) {
  struct dialog *dialog = &office->dialogs[which];
  if (dialog->session == NULL) return;
  loop_let_go(office->loop, dialog->session);
  session_close(dialog->session);
  dialog->session = NULL;
  close(dialog->fd);
}

static void close_office(struct office *office) {
  for (unsigned i = 0; i < office->count; i++) hang_up(office, i);
  EXPECT(loop_run_timers(office->loop, 0) == NEVER_US, true);
  loop_close(office->loop);
}

static void go_on(struct office *office, unsigned ms) {
  for (; ms > 0; ms--) loop_run_timers(office->loop, ++office->now_ms * 1000);
}

static void phone_sends(struct office *office, unsigned which, struct rtp_packet packet) {
  struct dialog *dialog = &office->dialogs[which];
  uint8_t bytes[PACKET_BYTES];
  packet.sequence_number = dialog->sequence++;
  packet.ssrc = which + 1;
  rtp_write_header(bytes, &packet);
  memcpy(bytes + RTP_HEADER_BYTES, packet.payload, packet.payload_bytes);
  session_receive(dialog->session, 0, bytes, RTP_HEADER_BYTES + packet.payload_bytes, &dialog->address, now_of(office));
  send_queue_flush(loop_queue(office->loop));
}

static void phone_speaks(struct office *office, unsigned which) {
  uint8_t payload[160];
  memset(payload, 0x5a, sizeof payload);
  const enum codec codec = leg_at(office, which)->settings.codec;
  if (codec == CODEC_OPUS) payload[0] = 0x48; /* one frame of 20 ms */
  phone_sends(office, which,
              (struct rtp_packet){.payload_type = TYPES[codec],
                                  .timestamp = 70000 * which + 8 * (uint32_t)office->now_ms,
                                  .payload = payload,
                                  .payload_bytes = BYTES_OF_20_MS[codec]});
}

/*
 * What came to a phone since it was asked last: each packet has the next number and the one SSRC, no time is repeated, and none
 * runs ahead of the clock. How many.
 */
static unsigned phone_hears(struct office *office, unsigned which) {
  struct dialog *dialog = &office->dialogs[which];
  uint8_t bytes[PACKET_BYTES];
  struct rtp_packet packet;
  unsigned count = 0;
  for (;; count++) {
    const ssize_t length = recv(dialog->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (length < 0) return count;
    if (!rtp_parse(bytes, (size_t)length, &packet)) abort();
    const bool is_audio = packet.payload_type != EVENT_TYPE;
    if (dialog->heard) {
      EXPECT(packet.ssrc, dialog->ssrc);
      EXPECT(packet.sequence_number, (uint16_t)(dialog->heard_sequence + 1));
      if (is_audio) EXPECT((int32_t)(packet.timestamp - dialog->heard_timestamp) > 0, true);
    }
    dialog->heard = true;
    dialog->ssrc = packet.ssrc;
    dialog->heard_sequence = packet.sequence_number;
    if (is_audio) dialog->heard_timestamp = packet.timestamp;
  }
}

/* All speak for so long. What each heard, as digits of how many packets in ten: "0990" is who hears and who does not. */
static void talk(struct office *office, unsigned ms, unsigned heard[MAX_DIALOGS]) {
  for (unsigned i = 0; i < office->count; i++) {
    if (office->dialogs[i].session != NULL) phone_hears(office, i);
    heard[i] = 0;
  }
  for (unsigned done = 0; done < ms; done += 20) {
    for (unsigned i = 0; i < office->count; i++) {
      if (office->dialogs[i].session != NULL) phone_speaks(office, i);
    }
    go_on(office, 20);
    for (unsigned i = 0; i < office->count; i++) {
      if (office->dialogs[i].session != NULL) heard[i] += phone_hears(office, i);
    }
  }
}

static void expect_talk(struct office *office, const char *who_hears) {
  unsigned heard[MAX_DIALOGS];
  talk(office, 400, heard);
  for (unsigned i = 0; i < office->count; i++) {
    if (who_hears[i] == '1') EXPECT(heard[i] >= 17 && heard[i] <= 21, true);
    else EXPECT(heard[i], 0);
  }
}

static void join(struct office *office, unsigned one, unsigned other) {
  EXPECT(leg_join(leg_at(office, one), leg_at(office, other), now_of(office)), true);
}

CHECK(check_pair, "parties are joined, joined otherwise and parted; each hears one stream without a break, whatever the codecs") {
  for (unsigned which = 0; which < CODEC_COUNT * CODEC_COUNT * CODEC_COUNT; which++) {
    const enum codec codecs[] = {which % CODEC_COUNT, which / CODEC_COUNT % CODEC_COUNT, which / (CODEC_COUNT * CODEC_COUNT)};
    struct office office;
    open_office(&office, codecs, 3);
    expect_talk(&office, "000");
    join(&office, 0, 1);
    join(&office, 1, 0);
    expect_talk(&office, "110");
    join(&office, 1, 2);
    EXPECT(leg_peer(leg_at(&office, 0)) == NULL, true);
    expect_talk(&office, "011");
    join(&office, 0, 2);
    expect_talk(&office, "101");
    leg_part(leg_at(&office, 2), now_of(&office));
    leg_part(leg_at(&office, 1), now_of(&office));
    expect_talk(&office, "000");
    EXPECT(leg_at(&office, 0)->listening == NULL, true);
    EXPECT(leg_at(&office, 0)->outgoing.encoder == NULL, true);
    close_office(&office);
  }
}

CHECK(check_pair_again, "who is joined with his peer again notices nothing, and hears the same with his own clock's time after a change") {
  const enum codec codecs[] = {CODEC_PCMA, CODEC_PCMA, CODEC_PCMA};
  struct office office;
  open_office(&office, codecs, 3);
  join(&office, 0, 1);
  expect_talk(&office, "110");
  join(&office, 0, 1);
  EXPECT(leg_at(&office, 0)->outgoing.placed, true);
  EXPECT(leg_at(&office, 0)->route, ROUTE_PASS);
  const uint32_t before = office.dialogs[1].heard_timestamp;
  leg_part(leg_at(&office, 0), now_of(&office));
  go_on(&office, 5000);
  join(&office, 2, 1);
  unsigned heard[MAX_DIALOGS];
  talk(&office, 20, heard);
  EXPECT(heard[1], 1);
  const uint32_t passed = office.dialogs[1].heard_timestamp - before;
  EXPECT(passed >= 8 * 5000 && passed <= 8 * 5040, true);
  close_office(&office);
}

CHECK(check_pair_closed, "sessions that are joined are closed in every order, and whoever is left is alone") {
  static const unsigned orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  for (unsigned order = 0; order < 6; order++) {
    const enum codec codecs[] = {CODEC_PCMA, CODEC_G729, CODEC_G722};
    struct office office;
    open_office(&office, codecs, 3);
    join(&office, 0, 1);
    expect_talk(&office, "110");
    for (unsigned i = 0; i < 3; i++) {
      const unsigned which = orders[order][i];
      hang_up(&office, which);
      for (unsigned other = 0; other < 2; other++) {
        if (which < 2 && other != which && office.dialogs[other].session != NULL) {
          EXPECT(leg_peer(leg_at(&office, other)) == NULL, true);
        }
      }
      unsigned heard[MAX_DIALOGS];
      talk(&office, 100, heard);
    }
    close_office(&office);
  }
}

CHECK(check_pair_of_one, "a session of two legs has them joined, and they can be parted and joined with others") {
  const enum codec codecs[] = {CODEC_PCMU};
  struct office office;
  struct bench bench;
  bench_open(&bench, CODEC_PCMA, 20, CODEC_PCMA, 20);
  open_office(&office, codecs, 1);
  bench_part(&bench);
  if (!loop_take_in(office.loop, bench.session)) abort();
  struct leg *legs = bench.session->legs;
  EXPECT(leg_peer(&legs[0]) == &legs[1] && leg_peer(&legs[1]) == &legs[0], true);
  leg_part(&legs[1], 0);
  EXPECT(leg_peer(&legs[0]) == NULL && legs[0].route == ROUTE_NONE, true);
  EXPECT(leg_join(&legs[1], leg_at(&office, 0), now_of(&office)), true);
  EXPECT(legs[1].route, ROUTE_TRANSCODE);
  EXPECT(leg_join(&legs[0], &legs[1], now_of(&office)), true);
  EXPECT(legs[0].route, ROUTE_PASS);
  EXPECT(leg_peer(leg_at(&office, 0)) == NULL, true);
  EXPECT(leg_join(&legs[0], leg_at(&office, 0), now_of(&office)), true);
  loop_let_go(office.loop, bench.session);
  EXPECT(leg_peer(leg_at(&office, 0)) == NULL && leg_peer(&legs[0]) == NULL, true);
  bench_close(&bench);
  close_office(&office);
}

CHECK(check_pair_sound, "what is played goes on over a change of peers, then the peer of now is heard") {
  const enum codec codecs[] = {CODEC_PCMA, CODEC_G729, CODEC_PCMU};
  struct office office;
  struct sound sound;
  open_office(&office, codecs, 3);
  join(&office, 0, 1);
  sound_of_silence(&sound);
  leg_play(leg_at(&office, 1), player_open(1, &sound), now_of(&office));
  expect_talk(&office, "110");
  join(&office, 2, 1);
  EXPECT(leg_at(&office, 1)->voice, VOICE_LOCAL);
  EXPECT(leg_at(&office, 2)->route, ROUTE_NONE);
  expect_talk(&office, "011");
  leg_stop_playing(leg_at(&office, 1));
  EXPECT(leg_at(&office, 2)->route, ROUTE_TRANSCODE);
  expect_talk(&office, "011");
  leg_part(leg_at(&office, 2), now_of(&office));
  leg_play(leg_at(&office, 1), player_open(2, (sound_of_silence(&sound), &sound)), now_of(&office));
  expect_talk(&office, "010");
  close_office(&office);
}

CHECK(check_pair_conference, "who leaves a conference has his peer again, if nobody has joined that one meanwhile") {
  const struct conference_settings settings = {.id = 9, .speakers = 3};
  const enum codec codecs[] = {CODEC_PCMA, CODEC_G722, CODEC_PCMU};
  for (unsigned changed = 0; changed < 2; changed++) {
    struct office office;
    open_office(&office, codecs, 3);
    struct conference *conference = conference_open(office.loop, &settings);
    join(&office, 0, 1);
    EXPECT(conference_join(conference, leg_at(&office, 0), seat_open(), false, now_of(&office)), true);
    /* In it alone one hears silence, and the peer hears nothing. */
    expect_talk(&office, "100");
    EXPECT(leg_peer(leg_at(&office, 0)) == leg_at(&office, 1), true);
    if (changed) join(&office, 1, 2);
    leg_leave_conference(leg_at(&office, 0), false);
    expect_talk(&office, changed ? "011" : "110");
    conference_close(conference);
    close_office(&office);
  }
}

static void press(struct office *office, unsigned which, uint32_t timestamp, uint16_t duration, bool ends) {
  const uint8_t payload[4] = {5, (uint8_t)((ends ? 0x80 : 0) | 10), (uint8_t)(duration >> 8), (uint8_t)duration};
  phone_sends(office, which,
              (struct rtp_packet){.payload_type = EVENT_TYPE, .timestamp = timestamp, .payload = payload, .payload_bytes = 4});
}

/* The events that came to a phone: how many packets, how many of them the end, and whether all are of one press. */
static void hear_events(struct office *office, unsigned which, unsigned *packets, unsigned *ends) {
  uint8_t bytes[PACKET_BYTES];
  struct rtp_packet packet;
  uint32_t timestamp = 0;
  *packets = *ends = 0;
  for (;;) {
    const ssize_t length = recv(office->dialogs[which].fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (length < 0) return;
    if (!rtp_parse(bytes, (size_t)length, &packet) || packet.payload_type != EVENT_TYPE) continue;
    if (*packets > 0) EXPECT(packet.timestamp, timestamp);
    timestamp = packet.timestamp;
    EXPECT(packet.payload[0], 5);
    ++*packets;
    *ends += packet.payload[1] >> 7;
  }
}

CHECK(check_pair_digit, "a key that is held over a change of peers is released for the one, and the other hears none of it") {
  const enum codec codecs[] = {CODEC_PCMA, CODEC_PCMA, CODEC_PCMA};
  const enum codec others[] = {CODEC_PCMA, CODEC_PCMU, CODEC_PCMU};
  for (unsigned decoded = 0; decoded < 2; decoded++) {
    struct office office;
    unsigned packets, ends, heard[MAX_DIALOGS];
    open_office(&office, decoded ? others : codecs, 3);
    join(&office, 0, 1);
    talk(&office, 200, heard);
    const uint32_t timestamp = 8 * (uint32_t)office.now_ms;
    for (uint16_t i = 0; i < 5; i++) press(&office, 0, timestamp, (uint16_t)(160 * i), false);
    hear_events(&office, 1, &packets, &ends);
    EXPECT(packets, 5);
    EXPECT(ends, 0);
    join(&office, 0, 2);
    send_queue_flush(loop_queue(office.loop));
    hear_events(&office, 1, &packets, &ends);
    EXPECT(packets, 3);
    EXPECT(ends, 3);
    for (uint16_t i = 5; i < 10; i++) press(&office, 0, timestamp, (uint16_t)(160 * i), i >= 7);
    hear_events(&office, 2, &packets, &ends);
    EXPECT(packets, 0);
    /* Told once, with all of its time; and the next one is heard. */
    struct media_event event = {0};
    while (reports_take(loop_reports(office.loop), &event) && event.kind != EVENT_DIGIT) continue;
    EXPECT(event.kind, EVENT_DIGIT);
    EXPECT(event.duration_ms >= 120, true);
    talk(&office, 200, heard);
    for (uint16_t i = 0; i < 5; i++) press(&office, 0, timestamp + 4000, (uint16_t)(160 * i), i >= 2);
    hear_events(&office, 2, &packets, &ends);
    EXPECT(packets, 5);
    EXPECT(ends, 3);
    close_office(&office);
  }
}

CHECK(check_pair_tone, "a key that is held becomes a tone for a peer without events, which ends with the pair") {
  const enum codec codecs[] = {CODEC_PCMA, CODEC_PCMA, CODEC_PCMA};
  struct office office;
  unsigned heard[MAX_DIALOGS];
  open_office(&office, codecs, 3);
  set(&office, 1, CODEC_PCMA, NO_PAYLOAD_TYPE);
  set(&office, 2, CODEC_PCMA, NO_PAYLOAD_TYPE);
  join(&office, 0, 1);
  talk(&office, 200, heard);
  press(&office, 0, 8 * (uint32_t)office.now_ms, 160, false);
  go_on(&office, 60);
  EXPECT(digits_hold(leg_at(&office, 1), now_of(&office)), true);
  join(&office, 0, 2);
  go_on(&office, 200);
  EXPECT(digits_hold(leg_at(&office, 1), now_of(&office)), false);
  EXPECT(leg_at(&office, 1)->digits.timer.armed, false);
  EXPECT(digits_hold(leg_at(&office, 2), now_of(&office)), false);
  close_office(&office);
}
