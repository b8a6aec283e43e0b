/* From the reports of the loops to calls of a JavaScript function. */
#include "addon/addon.h"

static const char *const names[] = {
    [EVENT_LATCHED] = "latched",
    [EVENT_DIGIT] = "digit",
    [EVENT_RECORDING_ENDED] = "recordingEnded",
    [EVENT_PLAYBACK_ENDED] = "playbackEnded",
    [EVENT_ACTIVE_SPEAKER] = "activeSpeaker",
    [EVENT_SILENT] = "silent",
    [EVENT_HEARD] = "heard",
};

static napi_value describe(napi_env env, const struct media_event *event) {
  napi_value object;
  TRY(napi_create_object(env, &object));
  const bool described = set_text(env, object, "kind", names[event->kind]) &&
                         set_number(env, object, "session", (double)event->session) &&
                         set_number(env, object, "object", (double)event->object) &&
                         set_number(env, object, "value", event->value) &&
                         set_number(env, object, "durationMs", event->duration_ms) &&
                         set_text(env, object, "text", event->text) &&
                         (event->leg == NO_LEG || set_number(env, object, "leg", event->leg));
  return described ? object : NULL;
}

static void tell(napi_env env, napi_value function, void *context, void *data) {
  struct addon *addon = context;
  (void)data;
  if (env == NULL || addon->engine == NULL) return;
  napi_value receiver;
  if (napi_get_undefined(env, &receiver) != napi_ok) return;
  for (unsigned i = 0; i < engine_loop_count(addon->engine); i++) {
    struct media_event event;
    while (reports_take(loop_reports(engine_loop(addon->engine, i)), &event)) {
      napi_value object = describe(env, &event);
      if (object == NULL || napi_call_function(env, receiver, function, 1, &object, NULL) != napi_ok) return;
    }
  }
}

bool events_listen(struct addon *addon, napi_value function) {
  napi_value name;
  return napi_create_string_utf8(addon->env, "media events", NAPI_AUTO_LENGTH, &name) == napi_ok &&
         napi_create_threadsafe_function(addon->env, function, NULL, name, 2 * ENGINE_MAX_LOOPS, 1, NULL, NULL, addon, tell,
                                         &addon->listener) == napi_ok &&
         /* The worker lives as long as its channel. */
         napi_unref_threadsafe_function(addon->env, addon->listener) == napi_ok;
}

/* A full queue means that JavaScript comes anyway. */
void events_wake(void *argument) {
  struct addon *addon = argument;
  napi_call_threadsafe_function(addon->listener, NULL, napi_tsfn_nonblocking);
}
