#include "session/player.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "session/loop.h"
#include "session/party.h"

#define FRAME_US 20000
#define FRAME_TICKS (20 * SOUND_TICKS_PER_MS)
#define MAX_FRAME_PCM FRAME_TICKS /* at 16 kHz a sample a tick */
/* After a longer stall of the thread what was missed is not made up for. */
#define MAX_LATE_US 200000

struct player {
  struct timer timer;
  struct leg *leg;
  uint64_t id;
  struct sound sound;
};

static void report_end(const struct player *player) {
  const struct session *session = player->leg->session;
  const struct media_event event = {
      .kind = EVENT_PLAYBACK_ENDED,
      .session = session->id,
      .leg = (uint8_t)(player->leg - session->legs),
      .object = player->id,
  };
  engine_report(session->loop, &event);
}

/* The audio is of the time when it was due: what a busy thread sends late has no gap in it. */
static void tick(struct timer *timer, uint64_t now_us) {
  struct player *player = (struct player *)((char *)timer - offsetof(struct player, timer));
  struct leg *leg = player->leg;
  size_t left = FRAME_TICKS;
  while (left > 0) {
    int16_t pcm[MAX_FRAME_PCM];
    uint32_t rate;
    const size_t samples = sound_read(&player->sound, pcm, left, &rate);
    if (samples == 0) break;
    leg_speak(leg, pcm, samples, rate, timer->due_us);
    left -= samples * (1000 * SOUND_TICKS_PER_MS) / rate;
  }
  if (left == 0) {
    const bool stalled = now_us - timer->due_us > MAX_LATE_US;
    timer_arm(leg->session->loop, timer, (stalled ? now_us : timer->due_us) + FRAME_US);
    return;
  }
  if (left < FRAME_TICKS) {
    /* What a whole frame lacks is silence, or the end would wait in vain for its packet to be full. */
    static const int16_t silence[MAX_FRAME_PCM];
    leg_speak(leg, silence, left / 2, 8000, timer->due_us);
  }
  report_end(player);
  leg_stop_playing(leg);
}

struct player *player_open(uint64_t id, const struct sound *sound) {
  struct player *player = calloc(1, sizeof *player);
  if (player == NULL) return NULL;
  player->timer.fire = tick;
  player->id = id;
  player->sound = *sound;
  return player;
}

void player_close(struct player *player) {
  if (player == NULL) return;
  sound_close(&player->sound);
  free(player);
}

uint64_t player_id(const struct player *player) { return player->id; }

void leg_play(struct leg *leg, struct player *player, uint64_t now_us) {
  leg_pause_playing(leg);
  player_close(leg->player);
  leg->player = player;
  player->leg = leg;
  player->timer.due_us = now_us;
  leg_choose_voice(leg);
  leg_resume_playing(leg);
}

void leg_stop_playing(struct leg *leg) {
  if (leg->player == NULL) return;
  leg_pause_playing(leg);
  player_close(leg->player);
  leg->player = NULL;
  leg_choose_voice(leg);
}

void leg_pause_playing(struct leg *leg) {
  if (leg->player != NULL) timer_disarm(leg->session->loop, &leg->player->timer);
}

void leg_resume_playing(struct leg *leg) {
  if (leg->player != NULL) timer_arm(leg->session->loop, &leg->player->timer, leg->player->timer.due_us);
}
