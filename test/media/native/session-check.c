/* What a session makes of a packet. Time is an argument of session_receive, so that nothing here waits. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "codec/g711.h"

CHECK(check_relay, "relay keeps order and time across loss, overtaking and a new source") {
  struct bench bench;
  struct rtp_packet first, next;
  bench_open(&bench, CODEC_PCMA, 20, CODEC_PCMA, 20);
  say(&bench, (struct sending){PCMA_TYPE, true, 65535, 0xffffffb0, 7, 160});
  EXPECT(hear(&bench, &first), true);
  EXPECT(first.marker, true);
  EXPECT(first.payload_bytes, 160);
  EXPECT(first.payload[159], 0x5a);
  /* One is lost, the one after next overtakes. */
  say(&bench, (struct sending){PCMA_TYPE, false, 2, 0xffffffb0 + 480, 7, 160});
  EXPECT(hear(&bench, &next), true);
  EXPECT((uint16_t)(next.sequence_number - first.sequence_number), 3);
  EXPECT((uint32_t)(next.timestamp - first.timestamp), 480);
  say(&bench, (struct sending){PCMA_TYPE, false, 1, 0xffffffb0 + 320, 7, 160});
  EXPECT(hear(&bench, &next), true);
  EXPECT((uint16_t)(next.sequence_number - first.sequence_number), 2);
  EXPECT((uint32_t)(next.timestamp - first.timestamp), 320);
  EXPECT(next.ssrc, first.ssrc);
  /* What came later is not lost; what comes twice makes up for nothing. */
  for (unsigned i = 0; i < 2; i++) {
    EXPECT(bench.session->legs[0].counters.packets_lost, 1);
    say(&bench, (struct sending){PCMA_TYPE, false, 1, 0xffffffb0 + 320, 7, 160});
  }
  EXPECT(count_heard(&bench), 2);
  /* Another source half a second later: the stream goes on where it would have been. */
  bench.now_ms += 500;
  say(&bench, (struct sending){PCMA_TYPE, false, 40000, 12345, 8, 160});
  EXPECT(hear(&bench, &next), true);
  EXPECT((uint16_t)(next.sequence_number - first.sequence_number), 4);
  EXPECT((uint32_t)(next.timestamp - first.timestamp), 480 + 4000);
  EXPECT(next.ssrc, first.ssrc);
  EXPECT(next.marker, true);
  bench_close(&bench);
}

CHECK(check_framing, "another ptime cuts the audio anew") {
  struct bench bench;
  struct rtp_packet packet;
  bench_open(&bench, CODEC_PCMU, 30, CODEC_PCMU, 20);
  say(&bench, (struct sending){PCMU_TYPE, true, 1, 0, 7, 240});
  say(&bench, (struct sending){PCMU_TYPE, false, 2, 240, 7, 240});
  uint32_t start = 0;
  for (unsigned i = 0; i < 3; i++) {
    EXPECT(hear(&bench, &packet), true);
    if (i == 0) start = packet.timestamp;
    EXPECT(packet.marker, i == 0);
    EXPECT(packet.payload_bytes, 160);
    EXPECT((uint32_t)(packet.timestamp - start), i * 160);
  }
  EXPECT(count_heard(&bench), 0);
  /* Silence in the source: what is waiting goes out short, and the time jumps. */
  say(&bench, (struct sending){PCMU_TYPE, false, 3, 480, 7, 100});
  say(&bench, (struct sending){PCMU_TYPE, true, 4, 8000, 7, 160});
  EXPECT(hear(&bench, &packet), true);
  EXPECT(packet.payload_bytes, 100);
  EXPECT((uint32_t)(packet.timestamp - start), 480);
  EXPECT(hear(&bench, &packet), true);
  EXPECT((uint32_t)(packet.timestamp - start), 8000);
  EXPECT(packet.marker, true);
  bench_close(&bench);
}

