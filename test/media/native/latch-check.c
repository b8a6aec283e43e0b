/* The rules of latch.h, each by itself. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "session/latch.h"

enum who { SIGNALLED, SAME_HOST, FIRST, SECOND };

static union address address_of(enum who who) {
  static const char *const hosts[] = {"192.0.2.1", "192.0.2.1", "198.51.100.1", "203.0.113.1"};
  union address address;
  if (!address_parse(hosts[who], who == SAME_HOST ? 4002 : 4000, &address)) abort();
  return address;
}

struct scene {
  struct latch latch;
  uint64_t now_us;
};

static struct scene begin(void) {
  struct scene scene = {.now_us = 1000000};
  const union address signalled = address_of(SIGNALLED);
  latch_signal(&scene.latch, &signalled);
  return scene;
}

static enum source hear_from(struct scene *scene, enum who who, enum proof proof) {
  const union address source = address_of(who);
  return latch_hear(&scene->latch, &source, proof, scene->now_us);
}

/* Packets 20 ms apart. What became of the last one. */
static enum source hear_many(struct scene *scene, enum who who, unsigned packets) {
  enum source last = SOURCE_KNOWN;
  for (unsigned i = 0; i < packets; i++) {
    last = hear_from(scene, who, PROOF_NONE);
    scene->now_us += 20000;
  }
  return last;
}

static bool is_at(const struct scene *scene, enum who who) {
  const union address expected = address_of(who);
  return address_equal(latch_remote(&scene->latch), &expected);
}

CHECK(check_latch_1, "latch: rule 1, the first valid packet shows where the party is") {
  struct scene scene = begin();
  EXPECT(is_at(&scene, SIGNALLED), true);
  EXPECT(hear_from(&scene, FIRST, PROOF_NONE), SOURCE_NEW);
  EXPECT(is_at(&scene, FIRST), true);
  EXPECT(hear_from(&scene, FIRST, PROOF_NONE), SOURCE_KNOWN);
}

CHECK(check_latch_2, "latch: rule 2, the signalled address takes its place back at once, even from a locked stranger") {
  struct scene scene = begin();
  hear_many(&scene, FIRST, 100);
  EXPECT(hear_from(&scene, SIGNALLED, PROOF_NONE), SOURCE_NEW);
  EXPECT(is_at(&scene, SIGNALLED), true);
  EXPECT(hear_many(&scene, FIRST, 100), SOURCE_STRANGER);
}

CHECK(check_latch_3, "latch: rule 3, one packet of a scanner keeps nobody out, and a flood beside the party does not move it") {
  struct scene scene = begin();
  EXPECT(hear_from(&scene, FIRST, PROOF_NONE), SOURCE_NEW);
  for (unsigned i = 1; i < 11; i++) {
    EXPECT(hear_from(&scene, SECOND, PROOF_NONE), SOURCE_STRANGER);
    scene.now_us += 20000;
  }
  EXPECT(hear_from(&scene, SECOND, PROOF_NONE), SOURCE_NEW);
  EXPECT(is_at(&scene, SECOND), true);

  /* The party sends 60 ms to a packet; a flood between two of them is faster, and still too short. */
  scene = begin();
  for (unsigned packet = 0; packet < 10; packet++) {
    EXPECT(hear_from(&scene, FIRST, PROOF_NONE), packet == 0 ? SOURCE_NEW : SOURCE_KNOWN);
    for (unsigned i = 0; i < 50; i++) EXPECT(hear_from(&scene, SECOND, PROOF_NONE), SOURCE_STRANGER);
    scene.now_us += 60000;
  }
  EXPECT(is_at(&scene, FIRST), true);
}

