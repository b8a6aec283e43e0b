/*
 * What the worker's JavaScript sees of the packet loop (Node-API, version 8). The functions, and what they throw, are
 * described in worker/addon.ts, which is their only caller.
 */
#define NAPI_VERSION 8
#include <errno.h>
#include <node_api.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "session/loop.h"

#define MAX_ADDRESS_CHARACTERS 64

/* Leaves the calling function when Node-API failed; it has an exception pending then. */
#define TRY(call)                       \
  do {                                  \
    if ((call) != napi_ok) return NULL; \
  } while (0)

struct addon {
  struct loop *loop;
};

static napi_value throw_fault(napi_env env, const char *code, const char *message, unsigned leg) {
  napi_value code_value, message_value, error, leg_value;
  TRY(napi_create_string_utf8(env, code, NAPI_AUTO_LENGTH, &code_value));
  TRY(napi_create_string_utf8(env, message, NAPI_AUTO_LENGTH, &message_value));
  TRY(napi_create_error(env, code_value, message_value, &error));
  TRY(napi_create_uint32(env, leg, &leg_value));
  TRY(napi_set_named_property(env, error, "leg", leg_value));
  napi_throw(env, error);
  return NULL;
}

static napi_value throw_simple(napi_env env, const char *code, const char *message) {
  napi_throw_error(env, code, message);
  return NULL;
}

static struct loop *loop_of(napi_env env) {
  struct addon *addon = NULL;
  if (napi_get_instance_data(env, (void **)&addon) != napi_ok || addon == NULL || addon->loop == NULL) {
    throw_simple(env, "MEDIA_WORKER_FAULT", "the packet loop does not run");
    return NULL;
  }
  return addon->loop;
}

static bool read_arguments(napi_env env, napi_callback_info info, napi_value *arguments, size_t wanted) {
  size_t count = wanted;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok) return false;
  if (count == wanted) return true;
  throw_simple(env, "MEDIA_WORKER_FAULT", "wrong number of arguments");
  return false;
}

static bool read_uint32(napi_env env, napi_value value, uint32_t limit, uint32_t *number) {
  if (napi_get_value_uint32(env, value, number) == napi_ok && *number <= limit) return true;
  throw_simple(env, "MEDIA_WORKER_FAULT", "an argument is no number, or too large");
  return false;
}

static bool read_boolean(napi_env env, napi_value value, bool *flag) {
  if (napi_get_value_bool(env, value, flag) == napi_ok) return true;
  throw_simple(env, "MEDIA_WORKER_FAULT", "an argument is no boolean");
  return false;
}

static bool read_address(napi_env env, napi_value value, char text[MAX_ADDRESS_CHARACTERS]) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, text, MAX_ADDRESS_CHARACTERS, &length) == napi_ok &&
      length < MAX_ADDRESS_CHARACTERS - 1) {
    return true;
  }
  throw_simple(env, "MEDIA_ADDRESS", "an address is no string, or too long");
  return false;
}

static const char *code_of_errno(int reason) {
  switch (reason) {
    case EADDRINUSE:
      return "MEDIA_PORT_BUSY";
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case EINVAL: /* a link-local address without its zone */
      return "MEDIA_ADDRESS";
    default:
      return "MEDIA_WORKER_FAULT";
  }
}

/* open(address0, port0, address1, port1): handle */
static napi_value open_session(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  char texts[2][MAX_ADDRESS_CHARACTERS];
  uint32_t numbers[2];
  struct loop *loop = loop_of(env);
  if (loop == NULL || !read_arguments(env, info, arguments, 4)) return NULL;
  for (unsigned leg = 0; leg < 2; leg++) {
    if (!read_address(env, arguments[2 * leg], texts[leg])) return NULL;
    if (!read_uint32(env, arguments[2 * leg + 1], UINT16_MAX - 1, &numbers[leg])) return NULL;
  }
  const char *const addresses[2] = {texts[0], texts[1]};
  const uint16_t ports[2] = {(uint16_t)numbers[0], (uint16_t)numbers[1]};
  unsigned failed = 0;
  enum leg_fault fault = LEG_OK;
  struct session *session = session_open(addresses, ports, &failed, &fault);
  if (session == NULL) {
    if (fault == LEG_BAD_ADDRESS) return throw_fault(env, "MEDIA_ADDRESS", "no usable address", failed);
    const int reason = errno;
    return throw_fault(env, code_of_errno(reason), strerror(reason), failed);
  }
  const uint32_t handle = loop_add(loop, session);
  if (handle == 0) {
    session_close(session);
    return throw_simple(env, "MEDIA_WORKER_FAULT", "too many sessions");
  }
  napi_value result;
  TRY(napi_create_uint32(env, handle, &result));
  return result;
}

