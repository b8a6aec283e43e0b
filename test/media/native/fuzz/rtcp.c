#include "fuzz.h"

#include <string.h>

#include "rtp/rtcp.h"

/* The first four bytes are our SSRC, so that blocks about us are found. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  uint32_t ssrc;
  if (length < sizeof ssrc) return 0;
  memcpy(&ssrc, bytes, sizeof ssrc);
  struct rtcp_received received;
  memset(&received, 0xa5, sizeof received);
  if (!rtcp_parse(bytes + sizeof ssrc, length - sizeof ssrc, ssrc, &received)) return 0;
  FUZZ_ASSERT(received.packets >= 1 && received.packets * 4 <= length);
  return 0;
}
