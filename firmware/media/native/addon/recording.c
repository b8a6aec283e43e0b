/* Recordings: startRecording, pauseRecording, stopRecording. */
#include <errno.h>
#include <string.h>

#include "addon/addon.h"
#include "record/recording.h"

#define NO_LIMIT 9007199254740992.0 /* 2^53 */

/* What a visit on the loop's thread needs. */
struct order {
  uint64_t id;
  bool paused;
  struct recording *recording; /* to begin */
  bool known;
};

static void look_for(struct session *session, void *argument) {
  struct order *order = argument;
  order->known = recording_of(session, order->id) != NULL;
}

static void begin_on_loop(struct session *session, void *argument) {
  const struct order *order = argument;
  recording_begin(order->recording, session, loop_now_us());
}

static void pause_on_loop(struct session *session, void *argument) {
  const struct order *order = argument;
  struct recording *recording = recording_of(session, order->id);
  if (recording != NULL) recording_pause(recording, order->paused, loop_now_us());
}

static void stop_on_loop(struct session *session, void *argument) {
  const struct order *order = argument;
  struct recording *recording = recording_of(session, order->id);
  if (recording != NULL) recording_stop(recording, loop_now_us());
}

static bool read_limit(napi_env env, napi_value object, const char *name, double fallback, uint64_t *limit) {
  double number;
  if (!optional_double(env, object, name, fallback, &number)) return false;
  *limit = number > 0 && number <= NO_LIMIT ? (uint64_t)number : 0;
  return true;
}

static bool read_options(napi_env env, napi_value object, struct recording_options *options) {
  struct job_options *job = &options->job;
  uint32_t channels;
  if (!property_id(env, object, "recording", &options->id) ||
      !property_text(env, object, "folder", job->folder, sizeof job->folder) ||
      !property_text(env, object, "name", job->name, sizeof job->name) ||
      !property_boolean(env, object, "first", &options->parties[0]) ||
      !property_boolean(env, object, "second", &options->parties[1]) ||
      !property_uint32(env, object, "channels", 2, &channels) ||
      !property_uint32(env, object, "sampleRate", 16000, &job->sample_rate) ||
      !property_boolean(env, object, "paused", &options->paused) ||
      !property_boolean(env, object, "append", &job->append) ||
      !read_limit(env, object, "maxBytes", NO_LIMIT, &job->limits.file_bytes) ||
      !read_limit(env, object, "maxFolderBytes", NO_LIMIT, &job->limits.folder_bytes) ||
      !read_limit(env, object, "keepFreeBytes", 0, &job->limits.free_bytes)) {
    return false;
  }
  job->channels = (uint16_t)channels;
  const bool is_usable = channels > 0 && (job->sample_rate == 8000 || job->sample_rate == 16000) && file_is_name(job->name);
  return is_usable || throw_error(env, "MEDIA_PARAMETERS", "no such recording can be made") != NULL;
}

static napi_value boolean(napi_env env, bool value) {
  napi_value result;
  TRY(napi_get_boolean(env, value, &result));
  return result;
}

/* startRecording(handle, { recording, folder, ... }): boolean */
static napi_value start_recording(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  uint32_t handle;
  struct recording_options options = {0};
  struct addon *addon = addon_of(env);
  if (addon == NULL || !read_arguments(env, info, arguments, 2) ||
      !read_uint32(env, arguments[0], "handle", UINT32_MAX, &handle) || !read_options(env, arguments[1], &options)) {
    return NULL;
  }
  struct order order = {.id = options.id};
  if (!engine_visit(addon->engine, handle, look_for, &order)) return boolean(env, false);
  if (order.known) return boolean(env, true);
  if (addon->recorder == NULL) addon->recorder = recorder_start();
  if (addon->recorder != NULL) order.recording = recording_open(addon->recorder, &options);
  if (order.recording == NULL) {
    return throw_error(env, errno == EBUSY ? "MEDIA_BUSY" : "MEDIA_WORKER_FAULT", errno == EBUSY ? "too many recordings" : strerror(errno));
  }
  return boolean(env, engine_visit(addon->engine, handle, begin_on_loop, &order));
}

/* pauseRecording(handle, recording, paused): boolean; one that has ended does nothing */
static napi_value pause_recording(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  uint32_t handle;
  struct order order = {0};
  struct engine *engine = engine_of(env);
  if (engine == NULL || !read_arguments(env, info, arguments, 2) ||
      !read_uint32(env, arguments[0], "handle", UINT32_MAX, &handle) ||
      !property_id(env, arguments[1], "recording", &order.id) ||
      !property_boolean(env, arguments[1], "paused", &order.paused)) {
    return NULL;
  }
  return boolean(env, engine_visit(engine, handle, pause_on_loop, &order));
}

/* stopRecording(handle, { recording }): boolean; one that has ended does nothing */
static napi_value stop_recording(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  uint32_t handle;
  struct order order = {0};
  struct engine *engine = engine_of(env);
  if (engine == NULL || !read_arguments(env, info, arguments, 2) ||
      !read_uint32(env, arguments[0], "handle", UINT32_MAX, &handle) ||
      !property_id(env, arguments[1], "recording", &order.id)) {
    return NULL;
  }
  return boolean(env, engine_visit(engine, handle, stop_on_loop, &order));
}

static void hang_up_on_loop(struct session *session, void *unused) {
  (void)unused;
  recordings_hang_up(session, loop_now_us());
}

void end_recordings(struct engine *engine, uint32_t handle) { engine_visit(engine, handle, hang_up_on_loop, NULL); }

bool add_recordings(napi_env env, napi_value exports) {
  return add_function(env, exports, "startRecording", start_recording) &&
         add_function(env, exports, "pauseRecording", pause_recording) &&
         add_function(env, exports, "stopRecording", stop_recording);
}
