/* What a party hears while something is played to it, by the clock of the bench. */
#include <string.h>

#include "bench.h"
#include "session/party.h"
#include "session/player.h"

static const struct tone_pattern BEEP = {
    .step_count = 2, .repeat_from = 2, .steps = {{50, 1, {{1000, -10}}}, {40, 0, {{0, 0}}}}};
static const struct tone_pattern DIALLING = {.step_count = 1, .repeat_from = 0, .steps = {{1000, 1, {{425, -10}}}}};

static struct player *beep(uint64_t id, const struct tone_pattern *pattern) {
  struct sound sound;
  if (!sound_of_tone(&sound, pattern, 8000)) return NULL;
  return player_open(id, &sound);
}

static bool next_event(struct bench *bench, struct media_event *event) {
  while (reports_take(loop_reports(bench->loop), event)) {
    if (event->kind == EVENT_PLAYBACK_ENDED) return true;
  }
  return false;
}

CHECK(check_player, "a party hears what is played to it at its pace, then its peer again, and the end is told") {
  struct bench bench;
  struct rtp_packet packet, first;
  struct media_event event;
  bench_open(&bench, CODEC_PCMA, 20, CODEC_PCMA, 20);
  struct leg *leg = &bench.session->legs[1];
  leg_play(leg, beep(77, &BEEP), bench.now_ms * 1000);
  for (unsigned i = 0; i < 5; i++) {
    pass(&bench, i == 0 ? 1 : 20);
    EXPECT(hear(&bench, &packet), true);
    if (i == 0) first = packet;
    EXPECT(packet.payload_bytes, 160);
    EXPECT(packet.marker, i == 0);
    EXPECT((uint32_t)(packet.timestamp - first.timestamp), 160 * i);
    EXPECT(count_heard(&bench), 0);
    /* What the peer says meanwhile goes nowhere. */
    if (i < 4) say(&bench, (struct sending){PCMA_TYPE, i == 0, (uint16_t)i, 160 * i, 7, 160});
    EXPECT(count_heard(&bench), 0);
  }
  /* 90 ms are five packets, the last one filled up. */
  EXPECT(next_event(&bench, &event), true);
  EXPECT(event.object, 77);
  EXPECT(event.leg, 1);
  EXPECT(next_event(&bench, &event), false);
  EXPECT(leg->player == NULL, true);
  pass(&bench, 20);
  say(&bench, (struct sending){PCMA_TYPE, false, 6, 960, 7, 160});
  EXPECT(hear(&bench, &packet), true);
  EXPECT(packet.payload[0], 0x5a);
  EXPECT(packet.ssrc, first.ssrc);
  EXPECT(packet.marker, true);
  bench_close(&bench);
}

CHECK(check_player_stop, "what is stopped or replaced ends at once, and is not told") {
  struct bench bench;
  struct media_event event;
  bench_open(&bench, CODEC_PCMU, 20, CODEC_G729, 20);
  struct leg *leg = &bench.session->legs[1];
  leg_play(leg, beep(1, &DIALLING), bench.now_ms * 1000);
  pass(&bench, 1000);
  EXPECT(count_heard(&bench), 51);
  leg_play(leg, beep(2, &DIALLING), bench.now_ms * 1000);
  EXPECT(player_id(leg->player), 2);
  leg_stop_playing(leg);
  leg_stop_playing(leg);
  pass(&bench, 100);
  EXPECT(count_heard(&bench), 0);
  EXPECT(next_event(&bench, &event), false);
  bench_close(&bench);
}

CHECK(check_player_moves, "a sound goes on where it was when its session moves to another loop") {
  struct bench bench;
  bench_open(&bench, CODEC_PCMA, 20, CODEC_PCMA, 20);
  leg_play(&bench.session->legs[1], beep(1, &DIALLING), bench.now_ms * 1000);
  pass(&bench, 95);
  EXPECT(count_heard(&bench), 5);
  loop_let_go(bench.loop, bench.session);
  pass(&bench, 20);
  EXPECT(count_heard(&bench), 0);
  struct loop *other = loop_open(NULL, NULL);
  struct loop *const first = bench.loop;
  EXPECT(loop_take_in(other, bench.session), true);
  bench.loop = other;
  pass(&bench, 65);
  EXPECT(count_heard(&bench), 5);
  bench_close(&bench);
  loop_close(first);
}
