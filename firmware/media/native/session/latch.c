#include "session/latch.h"

#include <string.h>

void latch_signal(struct latch *latch, const union address *signalled) {
  if (address_equal(&latch->signalled, signalled)) return;
  memset(latch, 0, sizeof *latch);
  latch->signalled = *signalled;
}

bool latch_is_at(const struct latch *latch, const union address *source) {
  return latch->known && address_equal(&latch->heard, source);
}

const union address *latch_remote(const struct latch *latch) { return latch->known ? &latch->heard : &latch->signalled; }

static enum source move(struct latch *latch, const union address *source, uint64_t now_us) {
  latch->known = true;
  latch->heard = *source;
  latch->packets = 1;
  latch->heard_us = now_us;
  latch->rival_packets = 0;
  return SOURCE_NEW;
}

/* Rule 3, for a source that is not the one heard. True: it has shown enough. */
static bool has_shown(struct latch *latch, const union address *source, uint64_t now_us) {
  if (latch->rival_packets == 0 || !address_equal(&latch->rival, source)) {
    latch->rival = *source;
    latch->rival_packets = 0;
    latch->rival_us = now_us;
  }
  latch->rival_packets++;
  return latch->rival_packets >= LATCH_PACKETS && now_us - latch->rival_us >= LATCH_RIVAL_US;
}

static bool may_move(struct latch *latch, const union address *source, uint64_t now_us) {
  const bool locked = latch->packets >= LATCH_PACKETS;
  const bool at_signalled = address_equal(&latch->heard, &latch->signalled);
  const bool silent = now_us - latch->heard_us >= LATCH_SILENCE_US;
  if (at_signalled) return silent && address_same_host(&latch->heard, source);
  return silent || (!locked && has_shown(latch, source, now_us));
}

enum source latch_hear(struct latch *latch, const union address *source, enum proof proof, uint64_t now_us) {
  if (latch_is_at(latch, source)) {
    if (latch->packets < LATCH_PACKETS) latch->packets++;
    latch->heard_us = now_us;
    latch->rival_packets = 0;
    return SOURCE_KNOWN;
  }
  /* A packet that was overtaken on its way from the former address is heard, and moves nothing back. */
  if (proof == PROOF_OLD && latch->known) return SOURCE_KNOWN;
  const bool moves = !latch->known || proof != PROOF_NONE || address_equal(&latch->signalled, source);
  if (!moves && !may_move(latch, source, now_us)) return SOURCE_STRANGER;
  return move(latch, source, now_us);
}
