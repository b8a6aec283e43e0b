#include "session/conference.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "session/party.h"
#include "session/session.h"

#define FRAME_US (1000 * MIXER_FRAME_MS)
/* After a longer stall of the thread what was missed is not made up for. */
#define MAX_LATE_US 200000
/* Tones that wait for the one that sounds; more people come at once unheard. */
#define MAX_WAITING_TONES 2

struct seat {
  struct conference *conference;
  struct leg *leg;
  int party; /* in the mixer */
  int16_t pcm[MIXER_FRAME_SAMPLES];
};

struct conference {
  struct timer timer;
  struct loop *loop;
  struct conference_settings settings;
  struct mixer *mixer;
  struct seat *seats[CONFERENCE_MAX_PARTIES]; /* by party */
  unsigned count;
  int active; /* as it was told */
  bool sounding;
  struct tone tone;
  const struct tone_pattern *waiting[MAX_WAITING_TONES];
  unsigned waiting_count;
};

static atomic_uint seats_taken;

struct seat *seat_open(void) {
  if (atomic_fetch_add(&seats_taken, 1) < CONFERENCE_MAX_SEATS) {
    struct seat *seat = calloc(1, sizeof *seat);
    if (seat != NULL) return seat;
  }
  atomic_fetch_sub(&seats_taken, 1);
  return NULL;
}

void seat_close(struct seat *seat) {
  if (seat == NULL) return;
  atomic_fetch_sub(&seats_taken, 1);
  free(seat);
}

static void start_tone(struct conference *conference, const struct tone_pattern *pattern) {
  conference->sounding = tone_start(&conference->tone, pattern, MIXER_SAMPLE_RATE);
}

static void announce(struct conference *conference, bool present, const struct tone_pattern *pattern) {
  if (!present) return;
  if (!conference->sounding) start_tone(conference, pattern);
  else if (conference->waiting_count < MAX_WAITING_TONES) conference->waiting[conference->waiting_count++] = pattern;
}

static void put_tone(struct conference *conference, int16_t pcm[MIXER_FRAME_SAMPLES]) {
  if (!conference->sounding) return;
  const size_t got = tone_read(&conference->tone, pcm, MIXER_FRAME_SAMPLES);
  memset(pcm + got, 0, (MIXER_FRAME_SAMPLES - got) * sizeof *pcm);
  mixer_announce(conference->mixer, pcm);
  if (got == MIXER_FRAME_SAMPLES) return;
  conference->sounding = false;
  if (conference->waiting_count == 0) return;
  start_tone(conference, conference->waiting[0]);
  conference->waiting_count--;
  memmove(conference->waiting, conference->waiting + 1, conference->waiting_count * sizeof *conference->waiting);
}

static void tell_active(struct conference *conference) {
  const int active = mixer_active(conference->mixer);
  if (active == conference->active) return;
  struct media_event event = {.kind = EVENT_ACTIVE_SPEAKER, .session = conference->settings.id, .leg = NO_LEG};
  if (active != MIXER_NOBODY) {
    const struct leg *leg = conference->seats[active]->leg;
    event.object = leg->session->id;
    event.leg = (uint8_t)(leg - leg->session->legs);
  }
  /* One that finds the queue full is told with the next frame. */
  if (engine_report(conference->loop, &event)) conference->active = active;
}

static void speak(struct conference *conference, uint64_t now_us) {
  for (unsigned i = 0; i < CONFERENCE_MAX_PARTIES; i++) {
    const struct seat *seat = conference->seats[i];
    /* Who is played something hears that alone. */
    if (seat == NULL || seat->leg->player != NULL) continue;
    int16_t own[MIXER_FRAME_SAMPLES];
    const int16_t *pcm = own;
    if (mixer_hears_all(conference->mixer, seat->party)) pcm = mixer_all(conference->mixer);
    else mixer_others(conference->mixer, seat->party, own);
    leg_speak(seat->leg, pcm, MIXER_FRAME_SAMPLES, MIXER_SAMPLE_RATE, now_us);
  }
}

