/* Sessions: open, configure, join, part, statistics, close. */
#include <errno.h>
#include <string.h>

#include "addon/addon.h"
#include "addon/transport.h"

#define MAX_ADDRESS_CHARACTERS 64

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

/* open({ session, legs: [{ address, port }, ...], resume: { place, ageMs } or undefined }): handle */
static napi_value open_session(napi_env env, napi_callback_info info) {
  napi_value options, legs;
  char texts[2][MAX_ADDRESS_CHARACTERS];
  const char *const addresses[2] = {texts[0], texts[1]};
  uint16_t ports[2];
  uint64_t id;
  uint32_t leg_count;
  struct engine *engine = engine_of(env);
  if (engine == NULL || !read_arguments(env, info, &options, 1) || !property_id(env, options, "session", &id) ||
      !property_array(env, options, "legs", 1, 2, &legs, &leg_count)) {
    return NULL;
  }
  for (uint32_t leg = 0; leg < leg_count; leg++) {
    napi_value local;
    uint32_t port;
    TRY(napi_get_element(env, legs, leg, &local));
    if (!property_text(env, local, "address", texts[leg], MAX_ADDRESS_CHARACTERS) ||
        !property_uint32(env, local, "port", UINT16_MAX - 1, &port)) {
      return NULL;
    }
    ports[leg] = (uint16_t)port;
  }
  unsigned failed = 0;
  enum leg_fault fault = LEG_OK;
  struct session *session = session_open(addresses, ports, leg_count, &failed, &fault);
  if (session == NULL) {
    if (fault == LEG_BAD_ADDRESS) return throw_fault(env, "MEDIA_ADDRESS", "no usable address", failed);
    const int reason = errno;
    return throw_fault(env, code_of_errno(reason), strerror(reason), failed);
  }
  session->id = id;
  if (!resume_session(env, options, session)) {
    session_close(session);
    return NULL;
  }
  const uint32_t handle = engine_add(engine, session);
  if (handle == 0) {
    session_close(session);
    return throw_error(env, "MEDIA_WORKER_FAULT", "too many sessions");
  }
  napi_value result;
  TRY(napi_create_uint32(env, handle, &result));
  return result;
}

/* What a visit on the loop's thread needs and finds out. */
struct configuration {
  unsigned leg;
  struct leg_settings settings;
  struct leg_keys keys;
  bool no_such_leg;
  bool family_differs;
  bool no_memory;
};

static void configure_on_loop(struct session *session, void *argument) {
  struct configuration *configuration = argument;
  configuration->no_such_leg = configuration->leg >= session->leg_count;
  if (configuration->no_such_leg) return;
  const struct leg *leg = &session->legs[configuration->leg];
  configuration->family_differs = leg->family != configuration->settings.remote.any.sa_family;
  if (configuration->family_differs) return;
  /* First the keys: a leg for whose codec there is no memory must not speak without them. */
  protection_configure(&session->legs[configuration->leg].protection, &configuration->keys.inbound, &configuration->keys.outbound, loop_now_us());
  configuration->no_memory = !session_configure(session, configuration->leg, &configuration->settings);
  if (configuration->no_memory) return;
  place_resume(&session->legs[configuration->leg], loop_now_us());
}

