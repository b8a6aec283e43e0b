#include "audio/mixer.h"

#include <stdlib.h>
#include <string.h>

/* All levels are mean squares of samples. */

/* Under this a frame is silence: 61 dB below full scale, where no codec's idle noise and hardly an office's reaches. */
#define FLOOR_LEVEL 900.0f
/* A level follows a louder frame half of the way, so that one click is no voice, and falls by 14 dB a second. */
#define RISE 0.5f
#define FALL 0.9375f
/* A speaker keeps his place through pauses of this length. */
#define HELD_FRAMES (1000 / MIXER_FRAME_MS)
/* And is not pushed out of it before this, nor by somebody less than 3 dB louder. */
#define SETTLED_FRAMES (200 / MIXER_FRAME_MS)
#define LOUDER 2.0f
/* Another one becomes the active speaker after so much time 1.5 dB louder, if the active one is not the loudest meanwhile. */
#define ACTIVE_FRAMES (300 / MIXER_FRAME_MS)
#define ACTIVE_LOUDER 1.4f
#define FADE_SAMPLES (MIXER_SAMPLE_RATE / 1000 * 5)
/* Those who hold a place, and as many who just lost theirs and fade out. */
#define MAX_CONTRIBUTORS (2 * MIXER_MAX_SPEAKERS)

struct party {
  bool present;
  bool muted;
  bool speaks;     /* holds a place */
  bool heard;      /* in the last frame, to its end */
  int contributor; /* in this frame; or MIXER_NOBODY */
  unsigned silent_frames;
  unsigned placed_frames;
  float level;
  const int16_t *pcm; /* NULL: nothing said in this frame */
};

struct contributor {
  const int16_t *pcm;
  int16_t faded[MIXER_FRAME_SAMPLES];
};

struct mixer {
  unsigned speakers;
  struct party parties[MIXER_MAX_PARTIES];
  const int16_t *announced;
  struct contributor contributors[MAX_CONTRIBUTORS];
  unsigned contributor_count;
  int active;
  int challenger;
  unsigned challenged_frames;
  int32_t sum[MIXER_FRAME_SAMPLES];
  int16_t all[MIXER_FRAME_SAMPLES];
};

struct mixer *mixer_open(unsigned speakers) {
  struct mixer *mixer = calloc(1, sizeof *mixer);
  if (mixer == NULL) return NULL;
  if (speakers > MIXER_MAX_SPEAKERS) speakers = MIXER_MAX_SPEAKERS;
  mixer->speakers = speakers == 0 ? 1 : speakers;
  mixer->active = MIXER_NOBODY;
  mixer->challenger = MIXER_NOBODY;
  return mixer;
}

void mixer_close(struct mixer *mixer) { free(mixer); }

int mixer_join(struct mixer *mixer) {
  for (int i = 0; i < MIXER_MAX_PARTIES; i++) {
    if (mixer->parties[i].present) continue;
    mixer->parties[i] = (struct party){.present = true, .contributor = MIXER_NOBODY};
    return i;
  }
  return MIXER_NOBODY;
}

/* Who is heard no more is not what others look at. */
static void step_down(struct mixer *mixer, int party) {
  mixer->parties[party].speaks = false;
  mixer->parties[party].level = 0;
  if (mixer->active == party) mixer->active = MIXER_NOBODY;
  if (mixer->challenger == party) mixer->challenger = MIXER_NOBODY;
}

void mixer_leave(struct mixer *mixer, int party) {
  step_down(mixer, party);
  mixer->parties[party] = (struct party){.contributor = MIXER_NOBODY};
}

void mixer_mute(struct mixer *mixer, int party, bool muted) {
  if (muted) step_down(mixer, party);
  mixer->parties[party].muted = muted;
}

void mixer_put(struct mixer *mixer, int party, const int16_t *pcm) { mixer->parties[party].pcm = pcm; }

void mixer_announce(struct mixer *mixer, const int16_t *pcm) { mixer->announced = pcm; }

static float level_of(const int16_t *pcm) {
  int64_t sum = 0;
  for (unsigned i = 0; i < MIXER_FRAME_SAMPLES; i++) sum += (int32_t)pcm[i] * pcm[i];
  return (float)sum / MIXER_FRAME_SAMPLES;
}

static void listen(struct party *party) {
  const float level = party->pcm == NULL ? 0 : level_of(party->pcm);
  if (level > party->level) {
    party->level += (level - party->level) * RISE;
  } else {
    party->level = level > party->level * FALL ? level : party->level * FALL;
  }
  if (level >= FLOOR_LEVEL) party->silent_frames = 0;
  else party->silent_frames++;
}

/* Who has a voice in this frame and no place, the loudest of them. */
static struct party *loudest_waiting(struct mixer *mixer) {
  struct party *loudest = NULL;
  for (unsigned i = 0; i < MIXER_MAX_PARTIES; i++) {
    struct party *party = &mixer->parties[i];
    if (!party->present || party->muted || party->speaks || party->pcm == NULL || party->silent_frames > 0) continue;
    if (loudest == NULL || party->level > loudest->level) loudest = party;
  }
  return loudest;
}

static void give_place(struct party *party) {
  party->speaks = true;
  party->placed_frames = 0;
}

