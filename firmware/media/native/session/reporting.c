#include "session/reporting.h"

#include <stddef.h>
#include <string.h>
#include <sys/random.h>

#include "session/loop.h"

/*
 * Reports are due at multiples of it, those of many calls together: to set the kernel's timer for each of 3,000 calls takes 1 % of a
 * core, on a virtual machine.
 */
#define STEP_US 4000

static uint32_t random32(void) {
  uint32_t value = 0;
  while (getrandom(&value, sizeof value, 0) != sizeof value) continue;
  return value;
}

static uint64_t next_due_us(uint64_t now_us, bool first) {
  return (now_us + rtcp_interval_us(random32(), first) + STEP_US - 1) / STEP_US * STEP_US;
}

void reporting_open(struct reporting *reporting) {
  static const char digits[] = "0123456789abcdef";
  uint8_t bytes[RTCP_CNAME_BYTES / 2];
  memset(reporting, 0, sizeof *reporting);
  while (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) continue;
  for (size_t i = 0; i < sizeof bytes; i++) {
    reporting->cname[2 * i] = digits[bytes[i] >> 4];
    reporting->cname[2 * i + 1] = digits[bytes[i] & 15];
  }
}

static const union address *destination(const struct leg *leg) {
  return leg->settings.rtcp_mux ? leg_remote(leg) : latch_remote(&leg->rtcp_latch);
}

/* What was heard since the report before, or was a moment ago; NULL: nobody. */
static const struct report_block *make_block(struct leg *leg, struct report_block *block, uint64_t now_us) {
  struct reporting *reporting = &leg->reporting;
  if (!reporting->reception.started || reporting->reception.received == reporting->received_at_report) return NULL;
  reporting->received_at_report = reporting->reception.received;
  reception_report(&reporting->reception, block);
  if (reporting->their_report == 0) return block;
  block->last_report = reporting->their_report;
  block->since_last_report = (uint32_t)(((now_us - reporting->their_report_us) << 16) / 1000000);
  return block;
}

static void send_report(struct leg *leg, bool bye, uint64_t now_us) {
  const union address *to = destination(leg);
  if (address_is_unspecified(to)) return;
  struct reporting *reporting = &leg->reporting;
  const struct outgoing *outgoing = &leg->outgoing;
  struct report_block block;
  const struct sender_info info = {.ntp = ntp_now(),
                                   .timestamp = outgoing_by_now(outgoing, now_us),
                                   .packets = outgoing->packets,
                                   .octets = outgoing->octets};
  const struct rtcp_report report = {.ssrc = outgoing->ssrc,
                                     .info = outgoing->packets != reporting->sent_at_report ? &info : NULL,
                                     .block = make_block(leg, &block, now_us),
                                     .cname = reporting->cname,
                                     .bye = bye};
  uint8_t bytes[RTCP_MAX_BYTES + SRTP_ROOM_BYTES];
  size_t length = rtcp_build(bytes, &report);
  reporting->sent_at_report = outgoing->packets;
  struct crypto_context *crypto = leg->protection.outbound;
  if (crypto != NULL && crypto_protect_rtcp(crypto, bytes, &length) != CRYPTO_OK) return;
  const int fd = leg->settings.rtcp_mux ? leg->rtp_fd : leg->rtcp_fd;
  /* One that the system refuses is lost, as packets are. */
  if (sendto(fd, bytes, length, MSG_DONTWAIT, &to->any, address_length(to)) == (ssize_t)length) reporting->sent_reports++;
}

static void fire(struct timer *timer, uint64_t now_us) {
  struct leg *leg = (struct leg *)((char *)timer - offsetof(struct leg, reporting) - offsetof(struct reporting, timer));
  if (leg->configured) send_report(leg, false, now_us);
  timer_arm(leg->session->loop, timer, next_due_us(now_us, false));
}

void reporting_attach(struct leg *leg, struct loop *loop, uint64_t now_us) {
  leg->reporting.timer.fire = fire;
  timer_arm(loop, &leg->reporting.timer, next_due_us(now_us, leg->reporting.sent_reports == 0));
}

