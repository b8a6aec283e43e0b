#include "fuzz.h"

#include <string.h>

#include "rtp/event.h"

/* Packets of a source, one after the other: milliseconds since the one before, timestamp, length, reports. */
#define HEADER_BYTES 4

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  struct event_receiver receiver;
  uint64_t now_us = 1000000;
  bool pressed = false;
  event_receiver_start(&receiver, 8000);
  while (length >= HEADER_BYTES) {
    now_us += bytes[0] * 1000u;
    struct event_change expired;
    if (event_receiver_due(&receiver) <= now_us && event_receiver_expire(&receiver, now_us, &expired)) {
      FUZZ_ASSERT(pressed && expired.edge == EVENT_ENDED);
      pressed = false;
    }
    const size_t payload = bytes[3] < length - HEADER_BYTES ? bytes[3] : length - HEADER_BYTES;
    struct event_change changes[EVENT_MAX_CHANGES];
    const uint32_t timestamp = (uint32_t)bytes[1] << 24 | (uint32_t)bytes[2] << 8;
    const size_t count = event_receiver_take(&receiver, timestamp, bytes + HEADER_BYTES, payload, now_us, changes);
    FUZZ_ASSERT(count <= EVENT_MAX_CHANGES);
    /* A press begins, then ends, and never twice. */
    for (size_t i = 0; i < count; i++) {
      FUZZ_ASSERT((changes[i].edge == EVENT_BEGAN) != pressed);
      pressed = changes[i].edge == EVENT_BEGAN;
    }
    FUZZ_ASSERT(!pressed || event_receiver_due(&receiver) != UINT64_MAX);
    bytes += HEADER_BYTES + payload;
    length -= HEADER_BYTES + payload;
  }
  return 0;
}
