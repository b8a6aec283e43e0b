#include "addon/transport.h"

#include <string.h>

#include "net/socket.h"

#define MAX_ADDRESS_CHARACTERS 64
#define MAX_SILENCE_MS 86400000

bool read_transport(napi_env env, napi_value object, struct leg_settings *settings) {
  char address[MAX_ADDRESS_CHARACTERS];
  uint32_t port, dscp;
  const uint16_t beside = (uint16_t)(address_port(&settings->remote) + 1);
  if (!optional_boolean(env, object, "rtcpMux", false, &settings->rtcp_mux) ||
      !optional_text(env, object, "rtcpAddress", address, sizeof address) ||
      !optional_uint32(env, object, "rtcpPort", UINT16_MAX, beside, &port) ||
      !optional_uint32(env, object, "dscp", 63, SOCKET_DSCP, &dscp) ||
      !optional_uint32(env, object, "silenceMs", MAX_SILENCE_MS, 0, &settings->silence_ms)) {
    return false;
  }
  settings->dscp = (uint8_t)dscp;
  settings->rtcp_remote = settings->remote;
  address_set_port(&settings->rtcp_remote, (uint16_t)port);
  if (address[0] == 0) return true;
  if (address_parse(address, (uint16_t)port, &settings->rtcp_remote) &&
      settings->rtcp_remote.any.sa_family == settings->remote.any.sa_family) {
    return true;
  }
  return throw_error(env, "MEDIA_ADDRESS", "no usable address of RTCP") != NULL;
}

bool read_keys(napi_env env, napi_value object, struct leg_keys *keys) {
  bool there, plain_rtcp;
  napi_value srtp;
  uint32_t suite;
  const uint8_t *key;
  *keys = (struct leg_keys){NULL, NULL};
  if (!property_present(env, object, "srtp", &there)) return false;
  if (!there) return true;
  if (!property_value(env, object, "srtp", &srtp) || !property_uint32(env, srtp, "suite", SUITE_COUNT - 1, &suite) ||
      !property_boolean(env, srtp, "unencryptedSrtcp", &plain_rtcp)) {
    return false;
  }
  const size_t bytes = crypto_master_bytes((enum crypto_suite)suite);
  /* Each is used before the next one is read, which may run JavaScript. */
  if (!property_bytes(env, srtp, "receiveKey", bytes, &key)) return false;
  keys->inbound = crypto_open((enum crypto_suite)suite, key, CRYPTO_INBOUND, plain_rtcp);
  if (!property_bytes(env, srtp, "sendKey", bytes, &key)) return false;
  keys->outbound = crypto_open((enum crypto_suite)suite, key, CRYPTO_OUTBOUND, plain_rtcp);
  if (keys->inbound != NULL && keys->outbound != NULL) return true;
  return throw_error(env, "MEDIA_WORKER_FAULT", "no memory for SRTP") != NULL;
}

void close_keys(struct leg_keys *keys) {
  crypto_close(keys->inbound);
  crypto_close(keys->outbound);
}

void measure_transport(const struct leg *leg, struct transport_measures *measures) {
  measures->reporting = leg->reporting;
  measures->rating = leg->configured ? reporting_rating(leg) : 0;
  measures->clock_rate = leg->configured ? codec_traits(leg->settings.codec)->clock_rate : 1;
}

/* Scores of RFC 3611 §4.7.5: 127 says that there is none. */
#define NO_SCORE 127

static bool set_score(napi_env env, napi_value object, const char *name, uint8_t score, double unit) {
  return score == NO_SCORE || set_number(env, object, name, score / unit);
}

static bool describe_metrics(napi_env env, napi_value object, const struct voip_metrics *metrics) {
  napi_value described;
  return napi_create_object(env, &described) == napi_ok &&
         set_number(env, described, "lossRatio", metrics->loss_rate / 256.0) &&
         set_number(env, described, "discardRatio", metrics->discard_rate / 256.0) &&
         set_number(env, described, "roundTripMs", metrics->round_trip_ms) &&
         set_number(env, described, "endSystemMs", metrics->end_system_ms) &&
         set_number(env, described, "jitterBufferMs", metrics->jitter_buffer_ms) &&
         set_score(env, described, "rating", metrics->r_factor, 1) &&
         set_score(env, described, "listeningOpinion", metrics->listening_quality10, 10) &&
         set_score(env, described, "conversationalOpinion", metrics->conversational_quality10, 10) &&
         napi_set_named_property(env, object, "metrics", described) == napi_ok;
}

