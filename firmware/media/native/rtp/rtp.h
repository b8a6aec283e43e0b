/* RTP packets (RFC 3550 §5): bytes in, values out, no policy. */
#ifndef RINGDOWN_RTP_H
#define RINGDOWN_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTP_HEADER_BYTES 12

struct rtp_packet {
  bool marker;
  uint8_t payload_type;
  uint16_t sequence_number;
  uint32_t timestamp; /* in units of the clock rate: 8000 Hz for all we carry */
  uint32_t ssrc;
  const uint8_t *payload; /* within the parsed bytes; CSRCs, extension and padding left out */
  size_t payload_bytes;
};

/* False, with *packet undefined, when the bytes are no RTP version 2 packet or a length in them lies. */
bool rtp_parse(const uint8_t *bytes, size_t length, struct rtp_packet *packet);

/* Writes RTP_HEADER_BYTES: version 2, no padding, no extension, no CSRC. The payload is left to the caller. */
void rtp_write_header(uint8_t *bytes, const struct rtp_packet *packet);

#endif