static bool read_settings(napi_env env, napi_value object, struct leg_settings *settings) {
  char address[MAX_ADDRESS_CHARACTERS];
  uint32_t port, codec, payload_type, event_payload_type, event_received_type, noise_payload_type, ptime_ms;
  struct encoder_options *encoding = &settings->encoding;
  if (!property_text(env, object, "remoteAddress", address, sizeof address) ||
      !property_uint32(env, object, "remotePort", UINT16_MAX, &port) ||
      !property_uint32(env, object, "codec", CODEC_COUNT - 1, &codec) ||
      !property_uint32(env, object, "payloadType", 127, &payload_type) ||
      !optional_uint32(env, object, "telephoneEventPayloadType", 127, NO_PAYLOAD_TYPE, &event_payload_type) ||
      !optional_uint32(env, object, "telephoneEventReceivedType", 127, NO_PAYLOAD_TYPE, &event_received_type) ||
      !optional_uint32(env, object, "comfortNoisePayloadType", 127, NO_PAYLOAD_TYPE, &noise_payload_type) ||
      !property_uint32(env, object, "ptimeMs", MAX_PTIME_MS, &ptime_ms) ||
      !property_boolean(env, object, "receives", &settings->receives) ||
      !property_boolean(env, object, "sends", &settings->sends) ||
      !optional_boolean(env, object, "annexB", false, &encoding->annex_b) ||
      !optional_uint32(env, object, "maxPlaybackRate", 48000, 0, &encoding->max_rate) ||
      !optional_uint32(env, object, "maxBitrate", 510000, 0, &encoding->max_bitrate) ||
      !optional_boolean(env, object, "fec", false, &encoding->fec) ||
      !optional_boolean(env, object, "constantRate", false, &encoding->constant_rate) ||
      !optional_boolean(env, object, "discontinuous", false, &encoding->discontinuous) ||
      !optional_boolean(env, object, "detectDigits", false, &settings->detects_digits) ||
      !optional_boolean(env, object, "digitsBySignalling", false, &settings->digits_by_signalling)) {
    return false;
  }
  if (ptime_ms < FRAME_MS) return throw_error(env, "MEDIA_PARAMETERS", "ptime is shorter than a frame") != NULL;
  if (!address_parse(address, (uint16_t)port, &settings->remote)) {
    return throw_error(env, "MEDIA_ADDRESS", "no usable address") != NULL;
  }
  settings->codec = (enum codec)codec;
  settings->payload_type = (uint8_t)payload_type;
  settings->event_payload_type = (uint8_t)event_payload_type;
  settings->event_received_type = (uint8_t)event_received_type;
  settings->noise_payload_type = (uint8_t)noise_payload_type;
  settings->ptime_ms = (uint16_t)ptime_ms;
  return read_transport(env, object, settings);
}

/* configure(handle, leg, { remoteAddress, ... }): boolean; the properties are those of LegSettings in worker/addon.ts */
static napi_value configure(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  uint32_t handle, leg;
  struct configuration configuration = {0};
  struct engine *engine = engine_of(env);
  if (engine == NULL || !read_arguments(env, info, arguments, 3) ||
      !read_uint32(env, arguments[0], "handle", UINT32_MAX, &handle) ||
      !read_uint32(env, arguments[1], "leg", 1, &leg) ||
      !read_settings(env, arguments[2], &configuration.settings)) {
    return NULL;
  }
  if (!read_keys(env, arguments[2], &configuration.keys)) {
    close_keys(&configuration.keys);
    return NULL;
  }
  configuration.leg = leg;
  const bool known = engine_visit(engine, handle, configure_on_loop, &configuration);
  close_keys(&configuration.keys);
  if (configuration.no_such_leg) return throw_error(env, "MEDIA_PARAMETERS", "the session has no such leg");
  if (configuration.no_memory) return throw_error(env, "MEDIA_WORKER_FAULT", "no memory for a codec");
  if (configuration.family_differs) {
    return throw_error(env, "MEDIA_ADDRESS", "the remote address is not of the leg's family");
  }
  napi_value result;
  TRY(napi_get_boolean(env, known, &result));
  return result;
}

static napi_value answer(napi_env env, enum engine_result result) {
  napi_value known;
  if (result == ENGINE_NO_LEG) return throw_error(env, "MEDIA_PARAMETERS", "a session has no such leg, or a leg is joined with itself");
  if (result == ENGINE_REFUSED) return throw_error(env, "MEDIA_WORKER_FAULT", "the parties cannot be brought together");
  TRY(napi_get_boolean(env, result == ENGINE_DONE, &known));
  return known;
}

static bool read_party(napi_env env, const napi_value *arguments, struct engine_party *party) {
  uint32_t leg;
  if (!read_uint32(env, arguments[0], "handle", UINT32_MAX, &party->handle) ||
      !read_uint32(env, arguments[1], "leg", SESSION_MAX_LEGS - 1, &leg)) {
    return false;
  }
  party->leg = leg;
  return true;
}

/* join(handle, leg, handle, leg): boolean */
static napi_value join(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  struct engine_party one, other;
  struct engine *engine = engine_of(env);
  if (engine == NULL || !read_arguments(env, info, arguments, 4) || !read_party(env, arguments, &one) ||
      !read_party(env, arguments + 2, &other)) {
    return NULL;
  }
  return answer(env, engine_join(engine, &one, &other));
}

/* part(handle, leg): boolean */
static napi_value part(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct engine_party party;
  struct engine *engine = engine_of(env);
  if (engine == NULL || !read_arguments(env, info, arguments, 2) || !read_party(env, arguments, &party)) return NULL;
  return answer(env, engine_part(engine, &party));
}

struct measures {
  unsigned leg_count;
  struct leg_counters counters[2];
  struct transport_measures transport[2];
};

static void measure(struct session *session, void *argument) {
  struct measures *measures = argument;
  measures->leg_count = session->leg_count;
  for (unsigned i = 0; i < session->leg_count; i++) {
    measures->counters[i] = session->legs[i].counters;
    measure_transport(&session->legs[i], &measures->transport[i]);
  }
}