/* As a player's, the audio is of the time when it was due. */
static void tick(struct timer *timer, uint64_t now_us) {
  struct conference *conference = (struct conference *)((char *)timer - offsetof(struct conference, timer));
  int16_t tone[MIXER_FRAME_SAMPLES];
  for (unsigned i = 0; i < CONFERENCE_MAX_PARTIES; i++) {
    struct seat *seat = conference->seats[i];
    if (seat == NULL) continue;
    leg_pull(seat->leg, now_us, seat->pcm, MIXER_FRAME_SAMPLES, MIXER_SAMPLE_RATE);
    mixer_put(conference->mixer, seat->party, seat->pcm);
  }
  put_tone(conference, tone);
  mixer_mix(conference->mixer);
  speak(conference, timer->due_us);
  tell_active(conference);
  const bool stalled = now_us - timer->due_us > MAX_LATE_US;
  timer_arm(conference->loop, timer, (stalled ? now_us : timer->due_us) + FRAME_US);
}

static bool is_tone(bool present, const struct tone_pattern *pattern) {
  struct tone tone;
  return !present || tone_start(&tone, pattern, MIXER_SAMPLE_RATE);
}

struct conference *conference_open(struct loop *loop, const struct conference_settings *settings) {
  if (!is_tone(settings->has_entry, &settings->entry) || !is_tone(settings->has_exit, &settings->exit)) return NULL;
  struct conference *conference = calloc(1, sizeof *conference);
  if (conference == NULL) return NULL;
  conference->timer.fire = tick;
  conference->loop = loop;
  conference->settings = *settings;
  conference->active = MIXER_NOBODY;
  conference->mixer = mixer_open(settings->speakers);
  if (conference->mixer != NULL) return conference;
  free(conference);
  return NULL;
}

struct loop *conference_loop(const struct conference *conference) { return conference->loop; }

unsigned conference_count(const struct conference *conference) { return conference->count; }

void conference_close(struct conference *conference) {
  for (unsigned i = 0; i < CONFERENCE_MAX_PARTIES; i++) {
    if (conference->seats[i] != NULL) leg_leave_conference(conference->seats[i]->leg, false);
  }
  timer_disarm(conference->loop, &conference->timer);
  mixer_close(conference->mixer);
  free(conference);
}

bool conference_join(struct conference *conference, struct leg *leg, struct seat *seat, bool announced, uint64_t now_us) {
  if (leg_conference(leg) == conference) {
    seat_close(seat);
    return true;
  }
  const int party = mixer_join(conference->mixer);
  if (party == MIXER_NOBODY) return false;
  leg_leave_conference(leg, true);
  if (!leg_set_ear(leg, EAR_PULL)) {
    leg_set_ear(leg, EAR_PEER);
    mixer_leave(conference->mixer, party);
    return false;
  }
  *seat = (struct seat){.conference = conference, .leg = leg, .party = party};
  conference->seats[party] = seat;
  leg->seat = seat;
  leg_choose_voice(leg);
  if (announced) announce(conference, conference->settings.has_entry, &conference->settings.entry);
  if (conference->count++ == 0) timer_arm(conference->loop, &conference->timer, now_us);
  return true;
}

void leg_leave_conference(struct leg *leg, bool announced) {
  struct seat *seat = leg->seat;
  if (seat == NULL) return;
  struct conference *conference = seat->conference;
  mixer_leave(conference->mixer, seat->party);
  conference->seats[seat->party] = NULL;
  /* Told here, while it still is who it was. */
  if (conference->active == seat->party) tell_active(conference);
  leg->seat = NULL;
  seat_close(seat);
  leg_set_ear(leg, EAR_PEER);
  leg_choose_voice(leg);
  if (announced) announce(conference, conference->settings.has_exit, &conference->settings.exit);
  if (--conference->count > 0) return;
  timer_disarm(conference->loop, &conference->timer);
  conference->sounding = false;
  conference->waiting_count = 0;
}

struct conference *leg_conference(const struct leg *leg) { return leg->seat == NULL ? NULL : leg->seat->conference; }

void leg_mute_in_conference(struct leg *leg, bool muted) {
  if (leg->seat != NULL) mixer_mute(leg->seat->conference->mixer, leg->seat->party, muted);
}