/* A gateway that takes its timestamps from a coarse clock: early by a millisecond, then late, never far. */
CHECK(check_uneven_timestamps, "timestamps that waver do not tear the audio") {
  struct bench bench;
  struct rtp_packet packet;
  bench_open(&bench, CODEC_PCMA, 20, CODEC_G729, 20);
  uint32_t start = 0;
  for (unsigned i = 0; i < 1000; i++) {
    say(&bench, (struct sending){PCMA_TYPE, i == 0, (uint16_t)i, i * 160 + (i % 2) * 8, 7, 160});
    bench.now_ms += 20;
    EXPECT(hear(&bench, &packet), true);
    if (i == 0) start = packet.timestamp;
    EXPECT((uint32_t)(packet.timestamp - start), i * 160);
    EXPECT(packet.payload_bytes, 20);
    EXPECT(packet.marker, i == 0);
    if (packet.timestamp - start != i * 160) break;
  }
  EXPECT(count_heard(&bench), 0);
  bench_close(&bench);
}

CHECK(check_concealment, "up to three lost packets are concealed, more are a pause, late ones dropped") {
  static const struct {
    enum codec from, to;
    uint8_t type;
    size_t bytes;
  } cases[] = {{CODEC_PCMA, CODEC_PCMU, PCMA_TYPE, 160}, {CODEC_PCMA, CODEC_G729, PCMA_TYPE, 160}, {CODEC_G729, CODEC_PCMU, G729_TYPE, 20}};
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct bench bench;
    struct rtp_packet packet;
    bench_open(&bench, cases[i].from, 20, cases[i].to, 20);
    say(&bench, (struct sending){cases[i].type, true, 1, 0, 7, cases[i].bytes});
    say(&bench, (struct sending){cases[i].type, false, 5, 640, 7, cases[i].bytes}); /* three lost */
    EXPECT(count_heard(&bench), 5);
    EXPECT(bench.session->legs[0].counters.packets_lost, 3);
    say(&bench, (struct sending){cases[i].type, false, 10, 1440, 7, cases[i].bytes}); /* four lost */
    for (unsigned n = 0; n < 4; n++) {
      EXPECT(hear(&bench, &packet), true);
      EXPECT(packet.marker, n == 3);
    }
    EXPECT(count_heard(&bench), 0);
    say(&bench, (struct sending){cases[i].type, false, 9, 1280, 7, cases[i].bytes}); /* late */
    say(&bench, (struct sending){cases[i].type, false, 10, 1440, 7, cases[i].bytes}); /* twice */
    EXPECT(count_heard(&bench), 0);
    EXPECT(bench.session->legs[0].counters.late, 2);
    EXPECT(bench.session->legs[0].counters.missed, 1);
    EXPECT(bench.session->legs[0].counters.packets_lost, 3 + 4 - 1);
    bench_close(&bench);
  }
}

CHECK(check_event, "telephone events keep their timestamp, between audio and audio") {
  for (unsigned mode = 0; mode < 2; mode++) {
    struct bench bench;
    struct rtp_packet audio, packet;
    bench_open(&bench, CODEC_PCMA, 20, mode == 0 ? CODEC_PCMA : CODEC_G729, 20);
    say(&bench, (struct sending){PCMA_TYPE, true, 1, 1000, 7, 160});
    EXPECT(hear(&bench, &audio), true);
    uint16_t sequence = 2;
    for (unsigned i = 0; i < 5; i++) say(&bench, (struct sending){EVENT_TYPE, i == 0, sequence++, 1160, 7, 4});
    for (unsigned i = 0; i < 5; i++) {
      EXPECT(hear(&bench, &packet), true);
      EXPECT(packet.payload_type, EVENT_TYPE + 1);
      EXPECT(packet.marker, i == 0);
      EXPECT((uint32_t)(packet.timestamp - audio.timestamp), 160);
      EXPECT((uint16_t)(packet.sequence_number - audio.sequence_number), i + 1);
      EXPECT(packet.payload_bytes, 4);
      EXPECT(packet.payload[0], 0x5a);
    }
    /* The audio comes back after the event, at its own time. */
    say(&bench, (struct sending){PCMA_TYPE, true, sequence, 1160 + 800, 7, 160});
    EXPECT(hear(&bench, &packet), true);
    EXPECT((uint32_t)(packet.timestamp - audio.timestamp), 160 + 800);
    EXPECT((uint16_t)(packet.sequence_number - audio.sequence_number), 6);
    bench_close(&bench);
  }
}

