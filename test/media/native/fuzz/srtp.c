#include "fuzz.h"

#include <string.h>

#include "rtp/srtp.h"

#define PACKET_BYTES 2048

/* Whoever has no key: nothing of what he sends may pass for ours. The first byte chooses suite and protocol. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  static const uint8_t master[SRTP_MAX_MASTER_BYTES] = "a key that nobody knows who sends such packets";
  if (length < 1 || length > PACKET_BYTES) return 0;
  struct crypto_context *context = crypto_open((enum crypto_suite)(bytes[0] % SUITE_COUNT), master, CRYPTO_INBOUND, bytes[0] & 0x40);
  if (context == NULL) return 0;
  size_t packet_length = length - 1;
  /* Exactly as long as the packet, so that reading past it is noticed. */
  uint8_t *packet = malloc(packet_length > 0 ? packet_length : 1);
  memcpy(packet, bytes + 1, packet_length);
  const enum crypto_result result = bytes[0] & 0x80 ? crypto_unprotect_rtcp(context, packet, &packet_length)
                                                    : crypto_unprotect_rtp(context, packet, &packet_length);
  FUZZ_ASSERT(result != CRYPTO_OK);
  free(packet);
  crypto_close(context);
  return 0;
}
