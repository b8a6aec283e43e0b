/* Recordings: the time line of a party, the file, and the thread that writes it. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "audio/wav_header.h"
#include "bench.h"
#include "record/file.h"
#include "record/recording.h"
#include "record/track.h"
#include "record/writer.h"

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
  /* Too late, too early by far: left out. Nothing of it turns up later. */
  track_write(&track, 0x80000000 - 1600, RATE, pcm, PACKET, 1600);
  track_write(&track, 0x80000000 + 160 + 7000, RATE, pcm, PACKET, 1600);
  /* Nor what lies a ring or more beyond what is read. */
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

static char folder[] = "/tmp/record-check-XXXXXX";

static void make_folder(void) {
  memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
  if (mkdtemp(folder) == NULL) abort();
}

static void path_of(const char *name, char path[600]) { snprintf(path, 600, "%s/%s", folder, name); }

static void remove_file(const char *name) {
  char path[600];
  path_of(name, path);
  unlink(path);
}

static struct stat status_of(const char *name) {
  char path[600];
  struct stat status = {0};
  path_of(name, path);
  if (lstat(path, &status) != 0) status.st_size = -1;
  return status;
}

CHECK(check_file_names, "record: no name leads out of the folder") {
  static const char *const bad[] = {"", ".", "..", ".hidden", "a/b", "../a", "a\\b", "a b", "a\n", "caf\xc3\xa9", "%2e", "a:b"};
  for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) EXPECT(file_is_name(bad[i]), false);
  EXPECT(file_is_name("2026-11-26_101.wav"), true);
  char longest[FILE_NAME_BYTES + 1];
  memset(longest, 'a', sizeof longest);
  longest[FILE_NAME_BYTES] = 0;
  EXPECT(file_is_name(longest), false);
  longest[FILE_NAME_BYTES - 1] = 0;
  EXPECT(file_is_name(longest), true);
}

CHECK(check_file, "record: a file is the owner's alone, never overwritten, follows no link, and can be gone on with") {
  make_folder();
  struct file file, other;
  const uint8_t audio[401] = {1};
  EXPECT(file_open(&file, folder, "../a.wav", RATE, 1, false), RECORD_FILE);
  EXPECT(file_open(&file, "/nonexistent", "a.wav", RATE, 1, false), RECORD_FOLDER);
  EXPECT(file_open(&file, "/etc/passwd", "a.wav", RATE, 1, false), RECORD_FOLDER);
  EXPECT(file_open(&file, folder, "a.wav", RATE, 1, false), RECORD_RUNNING);
  EXPECT(status_of("a.wav").st_mode & 07777, 0600);
  EXPECT(file_open(&other, folder, "a.wav", RATE, 1, false), RECORD_FILE);
  EXPECT(other.reason, EEXIST);
  EXPECT(file_write(&file, audio, 400), RECORD_RUNNING);
  EXPECT(file_settle(&file, 0), RECORD_RUNNING);
  EXPECT(file_settle(&file, UINT64_MAX), RECORD_DISK_FULL);
  /* As after a power cut: the head knows of 400 bytes, and a half frame is there too. */
  EXPECT(write(file.fd, "x", 0), 0);
  EXPECT(pwrite(file.fd, audio, 201, WAV_HEADER_BYTES + 400), 201);
  close(file.fd);
  EXPECT(file_open(&file, folder, "a.wav", RATE, 2, true), RECORD_FILE);
  EXPECT(file_open(&file, folder, "a.wav", 16000, 1, true), RECORD_FILE);
  EXPECT(file_open(&file, folder, "a.wav", RATE, 1, true), RECORD_RUNNING);
  EXPECT(file.data_bytes, 600);
  EXPECT(file_write(&file, audio, 400), RECORD_RUNNING);
  file_close(&file);
  file_close(&file);
  EXPECT(status_of("a.wav").st_size, WAV_HEADER_BYTES + 1000);
  EXPECT(folder_bytes(folder), WAV_HEADER_BYTES + 1000);
  /* To be gone on with, but it is not there, or only begun. */
  EXPECT(file_open(&file, folder, "b.wav", RATE, 1, true), RECORD_RUNNING);
  EXPECT(ftruncate(file.fd, 10), 0);
  close(file.fd);
  EXPECT(file_open(&file, folder, "b.wav", RATE, 1, true), RECORD_RUNNING);
  file_close(&file);
  EXPECT(status_of("b.wav").st_size, WAV_HEADER_BYTES);
  char path[600];
  path_of("link.wav", path);
  if (symlink("/dev/full", path) != 0) abort();
  EXPECT(file_open(&file, folder, "link.wav", RATE, 1, true) != RECORD_RUNNING, true);
  EXPECT(file_open(&file, folder, "link.wav", RATE, 1, false) != RECORD_RUNNING, true);
  /* To a recording, too. */
  remove_file("link.wav");
  if (symlink("a.wav", path) != 0) abort();
  EXPECT(file_open(&file, folder, "link.wav", RATE, 1, true) != RECORD_RUNNING, true);
  EXPECT(file.reason, ELOOP);
  /* A pipe is not waited for. */
  path_of("pipe.wav", path);
  if (mkfifo(path, 0600) != 0) abort();
  EXPECT(file_open(&file, folder, "pipe.wav", RATE, 1, true), RECORD_FILE);
  remove_file("pipe.wav");
  /* It is deleted while it is written. */
  EXPECT(file_open(&file, folder, "c.wav", RATE, 1, false), RECORD_RUNNING);
  remove_file("c.wav");
  EXPECT(file_settle(&file, 0), RECORD_FOLDER);
  file_close(&file);
  remove_file("a.wav");
  remove_file("b.wav");
  remove_file("link.wav");
  rmdir(folder);
}

