/*
 * What the worker's JavaScript sees of the packet loops (Node-API, version 8). The functions, and what they throw, are
 * described in worker/addon.ts, which is their only caller.
 */
#include "addon/addon.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "record/recording.h"

struct addon *addon_of(napi_env env) {
  struct addon *addon = NULL;
  if (napi_get_instance_data(env, (void **)&addon) == napi_ok && addon != NULL && addon->engine != NULL) return addon;
  throw_error(env, "MEDIA_WORKER_FAULT", "the packet loops do not run");
  return NULL;
}

struct engine *engine_of(napi_env env) {
  const struct addon *addon = addon_of(env);
  return addon == NULL ? NULL : addon->engine;
}

bool add_function(napi_env env, napi_value exports, const char *name, napi_callback function) {
  napi_value value;
  return napi_create_function(env, name, NAPI_AUTO_LENGTH, function, NULL, &value) == napi_ok &&
         napi_set_named_property(env, exports, name, value) == napi_ok;
}

/* start({ threads, onEvent }) */
static napi_value start(napi_env env, napi_callback_info info) {
  napi_value options, listener;
  uint32_t threads;
  struct addon *addon = NULL;
  if (!read_arguments(env, info, &options, 1) || !property_uint32(env, options, "threads", ENGINE_MAX_LOOPS, &threads) ||
      !property_value(env, options, "onEvent", &listener)) {
    return NULL;
  }
  TRY(napi_get_instance_data(env, (void **)&addon));
  if (addon->engine != NULL || threads == 0) return throw_error(env, "MEDIA_WORKER_FAULT", "started twice, or with no thread");
  if (!events_listen(addon, listener)) return throw_error(env, "MEDIA_WORKER_FAULT", "onEvent is no function");
  addon->engine = engine_start(threads, events_wake, addon);
  return addon->engine == NULL ? throw_error(env, "MEDIA_WORKER_FAULT", strerror(errno)) : NULL;
}

/* awaitLoops(): returns when every loop has turned */
static napi_value await_loops(napi_env env, napi_callback_info info) {
  struct engine *engine = engine_of(env);
  (void)info;
  if (engine != NULL) engine_await(engine);
  return NULL;
}

static void clean_up(void *data) {
  struct addon *addon = data;
  if (addon->engine != NULL) {
    close_conferences();
    engine_stop(addon->engine);
  }
  recorder_stop(addon->recorder);
  if (addon->listener != NULL) napi_release_threadsafe_function(addon->listener, napi_tsfn_abort);
  free(addon);
}

NAPI_MODULE_INIT() {
  /* A worker that hangs does not see its channel close, and would hold its ports against the next runtime. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  /* Keys and conversations: no core dump of them, and no other process of the same user looks into this one. */
  prctl(PR_SET_DUMPABLE, 0);
  struct addon *addon = calloc(1, sizeof *addon);
  if (addon == NULL) return throw_error(env, "MEDIA_WORKER_FAULT", "no memory");
  addon->env = env;
  TRY(napi_set_instance_data(env, addon, NULL, NULL));
  TRY(napi_add_env_cleanup_hook(env, clean_up, addon));
  const bool added = add_function(env, exports, "start", start) && add_function(env, exports, "awaitLoops", await_loops) &&
                     add_sessions(env, exports) && add_digits(env, exports) && add_recordings(env, exports) &&
                     add_sounds(env, exports) && add_conferences(env, exports);
  return added ? exports : NULL;
}
