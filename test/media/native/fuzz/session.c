#include "fuzz.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "session/loop.h"

/*
 * What two parties and a stranger send into one call: who and where (a byte), milliseconds since the packet before, two
 * bytes of length, the packet. The first two bytes choose codecs and packet times.
 */
#define HEADER_BYTES 4
#define RTCP_BIT 4
#define RESTART_BIT 8

static struct loop *loop;
static union address parties[3];

static void configure(struct session *session, unsigned leg, uint8_t choice) {
  const enum codec codec = (enum codec)((choice & 0x07) % CODEC_COUNT);
  const struct leg_settings settings = {
      .remote = parties[leg],
      .codec = codec,
      .payload_type = 8,
      .event_payload_type = choice & 0x80 ? NO_PAYLOAD_TYPE : 101,
      .event_received_type = NO_PAYLOAD_TYPE,
      .noise_payload_type = choice & 0x08 ? NO_PAYLOAD_TYPE : 13,
      .ptime_ms = (uint16_t)(10 * (1 + (choice >> 4) % 6)),
      .receives = true,
      .sends = true,
      .encoding = {.annex_b = choice & 0x40, .fec = true, .discontinuous = choice & 0x40},
  };
  FUZZ_ASSERT(session_configure(session, leg, &settings));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  static const char *const addresses[2] = {"127.0.0.1", "127.0.0.1"};
  if (length < 2) return 0;
  if (loop == NULL) {
    loop = loop_open(NULL, NULL);
    FUZZ_ASSERT(loop != NULL);
    /* Nobody hears there: port 9 discards. */
    for (unsigned i = 0; i < 3; i++) FUZZ_ASSERT(address_parse("127.0.0.1", 9, &parties[i]));
    parties[2].v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
  }
  unsigned failed;
  enum leg_fault fault;
  struct session *session = NULL;
  for (unsigned port = 20000 + (unsigned)getpid() % 10000 * 2; session == NULL && port < 65000; port += 4) {
    const uint16_t ports[2] = {(uint16_t)port, (uint16_t)(port + 2)};
    session = session_open(addresses, ports, 2, &failed, &fault);
  }
  FUZZ_ASSERT(session != NULL && loop_take_in(loop, session));
  configure(session, 0, bytes[0]);
  configure(session, 1, bytes[1]);
  uint64_t now_us = 1000000;
  bytes += 2;
  length -= 2;
  while (length >= HEADER_BYTES) {
    const uint8_t who = bytes[0];
    const size_t said = (size_t)(bytes[2] << 8 | bytes[3]);
    const size_t packet = said < length - HEADER_BYTES ? said : length - HEADER_BYTES;
    now_us += bytes[1] * 1000u;
    loop_run_timers(loop, now_us);
    if (who & RESTART_BIT) configure(session, who & 1, bytes[1]);
    const union address *source = &parties[who & 2 ? 2 : who & 1];
    /* Exactly as long as the packet, and the session's own to change. */
    uint8_t *copy = malloc(packet > 0 ? packet : 1);
    memcpy(copy, bytes + HEADER_BYTES, packet);
    if (who & RTCP_BIT) session_receive_rtcp(session, who & 1, copy, packet, source, now_us);
    else session_receive(session, who & 1, copy, packet, source, now_us);
    free(copy);
    bytes += HEADER_BYTES + packet;
    length -= HEADER_BYTES + packet;
  }
  loop_run_timers(loop, now_us + 1000000);
  send_queue_flush(loop_queue(loop));
  loop_let_go(loop, session);
  session_close(session);
  return 0;
}
