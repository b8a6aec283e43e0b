/* What of a leg is about its way through the network: addresses of RTCP, keys, reports, its place for another worker. */
#ifndef RINGDOWN_ADDON_TRANSPORT_H
#define RINGDOWN_ADDON_TRANSPORT_H

#include "addon/addon.h"

/* Keys that wait for their leg: NULL for plain RTP; after protection_configure what the leg does not need, or no more. */
struct leg_keys {
  struct crypto_context *inbound;
  struct crypto_context *outbound;
};

/* rtcpMux, rtcpAddress, rtcpPort, dscp, silenceMs; `settings->remote` is there. False: an exception is pending. */
bool read_transport(napi_env env, napi_value object, struct leg_settings *settings);
/* srtp. Close them in any case. */
bool read_keys(napi_env env, napi_value object, struct leg_keys *keys);
void close_keys(struct leg_keys *keys);

struct transport_measures {
  struct reporting reporting;
  double rating;
  uint32_t clock_rate;
};

/* On the loop's thread. */
void measure_transport(const struct leg *leg, struct transport_measures *measures);
bool describe_transport(napi_env env, napi_value object, const struct transport_measures *measures);

/* resume: the places of every leg, and how old they are; absent: the session is a new one. Before any loop has it. */
bool resume_session(napi_env env, napi_value options, struct session *session);
/* Of one snapshot: their loop is not kept from its packets for more than some tenths of a millisecond. */
#define SNAPSHOT_SESSIONS 128
/* snapshot(from): { places, next } of SNAPSHOT_SESSIONS sessions at most; `from` is 0, or `next` of the one before. */
napi_value snapshot(napi_env env, napi_callback_info info);

#endif