/* What a visit on the loop's thread needs and finds out. */
struct configuration {
  unsigned leg;
  struct leg_settings settings;
  struct coders coders; /* afterwards those that the leg does not need, or no more */
  bool family_differs;
};

static void configure_on_loop(struct session *session, void *argument) {
  struct configuration *configuration = argument;
  const struct leg *leg = &session->legs[configuration->leg];
  configuration->family_differs = leg->family != configuration->settings.remote.any.sa_family;
  if (configuration->family_differs) return;
  session_configure(session, configuration->leg, &configuration->settings, &configuration->coders);
}

/* configure(handle, leg, address, port, codec, payloadType, eventPayloadType or 255, ptimeMs, receives, sends, annexB): boolean */
static napi_value configure(napi_env env, napi_callback_info info) {
  napi_value arguments[11];
  char address[MAX_ADDRESS_CHARACTERS];
  uint32_t handle, leg, port, codec, payload_type, event_payload_type, ptime_ms;
  struct configuration configuration = {0};
  struct leg_settings *settings = &configuration.settings;
  struct loop *loop = loop_of(env);
  if (loop == NULL || !read_arguments(env, info, arguments, 11) ||
      !read_uint32(env, arguments[0], UINT32_MAX, &handle) ||
      !read_uint32(env, arguments[1], 1, &leg) ||
      !read_address(env, arguments[2], address) ||
      !read_uint32(env, arguments[3], UINT16_MAX, &port) ||
      !read_uint32(env, arguments[4], CODEC_COUNT - 1, &codec) ||
      !read_uint32(env, arguments[5], 127, &payload_type) ||
      !read_uint32(env, arguments[6], NO_PAYLOAD_TYPE, &event_payload_type) ||
      !read_uint32(env, arguments[7], MAX_PTIME_MS, &ptime_ms) ||
      !read_boolean(env, arguments[8], &settings->receives) ||
      !read_boolean(env, arguments[9], &settings->sends) ||
      !read_boolean(env, arguments[10], &settings->annex_b)) {
    return NULL;
  }
  if (ptime_ms < FRAME_MS) return throw_simple(env, "MEDIA_PARAMETERS", "ptime is shorter than a frame");
  if (!address_parse(address, (uint16_t)port, &settings->remote)) {
    return throw_simple(env, "MEDIA_ADDRESS", "no usable address");
  }
  configuration.leg = leg;
  settings->codec = (enum codec)codec;
  settings->payload_type = (uint8_t)payload_type;
  settings->event_payload_type = (uint8_t)event_payload_type;
  settings->ptime_ms = (uint16_t)ptime_ms;
  if (!coders_open(&configuration.coders, settings->codec)) {
    return throw_simple(env, "MEDIA_WORKER_FAULT", "no memory for a codec");
  }
  const bool known = loop_visit(loop, handle, configure_on_loop, &configuration);
  coders_close(&configuration.coders);
  if (configuration.family_differs) {
    return throw_simple(env, "MEDIA_ADDRESS", "the remote address is not of the leg's family");
  }
  napi_value result;
  TRY(napi_get_boolean(env, known, &result));
  return result;
}

static void copy_counters(struct session *session, void *argument) {
  struct leg_counters *counters = argument;
  counters[0] = session->legs[0].counters;
  counters[1] = session->legs[1].counters;
}

static bool set_count(napi_env env, napi_value object, const char *name, uint64_t count) {
  napi_value value;
  return napi_create_double(env, (double)count, &value) == napi_ok &&
         napi_set_named_property(env, object, name, value) == napi_ok;
}

