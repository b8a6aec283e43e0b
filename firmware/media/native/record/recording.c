#include "record/recording.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/resample.h"
#include "session/loop.h"
#include "session/party.h"

#define STEP_US 20000
#define STEP_MS 20
#define MAX_STEP_SAMPLES (STEP_MS * 16)
/*
 * How long is waited for what is late: a network, or this machine, that stands still for so long and then brings all at once takes no word
 * from its place.
 */
#define HOLD_MS 1000

struct ear {
  struct leg_tap tap;
  struct leg *leg; /* whom it hears; NULL: nobody */
  struct recording *recording;
  struct track track;
  struct upsampler upsampler; /* where the party's rate is not that of the file */
  struct downsampler downsampler;
};

struct recorder {
  struct writer *writer;
  pthread_mutex_t mutex; /* guards the list; held for a moment */
  struct recording *all;
};

struct recording {
  struct recorder *recorder;
  struct recording *next_of_all, **at_of_all;
  struct recording_options options;
  struct job *job;

  struct session *session; /* NULL: closed, or stopped */
  struct recording *next;  /* of the session */
  struct loop *loop;       /* NULL: on its way to another */
  uint64_t session_id;
  struct timer timer;
  uint64_t origin_us; /* when the time line would have been at 0, had there been no pause */
  bool paused;
  uint64_t paused_at; /* position */
  uint64_t emitted;   /* samples */
  bool finished;      /* the job has its end */
  struct ear ears[2];
};

struct recorder *recorder_start(void) {
  struct recorder *recorder = calloc(1, sizeof *recorder);
  if (recorder == NULL) return NULL;
  recorder->writer = writer_start();
  if (recorder->writer == NULL) {
    free(recorder);
    return NULL;
  }
  pthread_mutex_init(&recorder->mutex, NULL);
  return recorder;
}

void recorder_stop(struct recorder *recorder) {
  if (recorder == NULL) return;
  writer_stop(recorder->writer);
  while (recorder->all != NULL) {
    struct recording *recording = recorder->all;
    recorder->all = recording->next_of_all;
    job_free(recording->job);
    free(recording);
  }
  pthread_mutex_destroy(&recorder->mutex);
  free(recorder);
}

static void list(struct recording *recording) {
  struct recorder *recorder = recording->recorder;
  pthread_mutex_lock(&recorder->mutex);
  recording->next_of_all = recorder->all;
  recording->at_of_all = &recorder->all;
  if (recorder->all != NULL) recorder->all->at_of_all = &recording->next_of_all;
  recorder->all = recording;
  pthread_mutex_unlock(&recorder->mutex);
}

static void unlist(struct recording *recording) {
  pthread_mutex_lock(&recording->recorder->mutex);
  *recording->at_of_all = recording->next_of_all;
  if (recording->next_of_all != NULL) recording->next_of_all->at_of_all = recording->at_of_all;
  pthread_mutex_unlock(&recording->recorder->mutex);
}

static void hear(struct leg_tap *tap, const struct said *said);
static void run(struct timer *timer, uint64_t now_us);

struct recording *recording_open(struct recorder *recorder, const struct recording_options *options) {
  struct recording *recording = calloc(1, sizeof *recording);
  if (recording == NULL) return NULL;
  recording->job = writer_begin(recorder->writer, &options->job);
  if (recording->job == NULL) {
    const int reason = errno;
    free(recording);
    errno = reason;
    return NULL;
  }
  recording->recorder = recorder;
  recording->options = *options;
  recording->timer.fire = run;
  for (unsigned i = 0; i < 2; i++) {
    struct ear *ear = &recording->ears[i];
    ear->tap.hear = hear;
    ear->recording = recording;
    track_start(&ear->track, options->job.sample_rate);
  }
  list(recording);
  return recording;
}

/* Where the time line is by now, in samples. */
static uint64_t position(const struct recording *recording, uint64_t now_us) {
  if (recording->paused) return recording->paused_at;
  return (now_us - recording->origin_us) * recording->options.job.sample_rate / 1000000;
}