static bool set_count(napi_env env, napi_value object, const char *name, uint64_t count) {
  return set_number(env, object, name, (double)count);
}

static napi_value describe(napi_env env, const struct leg_counters *counters, uint64_t now_us) {
  napi_value object, discards;
  TRY(napi_create_object(env, &object));
  TRY(napi_create_object(env, &discards));
  const uint64_t discarded = counters->malformed + counters->unauthenticated + counters->replayed +
                             counters->unknown_payload_type + counters->wrong_source + counters->late + counters->unforwarded;
  const bool described = set_count(env, object, "packetsReceived", counters->packets_received) &&
                         set_count(env, object, "packetsSent", counters->packets_sent) &&
                         set_count(env, object, "bytesReceived", counters->bytes_received) &&
                         set_count(env, object, "bytesSent", counters->bytes_sent) &&
                         set_count(env, object, "packetsDiscarded", discarded) &&
                         set_count(env, object, "packetsLost", counters->packets_lost) &&
                         set_count(env, object, "packetsUnsent", counters->packets_unsent) &&
                         set_count(env, discards, "malformed", counters->malformed) &&
                         set_count(env, discards, "unauthenticated", counters->unauthenticated) &&
                         set_count(env, discards, "replayed", counters->replayed) &&
                         set_count(env, discards, "payloadType", counters->unknown_payload_type) &&
                         set_count(env, discards, "source", counters->wrong_source) &&
                         set_count(env, discards, "late", counters->late) &&
                         set_count(env, discards, "unforwarded", counters->unforwarded);
  if (!described) return NULL;
  TRY(napi_set_named_property(env, object, "discards", discards));
  if (counters->last_received_us != 0 &&
      !set_count(env, object, "lastReceivedMs", (now_us - counters->last_received_us) / 1000)) {
    return NULL;
  }
  return object;
}

static napi_value describe_all(napi_env env, const struct measures *measures) {
  napi_value result;
  TRY(napi_create_array_with_length(env, measures->leg_count, &result));
  const uint64_t now_us = loop_now_us();
  for (uint32_t leg = 0; leg < measures->leg_count; leg++) {
    napi_value described = describe(env, &measures->counters[leg], now_us);
    if (described == NULL || !describe_transport(env, described, &measures->transport[leg])) return NULL;
    TRY(napi_set_element(env, result, leg, described));
  }
  return result;
}

/* statistics(handle): [leg 0, leg 1] (or just the one there is) or undefined */
static napi_value statistics(napi_env env, napi_callback_info info) {
  napi_value argument;
  uint32_t handle;
  struct measures measures;
  struct engine *engine = engine_of(env);
  if (engine == NULL || !read_arguments(env, info, &argument, 1)) return NULL;
  if (!read_uint32(env, argument, "handle", UINT32_MAX, &handle)) return NULL;
  return engine_visit(engine, handle, measure, &measures) ? describe_all(env, &measures) : NULL;
}

static bool was_heard(const struct session *session) {
  for (unsigned leg = 0; leg < session->leg_count; leg++) {
    if (session->legs[leg].counters.packets_received > 0) return true;
  }
  return false;
}

/*
 * close(handle): its last statistics, or undefined where nobody was heard, as in a call that was not answered; a handle that is not open
 * does nothing
 */
static napi_value close_session(napi_env env, napi_callback_info info) {
  napi_value argument;
  uint32_t handle;
  struct engine *engine = engine_of(env);
  if (engine == NULL || !read_arguments(env, info, &argument, 1)) return NULL;
  if (!read_uint32(env, argument, "handle", UINT32_MAX, &handle)) return NULL;
  /* One that lives on no loop has none. */
  if (engine_loop_of(engine, handle) != ENGINE_MAX_LOOPS) end_recordings(engine, handle);
  struct session *session = engine_remove(engine, handle);
  if (session == NULL) return NULL;
  struct measures measures;
  const bool heard = was_heard(session);
  if (heard) measure(session, &measures);
  session_close(session);
  return heard ? describe_all(env, &measures) : NULL;
}

bool add_sessions(napi_env env, napi_value exports) {
  return add_function(env, exports, "open", open_session) && add_function(env, exports, "configure", configure) &&
         add_function(env, exports, "join", join) && add_function(env, exports, "part", part) &&
         add_function(env, exports, "statistics", statistics) &&
         add_function(env, exports, "snapshot", snapshot) && add_function(env, exports, "close", close_session);
}