CHECK(check_latch_4, "latch: rule 4, when locked another source is heard after two seconds of silence, and not before") {
  struct scene scene = begin();
  hear_many(&scene, FIRST, LATCH_PACKETS);
  scene.now_us += LATCH_SILENCE_US - 40000;
  EXPECT(hear_many(&scene, SECOND, 1), SOURCE_STRANGER);
  EXPECT(hear_from(&scene, SECOND, PROOF_NONE), SOURCE_NEW);
  EXPECT(is_at(&scene, SECOND), true);

  /* Many strangers at once count for nothing: it is the silence that does. */
  scene = begin();
  hear_many(&scene, FIRST, LATCH_PACKETS);
  for (unsigned i = 0; i < 1000; i++) {
    EXPECT(hear_from(&scene, SECOND, PROOF_NONE), SOURCE_STRANGER);
    if (i % 50 == 0) hear_many(&scene, FIRST, 1);
  }

  /* Who was heard where the signalling said is kept, but for another port of the same host. */
  scene = begin();
  hear_many(&scene, SIGNALLED, LATCH_PACKETS);
  scene.now_us += 60000000;
  EXPECT(hear_many(&scene, FIRST, 100), SOURCE_STRANGER);
  EXPECT(hear_from(&scene, SAME_HOST, PROOF_NONE), SOURCE_NEW);
  EXPECT(is_at(&scene, SAME_HOST), true);
}

CHECK(check_latch_5, "latch: rule 5, another signalled address forgets, the same one again does not") {
  struct scene scene = begin();
  const union address same = address_of(SIGNALLED), other = address_of(SECOND);
  hear_many(&scene, FIRST, LATCH_PACKETS);
  latch_signal(&scene.latch, &same);
  EXPECT(is_at(&scene, FIRST), true);
  latch_signal(&scene.latch, &other);
  EXPECT(is_at(&scene, SECOND), true);
  EXPECT(hear_from(&scene, FIRST, PROOF_NONE), SOURCE_NEW);
}

CHECK(check_latch_srtp, "latch: what authenticates moves it at once, unless it was overtaken on its way") {
  struct scene scene = begin();
  EXPECT(hear_from(&scene, FIRST, PROOF_NEWEST), SOURCE_NEW);
  for (unsigned i = 0; i < 100; i++) EXPECT(hear_from(&scene, FIRST, PROOF_NEWEST), SOURCE_KNOWN);
  EXPECT(hear_from(&scene, SECOND, PROOF_NEWEST), SOURCE_NEW);
  EXPECT(hear_from(&scene, FIRST, PROOF_OLD), SOURCE_KNOWN);
  EXPECT(is_at(&scene, SECOND), true);
  EXPECT(hear_from(&scene, SIGNALLED, PROOF_OLD), SOURCE_KNOWN);
  EXPECT(is_at(&scene, SECOND), true);
}

/* Keys of both directions of leg 0; the same key for both, since nobody reads what it sends here. */
static void secure(struct bench *bench, uint8_t key) {
  uint8_t master[SRTP_MAX_MASTER_BYTES];
  memset(master, key, sizeof master);
  struct crypto_context *inbound = crypto_open(SUITE_AES_CM_128_HMAC_SHA1_80, master, CRYPTO_INBOUND, false);
  struct crypto_context *outbound = crypto_open(SUITE_AES_CM_128_HMAC_SHA1_80, master, CRYPTO_OUTBOUND, false);
  protection_configure(&bench->session->legs[0].protection, &inbound, &outbound, bench->now_ms * 1000);
}

CHECK(check_latch_forged, "latch: of SRTP that does not authenticate, no number of packets moves it") {
  struct bench bench;
  bench_open(&bench, CODEC_PCMA, 20, CODEC_PCMA, 20);
  secure(&bench, 1);
  const struct leg *leg = &bench.session->legs[0];
  union address stranger = address_of(FIRST);
  uint8_t master[SRTP_MAX_MASTER_BYTES];
  for (unsigned good = 0; good < 2; good++) {
    memset(master, good ? 1 : 2, sizeof master);
    struct crypto_context *sender = crypto_open(SUITE_AES_CM_128_HMAC_SHA1_80, master, CRYPTO_OUTBOUND, false);
    for (unsigned i = 0; i < 200; i++) {
      uint8_t bytes[PACKET_BYTES] = {0};
      size_t length = RTP_HEADER_BYTES + 160;
      rtp_write_header(bytes, &(struct rtp_packet){.payload_type = PCMA_TYPE, .sequence_number = (uint16_t)(1000 * good + i), .ssrc = 7});
      if (crypto_protect_rtp(sender, bytes, &length) != CRYPTO_OK) abort();
      bench.now_ms += 20;
      session_receive(bench.session, 0, bytes, length, &stranger, bench.now_ms * 1000);
    }
    EXPECT(address_equal(leg_remote(leg), &stranger), good == 1);
    EXPECT(leg->counters.unauthenticated, 200);
    crypto_close(sender);
  }
  bench_close(&bench);
}