static struct leg *leg_for(const struct recording *recording, unsigned ear) {
  struct session *session = recording->session;
  const bool *wanted = recording->options.parties;
  if (!wanted[ear]) return NULL;
  if (ear == 0) return &session->legs[0];
  return wanted[0] || session->leg_count < 2 ? leg_peer(&session->legs[0]) : &session->legs[1];
}

static void listen_to(struct ear *ear, struct leg *leg) {
  if (ear->leg == leg) return;
  if (ear->leg != NULL) leg_remove_tap(ear->leg, &ear->tap);
  ear->leg = leg;
  if (leg == NULL) return;
  /* The timestamps are those of another source, which may have been decoded for long. */
  track_restart(&ear->track);
  memset(&ear->upsampler, 0, sizeof ear->upsampler);
  memset(&ear->downsampler, 0, sizeof ear->downsampler);
  leg_add_tap(leg, &ear->tap);
}

void recordings_follow(struct session *session) {
  for (struct recording *recording = session->recordings; recording != NULL; recording = recording->next) {
    for (unsigned i = 0; i < 2; i++) listen_to(&recording->ears[i], leg_for(recording, i));
  }
}

void recording_begin(struct recording *recording, struct session *session, uint64_t now_us) {
  recording->session = session;
  recording->session_id = session->id;
  recording->loop = session->loop;
  recording->next = session->recordings;
  session->recordings = recording;
  recording->origin_us = now_us;
  recording->paused = recording->options.paused;
  for (unsigned i = 0; i < 2; i++) listen_to(&recording->ears[i], leg_for(recording, i));
  if (recording->loop != NULL) timer_arm(recording->loop, &recording->timer, now_us + STEP_US);
}

struct recording *recording_of(struct session *session, uint64_t id) {
  struct recording *recording = session->recordings;
  while (recording != NULL && recording->options.id != id) recording = recording->next;
  return recording;
}

static void hear(struct leg_tap *tap, const struct said *said) {
  struct ear *ear = (struct ear *)tap;
  struct recording *recording = ear->recording;
  const uint32_t rate = recording->options.job.sample_rate;
  if (recording->paused) return;
  if (said->restarted) track_restart(&ear->track);
  const uint64_t now = position(recording, said->now_us);
  if (said->sample_rate == rate) {
    track_write(&ear->track, said->timestamp, said->clock_rate, said->pcm, said->samples, now);
    return;
  }
  int16_t converted[2 * MAX_PAYLOAD_SAMPLES];
  size_t samples;
  if (said->sample_rate > rate) {
    samples = said->samples / 2;
    downsample(&ear->downsampler, said->pcm, 2 * samples, converted);
  } else {
    samples = 2 * said->samples;
    upsample(&ear->upsampler, said->pcm, said->samples, converted);
  }
  track_write(&ear->track, said->timestamp, said->clock_rate, converted, samples, now);
}

static void put_sample(uint8_t *bytes, int sample) {
  if (sample > INT16_MAX) sample = INT16_MAX;
  if (sample < INT16_MIN) sample = INT16_MIN;
  bytes[0] = (uint8_t)sample;
  bytes[1] = (uint8_t)((unsigned)sample >> 8);
}

/* The next `samples` of the time line, to the writer. False: it has no room. */
static bool emit(struct recording *recording, size_t samples) {
  int16_t pcm[2][MAX_STEP_SAMPLES];
  uint8_t bytes[2 * 2 * MAX_STEP_SAMPLES];
  for (unsigned i = 0; i < 2; i++) track_read(&recording->ears[i].track, pcm[i], samples);
  const unsigned channels = recording->options.job.channels;
  for (size_t i = 0; i < samples; i++) {
    if (channels == 2) {
      put_sample(bytes + 4 * i, pcm[0][i]);
      put_sample(bytes + 4 * i + 2, pcm[1][i]);
    } else {
      put_sample(bytes + 2 * i, pcm[0][i] + pcm[1][i]);
    }
  }
  recording->emitted += samples;
  return job_put(recording->job, bytes, samples * 2 * channels);
}

