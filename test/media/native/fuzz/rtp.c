#include "fuzz.h"

#include <string.h>

#include "rtp/rtp.h"

/* What is read lies within the packet; and what is written is read as the same. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  struct rtp_packet packet;
  if (!rtp_parse(bytes, length, &packet)) return 0;
  FUZZ_ASSERT(packet.payload >= bytes + RTP_HEADER_BYTES && packet.payload + packet.payload_bytes <= bytes + length);
  uint8_t written[2048];
  if (packet.payload_bytes > sizeof written - RTP_HEADER_BYTES) return 0;
  rtp_write_header(written, &packet);
  memcpy(written + RTP_HEADER_BYTES, packet.payload, packet.payload_bytes);
  struct rtp_packet again;
  FUZZ_ASSERT(rtp_parse(written, RTP_HEADER_BYTES + packet.payload_bytes, &again));
  FUZZ_ASSERT(again.sequence_number == packet.sequence_number && again.timestamp == packet.timestamp);
  FUZZ_ASSERT(again.ssrc == packet.ssrc && again.marker == packet.marker && again.payload_type == packet.payload_type);
  return 0;
}
