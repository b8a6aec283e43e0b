/*
 * One direction of a secured leg (RFC 3711): a cryptographic context from one master key, through libsrtp2 on OpenSSL.
 * The only file besides srtp.c that names either is the Makefile. Key bytes are zeroed when a context is closed.
 */
#ifndef RINGDOWN_SRTP_H
#define RINGDOWN_SRTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order of SRTP_SUITES in protocol.ts. */
enum crypto_suite {
  SUITE_AES_CM_128_HMAC_SHA1_80, /* RFC 4568 §6.2 */
  SUITE_AES_CM_128_HMAC_SHA1_32, /* SRTCP keeps the tag of 80 bits */
  SUITE_AES_256_CM_HMAC_SHA1_80, /* RFC 6188 */
  SUITE_AES_256_CM_HMAC_SHA1_32,
  SUITE_AEAD_AES_128_GCM, /* RFC 7714 */
  SUITE_AEAD_AES_256_GCM,
};
#define SUITE_COUNT 6

#define SRTP_MAX_MASTER_BYTES 46 /* the longest master key with its salt behind it */
#define SRTP_ROOM_BYTES 32       /* a packet grows by less than this when it is protected */

enum crypto_direction { CRYPTO_INBOUND, CRYPTO_OUTBOUND };

enum crypto_result {
  CRYPTO_OK,
  CRYPTO_MALFORMED, /* too short, no RTP or RTCP, a length that lies */
  CRYPTO_FORGED,    /* does not authenticate */
  CRYPTO_REPLAYED,  /* was there before, or is older than the window of 128 packets */
  CRYPTO_STRANGE,   /* more SSRCs than one party has under one key */
};

/* How far one source's stream is under this key, for a context that goes on where another one ended. */
struct crypto_place {
  uint32_t ssrc;
  uint32_t rollover;   /* ROC of `sequence` */
  uint16_t sequence;   /* the highest that was sent or received */
  uint32_t rtcp_index; /* outbound: of the last SRTCP packet; inbound: the lowest that is taken */
};

struct crypto_context;

/* Bytes of master key and salt together. */
size_t crypto_master_bytes(enum crypto_suite suite);

/*
 * `master` is the key with the salt behind it, crypto_master_bytes of them. NULL: no memory. Takes tens of microseconds.
 * The first call of a process starts the library, and takes milliseconds. `plain_rtcp`: SRTCP is authenticated only
 * (RFC 4568 §6.3.2, UNENCRYPTED_SRTCP). RTP is encrypted and authenticated always.
 */
struct crypto_context *crypto_open(enum crypto_suite suite, const uint8_t *master, enum crypto_direction direction,
                                   bool plain_rtcp);
/* NULL does nothing. */
void crypto_close(struct crypto_context *context);
/* True when a context of these would be no other one than this. Takes the same time for every key. */
bool crypto_is_same(const struct crypto_context *context, const struct crypto_context *other);
/* A context that has not been used, with the same key; NULL: no memory. */
struct crypto_context *crypto_open_again(const struct crypto_context *context);

/*
 * In place. `*length` is the packet's and becomes the new one's. To protect, SRTP_ROOM_BYTES must be free behind it;
 * what was protected under the same number before is refused, since two packets would share one key stream.
 * A packet that could not be unprotected is damaged with the GCM suites, and as it was with the others.
 */
enum crypto_result crypto_protect_rtp(struct crypto_context *context, uint8_t *packet, size_t *length);
enum crypto_result crypto_protect_rtcp(struct crypto_context *context, uint8_t *packet, size_t *length);
enum crypto_result crypto_unprotect_rtp(struct crypto_context *context, uint8_t *packet, size_t *length);
enum crypto_result crypto_unprotect_rtcp(struct crypto_context *context, uint8_t *packet, size_t *length);

/* True when failing to unprotect damages the packet. */
bool crypto_damages(const struct crypto_context *context);

/* Of this source. False when nothing of it was protected or unprotected yet. */
bool crypto_get_place(const struct crypto_context *context, uint32_t ssrc, struct crypto_place *place);
/* The source that spoke last; false when none did. */
bool crypto_last_place(const struct crypto_context *context, struct crypto_place *place);
/*
 * The context goes on from there: inbound, nothing up to that place is taken again. Only for a source that the context
 * does not know yet. False: it does, or no memory.
 */
bool crypto_set_place(struct crypto_context *context, const struct crypto_place *place);

#endif