CHECK(check_file_full, "record: a disk that takes no more is told apart") {
  struct file file = {.fd = open("/dev/full", O_RDWR | O_CLOEXEC), .sample_rate = RATE, .channels = 1};
  const uint8_t audio[400] = {1};
  EXPECT(file_write(&file, audio, sizeof audio), RECORD_DISK_FULL);
  EXPECT(file.reason, ENOSPC);
  EXPECT(file.data_bytes, 0);
  close(file.fd);
}

/* Of audio, as the head of a file says; 0: it has no head of ours. */
static uint32_t told_bytes(const char *name) {
  char path[600];
  uint8_t bytes[WAV_HEADER_BYTES];
  struct wav_header header = {0};
  path_of(name, path);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  const bool is_ours = pread(fd, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes && wav_header_read(bytes, &header);
  close(fd);
  return is_ours ? header.data_bytes : 0;
}

CHECK(check_file_end, "record: a file ends where 32 bits do, and one that is longer is not gone on with beyond them") {
  make_folder();
  struct file file;
  const uint8_t audio[400] = {1};
  EXPECT(file_open(&file, folder, "a.wav", RATE, 2, false), RECORD_RUNNING);
  file.data_bytes = WAV_MAX_DATA_BYTES - 200;
  EXPECT(file_write(&file, audio, 400), RECORD_QUOTA);
  EXPECT(file_write(&file, audio, 200), RECORD_RUNNING);
  EXPECT(file_write(&file, audio, 4), RECORD_QUOTA);
  file_close(&file);
  EXPECT(told_bytes("a.wav"), WAV_MAX_DATA_BYTES);
  EXPECT(status_of("a.wav").st_size, (int64_t)WAV_HEADER_BYTES + WAV_MAX_DATA_BYTES);
  char path[600];
  path_of("a.wav", path);
  EXPECT(truncate(path, 5000000000), 0);
  EXPECT(file_open(&file, folder, "a.wav", RATE, 2, true), RECORD_RUNNING);
  EXPECT(file.data_bytes, WAV_MAX_DATA_BYTES);
  EXPECT(file_write(&file, audio, 4), RECORD_QUOTA);
  file_close(&file);
  remove_file("a.wav");
  EXPECT(rmdir(folder), 0);
}

/* Stands before the system's own, for all of this program. */
static _Atomic unsigned synced;
int fdatasync(int fd) {
  synced++;
  return (int)syscall(SYS_fdatasync, fd);
}

/* As far as a file may grow, for all of this process; a signal that says so is ignored. */
static void limit_files(rlim_t bytes, struct rlimit *before) {
  getrlimit(RLIMIT_FSIZE, before);
  signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small = {.rlim_cur = bytes, .rlim_max = before->rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
}

static void unlimit_files(const struct rlimit *before) {
  setrlimit(RLIMIT_FSIZE, before);
  signal(SIGXFSZ, SIG_DFL);
}

CHECK(check_file_remains, "record: a file that ended is on the disk, and one that could not begin is not there") {
  make_folder();
  struct file file;
  struct rlimit before;
  const uint8_t audio[400] = {1};
  EXPECT(file_open(&file, folder, "a.wav", RATE, 1, false), RECORD_RUNNING);
  EXPECT(file_write(&file, audio, sizeof audio), RECORD_RUNNING);
  synced = 0;
  file_close(&file);
  EXPECT(synced, 1);
  file_close(&file);
  EXPECT(synced, 1);
  EXPECT(told_bytes("a.wav"), 400);
  limit_files(10, &before);
  EXPECT(file_open(&file, folder, "b.wav", RATE, 1, false), RECORD_DISK_FULL);
  EXPECT(file.reason, EFBIG);
  unlimit_files(&before);
  EXPECT(status_of("b.wav").st_size, -1);
  /* What was there before stays, whatever is wrong with it. */
  EXPECT(file_open(&file, folder, "a.wav", RATE, 2, true), RECORD_FILE);
  EXPECT(file_open(&file, folder, "a.wav", RATE, 1, false), RECORD_FILE);
  EXPECT(status_of("a.wav").st_size, WAV_HEADER_BYTES + 400);
  remove_file("a.wav");
  EXPECT(rmdir(folder), 0);
}

static void wait_round(void) { nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL); }

static struct job_result await(struct job *job) {
  struct job_result result = {0};
  for (unsigned i = 0; i < 2000 && !job_is_closed(job, &result); i++) wait_round();
  return result;
}

static struct job_options options_of(const char *name, uint64_t file_bytes, uint64_t all_bytes) {
  struct job_options options = {.sample_rate = RATE, .channels = 2, .limits = {file_bytes, all_bytes, 0}};
  snprintf(options.folder, sizeof options.folder, "%s", folder);
  snprintf(options.name, sizeof options.name, "%s", name);
  return options;
}

CHECK(check_writer, "record: what is put in is in the file, and each reason to end is told") {
  make_folder();
  static uint8_t audio[JOB_RING_BYTES];
  for (size_t i = 0; i < sizeof audio; i++) audio[i] = (uint8_t)(i * 7 >> 3);
  struct writer *writer = writer_start();
  struct job_options options = options_of("a.wav", UINT64_MAX, UINT64_MAX);
  struct job *job = writer_begin(writer, &options);
  for (unsigned i = 0; i < 100; i++) {
    while (!job_put(job, audio + i * 640, 640)) wait_round();
  }
  job_finish(job, RECORD_STOPPED);
  job_finish(job, RECORD_DISK_SLOW);
  struct job_result result = await(job);
  job_free(job);
  EXPECT(result.end, RECORD_STOPPED);
  EXPECT(result.bytes, WAV_HEADER_BYTES + 64000);
  EXPECT(result.duration_ms, 2000);
  EXPECT(status_of("a.wav").st_size, WAV_HEADER_BYTES + 64000);
  char path[600];
  static uint8_t back[64000];
  path_of("a.wav", path);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  EXPECT(pread(fd, back, sizeof back, WAV_HEADER_BYTES), sizeof back);
  close(fd);
  EXPECT(memcmp(back, audio, sizeof back), 0);
  /* The file's quota, the folder's, no folder, a name that is taken. */
  static const struct {
    const char *name, *where;
    uint64_t file_bytes, folder_bytes;
    enum record_end end;
    off_t size;
  } cases[] = {
      {"b.wav", folder, 1002, UINT64_MAX, RECORD_QUOTA, 1000},
      {"c.wav", folder, UINT64_MAX, 64044 + 1000 + 44 + 403, RECORD_FOLDER_QUOTA, 444},
      {"d.wav", "/nonexistent", UINT64_MAX, UINT64_MAX, RECORD_FOLDER, -1},
      {"a.wav", folder, UINT64_MAX, UINT64_MAX, RECORD_FILE, 64044},
  };
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    options = options_of(cases[i].name, cases[i].file_bytes, cases[i].folder_bytes);
    snprintf(options.folder, sizeof options.folder, "%s", cases[i].where);
    job = writer_begin(writer, &options);
    EXPECT(job_put(job, audio, 4000), true);
    result = await(job);
    job_free(job);
    EXPECT(result.end, cases[i].end);
    EXPECT(status_of(cases[i].name).st_size, cases[i].size);
  }
  /* Where there is no room at all no file is begun: of many calls that are recorded there would be as many small ones. */
  for (unsigned i = 0; i < 2; i++) {
    options = options_of("f.wav", UINT64_MAX, i == 0 ? 64044 : UINT64_MAX);
    if (i == 1) options.limits.free_bytes = UINT64_MAX;
    job = writer_begin(writer, &options);
    EXPECT(job_put(job, audio, 4000), true);
    result = await(job);
    job_free(job);
    EXPECT(result.end, i == 0 ? RECORD_FOLDER_QUOTA : RECORD_DISK_FULL);
    EXPECT(result.reason, i == 0 ? 0 : ENOSPC);
    EXPECT(result.bytes, 0);
    EXPECT(status_of("f.wav").st_size, -1);
    remove_file("f.wav");
  }
  /* A ring that is full takes no more, and nobody waits. The writer is stopped: what was put in is written all the same. */
  options = options_of("e.wav", UINT64_MAX, UINT64_MAX);
  job = writer_begin(writer, &options);
  size_t put = 0;
  while (put < 100 * sizeof audio && job_put(job, audio, 64000)) put += 64000;
  EXPECT(job_put(job, audio, sizeof audio + 4), false);
  writer_stop(writer);
  EXPECT(job_is_closed(job, &result), true);
  EXPECT(result.end, RECORD_HUNG_UP);
  EXPECT(result.bytes, WAV_HEADER_BYTES + put);
  job_free(job);
  remove_file("a.wav");
  remove_file("b.wav");
  remove_file("c.wav");
  remove_file("e.wav");
  EXPECT(rmdir(folder), 0);
}

