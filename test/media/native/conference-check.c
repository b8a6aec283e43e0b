/* Seats in a conference, by the clock of the bench: who comes and goes, and what is left of it. */
#include "bench.h"
#include "session/conference.h"
#include "session/player.h"

static const struct conference_settings PLAIN = {.id = 9, .speakers = 3};
static const struct conference_settings WITH_TONES = {
    .id = 9,
    .speakers = 3,
    .has_entry = true,
    .entry = {.step_count = 1, .repeat_from = 1, .steps = {{100, 1, {{1000, -10}}}}},
};

/* Of party 0's next packet. */
static uint16_t sequence;

/* Packets that party 1 hears in `ms`, and how many of them are not silence. */
static unsigned loud_packets(struct bench *bench, unsigned ms, bool speaks) {
  unsigned loud = 0;
  struct rtp_packet packet;
  for (unsigned done = 0; done < ms; done += 20) {
    if (speaks) say(bench, (struct sending){PCMA_TYPE, false, sequence, 160u * sequence, 7, 160});
    sequence++;
    pass(bench, 20);
    while (hear(bench, &packet)) {
      bool silent = true;
      for (size_t i = 0; i < packet.payload_bytes; i++) silent = silent && (packet.payload[i] & 0x7f) == 0x55;
      loud += !silent;
    }
  }
  return loud;
}

static void join(struct bench *bench, struct conference *conference, unsigned leg) {
  EXPECT(conference_join(conference, &bench->session->legs[leg], seat_open(), true, bench->now_ms * 1000), true);
}

CHECK(check_conference, "two in a conference hear each other until one is muted, leaves, or it is closed") {
  struct bench bench;
  bench_open(&bench, CODEC_PCMA, 20, CODEC_PCMA, 20);
  struct conference *conference = conference_open(bench.loop, &PLAIN);
  join(&bench, conference, 0);
  join(&bench, conference, 1);
  join(&bench, conference, 1);
  EXPECT(conference_count(conference), 2);
  EXPECT(loud_packets(&bench, 600, true) >= 20, true);
  leg_mute_in_conference(&bench.session->legs[0], true);
  loud_packets(&bench, 100, true);
  EXPECT(loud_packets(&bench, 300, true), 0);
  leg_mute_in_conference(&bench.session->legs[0], false);
  EXPECT(loud_packets(&bench, 600, true) >= 20, true);
  leg_leave_conference(&bench.session->legs[0], false);
  leg_leave_conference(&bench.session->legs[0], false);
  loud_packets(&bench, 100, true);
  EXPECT(loud_packets(&bench, 300, true), 0);
  EXPECT(conference_count(conference), 1);
  conference_close(conference);
  EXPECT(leg_conference(&bench.session->legs[1]) == NULL, true);
  /* And the peer is heard again. */
  EXPECT(loud_packets(&bench, 300, true) >= 10, true);
  bench_close(&bench);
}

CHECK(check_conference_peer, "who is in a conference says nothing to his peer outside, until he has left") {
  static const enum codec peers[] = {CODEC_PCMA, CODEC_PCMU};
  for (unsigned i = 0; i < 2; i++) {
    struct bench bench;
    bench_open(&bench, CODEC_PCMA, 20, peers[i], 20);
    struct conference *conference = conference_open(bench.loop, &PLAIN);
    EXPECT(loud_packets(&bench, 300, true) >= 10, true);
    join(&bench, conference, 0);
    EXPECT(bench.session->legs[0].route, ROUTE_NONE);
    count_heard(&bench);
    EXPECT(loud_packets(&bench, 300, true), 0);
    say(&bench, (struct sending){EVENT_TYPE, true, sequence, 160u * sequence, 7, 4});
    sequence++;
    pass(&bench, 100);
    EXPECT(count_heard(&bench), 0);
    leg_leave_conference(&bench.session->legs[0], false);
    EXPECT(loud_packets(&bench, 300, true) >= 10, true);
    conference_close(conference);
    bench_close(&bench);
  }
}

CHECK(check_conference_tone, "who comes in is announced, and who is played something hears that alone") {
  struct bench bench;
  bench_open(&bench, CODEC_PCMA, 20, CODEC_PCMA, 20);
  struct conference *conference = conference_open(bench.loop, &WITH_TONES);
  join(&bench, conference, 1);
  const unsigned loud = loud_packets(&bench, 300, false);
  EXPECT(loud >= 5 && loud <= 7, true);
  struct sound sound;
  sound_of_silence(&sound);
  leg_play(&bench.session->legs[1], player_open(1, &sound), bench.now_ms * 1000);
  join(&bench, conference, 0);
  EXPECT(loud_packets(&bench, 300, false), 0);
  leg_stop_playing(&bench.session->legs[1]);
  EXPECT(bench.session->legs[1].voice, VOICE_LOCAL);
  conference_close(conference);
  bench_close(&bench);
}

CHECK(check_conference_left, "a session that leaves the loop has left its conference, and gave back its seat") {
  struct conference_settings wrong = WITH_TONES;
  wrong.entry.step_count = 0;
  struct bench bench;
  bench_open(&bench, CODEC_PCMA, 20, CODEC_PCMA, 20);
  EXPECT(conference_open(bench.loop, &wrong) == NULL, true);
  struct conference *conference = conference_open(bench.loop, &PLAIN);
  join(&bench, conference, 0);
  join(&bench, conference, 1);
  bench_part(&bench);
  EXPECT(conference_count(conference), 0);
  conference_close(conference);
  struct seat *seats[CONFERENCE_MAX_SEATS];
  for (unsigned i = 0; i < CONFERENCE_MAX_SEATS; i++) {
    seats[i] = seat_open();
    EXPECT(seats[i] != NULL, true);
  }
  EXPECT(seat_open() == NULL, true);
  for (unsigned i = 0; i < CONFERENCE_MAX_SEATS; i++) seat_close(seats[i]);
  bench_close(&bench);
}

CHECK(check_conference_detached, "a session that leaves its conference and its loop at once leaves no timer behind") {
  struct bench bench;
  bench_open(&bench, CODEC_PCMA, 20, CODEC_PCMU, 20);
  struct conference *conference = conference_open(bench.loop, &PLAIN);
  join(&bench, conference, 1);
  loud_packets(&bench, 100, true);
  /* What leg 0 says has to be coded for leg 1 from now on, on no loop. */
  bench_part(&bench);
  EXPECT(conference_count(conference), 0);
  EXPECT(loop_run_timers(bench.loop, 0) == NEVER_US, true);
  conference_close(conference);
  bench_close(&bench);
}
