/* Digits that the runtime wants pressed: sendDigits. */
#include "addon/addon.h"

struct presses {
  unsigned leg;
  struct event_press presses[EVENT_QUEUE_PRESSES];
  unsigned count;
  bool no_such_leg;
  bool refused;
};

static void press_on_loop(struct session *session, void *argument) {
  struct presses *presses = argument;
  presses->no_such_leg = presses->leg >= session->leg_count;
  if (presses->no_such_leg) return;
  presses->refused = !digits_send(&session->legs[presses->leg], presses->presses, presses->count, loop_now_us());
}

/* sendDigits(handle, { leg, digits, durationMs, pauseMs }): boolean */
static napi_value send_digits(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  char digits[EVENT_QUEUE_PRESSES + 1];
  uint32_t handle, leg, duration_ms, pause_ms;
  struct presses presses = {0};
  struct engine *engine = engine_of(env);
  if (engine == NULL || !read_arguments(env, info, arguments, 2) ||
      !read_uint32(env, arguments[0], "handle", UINT32_MAX, &handle) ||
      !property_uint32(env, arguments[1], "leg", 1, &leg) ||
      !property_text(env, arguments[1], "digits", digits, sizeof digits) ||
      !property_uint32(env, arguments[1], "durationMs", EVENT_MAX_MS, &duration_ms) ||
      !property_uint32(env, arguments[1], "pauseMs", EVENT_MAX_MS, &pause_ms)) {
    return NULL;
  }
  presses.leg = leg;
  for (; digits[presses.count] != 0; presses.count++) {
    struct event_press *press = &presses.presses[presses.count];
    *press = (struct event_press){.duration_ms = duration_ms, .pause_ms = pause_ms};
    if (!event_of_digit(digits[presses.count], &press->event)) return throw_error(env, "MEDIA_PARAMETERS", "no digit");
  }
  const bool known = engine_visit(engine, handle, press_on_loop, &presses);
  if (presses.no_such_leg) return throw_error(env, "MEDIA_PARAMETERS", "the session has no such leg");
  if (presses.refused) return throw_error(env, "MEDIA_BUSY", "too many digits wait, or the leg may not send");
  napi_value result;
  TRY(napi_get_boolean(env, known, &result));
  return result;
}

bool add_digits(napi_env env, napi_value exports) { return add_function(env, exports, "sendDigits", send_digits); }
