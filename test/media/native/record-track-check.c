/* The time line of a recorded party, and the head of its file. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/wav_header.h"
#include "bench.h"
#include "record/track.h"

#define RATE 8000
#define PACKET 160

/* A party whose every sample says when it was said, by our clock: in units of 4 ms, from 1 on. */
struct speaker {
  double pace;          /* of its clock against ours */
  uint32_t timestamp;
  double said;          /* samples of our clock */
  uint32_t seed;
  unsigned jitter;      /* samples that a packet is late at most */
};

static unsigned random_below(uint32_t *seed, unsigned limit) {
  *seed = *seed * 1664525u + 1013904223u;
  return (*seed >> 8) % (limit + 1);
}

/* Writes the packet that ends at `said`; false before its time has come. */
static bool speak(struct speaker *speaker, struct track *track, uint64_t now) {
  const double length = PACKET / speaker->pace;
  const double end = speaker->said + length;
  const uint64_t arrives = (uint64_t)end + random_below(&speaker->seed, speaker->jitter);
  if (arrives > now) return false;
  int16_t pcm[PACKET];
  for (unsigned i = 0; i < PACKET; i++) pcm[i] = (int16_t)(1 + (uint64_t)(speaker->said + i / speaker->pace) / 32 % 32000);
  track_write(track, speaker->timestamp, RATE, pcm, PACKET, now);
  speaker->timestamp += PACKET;
  speaker->said = end;
  return true;
}

/* An hour of two parties whose clocks are not ours; how far apart what was said at once comes to lie, in ms. */
static double farthest_apart(double pace, unsigned jitter) {
  static struct track tracks[2];
  struct speaker speakers[2] = {{1 + pace, 0xfffff000, 0, 1, jitter}, {1 - pace, 77, 0, 2, jitter}};
  double farthest = 0;
  track_start(&tracks[0], RATE);
  track_start(&tracks[1], RATE);
  for (uint64_t now = 0; now < 3600ull * RATE; now += PACKET) {
    for (unsigned i = 0; i < 2; i++) {
      while (speak(&speakers[i], &tracks[i], now)) continue;
    }
    if (now < 2400) continue;
    int16_t read[2][PACKET];
    const uint64_t at = tracks[0].read;
    for (unsigned i = 0; i < 2; i++) track_read(&tracks[i], read[i], PACKET);
    if (now < 10 * RATE) continue;
    for (unsigned i = 0; i < 2; i++) {
      if (read[i][0] == 0) continue;
      const double is = ((double)(at / 32 % 32000) - (read[i][0] - 1)) * 4;
      const double apart = fmin(fabs(is), 128000 - fabs(is));
      if (apart > farthest) farthest = apart;
    }
  }
  return farthest;
}

CHECK(check_track_drift, "record: an hour of two clocks, each off by 200 ppm, stays aligned") {
  const double steady = farthest_apart(200e-6, 0);
  const double jittery = farthest_apart(200e-6, 80 * 8);
  if (steady > 40 || jittery > 120) printf(" (%f ms, with jitter %f ms)", steady, jittery);
  EXPECT(steady <= 40, true);
  /* As far as its first packet was late. */
  EXPECT(jittery <= 120, true);
}

