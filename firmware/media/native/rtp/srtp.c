#include "rtp/srtp.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* The library's inner header: how far a stream is can be read there, and set, and nowhere else. */
#include <srtp_priv.h>

#define RTP_HEADER_BYTES 12
#define RTCP_HEADER_BYTES 8
#define RTP_SSRC_AT 8
#define RTCP_SSRC_AT 4
#define WINDOW_PACKETS 128
/*
 * A party changes its SSRC when it is transferred or restarts its media, some at each hold; each one costs the library a
 * stream, so that an endless row of them is refused. None gives way to another: what it said could be replayed.
 */
#define MAX_SOURCES 64

struct crypto_context {
  srtp_t session;
  enum crypto_suite suite;
  enum crypto_direction direction;
  bool plain_rtcp;
  uint8_t master[SRTP_MAX_MASTER_BYTES];
  uint32_t sources[MAX_SOURCES];
  unsigned source_count;
  unsigned last_source;
  bool spoke; /* that one, in RTP: who only reports, or says goodbye, is not who speaks */
};

static const size_t master_bytes[SUITE_COUNT] = {
    SRTP_AES_ICM_128_KEY_LEN_WSALT, SRTP_AES_ICM_128_KEY_LEN_WSALT, SRTP_AES_ICM_256_KEY_LEN_WSALT,
    SRTP_AES_ICM_256_KEY_LEN_WSALT, SRTP_AES_GCM_128_KEY_LEN_WSALT, SRTP_AES_GCM_256_KEY_LEN_WSALT,
};
_Static_assert(SRTP_AES_ICM_256_KEY_LEN_WSALT == SRTP_MAX_MASTER_BYTES, "the longest one fits");
_Static_assert(SRTP_MAX_TAG_LEN + sizeof(srtcp_trailer_t) <= SRTP_ROOM_BYTES, "what protection adds fits");

static pthread_once_t started = PTHREAD_ONCE_INIT;
static bool usable;

static void start(void) { usable = srtp_init() == srtp_err_status_ok; }

size_t crypto_master_bytes(enum crypto_suite suite) { return master_bytes[suite]; }

static void choose(const struct crypto_context *context, srtp_policy_t *policy) {
  memset(policy, 0, sizeof *policy);
  switch (context->suite) {
    case SUITE_AES_CM_128_HMAC_SHA1_80:
      srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtp);
      break;
    case SUITE_AES_CM_128_HMAC_SHA1_32:
      srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy->rtp);
      break;
    case SUITE_AES_256_CM_HMAC_SHA1_80:
      srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy->rtp);
      break;
    case SUITE_AES_256_CM_HMAC_SHA1_32:
      srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32(&policy->rtp);
      break;
    case SUITE_AEAD_AES_128_GCM:
      srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtp);
      break;
    case SUITE_AEAD_AES_256_GCM:
      srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtp);
      break;
  }
  policy->rtcp = policy->rtp;
  /* RFC 3711 §5.2, RFC 4568 §6.2.2: the tag of SRTCP is not shortened. */
  if (policy->rtp.auth_tag_len == 4) policy->rtcp.auth_tag_len = 10;
  if (context->plain_rtcp) policy->rtcp.sec_serv = sec_serv_auth;
  policy->key = (unsigned char *)context->master;
  policy->window_size = WINDOW_PACKETS;
}

struct crypto_context *crypto_open(enum crypto_suite suite, const uint8_t *master, enum crypto_direction direction,
                                   bool plain_rtcp) {
  pthread_once(&started, start);
  if (!usable) return NULL;
  struct crypto_context *context = calloc(1, sizeof *context);
  if (context == NULL) return NULL;
  context->suite = suite;
  context->direction = direction;
  context->plain_rtcp = plain_rtcp;
  memcpy(context->master, master, master_bytes[suite]);
  srtp_policy_t policy;
  choose(context, &policy);
  policy.ssrc.type = direction == CRYPTO_INBOUND ? ssrc_any_inbound : ssrc_any_outbound;
  if (srtp_create(&context->session, &policy) == srtp_err_status_ok) return context;
  crypto_close(context);
  return NULL;
}

struct crypto_context *crypto_open_again(const struct crypto_context *context) {
  return crypto_open(context->suite, context->master, context->direction, context->plain_rtcp);
}

void crypto_close(struct crypto_context *context) {
  if (context == NULL) return;
  /* Zeroes the session keys, and OpenSSL what it made of them. */
  if (context->session != NULL) srtp_dealloc(context->session);
  explicit_bzero(context, sizeof *context);
  free(context);
}

bool crypto_is_same(const struct crypto_context *context, const struct crypto_context *other) {
  if (context == NULL || other == NULL) return context == other;
  uint8_t differs = (uint8_t)(context->suite ^ other->suite) | (uint8_t)(context->direction ^ other->direction) |
                    (uint8_t)(context->plain_rtcp ^ other->plain_rtcp);
  for (size_t i = 0; i < sizeof context->master; i++) differs |= context->master[i] ^ other->master[i];
  return differs == 0;
}

bool crypto_damages(const struct crypto_context *context) {
  return context->suite == SUITE_AEAD_AES_128_GCM || context->suite == SUITE_AEAD_AES_256_GCM;
}

