#include "rtp/receiver.h"

/* RFC 3550 A.1, in packets. */
#define MAX_DROPOUT 3000
#define MAX_MISORDER 100
#define NOT_EXPECTED 0x10000
#define REMEMBERED 64 /* bits of `arrived` */

static void start(struct receiver *receiver, const struct rtp_packet *packet) {
  receiver->started = true;
  receiver->ssrc = packet->ssrc;
  receiver->highest = packet->sequence_number;
  receiver->arrived = UINT64_MAX;
  receiver->after_misorder = NOT_EXPECTED;
}

static void advance(struct receiver *receiver, uint16_t ahead) {
  receiver->highest = (uint16_t)(receiver->highest + ahead);
  receiver->arrived = (ahead < REMEMBERED ? receiver->arrived << ahead : 0) | 1;
}

/* Whether the packet so far behind the highest one was missing until now. */
static bool fills_gap(struct receiver *receiver, uint16_t behind) {
  const uint64_t bit = behind < REMEMBERED ? (uint64_t)1 << behind : 0;
  const bool was_missing = bit != 0 && (receiver->arrived & bit) == 0;
  receiver->arrived |= bit;
  return was_missing;
}

enum arrival receiver_place(struct receiver *receiver, const struct rtp_packet *packet, int *missing) {
  *missing = 0;
  if (!receiver->started || receiver->ssrc != packet->ssrc) {
    start(receiver, packet);
    return ARRIVAL_RESTART;
  }
  const uint16_t ahead = (uint16_t)(packet->sequence_number - receiver->highest);
  if (ahead != 0 && ahead < MAX_DROPOUT) {
    advance(receiver, ahead);
    receiver->after_misorder = NOT_EXPECTED;
    *missing = ahead - 1;
    return ARRIVAL_NEXT;
  }
  if (ahead == 0 || ahead > 0x10000 - MAX_MISORDER) {
    if (fills_gap(receiver, (uint16_t)-ahead)) *missing = -1;
    return ARRIVAL_LATE;
  }
  /* RFC 3550 A.1: two in a row after a large jump are a source that began again without telling. */
  if (packet->sequence_number == receiver->after_misorder) {
    start(receiver, packet);
    return ARRIVAL_RESTART;
  }
  receiver->after_misorder = (uint16_t)(packet->sequence_number + 1);
  return ARRIVAL_STRAY;
}

bool receiver_pass_over(struct receiver *receiver, const struct rtp_packet *packet) {
  const uint16_t next = (uint16_t)(receiver->highest + 1);
  if (!receiver->started || receiver->ssrc != packet->ssrc || packet->sequence_number != next) return false;
  advance(receiver, 1);
  return true;
}
