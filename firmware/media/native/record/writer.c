#define _GNU_SOURCE
#include "record/writer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audio/wav_header.h"

#define SAMPLE_BYTES 2
/* How often what was said is written; a file's last words come with its end. */
#define ROUND_MS 250
#define ROUNDS_TO_SETTLE 4
/* Flash wears, and a power cut costs no more than this. */
#define ROUNDS_TO_SYNC 40

struct job {
  struct job_options options;
  uint8_t *ring;
  _Atomic size_t filled;  /* bytes that were put in, ever */
  _Atomic size_t emptied; /* bytes that were written, ever */
  _Atomic int finish;     /* enum record_end */
  _Atomic bool closed;    /* the writer has let go of it; `result` holds */
  struct job_result result;

  /* The writer's own. */
  bool opened;
  struct file file;
  unsigned rounds;
};

/* What all files of a folder take: counted now and then, and kept up with what is written here. */
struct folder {
  char path[FILE_PATH_BYTES]; /* "": not in use */
  uint64_t bytes;
  unsigned counted; /* the round */
};

#define MAX_FOLDERS 8
/* Files of others, and those that were deleted, are noticed after so long. */
#define ROUNDS_TO_COUNT 40

struct writer {
  pthread_t thread;
  struct folder folders[MAX_FOLDERS]; /* the thread's own, as is `round` */
  unsigned round;
  pthread_mutex_t mutex; /* guards what follows; never held while the disk is waited for */
  pthread_cond_t wake;
  struct job *jobs[MAX_JOBS];
  unsigned count;
  bool stopping;
};

static size_t waiting(const struct job *job) { return atomic_load(&job->filled) - atomic_load(&job->emptied); }

bool job_put(struct job *job, const uint8_t *bytes, size_t count) {
  if (count > JOB_RING_BYTES - waiting(job)) return false;
  const size_t at = atomic_load(&job->filled) % JOB_RING_BYTES;
  const size_t first = count < JOB_RING_BYTES - at ? count : JOB_RING_BYTES - at;
  memcpy(job->ring + at, bytes, first);
  memcpy(job->ring, bytes + first, count - first);
  atomic_fetch_add(&job->filled, count);
  return true;
}

void job_finish(struct job *job, enum record_end end) {
  int running = RECORD_RUNNING;
  atomic_compare_exchange_strong(&job->finish, &running, (int)end);
}

bool job_is_closed(const struct job *job, struct job_result *result) {
  if (!atomic_load(&job->closed)) return false;
  *result = job->result;
  return true;
}

void job_free(struct job *job) {
  free(job->ring);
  free(job);
}

static void count_folder(struct writer *writer, struct folder *folder) {
  folder->bytes = folder_bytes(folder->path);
  folder->counted = writer->round;
}

/* Never NULL: where too many are in use the one that was counted first makes room. */
static struct folder *folder_of(struct writer *writer, const char *path) {
  struct folder *oldest = &writer->folders[0];
  for (unsigned i = 0; i < MAX_FOLDERS; i++) {
    struct folder *folder = &writer->folders[i];
    if (strcmp(folder->path, path) == 0) {
      if (writer->round - folder->counted >= ROUNDS_TO_COUNT) count_folder(writer, folder);
      return folder;
    }
    if (folder->path[0] == 0 || (oldest->path[0] != 0 && writer->round - folder->counted > writer->round - oldest->counted)) oldest = folder;
  }
  memcpy(oldest->path, path, sizeof oldest->path);
  count_folder(writer, oldest);
  return oldest;
}