static enum crypto_result result_of(srtp_err_status_t status) {
  switch (status) {
    case srtp_err_status_ok:
      return CRYPTO_OK;
    case srtp_err_status_auth_fail:
    case srtp_err_status_cipher_fail: /* what GCM calls it */
      return CRYPTO_FORGED;
    case srtp_err_status_replay_fail:
    case srtp_err_status_replay_old:
      return CRYPTO_REPLAYED;
    default:
      return CRYPTO_MALFORMED;
  }
}

static uint32_t read_ssrc(const uint8_t *bytes) {
  uint32_t ssrc;
  memcpy(&ssrc, bytes, sizeof ssrc);
  return ntohl(ssrc);
}

/* Its place in `sources`, or MAX_SOURCES. */
static unsigned find_source(const struct crypto_context *context, uint32_t ssrc) {
  for (unsigned i = 0; i < context->source_count; i++) {
    if (context->sources[i] == ssrc) return i;
  }
  return MAX_SOURCES;
}

static void note_source(struct crypto_context *context, unsigned source, uint32_t ssrc, bool speaks) {
  if (source == MAX_SOURCES) {
    source = context->source_count++;
    context->sources[source] = ssrc;
  }
  if (!speaks && context->spoke) return;
  context->last_source = source;
  context->spoke = speaks;
}

typedef srtp_err_status_t transform(srtp_t session, void *packet, int *length);

static enum crypto_result run(struct crypto_context *context, transform *step, uint8_t *packet, size_t *length,
                            size_t header, size_t ssrc_at) {
  if (*length < header || *length > INT16_MAX || packet[0] >> 6 != 2) return CRYPTO_MALFORMED;
  const uint32_t ssrc = read_ssrc(packet + ssrc_at);
  const unsigned source = find_source(context, ssrc);
  if (source == MAX_SOURCES && context->source_count == MAX_SOURCES) return CRYPTO_STRANGE;
  int octets = (int)*length;
  const enum crypto_result result = result_of(step(context->session, packet, &octets));
  if (result != CRYPTO_OK) return result;
  *length = (size_t)octets;
  note_source(context, source, ssrc, ssrc_at == RTP_SSRC_AT);
  return CRYPTO_OK;
}

enum crypto_result crypto_protect_rtp(struct crypto_context *context, uint8_t *packet, size_t *length) {
  return run(context, srtp_protect, packet, length, RTP_HEADER_BYTES, RTP_SSRC_AT);
}

enum crypto_result crypto_protect_rtcp(struct crypto_context *context, uint8_t *packet, size_t *length) {
  return run(context, srtp_protect_rtcp, packet, length, RTCP_HEADER_BYTES, RTCP_SSRC_AT);
}

enum crypto_result crypto_unprotect_rtp(struct crypto_context *context, uint8_t *packet, size_t *length) {
  return run(context, srtp_unprotect, packet, length, RTP_HEADER_BYTES, RTP_SSRC_AT);
}

enum crypto_result crypto_unprotect_rtcp(struct crypto_context *context, uint8_t *packet, size_t *length) {
  return run(context, srtp_unprotect_rtcp, packet, length, RTCP_HEADER_BYTES, RTCP_SSRC_AT);
}

/* Outbound the bit mask stays empty, and the window begins at the last index. */
static uint32_t rtcp_index_of(const srtp_stream_ctx_t *stream) {
  uint32_t seen = WINDOW_PACKETS;
  while (seen > 0 && !v128_get_bit(&stream->rtcp_rdb.bitmask, seen - 1)) seen--;
  return stream->rtcp_rdb.window_start + seen;
}

bool crypto_get_place(const struct crypto_context *context, uint32_t ssrc, struct crypto_place *place) {
  const srtp_stream_ctx_t *stream = srtp_get_stream(context->session, htonl(ssrc));
  if (stream == NULL) return false;
  const uint64_t index = stream->rtp_rdbx.index;
  *place = (struct crypto_place){
      .ssrc = ssrc,
      .rollover = (uint32_t)(index >> 16),
      .sequence = (uint16_t)index,
      .rtcp_index = rtcp_index_of(stream),
  };
  return true;
}

bool crypto_last_place(const struct crypto_context *context, struct crypto_place *place) {
  return context->source_count > 0 && crypto_get_place(context, context->sources[context->last_source], place);
}

bool crypto_set_place(struct crypto_context *context, const struct crypto_place *place) {
  if (context->source_count == MAX_SOURCES || find_source(context, place->ssrc) != MAX_SOURCES) return false;
  srtp_policy_t policy;
  choose(context, &policy);
  policy.ssrc.type = ssrc_specific;
  policy.ssrc.value = place->ssrc;
  if (srtp_add_stream(context->session, &policy) != srtp_err_status_ok) return false;
  srtp_stream_ctx_t *stream = srtp_get_stream(context->session, htonl(place->ssrc));
  stream->direction = context->direction == CRYPTO_INBOUND ? dir_srtp_receiver : dir_srtp_sender;
  srtp_rdbx_set_roc_seq(&stream->rtp_rdbx, place->rollover, place->sequence);
  for (int behind = 0; behind < WINDOW_PACKETS; behind++) srtp_rdbx_add_index(&stream->rtp_rdbx, -behind);
  stream->rtcp_rdb.window_start = place->rtcp_index;
  note_source(context, MAX_SOURCES, place->ssrc, true);
  return true;
}