static napi_value describe(napi_env env, const struct leg_counters *counters, uint64_t now_ms) {
  napi_value object, discards;
  TRY(napi_create_object(env, &object));
  TRY(napi_create_object(env, &discards));
  const uint64_t discarded = counters->malformed + counters->unknown_payload_type + counters->wrong_source +
                             counters->late + counters->unforwarded;
  const bool described = set_count(env, object, "packetsReceived", counters->packets_received) &&
                         set_count(env, object, "packetsSent", counters->packets_sent) &&
                         set_count(env, object, "bytesReceived", counters->bytes_received) &&
                         set_count(env, object, "bytesSent", counters->bytes_sent) &&
                         set_count(env, object, "packetsDiscarded", discarded) &&
                         set_count(env, object, "packetsLost", counters->packets_lost) &&
                         set_count(env, object, "packetsUnsent", counters->packets_unsent) &&
                         set_count(env, object, "rtcpReceived", counters->rtcp_received) &&
                         set_count(env, discards, "malformed", counters->malformed) &&
                         set_count(env, discards, "payloadType", counters->unknown_payload_type) &&
                         set_count(env, discards, "source", counters->wrong_source) &&
                         set_count(env, discards, "late", counters->late) &&
                         set_count(env, discards, "unforwarded", counters->unforwarded);
  if (!described) return NULL;
  TRY(napi_set_named_property(env, object, "discards", discards));
  if (counters->last_received_ms != 0 &&
      !set_count(env, object, "lastReceivedMs", now_ms - counters->last_received_ms)) {
    return NULL;
  }
  return object;
}

/* statistics(handle): [leg 0, leg 1] or undefined */
static napi_value statistics(napi_env env, napi_callback_info info) {
  napi_value argument, result;
  uint32_t handle;
  struct leg_counters counters[2];
  struct loop *loop = loop_of(env);
  if (loop == NULL || !read_arguments(env, info, &argument, 1)) return NULL;
  if (!read_uint32(env, argument, UINT32_MAX, &handle)) return NULL;
  if (!loop_visit(loop, handle, copy_counters, counters)) return NULL;
  TRY(napi_create_array_with_length(env, 2, &result));
  const uint64_t now_ms = loop_now_ms();
  for (uint32_t leg = 0; leg < 2; leg++) {
    napi_value described = describe(env, &counters[leg], now_ms);
    if (described == NULL) return NULL;
    TRY(napi_set_element(env, result, leg, described));
  }
  return result;
}

/* close(handle); a handle that is not open does nothing */
static napi_value close_session(napi_env env, napi_callback_info info) {
  napi_value argument;
  uint32_t handle;
  struct loop *loop = loop_of(env);
  if (loop == NULL || !read_arguments(env, info, &argument, 1)) return NULL;
  if (!read_uint32(env, argument, UINT32_MAX, &handle)) return NULL;
  struct session *session = loop_remove(loop, handle);
  if (session != NULL) session_close(session);
  return NULL;
}

static void clean_up(void *data) {
  struct addon *addon = data;
  loop_stop(addon->loop);
  free(addon);
}

NAPI_MODULE_INIT() {
  /* A worker that hangs does not see its channel close, and would hold its ports against the next runtime. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  struct addon *addon = calloc(1, sizeof *addon);
  if (addon == NULL) return throw_simple(env, "MEDIA_WORKER_FAULT", "no memory");
  addon->loop = loop_start();
  if (addon->loop == NULL) {
    free(addon);
    return throw_simple(env, "MEDIA_WORKER_FAULT", strerror(errno));
  }
  TRY(napi_set_instance_data(env, addon, NULL, NULL));
  TRY(napi_add_env_cleanup_hook(env, clean_up, addon));
  const napi_property_descriptor functions[] = {
      {.utf8name = "open", .method = open_session, .attributes = napi_default},
      {.utf8name = "configure", .method = configure, .attributes = napi_default},
      {.utf8name = "statistics", .method = statistics, .attributes = napi_default},
      {.utf8name = "close", .method = close_session, .attributes = napi_default},
  };
  TRY(napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions));
  return exports;
}