CHECK(check_track_places, "record: pauses, bursts, new sources and late packets lie where they were said") {
  static struct track track;
  int16_t pcm[PACKET], read[8 * PACKET];
  for (unsigned i = 0; i < PACKET; i++) pcm[i] = 5;
  track_start(&track, RATE);
  track_write(&track, 1000, RATE, pcm, PACKET, 160); /* 0 to 160 */
  track_write(&track, 1000 + 640, RATE, pcm, PACKET, 800); /* 640 to 800, after a pause */
  /* The network stood still; then all comes at once, with one packet left out. */
  track_write(&track, 1000 + 800, RATE, pcm, PACKET, 1600);
  track_write(&track, 1000 + 1120, RATE, pcm, PACKET, 1600);
  track_read(&track, read, 8 * PACKET);
  for (unsigned i = 0; i < 8; i++) EXPECT(read[i * PACKET + 80], (i == 0 || i == 4 || i == 5 || i == 7) ? 5 : 0);
  /* Another source, with timestamps of its own. */
  track_restart(&track);
  track_write(&track, 0x80000000, RATE, pcm, PACKET, 1600); /* 1440 to 1600 */
  track_read(&track, read, 2 * PACKET);
  EXPECT(read[80], 0);
  EXPECT(read[PACKET + 80], 5);
  /* Of a clock that was set back, or forwards by far: behind what came before, and not over it. */
  track_write(&track, 0x80000000 - 1600, RATE, pcm, PACKET, 1600);
  track_write(&track, 0x80000000 + 160 + 7000, RATE, pcm, PACKET, 1600);
  track_read(&track, read, 2 * PACKET);
  EXPECT(read[80], 5);
  EXPECT(read[PACKET + 80], 5);
  /* What lies a ring or more beyond what is read is left out, and does not turn up later. */
  track_restart(&track);
  track_write(&track, 0, RATE, pcm, PACKET, track.read + TRACK_SAMPLES + 10 * PACKET);
  for (unsigned i = 0; i < 200; i++) {
    track_read(&track, read, PACKET);
    for (unsigned j = 0; j < PACKET; j++) EXPECT(read[j], 0);
  }
  /* A source that sets its clock forwards, then back, without a word; and one whose clock has another rate from now on. */
  static const struct {
    uint32_t timestamp, clock_rate;
  } jumps[] = {{100000, RATE}, {500000, RATE}, {300, RATE}, {300 + 160, 16000}};
  track_start(&track, RATE);
  for (unsigned i = 0; i < 4; i++) track_write(&track, jumps[i].timestamp, jumps[i].clock_rate, pcm, PACKET, 160 + 320 * i);
  track_read(&track, read, 8 * PACKET);
  for (unsigned i = 0; i < 8; i++) EXPECT(read[i * PACKET + 1], i < 7 && i % 2 == 0 ? 5 : 0);
  /* Timestamps of 8000 Hz for samples of 16000, as G.722 has them. */
  track_start(&track, 16000);
  track_write(&track, 0, 8000, pcm, PACKET, 160);
  track_write(&track, 160, 8000, pcm, PACKET, 480);
  track_read(&track, read, 3 * PACKET);
  EXPECT(read[80], 5);
  EXPECT(read[240], 0);
  EXPECT(read[400], 5);
}

CHECK(check_track_stalls, "record: a source whose clock stood still is recorded afterwards, in order and whole") {
  enum { WORDS = 6, WORD_PACKETS = 50, STALL_PACKETS = 12, HOLD = 2400 };
  static struct track track;
  int16_t pcm[PACKET], read[PACKET], last = 0;
  uint32_t timestamp = 0xffff0000;
  unsigned heard[WORDS + 1] = {0};
  track_start(&track, RATE);
  for (unsigned i = 0; i < WORDS * (WORD_PACKETS + STALL_PACKETS) + HOLD / PACKET; i++) {
    const uint64_t now = (uint64_t)(i + 1) * PACKET;
    const unsigned word = i / (WORD_PACKETS + STALL_PACKETS);
    if (word < WORDS && i % (WORD_PACKETS + STALL_PACKETS) < WORD_PACKETS) {
      for (unsigned j = 0; j < PACKET; j++) pcm[j] = (int16_t)(word + 1);
      track_write(&track, timestamp, RATE, pcm, PACKET, now);
      timestamp += PACKET;
    }
    if (now < HOLD) continue;
    track_read(&track, read, PACKET);
    for (unsigned j = 0; j < PACKET; j++) {
      if (read[j] == 0) continue;
      EXPECT(read[j] >= last && read[j] <= WORDS, true);
      last = read[j];
      heard[last]++;
    }
  }
  for (unsigned word = 1; word <= WORDS; word++) EXPECT(heard[word], WORD_PACKETS * PACKET);
}

/* Reads what may be read by `now`: where each packet begins, by its number, and how many samples of it there are. */
struct reading {
  struct track track;
  int64_t begins[400];
  unsigned samples[400];
  unsigned disorder;
  int16_t last;
};