/* How many bytes may still be written, in whole frames; `*end`: what is reached then. */
static uint64_t allowance(const struct job *job, const struct folder *folder, enum record_end *end) {
  const struct file_limits *limits = &job->options.limits;
  const uint64_t size = WAV_HEADER_BYTES + (uint64_t)job->file.data_bytes;
  uint64_t left = size < limits->file_bytes ? limits->file_bytes - size : 0;
  *end = RECORD_QUOTA;
  const uint64_t left_in_folder = folder->bytes < limits->folder_bytes ? limits->folder_bytes - folder->bytes : 0;
  if (left_in_folder < left) {
    left = left_in_folder;
    *end = RECORD_FOLDER_QUOTA;
  }
  return left - left % (SAMPLE_BYTES * job->options.channels);
}

static enum record_end write_waiting(struct writer *writer, struct job *job) {
  size_t count = waiting(job);
  if (count == 0) return RECORD_RUNNING;
  enum record_end reached;
  struct folder *folder = folder_of(writer, job->options.folder);
  uint64_t left = allowance(job, folder, &reached);
  if (count > left && reached == RECORD_FOLDER_QUOTA && folder->counted != writer->round) {
    /* Somebody may have made room. */
    count_folder(writer, folder);
    left = allowance(job, folder, &reached);
  }
  const bool is_too_much = count > left;
  if (is_too_much) count = (size_t)left;
  while (count > 0) {
    const size_t at = atomic_load(&job->emptied) % JOB_RING_BYTES;
    const size_t part = count < JOB_RING_BYTES - at ? count : JOB_RING_BYTES - at;
    const enum record_end end = file_write(&job->file, job->ring + at, part);
    if (end != RECORD_RUNNING) return end;
    atomic_fetch_add(&job->emptied, part);
    folder->bytes += part;
    count -= part;
  }
  return is_too_much ? reached : RECORD_RUNNING;
}

/*
 * Before a file is made: where nothing may be written there would soon be a small one of every call. RECORD_RUNNING: there
 * is room.
 */
static enum record_end look_for_room(struct writer *writer, struct job *job) {
  const struct job_options *options = &job->options;
  struct folder *folder = folder_of(writer, options->folder);
  if (folder->bytes >= options->limits.folder_bytes && folder->counted != writer->round) count_folder(writer, folder);
  if (folder->bytes >= options->limits.folder_bytes) return RECORD_FOLDER_QUOTA;
  if (options->limits.free_bytes == 0 || folder_free_bytes(options->folder) >= options->limits.free_bytes) return RECORD_RUNNING;
  job->file.reason = ENOSPC;
  return RECORD_DISK_FULL;
}

/* One round of one job. Other than RECORD_RUNNING: it is over. */
static enum record_end serve(struct writer *writer, struct job *job) {
  const struct job_options *options = &job->options;
  /* Read first: what was put in before the end is in the ring then. */
  const enum record_end finish = (enum record_end)atomic_load(&job->finish);
  if (!job->opened) {
    const enum record_end room = look_for_room(writer, job);
    if (room != RECORD_RUNNING) return room;
    const enum record_end end = file_open(&job->file, options->folder, options->name, options->sample_rate, options->channels, options->append);
    if (end != RECORD_RUNNING) return end;
    job->opened = true;
  }
  const enum record_end end = write_waiting(writer, job);
  if (end != RECORD_RUNNING) return end;
  job->rounds++;
  if (job->rounds % ROUNDS_TO_SETTLE == 0) {
    const enum record_end settled = file_settle(&job->file, options->limits.free_bytes);
    if (settled != RECORD_RUNNING) return settled;
  }
  if (job->rounds % ROUNDS_TO_SYNC == 0) file_sync(&job->file);
  return finish;
}

static void close_job(struct job *job, enum record_end end) {
  const uint32_t bytes_per_second = job->options.sample_rate * job->options.channels * SAMPLE_BYTES;
  file_close(&job->file);
  job->result = (struct job_result){
      .end = end,
      .reason = end == RECORD_FOLDER || end == RECORD_FILE || end == RECORD_DISK_FULL ? job->file.reason : 0,
      .bytes = job->opened ? WAV_HEADER_BYTES + (uint64_t)job->file.data_bytes : 0,
      .duration_ms = (uint32_t)((uint64_t)job->file.data_bytes * 1000 / bytes_per_second),
  };
  /* From here on it is the other thread's. */
  atomic_store(&job->closed, true);
}

