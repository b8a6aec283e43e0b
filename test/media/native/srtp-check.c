/* SRTP contexts by themselves, and the keys of a leg. That the bytes are SRTP's is for srtp.test.ts, against another implementation. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "session/outgoing.h"
#include "session/protection.h"

#define PAYLOAD_BYTES 160
#define RTCP_BYTES 28 /* a sender report without blocks */

static struct crypto_context *open_key(enum crypto_suite suite, uint8_t key, enum crypto_direction direction) {
  uint8_t master[SRTP_MAX_MASTER_BYTES];
  for (size_t i = 0; i < sizeof master; i++) master[i] = (uint8_t)(key * 31 + i * 7);
  struct crypto_context *context = crypto_open(suite, master, direction, false);
  if (context == NULL) abort();
  return context;
}

struct bytes {
  size_t length;
  uint8_t bytes[PROTECTION_SCRATCH_BYTES];
};

static struct bytes rtp_of(uint32_t ssrc, uint16_t sequence) {
  struct bytes made = {.length = RTP_HEADER_BYTES + PAYLOAD_BYTES};
  const struct rtp_packet packet = {.payload_type = PCMA_TYPE, .sequence_number = sequence, .timestamp = sequence * 160u, .ssrc = ssrc};
  rtp_write_header(made.bytes, &packet);
  memset(made.bytes + RTP_HEADER_BYTES, (uint8_t)sequence, PAYLOAD_BYTES);
  return made;
}