/* RFC 4733 §2.5.1.5: a press is told from the next by its timestamp, also where no audio runs for long. */
CHECK(check_event_distance, "each telephone event has a timestamp of its own, however far from audio") {
  static const struct {
    uint32_t timestamps[3]; /* of three presses, audio having ended at 160 */
    unsigned pause_ms;      /* before the first; a second from then on */
    uint32_t expected[3];   /* from that end, in the stream sent; of the second and third, from the one before */
  } cases[] = {
      {{160, 160 + 8000, 160 + 16000}, 0, {0, 8000, 8000}},
      /* RFC 4733 §2.5.1.3: an event too long for its duration field, in segments. */
      {{160, 160 + 65535, 160 + 131070}, 0, {0, 65535, 65535}},
      {{160 + 160000, 160 + 168000, 160 + 176000}, 20000, {160000, 8000, 8000}},
      /* Timestamps that have nothing to do with those of the audio. */
      {{0x40000000, 0x40002000, 0x40004000}, 20000, {160000, 8000, 8000}},
      {{0xa0000000, 0xb0000000, 0xa0000000}, 20000, {160000, 8000, 8000}},
  };
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct bench bench;
    struct rtp_packet audio, packet;
    bench_open(&bench, CODEC_PCMA, 20, CODEC_G729, 20);
    say(&bench, (struct sending){PCMA_TYPE, true, 1, 0, 7, 160});
    EXPECT(hear(&bench, &audio), true);
    /* That long after the packet began. */
    bench.now_ms += 20 + cases[i].pause_ms;
    uint16_t sequence = 2;
    uint32_t before = audio.timestamp + 160;
    for (unsigned press = 0; press < 3; press++) {
      for (unsigned repeated = 0; repeated < 3; repeated++) {
        say(&bench, (struct sending){EVENT_TYPE, repeated == 0, sequence++, cases[i].timestamps[press], 7, 4});
        EXPECT(hear(&bench, &packet), true);
        EXPECT((uint32_t)(packet.timestamp - before), repeated == 0 ? cases[i].expected[press] : 0);
        before = packet.timestamp;
      }
      bench.now_ms += i == 1 ? 8192 : 1000;
    }
    bench_close(&bench);
  }
}

CHECK(check_latching, "symmetric RTP latches to the first source, and anew after 2 s of silence") {
  struct bench bench;
  bench_open(&bench, CODEC_PCMA, 20, CODEC_PCMA, 20);
  const struct leg *leg = &bench.session->legs[0];
  union address first, second;
  if (!address_parse("127.0.0.2", 5000, &first) || !address_parse("127.0.0.3", 5000, &second)) abort();
  struct sending voice = {PCMA_TYPE, false, 1, 0, 7, 160};
  EXPECT(address_equal(leg_remote(leg), &bench.parties[0].address), true);
  say_from(&bench, &first, (struct sending){99, false, 1, 0, 7, 160});
  EXPECT(address_equal(leg_remote(leg), &bench.parties[0].address), true);
  say_from(&bench, &first, voice);
  EXPECT(address_equal(leg_remote(leg), &first), true);
  bench.now_ms += 1999;
  voice.ssrc = 8;
  say_from(&bench, &second, voice);
  EXPECT(address_equal(leg_remote(leg), &first), true);
  EXPECT(leg->counters.wrong_source, 1);
  EXPECT(leg->counters.packets_received, 1);
  bench.now_ms += 1;
  say_from(&bench, &second, voice);
  EXPECT(address_equal(leg_remote(leg), &second), true);
  /* The signalled address takes its place back at once. */
  voice.ssrc = 9;
  say(&bench, voice);
  EXPECT(address_equal(leg_remote(leg), &bench.parties[0].address), true);
  say_from(&bench, &first, voice);
  EXPECT(address_equal(leg_remote(leg), &bench.parties[0].address), true);
  /* A party that was heard where the signalling said may be silent, and still no stranger gets what is said to it. */
  bench.now_ms += 60000;
  say_from(&bench, &first, voice);
  EXPECT(address_equal(leg_remote(leg), &bench.parties[0].address), true);
  /* Another port of the same host is no stranger. */
  union address moved = bench.parties[0].address;
  moved.v4.sin_port ^= 1;
  say_from(&bench, &moved, voice);
  EXPECT(address_equal(leg_remote(leg), &moved), true);
  bench_close(&bench);
}

