/*
 * Sessions that are opened, talk and are closed, one after another on the threads of an engine: what they leave. Nothing is
 * left over for LeakSanitizer either, which looks when the program ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

/* Of AddressSanitizer; its header does not come with every compiler. */
size_t __sanitizer_get_current_allocated_bytes(void);

#define WARM_UP 64
/* Of each party in every TALKATIVEth session, one in the others: coding is most of the time that a session takes. 17: every pair of codecs comes to it. */
#define PACKETS 6
#define TALKATIVE 17

struct stand {
  struct engine *engine;
  union address party;
  _Atomic uint16_t ports[2];
};

static void wake(void *unused) { (void)unused; }

/* How a packet of Opus begins that is one frame of 20 ms, wideband (RFC 6716 §3.1). */
#define OPUS_20_MS 0x48

struct talk {
  const struct stand *stand;
  uint64_t number; /* of the session: each has other codecs than the one before */
};

static void talk(struct session *session, void *argument) {
  static const uint8_t types[] = {PCMU_TYPE, PCMA_TYPE, G729_TYPE, G722_TYPE, G726_TYPE, OPUS_TYPE};
  static const uint16_t bytes_of_20_ms[] = {160, 160, 20, 160, 80, 40};
  const struct talk *talk = argument;
  enum codec codecs[2] = {(enum codec)(talk->number % CODEC_COUNT), (enum codec)(talk->number / CODEC_COUNT % CODEC_COUNT)};
  for (unsigned leg = 0; leg < 2; leg++) {
    const struct leg_settings settings = {
        .remote = talk->stand->party,
        .codec = codecs[leg],
        .payload_type = types[codecs[leg]],
        .event_payload_type = EVENT_TYPE,
        .event_received_type = NO_PAYLOAD_TYPE,
        .noise_payload_type = NO_PAYLOAD_TYPE,
        .ptime_ms = leg == 0 ? 20 : 30,
        .receives = true,
        .sends = true,
        .detects_digits = talk->number % 3 == 0 && codecs[leg] != CODEC_G729,
        .rtcp_remote = talk->stand->party,
        .dscp = 46,
    };
    if (!session_configure(session, leg, &settings)) abort();
  }
  const unsigned packets = talk->number % TALKATIVE == 0 ? PACKETS : 1;
  for (unsigned i = 0; i < 2 * packets; i++) {
    const unsigned leg = i % 2, at = i / 2;
    uint8_t bytes[PACKET_BYTES];
    const struct rtp_packet packet = {.payload_type = types[codecs[leg]],
                                      .sequence_number = (uint16_t)at,
                                      .timestamp = 2u * codec_traits(codecs[leg])->frame_ticks * at,
                                      .ssrc = leg + 1};
    rtp_write_header(bytes, &packet);
    memset(bytes + RTP_HEADER_BYTES, 0x5a, bytes_of_20_ms[codecs[leg]]);
    if (codecs[leg] == CODEC_OPUS) bytes[RTP_HEADER_BYTES] = OPUS_20_MS;
    session_receive(session, leg, bytes, RTP_HEADER_BYTES + (size_t)bytes_of_20_ms[codecs[leg]], &talk->stand->party,
                    loop_now_us());
  }
  send_queue_flush(loop_queue(session->loop));
}

static void live(struct stand *stand, uint64_t number) {
  struct session *session = open_at_free_ports(stand->ports, 2);
  const uint32_t handle = engine_add(stand->engine, session);
  struct talk argument = {.stand = stand, .number = number};
  if (handle == 0 || !engine_visit(stand->engine, handle, talk, &argument)) abort();
  if (!engine_move(stand->engine, handle, (unsigned)(number % engine_loop_count(stand->engine)))) abort();
  session_close(engine_remove(stand->engine, handle));
}

/* Bytes that `count` sessions have left after the first ones, which leave what is kept for all. */
static int64_t left_by(uint64_t count) {
  struct stand stand = {0};
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (!address_parse("127.0.0.1", 0, &stand.party)) abort();
  socklen_t length = address_length(&stand.party);
  if (fd < 0 || bind(fd, &stand.party.any, length) != 0 || getsockname(fd, &stand.party.any, &length) != 0) abort();
  stand.engine = engine_start(2, wake, NULL);
  if (stand.engine == NULL) abort();
  for (uint64_t i = 0; i < WARM_UP; i++) live(&stand, i);
  const size_t before = __sanitizer_get_current_allocated_bytes();
  for (uint64_t i = 0; i < count; i++) live(&stand, i);
  const size_t after = __sanitizer_get_current_allocated_bytes();
  engine_stop(stand.engine);
  close(fd);
  return (int64_t)after - (int64_t)before;
}

CHECK(check_lifetime, "thousands of sessions opened and closed leave no byte") { EXPECT(left_by(2048), 0); }

bool lifetime(uint64_t count) {
  const int64_t left = left_by(count);
  printf("%lld bytes left by %llu sessions\n", (long long)left, (unsigned long long)count);
  return left == 0;
}