static struct bytes rtcp_of(uint32_t ssrc) {
  struct bytes made = {.length = RTCP_BYTES, .bytes = {0x80, 200, 0, RTCP_BYTES / 4 - 1}};
  for (unsigned i = 0; i < 4; i++) made.bytes[4 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
  return made;
}

static struct bytes protected_rtp(struct crypto_context *context, uint32_t ssrc, uint16_t sequence) {
  struct bytes made = rtp_of(ssrc, sequence);
  if (crypto_protect_rtp(context, made.bytes, &made.length) != CRYPTO_OK) made.length = 0;
  return made;
}

/* Works on a copy, so that the packet may be sent again. Of exactly its length, so that reading past it is noticed. */
static enum crypto_result unprotect(struct crypto_context *context, const struct bytes *packet, bool rtcp) {
  size_t length = packet->length;
  uint8_t *exact = malloc(length > 0 ? length : 1);
  memcpy(exact, packet->bytes, length);
  const enum crypto_result result =
      rtcp ? crypto_unprotect_rtcp(context, exact, &length) : crypto_unprotect_rtp(context, exact, &length);
  free(exact);
  return result;
}

CHECK(check_srtp_old_source, "SRTP: the source that speaks is where another worker goes on, whatever an old one reports") {
  struct crypto_context *sender = open_key(SUITE_AES_CM_128_HMAC_SHA1_80, 1, CRYPTO_OUTBOUND);
  struct crypto_context *receiver = open_key(SUITE_AES_CM_128_HMAC_SHA1_80, 1, CRYPTO_INBOUND);
  struct crypto_place place;
  struct bytes report = rtcp_of(9);
  EXPECT(crypto_protect_rtcp(sender, report.bytes, &report.length), CRYPTO_OK);
  EXPECT(unprotect(receiver, &report, true), CRYPTO_OK);
  EXPECT(crypto_last_place(receiver, &place), true);
  EXPECT(place.ssrc, 9);
  for (uint32_t ssrc = 7; ssrc <= 8; ssrc++) {
    const struct bytes packet = protected_rtp(sender, ssrc, 100);
    EXPECT(unprotect(receiver, &packet, false), CRYPTO_OK);
  }
  /* The goodbye of the first one comes behind the first words of the second one. */
  struct bytes goodbye = rtcp_of(7);
  EXPECT(crypto_protect_rtcp(sender, goodbye.bytes, &goodbye.length), CRYPTO_OK);
  EXPECT(unprotect(receiver, &goodbye, true), CRYPTO_OK);
  EXPECT(crypto_last_place(receiver, &place), true);
  EXPECT(place.ssrc, 8);
  EXPECT(place.sequence, 100);
  EXPECT(crypto_last_place(sender, &place), true);
  EXPECT(place.ssrc, 8);
  crypto_close(sender);
  crypto_close(receiver);
}

CHECK(check_srtp_suites, "SRTP: each suite protects RTP and RTCP, and a flipped bit is noticed anywhere") {
  static const size_t keys[] = {30, 30, 46, 46, 28, 44};
  static const size_t tags[] = {10, 4, 10, 4, 16, 16};
  static const size_t rtcp_tags[] = {10, 10, 10, 10, 16, 16};
  for (enum crypto_suite suite = 0; suite < SUITE_COUNT; suite++) {
    EXPECT(crypto_master_bytes(suite), keys[suite]);
    struct crypto_context *sender = open_key(suite, 1, CRYPTO_OUTBOUND);
    struct crypto_context *receiver = open_key(suite, 1, CRYPTO_INBOUND);
    const struct bytes clear = rtp_of(7, 100);
    struct bytes packet = protected_rtp(sender, 7, 100);
    EXPECT(packet.length, clear.length + tags[suite]);
    EXPECT(memcmp(packet.bytes, clear.bytes, RTP_HEADER_BYTES), 0);
    EXPECT(memcmp(packet.bytes + RTP_HEADER_BYTES, clear.bytes + RTP_HEADER_BYTES, PAYLOAD_BYTES) != 0, true);
    for (size_t i = 0; i < packet.length; i++) {
      packet.bytes[i] ^= 1;
      EXPECT(unprotect(receiver, &packet, false) != CRYPTO_OK, true);
      packet.bytes[i] ^= 1;
    }
    size_t length = packet.length;
    EXPECT(crypto_unprotect_rtp(receiver, packet.bytes, &length), CRYPTO_OK);
    EXPECT(length, clear.length);
    EXPECT(memcmp(packet.bytes, clear.bytes, length), 0);

    struct bytes report = rtcp_of(7);
    EXPECT(crypto_protect_rtcp(sender, report.bytes, &report.length), CRYPTO_OK);
    EXPECT(report.length, RTCP_BYTES + 4 + rtcp_tags[suite]);
    report.bytes[9] ^= 1;
    EXPECT(unprotect(receiver, &report, true), CRYPTO_FORGED);
    report.bytes[9] ^= 1;
    EXPECT(unprotect(receiver, &report, true), CRYPTO_OK);
    EXPECT(unprotect(receiver, &report, true), CRYPTO_REPLAYED);
    crypto_close(sender);
    crypto_close(receiver);
  }
}

CHECK(check_srtp_plain_rtcp, "SRTP: UNENCRYPTED_SRTCP authenticates all the same") {
  const uint8_t master[SRTP_MAX_MASTER_BYTES] = {1};
  for (enum crypto_suite suite = 0; suite < SUITE_COUNT; suite++) {
    struct crypto_context *sender = crypto_open(suite, master, CRYPTO_OUTBOUND, true);
    struct crypto_context *receiver = crypto_open(suite, master, CRYPTO_INBOUND, true);
    struct bytes report = rtcp_of(7);
    EXPECT(crypto_protect_rtcp(sender, report.bytes, &report.length), CRYPTO_OK);
    const struct bytes clear_report = rtcp_of(7);
    EXPECT(memcmp(report.bytes, clear_report.bytes, RTCP_BYTES), 0);
    report.bytes[20] ^= 1;
    EXPECT(unprotect(receiver, &report, true), CRYPTO_FORGED);
    report.bytes[20] ^= 1;
    EXPECT(unprotect(receiver, &report, true), CRYPTO_OK);
    crypto_close(sender);
    crypto_close(receiver);
  }
}

CHECK(check_srtp_replay, "SRTP: no packet is taken twice, one of the last 128 may be late, and numbers wrap") {
  struct crypto_context *sender = open_key(SUITE_AES_CM_128_HMAC_SHA1_80, 1, CRYPTO_OUTBOUND);
  struct crypto_context *receiver = open_key(SUITE_AES_CM_128_HMAC_SHA1_80, 1, CRYPTO_INBOUND);
  static struct bytes sent[300];
  for (unsigned i = 0; i < 300; i++) sent[i] = protected_rtp(sender, 7, (uint16_t)(65400 + i));
  for (unsigned i = 0; i < 300; i++) {
    /* The ones left out come late; the first of them too late. */
    if (i == 100 || i == 250) continue;
    EXPECT(unprotect(receiver, &sent[i], false), CRYPTO_OK);
  }
  EXPECT(unprotect(receiver, &sent[100], false), CRYPTO_REPLAYED);
  EXPECT(unprotect(receiver, &sent[250], false), CRYPTO_OK);
  EXPECT(unprotect(receiver, &sent[250], false), CRYPTO_REPLAYED);
  EXPECT(unprotect(receiver, &sent[299], false), CRYPTO_REPLAYED);
  struct crypto_place place;
  EXPECT(crypto_last_place(receiver, &place), true);
  EXPECT(place.ssrc, 7);
  EXPECT(place.rollover, 1);
  EXPECT(place.sequence, 163);
  /* Another packet under a number that was used would share its key stream. */
  EXPECT(protected_rtp(sender, 7, 163).length, 0);
  crypto_close(sender);
  crypto_close(receiver);
}

CHECK(check_srtp_place, "SRTP: a context goes on where another one ended, and takes nothing from before") {
  for (enum crypto_suite suite = 0; suite < SUITE_COUNT; suite++) {
    struct crypto_context *sender = open_key(suite, 1, CRYPTO_OUTBOUND), *receiver = open_key(suite, 1, CRYPTO_INBOUND);
    const struct crypto_place past = {.ssrc = 7, .rollover = 41, .sequence = 65530, .rtcp_index = 1000};
    struct crypto_place place;
    EXPECT(crypto_get_place(sender, 7, &place), false);
    EXPECT(crypto_set_place(sender, &past), true);
    EXPECT(crypto_set_place(sender, &past), false);
    EXPECT(crypto_set_place(receiver, &past), true);
    for (unsigned i = 0; i < 20; i++) {
      const struct bytes packet = protected_rtp(sender, 7, (uint16_t)(65531 + i));
      EXPECT(unprotect(receiver, &packet, false), CRYPTO_OK);
    }
    EXPECT(protected_rtp(sender, 7, 65530).length, 0);
    EXPECT(crypto_get_place(sender, 7, &place), true);
    EXPECT(place.rollover, 42);
    EXPECT(place.sequence, 14);
    struct bytes report = rtcp_of(7);
    EXPECT(crypto_protect_rtcp(sender, report.bytes, &report.length), CRYPTO_OK);
    EXPECT(crypto_get_place(sender, 7, &place), true);
    EXPECT(place.rtcp_index, 1001);
    EXPECT(unprotect(receiver, &report, true), CRYPTO_OK);
    EXPECT(crypto_last_place(receiver, &place), true);
    EXPECT(place.rtcp_index, 1002);
    EXPECT(place.rollover, 42);

    /* One that goes on from there refuses what the other one took, and what came shortly before. */
    struct crypto_context *next = open_key(suite, 1, CRYPTO_INBOUND);
    struct crypto_context *again = open_key(suite, 1, CRYPTO_OUTBOUND);
    EXPECT(crypto_set_place(next, &place), true);
    EXPECT(crypto_set_place(again, &past), true);
    EXPECT(unprotect(next, &report, true), CRYPTO_REPLAYED);
    for (unsigned i = 0; i < 20; i++) {
      const struct bytes packet = protected_rtp(again, 7, (uint16_t)(65531 + i));
      EXPECT(unprotect(next, &packet, false), CRYPTO_REPLAYED);
    }
    crypto_close(sender);
    crypto_close(receiver);
    crypto_close(next);
    crypto_close(again);
  }
}

#define MAX_SOURCES 64 /* of srtp.c */

CHECK(check_srtp_sources, "SRTP: a party has so many SSRCs under one key and no more, and forged ones do not count") {
  struct crypto_context *sender = open_key(SUITE_AEAD_AES_128_GCM, 1, CRYPTO_OUTBOUND);
  struct crypto_context *stranger = open_key(SUITE_AEAD_AES_128_GCM, 2, CRYPTO_OUTBOUND);
  struct crypto_context *receiver = open_key(SUITE_AEAD_AES_128_GCM, 1, CRYPTO_INBOUND);
  for (uint32_t ssrc = 100; ssrc < 100 + MAX_SOURCES; ssrc++) {
    const struct bytes packet = protected_rtp(stranger, ssrc, 1);
    EXPECT(unprotect(receiver, &packet, false), CRYPTO_FORGED);
  }
  struct bytes first = {0};
  for (uint32_t ssrc = 0; ssrc < MAX_SOURCES; ssrc++) {
    const struct bytes packet = protected_rtp(sender, ssrc, 1);
    EXPECT(unprotect(receiver, &packet, false), CRYPTO_OK);
    if (ssrc == 0) first = packet;
  }
  struct crypto_context *other = open_key(SUITE_AEAD_AES_128_GCM, 1, CRYPTO_OUTBOUND);
  struct bytes packet = protected_rtp(other, MAX_SOURCES, 1);
  EXPECT(unprotect(receiver, &packet, false), CRYPTO_STRANGE);
  /* What the first of them said is remembered still. */
  EXPECT(unprotect(receiver, &first, false), CRYPTO_REPLAYED);
  packet = protected_rtp(other, MAX_SOURCES - 1, 2);
  EXPECT(unprotect(receiver, &packet, false), CRYPTO_OK);
  crypto_close(sender);
  crypto_close(stranger);
  crypto_close(other);
  crypto_close(receiver);
}

CHECK(check_srtp_same, "SRTP: a context is told from one of another key, suite, direction, or way with reports") {
  uint8_t master[SRTP_MAX_MASTER_BYTES] = {1};
  struct crypto_context *one = crypto_open(SUITE_AES_CM_128_HMAC_SHA1_80, master, CRYPTO_INBOUND, false);
  struct crypto_context *others[6] = {
      crypto_open(SUITE_AES_CM_128_HMAC_SHA1_80, master, CRYPTO_INBOUND, false),
      crypto_open(SUITE_AES_CM_128_HMAC_SHA1_32, master, CRYPTO_INBOUND, false),
      crypto_open(SUITE_AES_CM_128_HMAC_SHA1_80, master, CRYPTO_OUTBOUND, false),
      crypto_open(SUITE_AES_CM_128_HMAC_SHA1_80, master, CRYPTO_INBOUND, true),
      crypto_open_again(one),
  };
  /* Its last byte, of the salt. */
  master[crypto_master_bytes(SUITE_AES_CM_128_HMAC_SHA1_80) - 1] = 1;
  others[5] = crypto_open(SUITE_AES_CM_128_HMAC_SHA1_80, master, CRYPTO_INBOUND, false);
  for (unsigned i = 0; i < 6; i++) {
    EXPECT(crypto_is_same(one, others[i]), i == 0 || i == 4);
    crypto_close(others[i]);
  }
  EXPECT(crypto_is_same(one, NULL), false);
  EXPECT(crypto_is_same(NULL, NULL), true);
  crypto_close(one);
}

CHECK(check_srtp_last, "SRTP: the last source is the one that spoke last, and a key has an end") {
  struct crypto_context *sender = open_key(SUITE_AES_CM_128_HMAC_SHA1_80, 1, CRYPTO_OUTBOUND);
  struct crypto_context *receiver = open_key(SUITE_AES_CM_128_HMAC_SHA1_80, 1, CRYPTO_INBOUND);
  static const uint32_t ssrcs[] = {5, 6, 5, 6};
  struct crypto_place place;
  for (unsigned i = 0; i < 4; i++) {
    const struct bytes packet = protected_rtp(sender, ssrcs[i], (uint16_t)(10 + i));
    EXPECT(unprotect(receiver, &packet, false), CRYPTO_OK);
    EXPECT(crypto_last_place(receiver, &place), true);
    EXPECT(place.ssrc, ssrcs[i]);
    EXPECT(place.sequence, 10 + i);
  }
  struct bytes report;
  /* RFC 3711 §9.2: a key is good for 2^31 reports, and not for one more. */
  struct crypto_context *old = open_key(SUITE_AES_CM_128_HMAC_SHA1_80, 1, CRYPTO_OUTBOUND);
  EXPECT(crypto_set_place(old, &(struct crypto_place){.ssrc = 5, .sequence = 1, .rtcp_index = 0x7ffffffe}), true);
  for (unsigned i = 0; i < 3; i++) {
    report = rtcp_of(5);
    EXPECT(crypto_protect_rtcp(old, report.bytes, &report.length) == CRYPTO_OK, i == 0);
  }
  crypto_close(sender);
  crypto_close(receiver);
  crypto_close(old);
}

CHECK(check_srtp_garbage, "SRTP: packets of any length and content are refused, and the sanitizers see nothing") {
  srand(2);
  for (enum crypto_suite suite = 0; suite < SUITE_COUNT; suite++) {
    struct crypto_context *receiver = open_key(suite, 1, CRYPTO_INBOUND);
    for (unsigned round = 0; round < 4000; round++) {
      struct bytes packet = {.length = (size_t)rand() % (round % 50 == 0 ? PROTECTION_SCRATCH_BYTES : 64)};
      for (size_t i = 0; i < packet.length; i++) packet.bytes[i] = (uint8_t)rand();
      if (round % 8 != 0) packet.bytes[0] = (uint8_t)(0x80 | (packet.bytes[0] & 0x3f));
      EXPECT(unprotect(receiver, &packet, round % 2 == 0) != CRYPTO_OK, true);
    }
    struct crypto_place place;
    EXPECT(crypto_last_place(receiver, &place), false);
    crypto_close(receiver);
  }
}

/* A leg, and the party at the other end of it. */
static void set_keys(struct protection *leg, uint8_t theirs, uint8_t ours, enum crypto_suite suite, uint64_t now_us) {
  struct crypto_context *inbound = theirs == 0 ? NULL : open_key(suite, theirs, CRYPTO_INBOUND);
  struct crypto_context *outbound = ours == 0 ? NULL : open_key(suite, ours, CRYPTO_OUTBOUND);
  protection_configure(leg, &inbound, &outbound, now_us);
  crypto_close(inbound);
  crypto_close(outbound);
}

static enum crypto_result take(struct protection *leg, const struct bytes *packet, uint64_t now_us) {
  struct bytes copy = *packet;
  return protection_unprotect_rtp(leg, copy.bytes, &copy.length, now_us);
}

CHECK(check_rekey, "SRTP: after a change of keys the former one holds for packets on their way, and no longer") {
  for (enum crypto_suite suite = 0; suite < SUITE_COUNT; suite++) {
    struct protection leg = {0};
    struct crypto_context *first = open_key(suite, 1, CRYPTO_OUTBOUND), *second = open_key(suite, 2, CRYPTO_OUTBOUND);
    struct bytes packet = rtp_of(7, 1);
    EXPECT(take(&leg, &packet, 0), CRYPTO_OK);
    set_keys(&leg, 1, 11, suite, 1000);
    EXPECT(take(&leg, &packet, 1000) != CRYPTO_OK, true);
    packet = protected_rtp(first, 7, 1);
    EXPECT(take(&leg, &packet, 1000), CRYPTO_OK);
    /* The same keys again, as in a hold: nothing begins anew. */
    set_keys(&leg, 1, 11, suite, 2000);
    EXPECT(take(&leg, &packet, 2000), CRYPTO_REPLAYED);
    EXPECT(leg.former == NULL, true);
    set_keys(&leg, 2, 12, suite, 3000);
    const struct bytes on_its_way = protected_rtp(first, 7, 2);
    packet = protected_rtp(second, 7, 3);
    EXPECT(take(&leg, &packet, 3000), CRYPTO_OK);
    EXPECT(take(&leg, &on_its_way, 3000), CRYPTO_OK);
    EXPECT(take(&leg, &on_its_way, 3000), CRYPTO_REPLAYED);
    packet = protected_rtp(first, 7, 4);
    EXPECT(take(&leg, &packet, 3000 + REKEY_GRACE_US), CRYPTO_FORGED);
    EXPECT(leg.former == NULL, true);
    packet = protected_rtp(second, 7, 5);
    EXPECT(take(&leg, &packet, 3000 + REKEY_GRACE_US), CRYPTO_OK);
    protection_close(&leg);
    crypto_close(first);
    crypto_close(second);
  }
}

CHECK(check_rekey_rollover, "SRTP: under a new key the roll-over counter may go on or begin again, as its sender has it") {
  for (enum crypto_suite suite = 0; suite < SUITE_COUNT; suite++) {
    for (unsigned kept = 0; kept < 2; kept++) {
      struct protection leg = {0};
      const struct crypto_place past = {.ssrc = 7, .rollover = 3, .sequence = 65000};
      struct crypto_context *second = open_key(suite, 2, CRYPTO_OUTBOUND);
      set_keys(&leg, 1, 11, suite, 0);
      protection_resume(&leg, &past, &past);
      set_keys(&leg, 2, 12, suite, 0);
      if (kept) EXPECT(crypto_set_place(second, &past), true);
      /* A report tells nothing of the counter. */
      struct bytes report = rtcp_of(7);
      EXPECT(crypto_protect_rtcp(second, report.bytes, &report.length), CRYPTO_OK);
      EXPECT(protection_unprotect_rtcp(&leg, report.bytes, &report.length, 1), CRYPTO_OK);
      for (unsigned i = 1; i < 1000; i++) {
        const struct bytes packet = protected_rtp(second, 7, (uint16_t)(65000 + i));
        EXPECT(take(&leg, &packet, 1), CRYPTO_OK);
      }
      struct crypto_place place;
      EXPECT(protection_inbound_place(&leg, &place), true);
      EXPECT(place.rollover, kept ? 4 : 1);
      EXPECT(leg.kept_rollover == NULL, true);
      /* What we send goes on in any case. */
      EXPECT(protection_outbound_place(&leg, 7, &place), true);
      EXPECT(place.rollover, 3);
      protection_close(&leg);
      crypto_close(second);
    }
  }
}

CHECK(check_rekey_wrap, "SRTP: numbers that wrap just when the key changes are followed, whichever way the sender counts") {
  for (enum crypto_suite suite = 0; suite < SUITE_COUNT; suite++) {
    for (unsigned kept = 0; kept < 2; kept++) {
      struct protection leg = {0};
      struct crypto_context *first = open_key(suite, 1, CRYPTO_OUTBOUND), *second = open_key(suite, 2, CRYPTO_OUTBOUND);
      set_keys(&leg, 1, 11, suite, 0);
      struct bytes packet = protected_rtp(first, 7, 65530);
      EXPECT(take(&leg, &packet, 0), CRYPTO_OK);
      set_keys(&leg, 2, 12, suite, 0);
      /* The first packets under the new key, the last ones before the wrap, were lost. */
      if (kept) EXPECT(crypto_set_place(second, &(struct crypto_place){.ssrc = 7, .sequence = 65530}), true);
      for (uint16_t sequence = 3; sequence < 100; sequence++) {
        packet = protected_rtp(second, 7, sequence);
        EXPECT(take(&leg, &packet, 1), CRYPTO_OK);
        EXPECT(take(&leg, &packet, 1), CRYPTO_REPLAYED);
      }
      struct crypto_place place;
      EXPECT(protection_inbound_place(&leg, &place), true);
      EXPECT(place.rollover, kept);
      EXPECT(leg.kept_rollover == NULL, true);
      protection_close(&leg);
      crypto_close(first);
      crypto_close(second);
    }
  }
}

CHECK(check_first_number, "SRTP: a stream begins far from a wrap, so that who misses its beginning counts the same roll-overs") {
  for (unsigned i = 0; i < 64; i++) {
    struct outgoing outgoing;
    outgoing_start(&outgoing);
    EXPECT(outgoing.next_sequence < 0x8000, true);
  }
}