CHECK(check_jump, "a sequence jump is believed at its second packet") {
  struct bench bench;
  for (enum codec to = CODEC_PCMU; to <= CODEC_PCMA; to++) {
    bench_open(&bench, CODEC_PCMA, 20, to, 20);
    say(&bench, (struct sending){PCMA_TYPE, true, 1, 0, 7, 160});
    say(&bench, (struct sending){PCMA_TYPE, false, 30000, 160, 7, 160}); /* one packet from nowhere */
    say(&bench, (struct sending){PCMA_TYPE, false, 2, 160, 7, 160});
    EXPECT(count_heard(&bench), 2);
    say(&bench, (struct sending){PCMA_TYPE, false, 30000, 320, 7, 160}); /* two in a row: it began again */
    say(&bench, (struct sending){PCMA_TYPE, false, 30001, 480, 7, 160});
    EXPECT(count_heard(&bench), 1);
    EXPECT(bench.session->legs[0].counters.late, 2);
    bench_close(&bench);
  }
}

static void encode_tone(struct encoder *encoder, double amplitude, double hertz, uint8_t *bytes, unsigned frames) {
  for (unsigned frame = 0; frame < frames; frame++) {
    int16_t pcm[FRAME_SAMPLES];
    for (unsigned i = 0; i < FRAME_SAMPLES; i++) {
      pcm[i] = (int16_t)(amplitude * sin(hertz * 2 * M_PI * (frame * FRAME_SAMPLES + i) / 8000));
    }
    encoder_encode(encoder, pcm, bytes + frame * G729_FRAME_BYTES);
  }
}

/* The loudest sample that party 1 hears in packets of PCMA. */
static int peak_heard(struct bench *bench) {
  struct rtp_packet packet;
  int peak = 0;
  while (hear(bench, &packet)) {
    for (size_t i = 0; i < packet.payload_bytes; i++) {
      int16_t sample;
      g711_decode(G711_ALAW, packet.payload + i, 1, &sample);
      if (abs(sample) > peak) peak = abs(sample);
    }
  }
  return peak;
}

static void say_frames(struct bench *bench, struct sending what, const uint8_t *frames, unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    uint8_t bytes[RTP_HEADER_BYTES + G729_FRAME_BYTES];
    const struct rtp_packet packet = {.payload_type = what.payload_type,
                                      .sequence_number = (uint16_t)(what.sequence_number + i),
                                      .timestamp = what.timestamp + i * FRAME_SAMPLES,
                                      .ssrc = what.ssrc};
    rtp_write_header(bytes, &packet);
    memcpy(bytes + RTP_HEADER_BYTES, frames + i * G729_FRAME_BYTES, G729_FRAME_BYTES);
    session_receive(bench->session, 0, bytes, sizeof bytes, &bench->parties[0].address, bench->now_ms * 1000);
    send_queue_flush(loop_queue(bench->loop));
  }
}

/* A quiet speaker after a loud one: his first frames are decoded without what the other left in the decoder. */
CHECK(check_fresh_coder, "another source, or G.729 again after another codec, begins with a fresh coder") {
  for (unsigned mode = 0; mode < 2; mode++) {
    uint8_t loud[50 * G729_FRAME_BYTES], quiet[10 * G729_FRAME_BYTES];
    struct encoder *first = encoder_open(CODEC_G729, &(struct encoder_options){0}), *second = encoder_open(CODEC_G729, &(struct encoder_options){0});
    encode_tone(first, 20000, 300, loud, 50);
    encode_tone(second, 1000, 700, quiet, 10);
    struct bench bench;
    bench_open(&bench, CODEC_G729, 10, CODEC_PCMA, 10);
    say_frames(&bench, (struct sending){.payload_type = G729_TYPE, .ssrc = 1}, loud, 50);
    EXPECT(peak_heard(&bench) > 10000, true);
    if (mode == 1) {
      configure(&bench, 0, CODEC_PCMU, 10);
      configure(&bench, 0, CODEC_G729, 10);
    }
    const uint32_t ssrc = mode == 0 ? 2 : 1;
    say_frames(&bench, (struct sending){.payload_type = G729_TYPE, .sequence_number = 50, .timestamp = 4000, .ssrc = ssrc}, quiet, 10);
    EXPECT(peak_heard(&bench) < 2000, true);
    bench_close(&bench);
    encoder_close(first);
    encoder_close(second);
  }
}