CHECK(check_writer_settles, "record: the head keeps up with a file that grows, and one that is deleted meanwhile ends") {
  make_folder();
  struct writer *writer = writer_start();
  const struct job_options options = options_of("a.wav", UINT64_MAX, UINT64_MAX);
  struct job *job = writer_begin(writer, &options);
  const uint8_t audio[4000] = {0};
  struct job_result result = {0};
  EXPECT(job_put(job, audio, sizeof audio), true);
  for (unsigned i = 0; i < 2000 && told_bytes("a.wav") == 0; i++) wait_round();
  EXPECT(told_bytes("a.wav"), sizeof audio);
  EXPECT(job_is_closed(job, &result), false);
  remove_file("a.wav");
  result = await(job);
  EXPECT(result.end, RECORD_FOLDER);
  EXPECT(result.reason, ENOENT);
  job_free(job);
  writer_stop(writer);
  EXPECT(rmdir(folder), 0);
}

CHECK(check_writer_bounds, "record: so many files and no more, and a limit on their length is no signal") {
  make_folder();
  struct writer *writer = writer_start();
  struct job *jobs[MAX_JOBS];
  char name[20];
  for (unsigned i = 0; i < MAX_JOBS; i++) {
    snprintf(name, sizeof name, "%u.wav", i);
    const struct job_options options = options_of(name, UINT64_MAX, UINT64_MAX);
    jobs[i] = writer_begin(writer, &options);
    EXPECT(jobs[i] != NULL, true);
  }
  const struct job_options options = options_of("more.wav", UINT64_MAX, UINT64_MAX);
  EXPECT(writer_begin(writer, &options) == NULL, true);
  EXPECT(errno, EBUSY);
  /* In the middle of a frame. */
  struct rlimit before, small;
  getrlimit(RLIMIT_FSIZE, &before);
  small = (struct rlimit){.rlim_cur = 1001, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const uint8_t audio[4000] = {0};
  EXPECT(job_put(jobs[5], audio, sizeof audio), true);
  const struct job_result result = await(jobs[5]);
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT(result.end, RECORD_DISK_FULL);
  EXPECT(result.bytes, 1000);
  EXPECT(status_of("5.wav").st_size, 1000);
  EXPECT(told_bytes("5.wav"), 1000 - WAV_HEADER_BYTES);
  for (unsigned i = 0; i < MAX_JOBS; i++) job_finish(jobs[i], RECORD_STOPPED);
  writer_stop(writer);
  for (unsigned i = 0; i < MAX_JOBS; i++) {
    job_free(jobs[i]);
    snprintf(name, sizeof name, "%u.wav", i);
    remove_file(name);
  }
  EXPECT(rmdir(folder), 0);
}

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
