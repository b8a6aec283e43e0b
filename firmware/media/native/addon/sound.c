/* What is played to a party: play, stopPlaying. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "addon/addon.h"
#include "session/player.h"

#define MAX_OFFSET_MS (24u * 60 * 60 * 1000)

static bool read_step(napi_env env, napi_value object, struct tone_step *step) {
  napi_value frequencies, frequency;
  uint32_t duration_ms, count;
  if (!property_uint32(env, object, "durationMs", TONE_MAX_STEP_MS, &duration_ms) ||
      !property_array(env, object, "frequencies", 0, TONE_MAX_FREQUENCIES, &frequencies, &count)) {
    return false;
  }
  step->duration_ms = (uint16_t)duration_ms;
  step->frequency_count = (uint8_t)count;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t hz;
    double dbm0;
    if (napi_get_element(env, frequencies, i, &frequency) != napi_ok ||
        !property_uint32(env, frequency, "hz", TONE_MAX_HZ, &hz) ||
        !optional_double(env, frequency, "dbm0", TONE_MIN_DBM0, &dbm0)) {
      return false;
    }
    step->frequencies[i].hz = (uint16_t)hz;
    step->frequencies[i].dbm0 = (int8_t)lrint(fmax(TONE_MIN_DBM0, fmin(TONE_MAX_DBM0, dbm0)));
  }
  return true;
}

bool read_tone(napi_env env, napi_value object, struct tone_pattern *pattern) {
  napi_value steps, step;
  uint32_t count, repeat_from;
  if (!property_array(env, object, "steps", 1, TONE_MAX_STEPS, &steps, &count) ||
      !optional_uint32(env, object, "repeatFrom", TONE_MAX_STEPS, count, &repeat_from)) {
    return false;
  }
  pattern->step_count = (uint8_t)count;
  pattern->repeat_from = (uint8_t)repeat_from;
  for (uint32_t i = 0; i < count; i++) {
    if (napi_get_element(env, steps, i, &step) != napi_ok || !read_step(env, step, &pattern->steps[i])) return false;
  }
  return true;
}

static napi_value throw_clip_fault(napi_env env, const char *path, enum clip_fault fault, enum wav_fault wav_fault) {
  const char *reason = "";
  switch (fault) {
    case CLIP_OK:
      break;
    case CLIP_ERRNO:
      reason = strerror(errno);
      break;
    case CLIP_NO_FILE:
      reason = "it is no file";
      break;
    case CLIP_TOO_LARGE:
      reason = "it is too large, or too many files are played";
      break;
    case CLIP_BAD_WAV:
      reason = wav_fault_text(wav_fault);
      break;
  }
  char message[PATH_MAX + 100];
  snprintf(message, sizeof message, "%s: %s", path, reason);
  return throw_error(env, "MEDIA_SOUND", message);
}

static bool open_clips(napi_env env, napi_value paths, uint32_t count, bool repeated, struct sound *sound) {
  struct clip *clips[SOUND_MAX_CLIPS];
  napi_value element;
  uint32_t opened = 0;
  for (; opened < count; opened++) {
    char path[PATH_MAX];
    size_t length;
    enum clip_fault fault;
    enum wav_fault wav_fault;
    if (napi_get_element(env, paths, opened, &element) != napi_ok ||
        napi_get_value_string_utf8(env, element, path, sizeof path, &length) != napi_ok) {
      throw_error(env, "MEDIA_WORKER_FAULT", "a path is no string");
      break;
    }
    clips[opened] = clip_open(path, &fault, &wav_fault);
    if (clips[opened] == NULL) {
      throw_clip_fault(env, path, fault, wav_fault);
      break;
    }
  }
  if (opened == count) {
    sound_of_clips(sound, clips, count, repeated);
    return true;
  }
  for (uint32_t i = 0; i < opened; i++) clip_close(clips[i]);
  return false;
}

/* { tone, sampleRate } or { paths, repeated }, or neither: silence; and offsetMs. */
static bool read_sound(napi_env env, napi_value object, struct sound *sound) {
  napi_value value;
  bool there, repeated;
  uint32_t count, sample_rate, offset_ms;
  if (!optional_uint32(env, object, "offsetMs", MAX_OFFSET_MS, 0, &offset_ms) || !property_present(env, object, "tone", &there)) {
    return false;
  }
  if (there) {
    struct tone_pattern pattern;
    if (!property_value(env, object, "tone", &value) || !read_tone(env, value, &pattern) ||
        !property_uint32(env, object, "sampleRate", 16000, &sample_rate)) {
      return false;
    }
    if (!sound_of_tone(sound, &pattern, sample_rate == 16000 ? 16000 : 8000)) {
      return throw_error(env, "MEDIA_SOUND", "a tone with a number out of its range") != NULL;
    }
  } else {
    if (!property_present(env, object, "paths", &there)) return false;
    if (!there) {
      sound_of_silence(sound);
    } else if (!property_array(env, object, "paths", 1, SOUND_MAX_CLIPS, &value, &count) ||
               !optional_boolean(env, object, "repeated", false, &repeated) ||
               !open_clips(env, value, count, repeated, sound)) {
      return false;
    }
  }
  sound_skip(sound, offset_ms);
  return true;
}

