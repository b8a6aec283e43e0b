/* Recordings of a session: who is in the file, when, and how loud. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audio/wav_header.h"
#include "bench.h"
#include "record-folder.h"
#include "record/recording.h"

#define RATE 8000

/* Both parties of a session say a steady level; what is in the file at a time, in ms. */
struct stage {
  struct bench bench;
  struct recorder *recorder;
  uint16_t sequence[2];
  uint32_t timestamp[2];
  uint8_t *file; /* from its head on */
  off_t bytes;
};

static void open_stage(struct stage *stage) {
  memset(stage, 0, sizeof *stage);
  make_folder();
  stage->recorder = recorder_start();
  bench_open(&stage->bench, CODEC_PCMA, 20, CODEC_PCMA, 20);
  stage->timestamp[1] = 0xfffff000;
}

static struct recording *record(struct stage *stage, const char *name, uint16_t channels, uint32_t rate, bool first, bool second) {
  struct recording_options options = {.id = 5, .parties = {first, second}};
  options.job = options_of(name, UINT64_MAX, UINT64_MAX);
  options.job.channels = channels;
  options.job.sample_rate = rate;
  struct recording *recording = recording_open(stage->recorder, &options);
  recording_begin(recording, stage->bench.session, stage->bench.now_ms * 1000);
  return recording;
}

/* 20 ms steps; who speaks does so at that level, as a code of A-law. */
static void play_stage(struct stage *stage, unsigned ms, int first, int second) {
  for (unsigned done = 0; done < ms; done += 20) {
    pass(&stage->bench, 20);
    for (unsigned leg = 0; leg < 2; leg++) {
      const int level = leg == 0 ? first : second;
      stage->timestamp[leg] += 160;
      if (level < 0) continue;
      uint8_t bytes[RTP_HEADER_BYTES + 160];
      const struct rtp_packet packet = {.payload_type = PCMA_TYPE, .sequence_number = stage->sequence[leg]++,
                                        .timestamp = stage->timestamp[leg], .ssrc = 7 + leg};
      rtp_write_header(bytes, &packet);
      memset(bytes + RTP_HEADER_BYTES, level, 160);
      session_receive(stage->bench.session, leg, bytes, sizeof bytes, &stage->bench.parties[leg].address, stage->bench.now_ms * 1000);
    }
  }
}

/* The clock stands still for the session while the disk is waited for. */
static struct media_event ended(struct stage *stage) {
  struct media_event event = {0};
  for (unsigned i = 0; i < 2000; i++) {
    wait_round();
    loop_run_timers(stage->bench.loop, (stage->bench.now_ms += 20) * 1000);
    while (reports_take(loop_reports(stage->bench.loop), &event)) {
      if (event.kind == EVENT_RECORDING_ENDED) return event;
    }
  }
  return event;
}

static void load(struct stage *stage, const char *name) {
  char path[600];
  path_of(name, path);
  stage->bytes = status_of(name).st_size;
  stage->file = malloc((size_t)stage->bytes);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (read(fd, stage->file, (size_t)stage->bytes) != stage->bytes) abort();
  close(fd);
  remove_file(name);
}

static int sample_at(const struct stage *stage, unsigned ms, unsigned channels, unsigned channel, unsigned per_ms) {
  const uint8_t *at = stage->file + WAV_HEADER_BYTES + 2 * (channels * ms * per_ms + channel);
  return (int16_t)(at[0] | at[1] << 8);
}

static void close_stage(struct stage *stage) {
  bench_close(&stage->bench);
  recorder_stop(stage->recorder);
  EXPECT(rmdir(folder), 0);
}

/* Codes of A-law. */
#define QUIET 0xd5 /* 8 */
#define LOUD 0x95 /* 2112 */

CHECK(check_recording, "record: both parties lie in the file as they spoke, a pause is left out, and the end has it all") {
  static struct stage stage;
  open_stage(&stage);
  struct recording *recording = record(&stage, "a.wav", 2, RATE, true, true);
  EXPECT(recording_of(stage.bench.session, 5) == recording, true);
  EXPECT(recording_of(stage.bench.session, 6) == NULL, true);
  play_stage(&stage, 1000, -1, -1);
  play_stage(&stage, 500, LOUD, -1);
  play_stage(&stage, 500, LOUD, LOUD);
  play_stage(&stage, 500, -1, LOUD);
  recording_pause(recording, true, stage.bench.now_ms * 1000);
  recording_pause(recording, true, stage.bench.now_ms * 1000);
  play_stage(&stage, 3000, LOUD, LOUD);
  recording_pause(recording, false, stage.bench.now_ms * 1000);
  play_stage(&stage, 500, QUIET, LOUD);
  recording_stop(recording, stage.bench.now_ms * 1000);
  EXPECT(recording_of(stage.bench.session, 5) == NULL, true);
  play_stage(&stage, 100, LOUD, LOUD);
  const struct media_event event = ended(&stage);
  EXPECT(event.value, RECORD_STOPPED);
  EXPECT(event.object, 5);
  EXPECT(event.duration_ms, 3000);
  EXPECT(event.leg, NO_LEG);
  EXPECT(atoi(event.text), WAV_HEADER_BYTES + 3000 * 8 * 4);
  load(&stage, "a.wav");
  EXPECT(stage.bytes, WAV_HEADER_BYTES + 3000 * 8 * 4);
  static const struct {
    unsigned ms;
    bool first, second;
  } cases[] = {{500, false, false}, {950, false, false}, {1030, true, false}, {1450, true, false}, {1530, true, true},
               {1950, true, true}, {2130, false, true}, {2450, false, true}, {2530, false, true}, {2980, false, true}};
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    const bool is_first = abs(sample_at(&stage, cases[i].ms, 2, 0, 8)) > 100;
    const bool is_second = abs(sample_at(&stage, cases[i].ms, 2, 1, 8)) > 100;
    if (is_first != cases[i].first || is_second != cases[i].second) printf(" (at %u ms: %d %d)", cases[i].ms, is_first, is_second);
    EXPECT(is_first, cases[i].first);
    EXPECT(is_second, cases[i].second);
  }
  free(stage.file);
  close_stage(&stage);
}

