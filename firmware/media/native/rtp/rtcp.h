/* RTCP (RFC 3550 §6, RFC 3611): bytes in, values out, and our own reports. No policy, no clock, no memory. */
#ifndef RINGDOWN_RTCP_H
#define RINGDOWN_RTCP_H

#include "rtp/statistics.h"

#define RTCP_MAX_BYTES 256       /* the longest compound packet that we build */
#define RTCP_CNAME_BYTES 24      /* a canonical name of ours: that many characters, no end mark */
#define RTCP_INTERVAL_US 5000000 /* RFC 3550 §6.2: the minimum, before it is randomised */

struct sender_info {
  uint64_t ntp;
  uint32_t timestamp; /* RTP units of the same moment */
  uint32_t packets;
  uint32_t octets; /* of payload */
};

/* VoIP metrics of a party about what it hears (RFC 3611 §4.7), as it says them; 127 in a score: not to be had. */
struct voip_metrics {
  uint8_t loss_rate;    /* 1/256 */
  uint8_t discard_rate; /* 1/256 */
  uint16_t round_trip_ms;
  uint16_t end_system_ms;
  uint8_t r_factor;             /* 0 to 100 */
  uint8_t listening_quality10;  /* MOS-LQ, 10 to 50 */
  uint8_t conversational_quality10;
  uint16_t jitter_buffer_ms; /* its nominal delay */
};

/* What a compound packet said, of its sender and of our source. */
struct rtcp_received {
  uint32_t ssrc; /* the reporter */
  bool sender;   /* `info` is set */
  struct sender_info info;
  bool about_us; /* `block` is set: the one of our SSRC */
  struct report_block block;
  bool metrics_known; /* `metrics` is set: those of our SSRC */
  struct voip_metrics metrics;
  bool bye;
  unsigned packets; /* in the compound */
};

/*
 * False for what is no whole compound packet (RFC 3550 A.2): a length that lies, a first packet that is no report, padding
 * before the last one. Packets and blocks of types that nobody knows are passed over.
 */
bool rtcp_parse(const uint8_t *bytes, size_t length, uint32_t our_ssrc, struct rtcp_received *received);

/* RFC 5761 §4: RTCP on the port of RTP shows in its second octet. Both are at least 2 bytes long. */
static inline bool rtcp_is_muxed(const uint8_t *bytes) { return bytes[1] >= 192 && bytes[1] <= 223; }

struct rtcp_report {
  uint32_t ssrc;                  /* ours */
  const struct sender_info *info; /* NULL: nothing was sent lately, so that it is a receiver report */
  const struct report_block *block; /* NULL: nobody was heard lately */
  const char *cname;              /* RTCP_CNAME_BYTES characters */
  bool bye;                       /* we leave */
};

/* A compound packet: SR or RR, SDES with the canonical name, BYE. At most RTCP_MAX_BYTES; how many. */
size_t rtcp_build(uint8_t *bytes, const struct rtcp_report *report);

/*
 * Until the next report in microseconds: RTCP_INTERVAL_US between half and one and a half times (RFC 3550 §6.3.1; two
 * members never need more bandwidth than it gives). Half of it for the first one. `random` is any 32 bits.
 */
uint64_t rtcp_interval_us(uint32_t random, bool first);

#endif