/* RFC 3389 comfort noise that nobody negotiated: the pause stays a pause, and nothing was lost. */
CHECK(check_comfort_noise, "comfort noise is dropped, not lost") {
  struct bench bench;
  struct rtp_packet before, after;
  bench_open(&bench, CODEC_PCMA, 20, CODEC_PCMU, 20);
  say(&bench, (struct sending){PCMA_TYPE, true, 65535, 0, 7, 160});
  EXPECT(hear(&bench, &before), true);
  say(&bench, (struct sending){13, false, 0, 160, 7, 1});
  say(&bench, (struct sending){13, false, 1, 480, 8, 1}); /* not of this stream */
  say(&bench, (struct sending){PCMA_TYPE, true, 1, 960, 7, 160});
  EXPECT(hear(&bench, &after), true);
  EXPECT((uint32_t)(after.timestamp - before.timestamp), 960);
  EXPECT((uint16_t)(after.sequence_number - before.sequence_number), 1);
  EXPECT(count_heard(&bench), 0);
  EXPECT(bench.session->legs[0].counters.packets_lost, 0);
  EXPECT(bench.session->legs[0].counters.unknown_payload_type, 2);
  bench_close(&bench);
}

/* A party that sends a minute of audio in no time does not keep the thread from everybody else. */
CHECK(check_flood, "no more audio is taken than its time can hold, and a little") {
  struct bench bench;
  bench_open(&bench, CODEC_PCMA, 120, CODEC_G729, 120);
  struct sending audio = {PCMA_TYPE, true, 0, 0, 7, 1600};
  int heard = 0;
  for (unsigned i = 0; i < 300; i++, audio.sequence_number++, audio.timestamp += 1600) {
    say(&bench, audio);
    heard += count_heard(&bench);
  }
  EXPECT(heard, 10000 / 120);
  EXPECT(bench.session->legs[0].counters.unforwarded, 300 - 50);
  /* Nobody is shut out for long: after a second there is room for two. */
  bench.now_ms += 1000;
  for (unsigned i = 0; i < 20; i++, audio.sequence_number++, audio.timestamp += 1600) say(&bench, audio);
  EXPECT(bench.session->legs[0].counters.unforwarded, 300 - 50 + 10);
  bench_close(&bench);
}

/* A held party goes on sending, for longer than half the sequence numbers last. */
CHECK(check_hold, "a stream goes on after a hold of any length") {
  static const uint16_t ptimes_ms[] = {20, 30};
  for (unsigned mode = 0; mode < 2; mode++) {
    struct bench bench;
    struct rtp_packet before = {0}, after = {0};
    bench_open(&bench, CODEC_PCMA, 20, CODEC_PCMA, ptimes_ms[mode]);
    uint16_t sequence = 1;
    uint32_t timestamp = 0;
    for (unsigned i = 0; i < 3; i++, timestamp += 160) {
      say(&bench, (struct sending){PCMA_TYPE, i == 0, sequence++, timestamp, 7, 160});
    }
    while (hear(&bench, &before)) continue;
    set_sends(&bench, 1, false);
    for (unsigned i = 0; i < 40000; i++, timestamp += 160) {
      bench.now_ms += 20;
      /* It restarts in the middle. */
      say(&bench, (struct sending){PCMA_TYPE, false, sequence++, timestamp, i < 20000 ? 7 : 8, 160});
    }
    EXPECT(count_heard(&bench), 0);
    set_sends(&bench, 1, true);
    for (unsigned i = 0; i < 3; i++, timestamp += 160) {
      say(&bench, (struct sending){PCMA_TYPE, false, sequence++, timestamp, 8, 160});
    }
    EXPECT(hear(&bench, &after), true);
    EXPECT((uint16_t)(after.sequence_number - before.sequence_number), 1);
    EXPECT((uint32_t)(after.timestamp - before.timestamp) / 8000, 800);
    EXPECT(after.marker, true);
    EXPECT(count_heard(&bench), mode == 0 ? 2 : 1);
    bench_close(&bench);
  }
}