CHECK(check_recording_kinds, "record: mixed without overflow, one party alone, and at another rate") {
  static const struct {
    uint16_t channels;
    uint32_t rate;
    bool first, second;
    int times; /* the level of one */
  } cases[] = {{1, 8000, true, true, 2}, {1, 8000, true, false, 1}, {1, 8000, false, true, 1}, {1, 16000, true, false, 1},
               {2, 16000, true, true, 1}};
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    static struct stage stage;
    open_stage(&stage);
    record(&stage, "b.wav", cases[i].channels, cases[i].rate, cases[i].first, cases[i].second);
    play_stage(&stage, 1000, LOUD, LOUD);
    recordings_hang_up(stage.bench.session, stage.bench.now_ms * 1000);
    const struct media_event event = ended(&stage);
    EXPECT(event.value, RECORD_HUNG_UP);
    EXPECT(event.duration_ms, 1000);
    load(&stage, "b.wav");
    EXPECT(sample_at(&stage, 500, cases[i].channels, 0, cases[i].rate / 1000), cases[i].times * 2112);
    free(stage.file);
    close_stage(&stage);
  }
}

/* `hz` through the tap of party 0, at 16 kHz in packets of 20 ms; the loudest sample of the file, or 0. */
static int loudest_recorded(uint32_t rate, double hz) {
  static struct stage stage;
  open_stage(&stage);
  record(&stage, "e.wav", 1, rate, true, false);
  for (unsigned packet = 0; packet < 50; packet++) {
    int16_t pcm[320];
    for (unsigned i = 0; i < 320; i++) pcm[i] = (int16_t)lrint(8000 * sin(2 * M_PI * hz * (packet * 320 + i) / 16000));
    pass(&stage.bench, 20);
    const struct said said = {.pcm = pcm, .samples = 320, .sample_rate = 16000, .timestamp = 160 * packet, .clock_rate = 8000,
                              .now_us = stage.bench.now_ms * 1000};
    struct leg_tap *tap = stage.bench.session->legs[0].taps;
    tap->hear(tap, &said);
  }
  recordings_hang_up(stage.bench.session, stage.bench.now_ms * 1000);
  ended(&stage);
  load(&stage, "e.wav");
  int most = 0;
  /* The filter rings where the tone begins. */
  for (unsigned ms = 200; ms < 900; ms++) {
    for (unsigned i = 0; i < rate / 1000; i++) {
      const uint8_t *at = stage.file + WAV_HEADER_BYTES + 2 * (ms * rate / 1000 + i);
      const int level = abs((int16_t)(at[0] | at[1] << 8));
      if (level > most) most = level;
    }
  }
  free(stage.file);
  close_stage(&stage);
  return most;
}

CHECK(check_recording_wideband, "record: what lies above the band of the file does not fold down into it") {
  EXPECT(loudest_recorded(16000, 6000) > 7500, true);
  EXPECT(loudest_recorded(8000, 1000) > 7500, true);
  EXPECT(loudest_recorded(8000, 5000) < 80, true);
  EXPECT(loudest_recorded(8000, 6000) < 80, true);
}

CHECK(check_recording_loud, "record: two who shout at once are as loud as there is, and no louder") {
  static struct stage stage;
  open_stage(&stage);
  record(&stage, "c.wav", 1, RATE, true, true);
  play_stage(&stage, 1000, 0xaa, 0xaa); /* the loudest of A-law */
  recordings_hang_up(stage.bench.session, stage.bench.now_ms * 1000);
  ended(&stage);
  load(&stage, "c.wav");
  EXPECT(sample_at(&stage, 500, 1, 0, 8), 32767);
  free(stage.file);
  close_stage(&stage);
}

