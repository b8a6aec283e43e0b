#include "fuzz.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "session/loop.h"
#include "session/place.h"

/*
 * Where the stream of a leg is, as another worker would have it: its bytes are those of a former worker, and whoever had them in between
 * may have changed each. Four bytes before them: codec and packet time; keys; age; workers so far. The leg goes on from there, speaks and
 * hears, and is taken again.
 */
#define HEADER_BYTES 4
#define PACKETS 6
#define RESUMPTIONS 17 /* at most 16: addon/transport.c */
#define KEYS_BIT 0x80

static struct loop *loop;
static union address party;

static struct session *open_session(void) {
  static const char *const addresses[2] = {"127.0.0.1", "127.0.0.1"};
  unsigned failed;
  enum leg_fault fault;
  for (unsigned port = 20000 + (unsigned)getpid() % 10000 * 2; port < 65000; port += 4) {
    const uint16_t ports[2] = {(uint16_t)port, (uint16_t)(port + 2)};
    struct session *session = session_open(addresses, ports, 2, &failed, &fault);
    if (session != NULL) return session;
  }
  abort();
}

static void configure(struct session *session, unsigned leg, uint8_t choice) {
  const struct leg_settings settings = {
      .remote = party,
      .rtcp_remote = party,
      .codec = (enum codec)(choice % CODEC_COUNT),
      .payload_type = 8,
      .event_payload_type = 101,
      .event_received_type = NO_PAYLOAD_TYPE,
      .noise_payload_type = NO_PAYLOAD_TYPE,
      .ptime_ms = (uint16_t)(10 * (1 + (choice >> 4) % 6)),
      .receives = true,
      .sends = true,
  };
  FUZZ_ASSERT(session_configure(session, leg, &settings));
}

static void secure(struct leg *leg, uint8_t choice) {
  static const uint8_t master[SRTP_MAX_MASTER_BYTES] = "a key that one worker had and the next one has";
  const enum crypto_suite suite = (enum crypto_suite)(choice % SUITE_COUNT);
  struct crypto_context *inbound = crypto_open(suite, master, CRYPTO_INBOUND, false);
  struct crypto_context *outbound = crypto_open(suite, master, CRYPTO_OUTBOUND, false);
  FUZZ_ASSERT(inbound != NULL && outbound != NULL);
  protection_configure(&leg->protection, &inbound, &outbound, 0);
  crypto_close(inbound);
  crypto_close(outbound);
}

/* What the party of the other leg says, A-law or not: it is to go out on the leg that goes on. */
static void speak(struct session *session, unsigned leg, uint64_t now_us, uint16_t number) {
  const struct codec_traits *traits = codec_traits(session->legs[leg].settings.codec);
  uint8_t bytes[RTP_HEADER_BYTES + 160] = {0};
  const size_t payload = traits->coded_whole ? 40 : 2 * (traits->max_frame_bytes < 80 ? traits->max_frame_bytes : 80);
  rtp_write_header(bytes, &(struct rtp_packet){.payload_type = 8, .sequence_number = number, .timestamp = 2u * number * traits->frame_ticks, .ssrc = leg});
  memset(bytes + RTP_HEADER_BYTES, 0x48, payload);
  session_receive(session, leg, bytes, RTP_HEADER_BYTES + payload, &party, now_us);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  if (length < HEADER_BYTES) return 0;
  if (loop == NULL) {
    loop = loop_open(NULL, NULL);
    /* Nobody hears there: port 9 discards. */
    FUZZ_ASSERT(loop != NULL && address_parse("127.0.0.1", 9, &party));
  }
  const bool secured = bytes[1] & KEYS_BIT;
  struct leg_place place = {0};
  const size_t given = length - HEADER_BYTES;
  memcpy(&place, bytes + HEADER_BYTES, given < sizeof place ? given : sizeof place);
  place.age_us = (uint64_t)bytes[2] * 300000;
  place.resumptions = bytes[3] % RESUMPTIONS;
  /* Wherever it says that the party is, nothing leaves this machine. */
  if (place.heard.any.sa_family == AF_INET) place.heard = party;

  uint64_t now_us = 100000000;
  struct session *session = open_session();
  struct leg *leg = &session->legs[0];
  place_begin(leg, &place, now_us);
  const bool goes_on = place.age_us <= PLACE_MAX_AGE_US && place.ptime_ms != 0;
  FUZZ_ASSERT(leg->resumes == goes_on && (!goes_on || leg->outgoing.ssrc == place.ssrc));
  FUZZ_ASSERT(loop_take_in(loop, session));
  if (secured) secure(leg, bytes[1]);
  configure(session, 0, bytes[0]);
  configure(session, 1, 1);
  place_resume(leg, now_us);
  /* Numbers under keys of which nothing is known are not used again. */
  FUZZ_ASSERT(!goes_on || (leg->outgoing.ssrc == place.ssrc) == (!secured || place.secured));
  for (uint16_t number = 0; number < PACKETS; number++) {
    loop_run_timers(loop, now_us);
    speak(session, 1, now_us, number);
    speak(session, 0, now_us, number);
    now_us += 20000;
  }
  loop_run_timers(loop, now_us + 1000000);
  struct leg_place again;
  place_take(leg, now_us, &again);
  FUZZ_ASSERT(again.ssrc == leg->outgoing.ssrc && again.ptime_ms == leg->settings.ptime_ms);
  FUZZ_ASSERT(again.secured <= secured && again.source <= secured);
  FUZZ_ASSERT(again.heard_packets <= LATCH_PACKETS || again.heard_packets == place.heard_packets);
  send_queue_flush(loop_queue(loop));
  loop_let_go(loop, session);
  session_close(session);
  return 0;
}