struct playing {
  unsigned leg;
  uint64_t playback;
  struct player *player; /* NULL afterwards: taken */
};

static struct leg *leg_of(struct session *session, const struct playing *playing) {
  return playing->leg < session->leg_count ? &session->legs[playing->leg] : NULL;
}

static void play_on_loop(struct session *session, void *argument) {
  struct playing *playing = argument;
  struct leg *leg = leg_of(session, playing);
  /* The same again goes on. */
  if (leg == NULL || (leg->player != NULL && player_id(leg->player) == playing->playback)) return;
  leg_play(leg, playing->player, loop_now_us());
  playing->player = NULL;
}

/* play(handle, leg, { playback, ... }): boolean */
static napi_value play(napi_env env, napi_callback_info info) {
  napi_value arguments[3], result;
  uint32_t handle, leg;
  struct playing playing = {0};
  struct sound sound;
  struct engine *engine = engine_of(env);
  if (engine == NULL || !read_arguments(env, info, arguments, 3) ||
      !read_uint32(env, arguments[0], "handle", UINT32_MAX, &handle) ||
      !read_uint32(env, arguments[1], "leg", 1, &leg) ||
      !property_id(env, arguments[2], "playback", &playing.playback) || !read_sound(env, arguments[2], &sound)) {
    return NULL;
  }
  playing.leg = leg;
  playing.player = player_open(playing.playback, &sound);
  if (playing.player == NULL) {
    sound_close(&sound);
    return throw_error(env, "MEDIA_WORKER_FAULT", "no memory for a player");
  }
  const bool known = engine_visit(engine, handle, play_on_loop, &playing);
  player_close(playing.player);
  TRY(napi_get_boolean(env, known, &result));
  return result;
}

static void stop_on_loop(struct session *session, void *argument) {
  const struct playing *playing = argument;
  struct leg *leg = leg_of(session, playing);
  if (leg == NULL || leg->player == NULL) return;
  if (playing->playback == 0 || player_id(leg->player) == playing->playback) leg_stop_playing(leg);
}

/* stopPlaying(handle, leg, { playback? }): whatever plays, or that one alone. Nothing plays: nothing. */
static napi_value stop_playing(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  uint32_t handle, leg;
  struct playing playing = {0};
  struct engine *engine = engine_of(env);
  if (engine == NULL || !read_arguments(env, info, arguments, 3) ||
      !read_uint32(env, arguments[0], "handle", UINT32_MAX, &handle) ||
      !read_uint32(env, arguments[1], "leg", 1, &leg) || !optional_id(env, arguments[2], "playback", &playing.playback)) {
    return NULL;
  }
  playing.leg = leg;
  engine_visit(engine, handle, stop_on_loop, &playing);
  return NULL;
}

bool add_sounds(napi_env env, napi_value exports) {
  return add_function(env, exports, "play", play) && add_function(env, exports, "stopPlaying", stop_playing);
}