CHECK(check_recording_ends, "record: no folder, a session that closes, and a stop of everything") {
  static struct stage stage;
  open_stage(&stage);
  struct recording_options options = {.id = 6, .parties = {true, true}};
  options.job = options_of("a.wav", UINT64_MAX, UINT64_MAX);
  snprintf(options.job.folder, sizeof options.job.folder, "/nonexistent");
  struct recording *recording = recording_open(stage.recorder, &options);
  recording_begin(recording, stage.bench.session, stage.bench.now_ms * 1000);
  play_stage(&stage, 100, LOUD, LOUD);
  const struct media_event event = ended(&stage);
  EXPECT(event.value, RECORD_FOLDER);
  EXPECT(event.object, 6);
  EXPECT(strcmp(event.text, "0 No such file or directory"), 0);
  EXPECT(stage.bench.session->recordings == NULL, true);
  EXPECT(stage.bench.session->legs[0].taps == NULL, true);
  /* The call goes on; a second recording begins, and the session moves and closes under it. */
  record(&stage, "d.wav", 1, RATE, true, false);
  play_stage(&stage, 400, LOUD, LOUD);
  loop_let_go(stage.bench.loop, stage.bench.session);
  EXPECT(loop_take_in(stage.bench.loop, stage.bench.session), true);
  play_stage(&stage, 400, LOUD, LOUD);
  bench_close(&stage.bench);
  recorder_stop(stage.recorder);
  const off_t bytes = status_of("d.wav").st_size;
  EXPECT(bytes >= WAV_HEADER_BYTES + 480 * 16, true);
  remove_file("d.wav");
  EXPECT(rmdir(folder), 0);
}

/* How many of party 0 reach party 1, looked for often enough that none is lost in between. */
static int play_and_count(struct stage *stage, unsigned ms) {
  int heard = 0;
  for (unsigned done = 0; done < ms; done += 20) {
    play_stage(stage, 20, LOUD, LOUD);
    send_queue_flush(loop_queue(stage->bench.loop));
    heard += count_heard(&stage->bench);
  }
  return heard;
}

/* What a ring holds of two channels at 8 kHz, in whole steps of 20 ms. */
#define RING_MS (JOB_RING_BYTES / (RATE / 50 * 4) * 20)

CHECK(check_recording_disk_slow, "record: a disk that takes nothing for longer than the ring lasts ends the recording with that reason, and not the call") {
  static struct stage stage;
  open_stage(&stage);
  hold_disk();
  record(&stage, "a.wav", 2, RATE, true, true);
  /* What is late is waited for a second: so far back is what goes to the disk. */
  EXPECT(play_and_count(&stage, 1000 + RING_MS), (1000 + RING_MS) / 20);
  EXPECT(recording_of(stage.bench.session, 5) != NULL, true);
  EXPECT(play_and_count(&stage, 40), 2);
  EXPECT(recording_of(stage.bench.session, 5) == NULL, true);
  EXPECT(stage.bench.session->legs[0].taps == NULL && stage.bench.session->legs[1].taps == NULL, true);
  EXPECT(play_and_count(&stage, 5000), 250);
  struct media_event event;
  while (reports_take(loop_reports(stage.bench.loop), &event)) EXPECT(event.kind != EVENT_RECORDING_ENDED, true);
  /* All that it had taken is in the file, once the disk is there again. */
  let_disk_go();
  event = ended(&stage);
  EXPECT(event.value, RECORD_DISK_SLOW);
  EXPECT(event.object, 5);
  EXPECT(event.duration_ms, RING_MS);
  EXPECT(atoi(event.text), WAV_HEADER_BYTES + RING_MS * 8 * 4);
  EXPECT(told_bytes("a.wav"), RING_MS * 8 * 4);
  load(&stage, "a.wav");
  for (unsigned channel = 0; channel < 2; channel++) EXPECT(sample_at(&stage, RING_MS - 100, 2, channel, 8), 2112);
  free(stage.file);
  EXPECT(play_and_count(&stage, 1000), 50);
  close_stage(&stage);
}

CHECK(check_recording_disk_slow_end, "record: one that is stopped, and whose last words the ring does not take, ended since the disk was slow") {
  static const struct {
    unsigned ms; /* beyond whole steps */
    enum record_end end;
  } cases[] = {{10, RECORD_STOPPED}, {15, RECORD_DISK_SLOW}};
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    static struct stage stage;
    open_stage(&stage);
    hold_disk();
    struct recording *recording = record(&stage, "a.wav", 2, RATE, true, true);
    play_stage(&stage, 1000, LOUD, LOUD);
    play_stage(&stage, RING_MS - 1000, -1, -1);
    pass(&stage.bench, cases[i].ms);
    recording_stop(recording, stage.bench.now_ms * 1000);
    EXPECT(stage.bench.session->recordings == NULL, true);
    let_disk_go();
    const struct media_event event = ended(&stage);
    EXPECT(event.value, cases[i].end);
    EXPECT(event.duration_ms, RING_MS + (cases[i].end == RECORD_STOPPED ? cases[i].ms : 0));
    remove_file("a.wav");
    close_stage(&stage);
  }
}