static void read_packets(struct reading *reading, uint64_t until) {
  while (reading->track.read < until) {
    int16_t sample;
    const int64_t at = (int64_t)reading->track.read;
    track_read(&reading->track, &sample, 1);
    if (sample == 0) continue;
    if (sample < reading->last) reading->disorder++;
    if (reading->samples[sample]++ == 0) reading->begins[sample] = at;
    reading->last = sample;
  }
}

CHECK(check_track_bursts, "record: what a network, or this machine, held up and then brings at once is there as a whole, in order and in its time") {
  enum { HOLD = RATE, HELD_IN_TIME = 48, PACKETS = 300, FIRST_HELD = 100, SKIPPED = 5 * RATE / 1000 };
  /* Held up for so many packets: when they begin to speak, or later. */
  static const unsigned held[] = {5, 12, 20, 40, 48, 60, 75};
  for (unsigned i = 0; i < 2 * sizeof held / sizeof *held; i++) {
    const unsigned first = i % 2 == 0 ? 1 : FIRST_HELD, count = held[i / 2];
    static struct reading reading;
    memset(&reading, 0, sizeof reading);
    track_start(&reading.track, RATE);
    for (unsigned number = 1; number <= PACKETS; number++) {
      const unsigned arrives = number >= first && number < first + count ? first + count : number;
      const uint64_t now = (uint64_t)arrives * PACKET;
      int16_t pcm[PACKET];
      for (unsigned j = 0; j < PACKET; j++) pcm[j] = (int16_t)number;
      if (now > HOLD) read_packets(&reading, now - HOLD);
      track_write(&reading.track, number * PACKET, RATE, pcm, PACKET, now);
    }
    read_packets(&reading, track_end(&reading.track));
    EXPECT(reading.disorder, 0);
    const unsigned over = count > HELD_IN_TIME ? count - HELD_IN_TIME : 0;
    unsigned whole = 0, in_time = 0;
    for (unsigned number = 1; number <= PACKETS; number++) {
      EXPECT(reading.samples[number] >= PACKET - SKIPPED, true);
      whole += reading.samples[number] == PACKET;
      in_time += reading.begins[number] == (number - 1) * PACKET;
    }
    /* What lies behind its time is brought back by 5 ms of each 200 ms. */
    EXPECT(whole >= PACKETS - 8 * over / 2, true);
    if (over == 0) EXPECT(in_time, PACKETS);
    EXPECT(reading.begins[PACKETS] - (PACKETS - 1) * PACKET <= over * PACKET, true);
  }
}

CHECK(check_wav_header, "record: the head of a file is read as it was written, and nothing else is") {
  uint8_t bytes[WAV_HEADER_BYTES];
  const struct wav_header written = {16000, 2, 123456};
  struct wav_header read;
  wav_header_write(&written, bytes);
  EXPECT(wav_header_read(bytes, &read), true);
  EXPECT(read.sample_rate, 16000);
  EXPECT(read.channels, 2);
  EXPECT(read.data_bytes, 123456);
  /* What others go by: the length of all that follows, in each of its three places. */
  static const uint8_t expected[] = {'R', 'I', 'F', 'F', 0x64, 0xe2, 1, 0, 'W', 'A', 'V', 'E', 'f', 'm', 't', ' ', 16, 0, 0, 0, 1, 0,
                                     2, 0, 0x80, 0x3e, 0, 0, 0, 0xfa, 0, 0, 4, 0, 16, 0, 'd', 'a', 't', 'a', 0x40, 0xe2, 1, 0};
  EXPECT(memcmp(bytes, expected, sizeof expected), 0);
  for (uint16_t channels = 0; channels < 4; channels++) {
    wav_header_write(&(struct wav_header){8000, channels, 0}, bytes);
    EXPECT(wav_header_read(bytes, &read), channels == 1 || channels == 2);
  }
  wav_header_write(&written, bytes);
  for (unsigned i = 0; i < 40; i++) {
    if (i >= 22 && i < 28) continue; /* another rate, or another number of channels */
    bytes[i] ^= 1;
    EXPECT(wav_header_read(bytes, &read), false);
    bytes[i] ^= 1;
  }
}
