/*
 * RTCP of one leg: our reports to its party at randomised intervals, with statistics of our own, and what its party reports. The
 * reports of one leg never reach the other: what we send there is another source's stream.
 */
#ifndef RINGDOWN_REPORTING_H
#define RINGDOWN_REPORTING_H

#include "net/address.h"
#include "rtp/receiver.h"
#include "rtp/rtcp.h"
#include "session/timer.h"

struct leg;
struct loop;

struct reporting {
  struct reception reception;
  uint32_t received_at_report; /* packets that the last report had counted */
  uint32_t sent_at_report;
  uint64_t received_reports; /* whole compounds that were taken */
  uint64_t sent_reports;
  uint64_t discarded_reports;
  uint32_t their_report;    /* middle of the NTP time of their last sender report; 0: none yet */
  uint64_t their_report_us; /* when it came */
  bool block_known;         /* `block` is set: what they say of our stream */
  struct report_block block;
  bool round_trip_known;
  uint32_t round_trip_us;
  bool metrics_known; /* `metrics` is set: RTCP-XR */
  struct voip_metrics metrics;
  struct timer timer;
  char cname[RTCP_CNAME_BYTES]; /* random for each leg (RFC 7022 §4.2), so that it tells nothing of the box */
};

void reporting_open(struct reporting *reporting);
/* The leg's loop has it, or has it no more. */
void reporting_attach(struct leg *leg, struct loop *loop, uint64_t now_us);
void reporting_detach(struct leg *leg, struct loop *loop);
/* Says goodbye, if anything was ever sent to the party. Before its socket is closed. */
void reporting_leave(struct leg *leg);

/* A packet of the party's stream that was taken. `timed`: its timestamp tells when it was sent. */
void reporting_note(struct leg *leg, const struct rtp_packet *packet, bool restarted, bool timed, uint64_t now_us);
/* RTCP in the clear, of either port; `authentic`: SRTCP. */
void reporting_receive(struct leg *leg, const uint8_t *bytes, size_t length, const union address *source, bool authentic,
                       uint64_t now_us);

/* What the E-model makes of what is heard from the party. */
double reporting_rating(const struct leg *leg);

#endif