void reporting_detach(struct leg *leg, struct loop *loop) { timer_disarm(loop, &leg->reporting.timer); }

void reporting_leave(struct leg *leg) {
  /* RFC 3550 §6.3.7: who never sent anything says no goodbye. */
  if (leg->configured && (leg->reporting.sent_reports > 0 || leg->outgoing.packets > 0)) send_report(leg, true, loop_now_us());
}

void reporting_note(struct leg *leg, const struct rtp_packet *packet, bool restarted, bool timed, uint64_t now_us) {
  struct reporting *reporting = &leg->reporting;
  const uint32_t before = reporting->reception.ssrc;
  const struct received_packet received = {.ssrc = packet->ssrc,
                                           .sequence = packet->sequence_number,
                                           .timestamp = packet->timestamp,
                                           .clock_rate = codec_traits(leg->settings.codec)->clock_rate,
                                           .restarted = restarted,
                                           .timed = timed,
                                           .now_us = now_us};
  reception_note(&reporting->reception, &received);
  if (restarted) reporting->received_at_report = 0;
  /* The sender reports of another source are none of this one. */
  if (before != packet->ssrc) reporting->their_report = 0;
}

/* Who may report: the party that is heard, the host that the signalling names for it, or whoever has its key. */
static bool may_report(struct leg *leg, const union address *source, bool authentic, uint64_t now_us) {
  const bool its_host = address_same_host(source, leg_remote(leg)) || address_same_host(source, &leg->rtcp_latch.signalled);
  if (!authentic && !its_host) return false;
  return latch_hear(&leg->rtcp_latch, source, authentic ? PROOF_NEWEST : PROOF_NONE, now_us) != SOURCE_STRANGER;
}

/* Whether the party may send nothing but this for minutes, where nobody speaks. */
static bool pauses(const struct leg *leg) {
  return leg->settings.noise_payload_type != NO_PAYLOAD_TYPE || leg->settings.encoding.annex_b;
}

void reporting_receive(struct leg *leg, const uint8_t *bytes, size_t length, const union address *source, bool authentic,
                       uint64_t now_us) {
  struct reporting *reporting = &leg->reporting;
  struct rtcp_received received;
  if (!leg->configured || !rtcp_parse(bytes, length, leg->outgoing.ssrc, &received) ||
      !may_report(leg, source, authentic, now_us)) {
    reporting->discarded_reports++;
    return;
  }
  reporting->received_reports++;
  if (pauses(leg)) silence_end(leg, now_us);
  if (received.sender) {
    reporting->their_report = ntp_middle(received.info.ntp);
    reporting->their_report_us = now_us;
  }
  if (received.metrics_known) {
    reporting->metrics = received.metrics;
    reporting->metrics_known = true;
  }
  if (!received.about_us) return;
  reporting->block = received.block;
  reporting->block_known = true;
  if (leg->outgoing.encoder != NULL) encoder_expect_loss(leg->outgoing.encoder, received.block.fraction_lost * 100u / 256);
  uint32_t us;
  if (round_trip_us(&received.block, ntp_middle(ntp_now()), &us)) {
    reporting->round_trip_us = us;
    reporting->round_trip_known = true;
  }
}

double reporting_rating(const struct leg *leg) {
  const struct reporting *reporting = &leg->reporting;
  const double all = (double)(leg->counters.packets_received + leg->counters.packets_lost);
  const double unheard = (double)(leg->counters.packets_lost + leg->counters.missed);
  /* From the party's mouth to our exit: half the round trip, a packet's length, and a buffer of twice the jitter. */
  const struct hearing hearing = {
      .codec = leg->settings.codec,
      .loss = unheard > 0 ? unheard / all : 0,
      .delay_ms = (reporting->round_trip_known ? reporting->round_trip_us / 2000.0 : 0) + leg->settings.ptime_ms +
                  2 * reception_jitter_us(&reporting->reception) / 1000.0,
  };
  return rating_of(&hearing);
}
