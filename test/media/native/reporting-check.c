/* RTCP of a leg, the mark of its packets, its silence, and its place for another worker. */
#include <netinet/ip.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static void say_voice(struct bench *bench, unsigned packets) {
  static uint16_t sequence;
  for (unsigned i = 0; i < packets; i++, sequence++) {
    say(bench, (struct sending){PCMA_TYPE, false, sequence, sequence * 160u, 7, 160});
    pass(bench, 20);
  }
}

CHECK(check_reports, "reports: come with what was sent and heard, and are read as what they are") {
  struct bench bench;
  bench_open(&bench, CODEC_PCMA, 20, CODEC_PCMA, 20);
  struct leg *leg = &bench.session->legs[1];
  leg->settings.rtcp_mux = true;
  /* By the clock of the bench instead of the machine's. */
  reporting_attach(leg, bench.loop, bench.now_ms * 1000);
  /* Party 1 hears audio, and reports about it between. */
  uint8_t bytes[PACKET_BYTES];
  struct rtcp_received report = {0};
  unsigned voices = 0, reports = 0;
  for (unsigned i = 0; i < 400; i++) {
    say_voice(&bench, 1);
    ssize_t length;
    while ((length = recv(bench.parties[1].fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
      if (!rtcp_is_muxed(bytes)) voices++;
      else if (rtcp_parse(bytes, (size_t)length, 9, &report)) reports++;
    }
  }
  EXPECT(voices, 400);
  EXPECT(reports >= 1 && reports <= 4, true);
  EXPECT(report.sender, true);
  EXPECT(report.ssrc, leg->outgoing.ssrc);
  EXPECT(report.info.packets > 0 && report.info.packets <= 400, true);
  EXPECT(report.info.octets, report.info.packets * 160);
  EXPECT(report.about_us, false);
  EXPECT(leg->reporting.sent_reports, reports);

  /* The party answers: from its own address, then from another host, then what is no report. */
  const struct report_block block = {.ssrc = leg->outgoing.ssrc, .fraction_lost = 128, .cumulative_lost = 3, .jitter = 80,
                                     .last_report = ntp_middle(ntp_now()) - 0x8000, .since_last_report = 0x4000};
  const struct sender_info info = {.ntp = ntp_now()};
  const size_t built =
      rtcp_build(bytes, &(struct rtcp_report){.ssrc = 7, .info = &info, .block = &block, .cname = "abcdefghijklmnopqrstuvwx"});
  session_receive(bench.session, 1, bytes, built, &bench.parties[1].address, bench.now_ms * 1000);
  EXPECT(leg->reporting.received_reports, 1);
  EXPECT(leg->reporting.block.fraction_lost, 128);
  EXPECT(leg->reporting.round_trip_us / 1000, 250);
  EXPECT(leg->reporting.their_report, ntp_middle(info.ntp));
  union address stranger;
  if (!address_parse("127.0.0.9", 5000, &stranger)) abort();
  session_receive(bench.session, 1, bytes, built, &stranger, bench.now_ms * 1000);
  session_receive(bench.session, 1, bytes, built - 4, &bench.parties[1].address, bench.now_ms * 1000);
  EXPECT(leg->reporting.received_reports, 1);
  EXPECT(leg->reporting.discarded_reports, 2);
  EXPECT(leg->counters.malformed + leg->counters.unknown_payload_type, 0);
  bench_close(&bench);
}

#define TYPE_SENDER 200
#define TYPE_RECEIVER 201
#define TYPE_DESCRIPTION 202

/* What party `leg` was reported last, and the type of its first packet and of that behind it; how many reports since the time before. */
static unsigned last_report(struct bench *bench, unsigned leg, struct rtcp_received *report, uint8_t types[2]) {
  uint8_t bytes[PACKET_BYTES];
  ssize_t length;
  unsigned reports = 0;
  while ((length = recv(bench->parties[leg].fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
    if (!rtcp_is_muxed(bytes)) continue;
    EXPECT(rtcp_parse(bytes, (size_t)length, 7, report), true);
    const size_t first = ((size_t)(bytes[2] << 8 | bytes[3]) + 1) * 4;
    types[0] = bytes[1];
    types[1] = bytes[first + 1];
    reports++;
  }
  return reports;
}

CHECK(check_report_types, "reports: a leg that sends gives a sender report, one that only receives a receiver report with a block (RFC 3550 §6.4)") {
  struct bench bench;
  bench_open(&bench, CODEC_PCMA, 20, CODEC_PCMA, 20);
  for (unsigned leg = 0; leg < 2; leg++) {
    bench.session->legs[leg].settings.rtcp_mux = true;
    reporting_attach(&bench.session->legs[leg], bench.loop, bench.now_ms * 1000);
  }
  struct rtcp_received reports[2];
  uint8_t types[2][2];
  unsigned counts[2] = {0, 0};
  /* Party 0 speaks, and one packet of four is lost; party 1 hears it and says nothing. */
  for (uint16_t i = 0; i < 800; i++) {
    if (i % 4 != 1) say(&bench, (struct sending){PCMA_TYPE, false, i, i * 160u, 7, 160});
    pass(&bench, 20);
    for (unsigned leg = 0; leg < 2; leg++) counts[leg] += last_report(&bench, leg, &reports[leg], types[leg]);
  }
  EXPECT(counts[0] >= 2, true);
  EXPECT(types[0][0], TYPE_RECEIVER);
  EXPECT(types[0][1], TYPE_DESCRIPTION);
  EXPECT(reports[0].sender, false);
  EXPECT(reports[0].ssrc, bench.session->legs[0].outgoing.ssrc);
  EXPECT(reports[0].about_us, true);
  EXPECT(reports[0].block.ssrc, 7);
  EXPECT(reports[0].block.fraction_lost >= 62 && reports[0].block.fraction_lost <= 66, true);
  EXPECT(reports[0].block.highest_sequence > 400 && reports[0].block.highest_sequence < 800, true);
  EXPECT(abs(reports[0].block.cumulative_lost - (int)reports[0].block.highest_sequence / 4) <= 1, true);
  EXPECT(counts[1] >= 2, true);
  EXPECT(types[1][0], TYPE_SENDER);
  EXPECT(types[1][1], TYPE_DESCRIPTION);
  EXPECT(reports[1].sender, true);
  EXPECT(reports[1].about_us, false);
  /* Nobody speaks any more: after the last of what was sent and heard there is nothing to tell, and the leg is still there. */
  for (unsigned turn = 0; turn < 2; turn++) {
    pass(&bench, 7000);
    for (unsigned leg = 0; leg < 2; leg++) counts[leg] = last_report(&bench, leg, &reports[leg], types[leg]);
  }
  for (unsigned leg = 0; leg < 2; leg++) {
    EXPECT(counts[leg] >= 1, true);
    EXPECT(types[leg][0], TYPE_RECEIVER);
    EXPECT(types[leg][1], TYPE_DESCRIPTION);
    EXPECT(reports[leg].about_us, false);
  }
  bench_close(&bench);
}

CHECK(check_nowhere, "a party that is nowhere, as on hold (RFC 2543), gets neither audio nor reports nor a goodbye") {
  struct bench bench;
  bench_open(&bench, CODEC_PCMA, 20, CODEC_PCMA, 20);
  struct leg *leg = &bench.session->legs[1];
  struct leg_settings settings = leg->settings;
  /* The system would bring what is sent there to this machine. */
  if (!address_parse("0.0.0.0", address_port(&settings.remote), &settings.remote)) abort();
  settings.rtcp_remote = settings.remote;
  settings.rtcp_mux = true;
  EXPECT(session_configure(bench.session, 1, &settings), true);
  reporting_attach(leg, bench.loop, bench.now_ms * 1000);
  say_voice(&bench, 400);
  EXPECT(count_heard(&bench), 0);
  uint8_t bytes[PACKET_BYTES];
  EXPECT(recv(bench.parties[1].fd, bytes, sizeof bytes, MSG_DONTWAIT) < 0, true);
  EXPECT(leg->reporting.sent_reports, 0);
  /* Where it is heard it may be told. */
  leg->outgoing.packets++;
  const struct rtp_packet packet = {.payload_type = PCMA_TYPE, .ssrc = 8};
  memset(bytes, 0, sizeof bytes);
  rtp_write_header(bytes, &packet);
  session_receive(bench.session, 1, bytes, RTP_HEADER_BYTES + 160, &bench.parties[1].address, bench.now_ms * 1000);
  say_voice(&bench, 400);
  EXPECT(leg->reporting.sent_reports >= 1, true);
  bench_close(&bench);
}

CHECK(check_mark, "packets are marked with the code point that the leg is given") {
  struct bench bench;
  bench_open(&bench, CODEC_PCMA, 20, CODEC_PCMA, 20);
  struct leg *leg = &bench.session->legs[0];
  static const uint8_t points[] = {46, 0, 63, 34};
  for (unsigned i = 0; i < sizeof points; i++) {
    struct leg_settings settings = leg->settings;
    settings.dscp = points[i];
    EXPECT(session_configure(bench.session, 0, &settings), true);
    const int fds[] = {leg->rtp_fd, leg->rtcp_fd};
    for (unsigned which = 0; which < 2; which++) {
      int service = -1;
      socklen_t length = sizeof service;
      EXPECT(getsockopt(fds[which], IPPROTO_IP, IP_TOS, &service, &length), 0);
      EXPECT(service >> 2, points[i]);
    }
  }
  bench_close(&bench);
}

/* The kind of the next event about silence, or -1. */
static int next_event(struct bench *bench, uint32_t *duration_ms) {
  struct media_event event;
  while (reports_take(loop_reports(bench->loop), &event)) {
    *duration_ms = event.duration_ms;
    if (event.kind == EVENT_SILENT || event.kind == EVENT_HEARD) return (int)event.kind;
  }
  return -1;
}

CHECK(check_silence, "a leg that should receive and does not is told once, and once when it does again") {
  struct bench bench;
  uint32_t ms = 0;
  bench_open(&bench, CODEC_PCMA, 20, CODEC_PCMA, 20);
  struct leg *leg = &bench.session->legs[0];
  leg->settings.silence_ms = 3000;
  silence_watch(leg, bench.loop, bench.now_ms * 1000);
  say_voice(&bench, 500);
  EXPECT(next_event(&bench, &ms), -1);
  pass(&bench, 2970);
  EXPECT(next_event(&bench, &ms), -1);
  pass(&bench, 20);
  EXPECT(next_event(&bench, &ms), EVENT_SILENT);
  EXPECT(ms >= 3000 && ms <= 3020, true);
  pass(&bench, 20000);
  EXPECT(next_event(&bench, &ms), -1);
  say_voice(&bench, 1);
  EXPECT(next_event(&bench, &ms), EVENT_HEARD);
  EXPECT(ms / 100, 230);
  pass(&bench, 3000);
  EXPECT(next_event(&bench, &ms), EVENT_SILENT);
  /* On hold nobody waits for it, and afterwards its time begins anew. */
  struct leg_settings settings = leg->settings;
  settings.receives = false;
  EXPECT(session_configure(bench.session, 0, &settings), true);
  pass(&bench, 10000);
  EXPECT(next_event(&bench, &ms), -1);
  bench_close(&bench);
}

CHECK(check_place, "another worker goes on: SSRC, numbers behind all that were used, time that went on") {
  for (unsigned secured = 0; secured < 2; secured++) {
    struct bench bench;
    bench_open(&bench, CODEC_PCMA, 20, CODEC_PCMA, 20);
    struct leg *leg = &bench.session->legs[1];
    uint8_t master[SRTP_MAX_MASTER_BYTES] = {3};
    if (secured) {
      struct crypto_context *inbound = crypto_open(SUITE_AEAD_AES_128_GCM, master, CRYPTO_INBOUND, false);
      struct crypto_context *outbound = crypto_open(SUITE_AEAD_AES_128_GCM, master, CRYPTO_OUTBOUND, false);
      protection_configure(&leg->protection, &inbound, &outbound, bench.now_ms * 1000);
    }
    leg->outgoing.next_sequence = 65000;
    say_voice(&bench, 30);
    struct leg_place place;
    place_take(leg, bench.now_ms * 1000, &place);
    EXPECT(place.ptime_ms, 20);
    EXPECT(place.secured, secured);
    place.age_us = 1500000;
    place.resumptions = 1;

    struct leg next = {.family = AF_INET};
    outgoing_start(&next.outgoing);
    outgoing_set_format(&next.outgoing, CODEC_PCMA, 20);
    place_begin(&next, &place, 100000000);
    const uint16_t used = (uint16_t)(next.outgoing.next_sequence - leg->outgoing.next_sequence);
    EXPECT(next.outgoing.ssrc, leg->outgoing.ssrc);
    EXPECT(used, 75 + (secured ? 1000 : 10));
    EXPECT((uint32_t)(outgoing_by_now(&next.outgoing, 100000000) - place.timestamp), 1500 * 8);
    EXPECT(memcmp(next.reporting.cname, leg->reporting.cname, RTCP_CNAME_BYTES), 0);
    if (secured) {
      struct crypto_context *inbound = crypto_open(SUITE_AEAD_AES_128_GCM, master, CRYPTO_INBOUND, false);
      struct crypto_context *outbound = crypto_open(SUITE_AEAD_AES_128_GCM, master, CRYPTO_OUTBOUND, false);
      protection_configure(&next.protection, &inbound, &outbound, 0);
      place_resume(&next, 100000000);
      struct crypto_place went_on;
      EXPECT(protection_outbound_place(&next.protection, place.ssrc, &went_on), true);
      EXPECT(went_on.rollover, 1);
      EXPECT(went_on.sequence, (uint16_t)(next.outgoing.next_sequence - 1));
      EXPECT(went_on.rtcp_index >= 16, true);
    }
    protection_close(&next.protection);
    bench_close(&bench);
  }
}

/* A snapshot may fall between the opening of a leg, its keys, and its first packet. */
CHECK(check_place_before_media, "another worker begins a new stream where nothing had been sent yet, lest a number is protected twice") {
  for (unsigned configured = 0; configured < 2; configured++) {
    struct bench bench;
    bench_open(&bench, CODEC_PCMA, 20, CODEC_PCMA, 20);
    struct leg *leg = &bench.session->legs[1];
    const uint8_t master[SRTP_MAX_MASTER_BYTES] = {3};
    leg->configured = configured;
    struct crypto_context *inbound = crypto_open(SUITE_AEAD_AES_128_GCM, master, CRYPTO_INBOUND, false);
    struct crypto_context *outbound = crypto_open(SUITE_AEAD_AES_128_GCM, master, CRYPTO_OUTBOUND, false);
    protection_configure(&leg->protection, &inbound, &outbound, 0);
    struct leg_place place;
    place_take(leg, bench.now_ms * 1000, &place);
    place.age_us = 1000000;
    place.resumptions = 1;

    struct leg next = {.family = AF_INET};
    outgoing_start(&next.outgoing);
    place_begin(&next, &place, 100000000);
    outgoing_set_format(&next.outgoing, CODEC_PCMA, 20);
    inbound = crypto_open(SUITE_AEAD_AES_128_GCM, master, CRYPTO_INBOUND, false);
    outbound = crypto_open(SUITE_AEAD_AES_128_GCM, master, CRYPTO_OUTBOUND, false);
    protection_configure(&next.protection, &inbound, &outbound, 0);
    place_resume(&next, 100000000);
    EXPECT(next.outgoing.ssrc != leg->outgoing.ssrc, true);
    EXPECT(next.outgoing.next_sequence < 0x8000, true);
    protection_close(&next.protection);
    bench_close(&bench);
  }
}