static void set_noise(struct bench *bench, unsigned leg) {
  struct leg_settings settings = bench->session->legs[leg].settings;
  settings.noise_payload_type = NOISE_TYPE;
  EXPECT(session_configure(bench->session, leg, &settings), true);
}

/* Its time was concealed as lost when it comes: it begins the pause all the same, and a voice after it is heard. */
CHECK(check_late_noise, "comfort noise that comes late begins the pause") {
  for (unsigned far = 0; far < 2; far++) {
    struct bench bench;
    struct rtp_packet packet;
    bench_open(&bench, CODEC_PCMA, 20, CODEC_PCMU, 20);
    set_noise(&bench, 0);
    if (far == 1) set_noise(&bench, 1);
    /* What comes in another codec is decoded. */
    for (uint16_t i = 0; i < 10; i++) {
      say(&bench, (struct sending){PCMA_TYPE, i == 0, i, i * 160u, 7, 160});
      pass(&bench, 20);
    }
    pass(&bench, 45);
    const int concealed = count_heard(&bench) - 10;
    EXPECT(concealed >= 1 && concealed <= 3, true);
    say(&bench, (struct sending){NOISE_TYPE, false, 10, 1600, 7, 1});
    EXPECT(bench.session->legs[0].counters.late, 0);
    /* A leg that has such noise is told, and one that has not hears it. */
    EXPECT(hear(&bench, &packet), far == 1);
    if (far == 1) EXPECT(packet.payload_type, NOISE_TYPE);
    pass(&bench, 200);
    const int heard = count_heard(&bench);
    EXPECT(far == 1 ? heard == 0 : heard >= 8, true);
    say(&bench, (struct sending){PCMA_TYPE, true, 11, 1600 + 160 * 15, 7, 160});
    pass(&bench, 100);
    EXPECT(hear(&bench, &packet), true);
    EXPECT(bench.session->legs[0].counters.late, 0);
    bench_close(&bench);
  }
}

CHECK(check_steps_of_their_own, "the time of a stream never runs back, whoever speaks into it a little ahead") {
  struct outgoing outgoing;
  outgoing_start(&outgoing);
  outgoing_set_format(&outgoing, CODEC_PCMA, 20);
  outgoing.position = 5000;
  outgoing.last_timestamp = 4840;
  outgoing.last_sent_us = 2000000;
  EXPECT(outgoing_by_now(&outgoing, 1999000), 5000);
  EXPECT(outgoing_by_now(&outgoing, 2000000), 5000);
  EXPECT(outgoing_by_now(&outgoing, 2100000), 5640);
  outgoing_close(&outgoing);
}

CHECK(check_oversized, "a packet that is too long to be sent is counted, and does not go out") {
  struct bench bench;
  static uint8_t payload[PACKET_BYTES];
  bench_open(&bench, CODEC_PCMA, 20, CODEC_PCMA, 20);
  struct leg *leg = &bench.session->legs[1];
  const struct rtp_packet packet = {.payload = payload, .payload_bytes = sizeof payload};
  send_queue_add(loop_queue(bench.loop), leg->rtp_fd, leg_remote(leg), &leg->counters, NULL, &packet);
  send_queue_flush(loop_queue(bench.loop));
  EXPECT(leg->counters.packets_unsent, 1);
  EXPECT(count_heard(&bench), 0);
  bench_close(&bench);
}

/* Each packet of it stands for a while, which has to be made and coded. */
CHECK(check_noise_flood, "no more comfort noise is taken than its time can hold, and a little") {
  struct bench bench;
  bench_open(&bench, CODEC_PCMA, 20, CODEC_G729, 20);
  set_noise(&bench, 0);
  for (unsigned i = 0; i < 800; i++) {
    say(&bench, (struct sending){NOISE_TYPE, false, (uint16_t)i, 160 * i, 7, 1});
    count_heard(&bench);
  }
  EXPECT(bench.session->legs[0].counters.unforwarded, 800 - 500);
  bench_close(&bench);
}
