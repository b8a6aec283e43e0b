/* The thread that writes recordings. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audio/wav_header.h"
#include "bench.h"
#include "record-folder.h"
#include "record/writer.h"

#define RATE 8000

static struct job_result await(struct job *job) {
  struct job_result result = {0};
  for (unsigned i = 0; i < 2000 && !job_is_closed(job, &result); i++) wait_round();
  return result;
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