static void leave_session(struct recording *recording) {
  struct session *session = recording->session;
  if (session == NULL) return;
  for (unsigned i = 0; i < 2; i++) listen_to(&recording->ears[i], NULL);
  struct recording **at = &session->recordings;
  while (*at != recording) at = &(*at)->next;
  *at = recording->next;
  recording->session = NULL;
}

static void finish(struct recording *recording, enum record_end end) {
  if (recording->finished) return;
  recording->finished = true;
  job_finish(recording->job, end);
  leave_session(recording);
}

/* All up to `until`, in steps. */
static void emit_until(struct recording *recording, uint64_t until) {
  const size_t step = recording->options.job.sample_rate * STEP_MS / 1000;
  while (!recording->finished && recording->emitted + step <= until) {
    if (!emit(recording, step)) finish(recording, RECORD_DISK_SLOW);
  }
}

static void finish_with_all(struct recording *recording, enum record_end end, uint64_t now_us) {
  uint64_t until = position(recording, now_us);
  /* All that was said, though a burst may have brought it too late for its time. */
  for (unsigned i = 0; i < 2; i++) {
    const uint64_t said = track_end(&recording->ears[i].track);
    if (said > until) until = said;
  }
  emit_until(recording, until);
  if (!recording->finished && until > recording->emitted && !emit(recording, (size_t)(until - recording->emitted))) end = RECORD_DISK_SLOW;
  finish(recording, end);
}

void recording_pause(struct recording *recording, bool paused, uint64_t now_us) {
  if (recording->paused == paused) return;
  const uint32_t rate = recording->options.job.sample_rate;
  if (paused) {
    recording->paused_at = position(recording, now_us);
    recording->paused = true;
    return;
  }
  recording->paused = false;
  recording->origin_us = now_us - recording->paused_at * 1000000 / rate;
  for (unsigned i = 0; i < 2; i++) track_restart(&recording->ears[i].track);
}

void recording_stop(struct recording *recording, uint64_t now_us) { finish_with_all(recording, RECORD_STOPPED, now_us); }

void recordings_hang_up(struct session *session, uint64_t now_us) {
  while (session->recordings != NULL) finish_with_all(session->recordings, RECORD_HUNG_UP, now_us);
}

void recordings_attach(struct session *session) {
  for (struct recording *recording = session->recordings; recording != NULL; recording = recording->next) {
    recording->loop = session->loop;
    timer_arm(recording->loop, &recording->timer, recording->timer.due_us);
  }
}

void recordings_detach(struct session *session) {
  for (struct recording *recording = session->recordings; recording != NULL; recording = recording->next) {
    if (recording->loop != NULL) timer_disarm(recording->loop, &recording->timer);
    recording->loop = NULL;
  }
}

static void report(const struct recording *recording, const struct job_result *result) {
  struct media_event event = {.kind = EVENT_RECORDING_ENDED,
                              .leg = NO_LEG,
                              .session = recording->session_id,
                              .object = recording->options.id,
                              .value = result->end,
                              .duration_ms = result->duration_ms};
  snprintf(event.text, sizeof event.text, "%" PRIu64 " %s", result->bytes, result->reason == 0 ? "" : strerror(result->reason));
  engine_report(recording->loop, &event);
}

static void run(struct timer *timer, uint64_t now_us) {
  struct recording *recording = (struct recording *)((char *)timer - offsetof(struct recording, timer));
  struct job_result result;
  if (job_is_closed(recording->job, &result)) {
    leave_session(recording);
    report(recording, &result);
    unlist(recording);
    job_free(recording->job);
    free(recording);
    return;
  }
  if (!recording->finished) {
    const uint64_t hold = (uint64_t)HOLD_MS * recording->options.job.sample_rate / 1000;
    const uint64_t now = position(recording, now_us);
    /* In a pause nothing more comes late. */
    if (recording->paused) emit_until(recording, now);
    else if (now > hold) emit_until(recording, now - hold);
  }
  timer_arm(recording->loop, timer, timer->due_us + STEP_US);
}
