/*
 * SRTP of one leg: the keys of both directions, and what follows from their change in the middle of a call. All zero: none,
 * the leg is plain RTP.
 */
#ifndef RINGDOWN_PROTECTION_H
#define RINGDOWN_PROTECTION_H

#include "rtp/srtp.h"

/* Packets under the former key are on their way still, or the sender learns of the new one a moment later. */
#define REKEY_GRACE_US 5000000

/* As long as the longest packet that is received. */
#define PROTECTION_SCRATCH_BYTES 2048

struct protection {
  struct crypto_context *outbound;
  struct crypto_context *inbound;
  /*
   * After a change of keys: the new key as one who kept his roll-over counter has it, as RFC 3711 §3.3.1 demands. `inbound`
   * begins at 0, as do those who make a new context of a new key. Whichever is right is kept.
   */
  struct crypto_context *kept_rollover;
  struct crypto_context *former; /* the key before, until former_until_us */
  uint64_t former_until_us;
};

/*
 * Takes over new keys at once: both, or none (NULL) for plain RTP. What is the same as before stays as it is, with its
 * roll-over counters. What is not needed afterwards is left in *inbound and *outbound, for the caller to close.
 */
void protection_configure(struct protection *protection, struct crypto_context **inbound, struct crypto_context **outbound,
                          uint64_t now_us);
void protection_close(struct protection *protection);

static inline bool protection_is_on(const struct protection *protection) { return protection->inbound != NULL; }

/*
 * A packet of at most PROTECTION_SCRATCH_BYTES that came in, in place; CRYPTO_OK at once on a plain leg. After anything else
 * its bytes are not to be used.
 */
enum crypto_result protection_unprotect_rtp(struct protection *protection, uint8_t *packet, size_t *length, uint64_t now_us);
enum crypto_result protection_unprotect_rtcp(struct protection *protection, uint8_t *packet, size_t *length, uint64_t now_us);

/* Where both directions are; the inbound one of the source that was heard last. False: that direction has none yet. */
bool protection_outbound_place(const struct protection *protection, uint32_t ssrc, struct crypto_place *place);
bool protection_inbound_place(const struct protection *protection, struct crypto_place *place);
/* Goes on where another worker ended. Does nothing on a plain leg. */
void protection_resume(struct protection *protection, const struct crypto_place *outbound, const struct crypto_place *inbound);

#endif