static void choose_speakers(struct mixer *mixer) {
  unsigned placed = 0;
  struct party *quietest = NULL;
  for (unsigned i = 0; i < MIXER_MAX_PARTIES; i++) {
    struct party *party = &mixer->parties[i];
    if (!party->present || party->muted) continue;
    listen(party);
    if (!party->speaks) continue;
    party->placed_frames++;
    if (party->silent_frames > HELD_FRAMES) {
      party->speaks = false;
      continue;
    }
    placed++;
    if (party->placed_frames >= SETTLED_FRAMES && (quietest == NULL || party->level < quietest->level)) quietest = party;
  }
  struct party *waiting = loudest_waiting(mixer);
  while (waiting != NULL && placed < mixer->speakers) {
    give_place(waiting);
    placed++;
    waiting = loudest_waiting(mixer);
  }
  /* One change a frame is quick enough. */
  if (waiting != NULL && quietest != NULL && waiting->level > quietest->level * LOUDER) {
    quietest->speaks = false;
    give_place(waiting);
  }
}

static void fade(struct contributor *contributor, const int16_t *pcm, bool in) {
  for (unsigned i = 0; i < MIXER_FRAME_SAMPLES; i++) {
    const int32_t part = i < FADE_SAMPLES ? (int32_t)i : FADE_SAMPLES;
    contributor->faded[i] = (int16_t)(pcm[i] * (in ? part : FADE_SAMPLES - part) / FADE_SAMPLES);
  }
  contributor->pcm = contributor->faded;
}

static void contribute(struct mixer *mixer, struct party *party) {
  const bool heard_before = party->heard;
  party->heard = party->speaks && party->pcm != NULL;
  party->contributor = MIXER_NOBODY;
  if (party->pcm == NULL || (!party->heard && !heard_before) || mixer->contributor_count == MAX_CONTRIBUTORS) return;
  party->contributor = (int)mixer->contributor_count++;
  struct contributor *contributor = &mixer->contributors[party->contributor];
  if (party->heard && heard_before) contributor->pcm = party->pcm;
  else fade(contributor, party->pcm, party->heard);
}

static int16_t saturate(int32_t sample) {
  if (sample > INT16_MAX) return INT16_MAX;
  return (int16_t)(sample < INT16_MIN ? INT16_MIN : sample);
}

static void add(struct mixer *mixer, const int16_t *pcm) {
  for (unsigned i = 0; i < MIXER_FRAME_SAMPLES; i++) mixer->sum[i] += pcm[i];
}

/* Whether this one may become the active speaker instead of the present one, who is not the loudest now. */
static bool is_clearly_louder(const struct mixer *mixer, int party) {
  return mixer->active == MIXER_NOBODY ||
         mixer->parties[party].level >= mixer->parties[mixer->active].level * ACTIVE_LOUDER;
}

/* Of two who are about as loud the one goes on who began: else neither would ever be it. */
static bool stays_challenger(const struct mixer *mixer, int loudest) {
  const int challenger = mixer->challenger;
  if (challenger == MIXER_NOBODY) return false;
  const struct party *party = &mixer->parties[challenger];
  return party->speaks && party->silent_frames == 0 && is_clearly_louder(mixer, challenger) &&
         mixer->parties[loudest].level < party->level * ACTIVE_LOUDER;
}

static void find_active(struct mixer *mixer) {
  int loudest = MIXER_NOBODY;
  for (int i = 0; i < MIXER_MAX_PARTIES; i++) {
    const struct party *party = &mixer->parties[i];
    if (!party->present || !party->speaks || party->silent_frames > 0) continue;
    if (loudest == MIXER_NOBODY || party->level > mixer->parties[loudest].level) loudest = i;
  }
  if (loudest == MIXER_NOBODY) return;
  if (loudest == mixer->active) {
    mixer->challenger = MIXER_NOBODY;
    return;
  }
  if (!is_clearly_louder(mixer, loudest)) return;
  if (!stays_challenger(mixer, loudest)) {
    mixer->challenger = loudest;
    mixer->challenged_frames = 0;
  }
  if (++mixer->challenged_frames < ACTIVE_FRAMES) return;
  mixer->active = mixer->challenger;
  mixer->challenger = MIXER_NOBODY;
}

void mixer_mix(struct mixer *mixer) {
  choose_speakers(mixer);
  memset(mixer->sum, 0, sizeof mixer->sum);
  mixer->contributor_count = 0;
  for (unsigned i = 0; i < MIXER_MAX_PARTIES; i++) contribute(mixer, &mixer->parties[i]);
  for (unsigned i = 0; i < mixer->contributor_count; i++) add(mixer, mixer->contributors[i].pcm);
  if (mixer->announced != NULL) add(mixer, mixer->announced);
  for (unsigned i = 0; i < MIXER_FRAME_SAMPLES; i++) mixer->all[i] = saturate(mixer->sum[i]);
  find_active(mixer);
  for (unsigned i = 0; i < MIXER_MAX_PARTIES; i++) mixer->parties[i].pcm = NULL;
  mixer->announced = NULL;
}

bool mixer_hears_all(const struct mixer *mixer, int party) {
  return mixer->parties[party].contributor == MIXER_NOBODY;
}

const int16_t *mixer_all(const struct mixer *mixer) { return mixer->all; }

void mixer_others(const struct mixer *mixer, int party, int16_t *pcm) {
  const int contributor = mixer->parties[party].contributor;
  if (contributor == MIXER_NOBODY) {
    memcpy(pcm, mixer->all, sizeof mixer->all);
    return;
  }
  const int16_t *own = mixer->contributors[contributor].pcm;
  for (unsigned i = 0; i < MIXER_FRAME_SAMPLES; i++) pcm[i] = saturate(mixer->sum[i] - own[i]);
}

int mixer_active(const struct mixer *mixer) { return mixer->active; }
