#include "session/party.h"

#include "session/forward.h"
#include "session/loop.h"

/* A speaker who is so late did not speak in between. */
#define MAX_SPEECH_GAP_US 60000

void leg_set_voice(struct leg *leg, enum voice voice) {
  if (leg->voice == voice) return;
  leg->voice = voice;
  leg->outgoing.placed = false;
  leg->outgoing.marker_pending = true;
}

void leg_choose_voice(struct leg *leg) {
  leg_set_voice(leg, leg->player != NULL || leg->seat != NULL ? VOICE_LOCAL : VOICE_PEER);
}

static void catch_up(struct outgoing *outgoing, const struct destination *to) {
  const uint32_t behind = outgoing_by_now(outgoing, to->now_us) - outgoing_end(outgoing);
  if (behind > MAX_SPEECH_GAP_US / 1000 * SAMPLES_PER_MS) outgoing_skip(outgoing, to, behind);
}

void leg_speak(struct leg *leg, const int16_t *pcm, size_t samples, uint32_t sample_rate, uint64_t now_us) {
  if (leg->voice == VOICE_LOCAL && !digits_hold(leg, now_us)) leg_put(leg, pcm, samples, sample_rate, now_us);
}

void leg_put(struct leg *leg, const int16_t *pcm, size_t samples, uint32_t sample_rate, uint64_t now_us) {
  if (!leg->configured || !leg->settings.sends) return;
  const struct destination destination = leg_destination(leg, now_us);
  catch_up(&leg->outgoing, &destination);
  if (sample_rate == codec_traits(leg->settings.codec)->sample_rate) {
    outgoing_append_pcm(&leg->outgoing, &destination, pcm, samples);
    return;
  }
  for (size_t done = 0; done + 1 < samples; done += MAX_FRAME_SAMPLES) {
    int16_t converted[FRAME_SAMPLES];
    const size_t part = samples - done < MAX_FRAME_SAMPLES ? (samples - done) / 2 : FRAME_SAMPLES;
    for (size_t i = 0; i < part; i++) converted[i] = (int16_t)((pcm[done + 2 * i] + pcm[done + 2 * i + 1]) / 2);
    outgoing_append_pcm(&leg->outgoing, &destination, converted, part);
  }
}

void leg_add_tap(struct leg *leg, struct leg_tap *tap) {
  tap->next = leg->taps;
  leg->taps = tap;
}

void leg_remove_tap(struct leg *leg, struct leg_tap *tap) {
  for (struct leg_tap **at = &leg->taps; *at != NULL; at = &(*at)->next) {
    if (*at != tap) continue;
    *at = tap->next;
    return;
  }
}