static void *run(void *argument) {
  struct writer *writer = argument;
  pthread_mutex_lock(&writer->mutex);
  while (!writer->stopping || writer->count > 0) {
    if (writer->count == 0) {
      pthread_cond_wait(&writer->wake, &writer->mutex);
      continue;
    }
    const bool is_last = writer->stopping;
    struct job *jobs[MAX_JOBS];
    const unsigned count = writer->count;
    memcpy(jobs, writer->jobs, count * sizeof *jobs);
    pthread_mutex_unlock(&writer->mutex);
    enum record_end ends[MAX_JOBS];
    writer->round++;
    for (unsigned i = 0; i < count; i++) {
      if (is_last) job_finish(jobs[i], RECORD_HUNG_UP);
      ends[i] = serve(writer, jobs[i]);
    }
    pthread_mutex_lock(&writer->mutex);
    /* Others may have been added behind them meanwhile; none but this thread takes one out. */
    unsigned kept = 0;
    for (unsigned i = 0; i < writer->count; i++) {
      struct job *job = writer->jobs[i];
      if (i < count && ends[i] != RECORD_RUNNING) continue;
      writer->jobs[kept++] = job;
    }
    const bool has_new = writer->count > count;
    writer->count = kept;
    pthread_mutex_unlock(&writer->mutex);
    for (unsigned i = 0; i < count; i++) {
      if (ends[i] != RECORD_RUNNING) close_job(jobs[i], ends[i]);
    }
    pthread_mutex_lock(&writer->mutex);
    if (has_new || writer->stopping || writer->count == 0) continue;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ROUND_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
      until.tv_nsec -= 1000000000L;
      until.tv_sec++;
    }
    pthread_cond_timedwait(&writer->wake, &writer->mutex, &until);
  }
  pthread_mutex_unlock(&writer->mutex);
  return NULL;
}

struct writer *writer_start(void) {
  struct writer *writer = calloc(1, sizeof *writer);
  if (writer == NULL) return NULL;
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_mutex_init(&writer->mutex, NULL);
  pthread_cond_init(&writer->wake, &attributes);
  pthread_condattr_destroy(&attributes);
  /* Signals are for the main thread; a limit on the length of files is an error here, and no signal. */
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int failed = pthread_create(&writer->thread, NULL, run, writer);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (failed == 0) {
    pthread_setname_np(writer->thread, "recordings");
    return writer;
  }
  pthread_cond_destroy(&writer->wake);
  pthread_mutex_destroy(&writer->mutex);
  free(writer);
  errno = failed;
  return NULL;
}

void writer_stop(struct writer *writer) {
  if (writer == NULL) return;
  pthread_mutex_lock(&writer->mutex);
  writer->stopping = true;
  pthread_cond_signal(&writer->wake);
  pthread_mutex_unlock(&writer->mutex);
  pthread_join(writer->thread, NULL);
  pthread_cond_destroy(&writer->wake);
  pthread_mutex_destroy(&writer->mutex);
  free(writer);
}

struct job *writer_begin(struct writer *writer, const struct job_options *options) {
  struct job *job = calloc(1, sizeof *job);
  if (job == NULL) return NULL;
  job->ring = malloc(JOB_RING_BYTES);
  job->options = *options;
  job->file.fd = -1;
  pthread_mutex_lock(&writer->mutex);
  const bool has_room = writer->count < MAX_JOBS && !writer->stopping;
  if (job->ring != NULL && has_room) {
    writer->jobs[writer->count++] = job;
    pthread_cond_signal(&writer->wake);
  }
  pthread_mutex_unlock(&writer->mutex);
  if (job->ring != NULL && has_room) return job;
  errno = has_room ? ENOMEM : EBUSY;
  free(job->ring);
  free(job);
  return NULL;
}
