/* What the files of the addon share. A part of it is a file with its functions, and add_PART, called by addon.c. */
#ifndef RINGDOWN_ADDON_H
#define RINGDOWN_ADDON_H

#include "addon/property.h"
#include "audio/tone.h"
#include "session/engine.h"

struct addon {
  napi_env env;
  struct engine *engine; /* NULL until start */
  napi_threadsafe_function listener;
  struct recorder *recorder; /* NULL until there is something to record */
};

/* NULL, with an exception pending, before start. */
struct addon *addon_of(napi_env env);
struct engine *engine_of(napi_env env);
/* Makes `function` a member of what JavaScript sees. */
bool add_function(napi_env env, napi_value exports, const char *name, napi_callback function);

/* event.c: hands what the loops report to `function`, from JavaScript's own thread. */
bool events_listen(struct addon *addon, napi_value function);
/* On any thread; `addon` is the argument. */
void events_wake(void *addon);

/* session.c: open, configure, join, part, statistics, close. */
bool add_sessions(napi_env env, napi_value exports);
/* sound.c: play, stopPlaying. */
bool add_sounds(napi_env env, napi_value exports);
/* conference.c: createConference, joinConference, leaveConference, setParty, closeConference. */
bool add_conferences(napi_env env, napi_value exports);
/* Before the engine stops. */
void close_conferences(void);
/* { steps: [{ durationMs, frequencies: [{ hz, dbm0 }, ...] }, ...], repeatFrom? }. False, with an exception pending. */
bool read_tone(napi_env env, napi_value object, struct tone_pattern *pattern);

/* digits.c: sendDigits. */
bool add_digits(napi_env env, napi_value exports);

/* recording.c: startRecording, pauseRecording, stopRecording. */
bool add_recordings(napi_env env, napi_value exports);
/* Those of a session that is about to be closed. */
void end_recordings(struct engine *engine, uint32_t handle);

#endif
