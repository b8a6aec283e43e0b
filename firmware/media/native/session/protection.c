#include "session/protection.h"

#include <string.h>

static void exchange(struct crypto_context **one, struct crypto_context **other) {
  struct crypto_context *const kept = *one;
  *one = *other;
  *other = kept;
}

static void drop(struct crypto_context **context) {
  crypto_close(*context);
  *context = NULL;
}

/* The same key with the roll-over counter of the one before; NULL where that is 0 anyway, and no wrap is near. */
static struct crypto_context *with_rollover_kept(const struct crypto_context *context, const struct crypto_context *former) {
  struct crypto_place place;
  if (context == NULL || former == NULL || !crypto_last_place(former, &place)) return NULL;
  /* RFC 3711 §3.3.1: from the upper half of the numbers on, a low one is behind the wrap. A new context cannot know. */
  if (place.rollover == 0 && place.sequence < 0x8000) return NULL;
  struct crypto_context *again = crypto_open_again(context);
  place.rtcp_index = 0;
  if (again != NULL && crypto_set_place(again, &place)) return again;
  crypto_close(again);
  return NULL;
}

static void configure_inbound(struct protection *protection, struct crypto_context **inbound, uint64_t now_us) {
  drop(&protection->former);
  drop(&protection->kept_rollover);
  protection->kept_rollover = with_rollover_kept(*inbound, protection->inbound);
  exchange(&protection->inbound, inbound);
  /* From a key to none, what comes under the old key cannot be told from plain RTP: it is refused as what it looks like. */
  if (protection->inbound == NULL) return;
  protection->former = *inbound;
  protection->former_until_us = now_us + REKEY_GRACE_US;
  *inbound = NULL;
}

static void configure_outbound(struct protection *protection, struct crypto_context **outbound) {
  struct crypto_place place;
  const bool goes_on = *outbound != NULL && protection->outbound != NULL && crypto_last_place(protection->outbound, &place);
  exchange(&protection->outbound, outbound);
  if (!goes_on) return;
  /* RFC 3711 §3.3.1: the roll-over counter is kept across a change of keys. The index of SRTCP is the key's own. */
  place.rtcp_index = 0;
  crypto_set_place(protection->outbound, &place);
}

void protection_configure(struct protection *protection, struct crypto_context **inbound, struct crypto_context **outbound,
                          uint64_t now_us) {
  if (!crypto_is_same(protection->inbound, *inbound)) configure_inbound(protection, inbound, now_us);
  if (!crypto_is_same(protection->outbound, *outbound)) configure_outbound(protection, outbound);
}

void protection_close(struct protection *protection) {
  drop(&protection->outbound);
  drop(&protection->inbound);
  drop(&protection->kept_rollover);
  drop(&protection->former);
}

typedef enum crypto_result unprotect(struct crypto_context *context, uint8_t *packet, size_t *length);

static enum crypto_result run(struct protection *protection, unprotect *step, uint8_t *packet, size_t *length, uint64_t now_us) {
  /* Which roll-over counter is right shows in RTP alone. */
  const bool rtp = step == crypto_unprotect_rtp;
  if (protection->inbound == NULL) return CRYPTO_OK;
  if (protection->former != NULL && now_us >= protection->former_until_us) drop(&protection->former);
  if (protection->former == NULL && protection->kept_rollover == NULL) return step(protection->inbound, packet, length);

  uint8_t copy[PROTECTION_SCRATCH_BYTES];
  const size_t received = *length;
  if (received > sizeof copy) return CRYPTO_MALFORMED;
  memcpy(copy, packet, received);
  enum crypto_result result = step(protection->inbound, packet, length);
  if (result == CRYPTO_OK && rtp) drop(&protection->kept_rollover);
  if (result != CRYPTO_FORGED) return result;
  if (protection->kept_rollover != NULL && rtp) {
    memcpy(packet, copy, received);
    result = step(protection->kept_rollover, packet, length);
    if (result == CRYPTO_OK) {
      exchange(&protection->inbound, &protection->kept_rollover);
      drop(&protection->kept_rollover);
    }
    if (result != CRYPTO_FORGED) return result;
  }
  if (protection->former == NULL) return result;
  memcpy(packet, copy, received);
  return step(protection->former, packet, length);
}

enum crypto_result protection_unprotect_rtp(struct protection *protection, uint8_t *packet, size_t *length, uint64_t now_us) {
  return run(protection, crypto_unprotect_rtp, packet, length, now_us);
}

enum crypto_result protection_unprotect_rtcp(struct protection *protection, uint8_t *packet, size_t *length, uint64_t now_us) {
  return run(protection, crypto_unprotect_rtcp, packet, length, now_us);
}

bool protection_outbound_place(const struct protection *protection, uint32_t ssrc, struct crypto_place *place) {
  return protection->outbound != NULL && crypto_get_place(protection->outbound, ssrc, place);
}

bool protection_inbound_place(const struct protection *protection, struct crypto_place *place) {
  return protection->inbound != NULL && crypto_last_place(protection->inbound, place);
}

void protection_resume(struct protection *protection, const struct crypto_place *outbound, const struct crypto_place *inbound) {
  if (protection->outbound != NULL && outbound != NULL) crypto_set_place(protection->outbound, outbound);
  if (protection->inbound != NULL && inbound != NULL) crypto_set_place(protection->inbound, inbound);
}
