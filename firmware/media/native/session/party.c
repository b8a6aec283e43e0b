#include "session/party.h"

#include <string.h>

#include "session/forward.h"
#include "session/listening.h"
#include "session/loop.h"
#include "session/route.h"

/* A speaker who is so late did not speak in between. */
#define MAX_SPEECH_GAP_US 60000

static bool choose(struct leg *leg) { return leg_choose_routes(leg); }

bool leg_set_voice(struct leg *leg, enum voice voice) {
  if (leg->voice == voice) return true;
  leg->voice = voice;
  leg->outgoing.placed = false;
  leg->outgoing.marker_pending = true;
  return choose(leg);
}

bool leg_add_tap(struct leg *leg, struct leg_tap *tap) {
  tap->next = leg->taps;
  leg->taps = tap;
  return choose(leg);
}

void leg_remove_tap(struct leg *leg, struct leg_tap *tap) {
  for (struct leg_tap **at = &leg->taps; *at != NULL; at = &(*at)->next) {
    if (*at != tap) continue;
    *at = tap->next;
    choose(leg);
    return;
  }
}

bool leg_set_ear(struct leg *leg, enum leg_ear ear) {
  leg->ear = ear;
  return choose(leg);
}

void leg_choose_voice(struct leg *leg) {
  leg_set_voice(leg, leg->player != NULL || leg->seat != NULL ? VOICE_LOCAL : VOICE_PEER);
}

static void catch_up(struct outgoing *outgoing, const struct destination *to) {
  const uint32_t behind = outgoing_by_now(outgoing, to->now_us) - outgoing_end(outgoing);
  if (behind > (uint64_t)MAX_SPEECH_GAP_US * outgoing->traits->clock_rate / 1000000) outgoing_skip(outgoing, to, behind);
}

void leg_speak(struct leg *leg, const int16_t *pcm, size_t samples, uint32_t sample_rate, uint64_t now_us) {
  if (leg->voice == VOICE_LOCAL && !digits_hold(leg, now_us)) leg_put(leg, pcm, samples, sample_rate, now_us);
}

void leg_put(struct leg *leg, const int16_t *pcm, size_t samples, uint32_t sample_rate, uint64_t now_us) {
  if (!leg->configured || !leg->settings.sends) return;
  /* Beside a relay there is none, until the first tone. */
  if (leg->outgoing.encoder == NULL && !outgoing_set_encoder(&leg->outgoing, true, &leg->settings.encoding)) return;
  const struct destination destination = leg_destination(leg, now_us);
  catch_up(&leg->outgoing, &destination);
  outgoing_append_pcm(&leg->outgoing, &destination, pcm, samples, sample_rate);
}

void leg_pull(struct leg *leg, uint64_t now_us, int16_t *pcm, size_t samples, uint32_t sample_rate) {
  if (leg->ear == EAR_PULL && leg->listening != NULL) listening_pull(leg->listening, now_us, pcm, samples, sample_rate);
  else memset(pcm, 0, samples * sizeof *pcm);
}