static bool describe_remote(napi_env env, napi_value object, const struct transport_measures *measures) {
  const struct reporting *reporting = &measures->reporting;
  if (!reporting->block_known && !reporting->metrics_known) return true;
  const struct report_block *block = &reporting->block;
  napi_value remote;
  if (napi_create_object(env, &remote) != napi_ok) return false;
  const bool described =
      (!reporting->block_known ||
       (set_number(env, remote, "lossRatio", block->fraction_lost / 256.0) &&
        set_number(env, remote, "packetsLost", block->cumulative_lost < 0 ? 0 : block->cumulative_lost) &&
        set_number(env, remote, "jitterMs", ticks_to_us(block->jitter, measures->clock_rate) / 1000.0))) &&
      (!reporting->round_trip_known || set_number(env, remote, "roundTripMs", reporting->round_trip_us / 1000.0)) &&
      (!reporting->metrics_known || describe_metrics(env, remote, &reporting->metrics));
  return described && napi_set_named_property(env, object, "remote", remote) == napi_ok;
}

bool describe_transport(napi_env env, napi_value object, const struct transport_measures *measures) {
  const struct reporting *reporting = &measures->reporting;
  if (!set_number(env, object, "rtcpReceived", (double)reporting->received_reports) ||
      !set_number(env, object, "rtcpSent", (double)reporting->sent_reports) ||
      !set_number(env, object, "rtcpDiscarded", (double)reporting->discarded_reports)) {
    return false;
  }
  if (reporting->reception.started &&
      (!set_number(env, object, "jitterMs", reception_jitter_us(&reporting->reception) / 1000.0) ||
       !set_number(env, object, "rating", measures->rating) ||
       !set_number(env, object, "opinion", opinion_of(measures->rating)))) {
    return false;
  }
  return describe_remote(env, object, measures);
}

bool resume_session(napi_env env, napi_value options, struct session *session) {
  bool there;
  napi_value resume;
  const uint8_t *bytes;
  uint32_t age_ms, resumptions;
  if (!property_present(env, options, "resume", &there)) return false;
  if (!there) return true;
  if (!property_value(env, options, "resume", &resume) || !property_uint32(env, resume, "ageMs", UINT32_MAX, &age_ms) ||
      !property_uint32(env, resume, "resumptions", 16, &resumptions) ||
      !property_bytes(env, resume, "place", session->leg_count * sizeof(struct leg_place), &bytes)) {
    return false;
  }
  for (unsigned i = 0; i < session->leg_count; i++) {
    struct leg_place place;
    memcpy(&place, bytes + i * sizeof place, sizeof place);
    place.age_us = (uint64_t)age_ms * 1000;
    place.resumptions = resumptions;
    place_begin(&session->legs[i], &place, loop_now_us());
  }
  return true;
}

/* How protocol.ts has the place of a session: who it is, how much follows, and then what resume_session takes. */
struct place_header {
  double session;
  uint32_t bytes;
  uint32_t unused;
};

struct snapshot {
  size_t length;
  uint8_t bytes[SNAPSHOT_SESSIONS * (sizeof(struct place_header) + SESSION_MAX_LEGS * sizeof(struct leg_place))];
};

static void take(struct session *session, void *argument) {
  struct snapshot *snapshot = argument;
  const uint64_t now_us = loop_now_us();
  const struct place_header header = {.session = (double)session->id,
                                      .bytes = session->leg_count * (uint32_t)sizeof(struct leg_place)};
  memcpy(snapshot->bytes + snapshot->length, &header, sizeof header);
  snapshot->length += sizeof header;
  for (unsigned i = 0; i < session->leg_count; i++) {
    struct leg_place place;
    place_take(&session->legs[i], now_us, &place);
    memcpy(snapshot->bytes + snapshot->length, &place, sizeof place);
    snapshot->length += sizeof place;
  }
}

napi_value snapshot(napi_env env, napi_callback_info info) {
  struct engine *engine = engine_of(env);
  napi_value argument, result, places, next;
  uint32_t from;
  if (engine == NULL || !read_arguments(env, info, &argument, 1) || !read_uint32(env, argument, "from", UINT32_MAX, &from)) return NULL;
  /* For the one thread of JavaScript. */
  static struct snapshot taken;
  taken.length = 0;
  const uint32_t going_on = engine_visit_some(engine, from, SNAPSHOT_SESSIONS, take, &taken);
  TRY(napi_create_object(env, &result));
  TRY(napi_create_buffer_copy(env, taken.length, taken.bytes, NULL, &places));
  TRY(napi_create_uint32(env, going_on, &next));
  TRY(napi_set_named_property(env, result, "places", places));
  TRY(napi_set_named_property(env, result, "next", next));
  return result;
}
