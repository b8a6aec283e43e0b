/*
 * The thread that writes recordings to the disk, and may wait for it. A loop hands its audio over through a ring that it
 * never waits for: a ring that is full, since the disk is slow, ends the recording.
 */
#ifndef RINGDOWN_WRITER_H
#define RINGDOWN_WRITER_H

#include "record/file.h"

#define MAX_JOBS 64
/* 4 s of two channels at 16 kHz, 16 s of one at 8 kHz. A power of two. */
#define JOB_RING_BYTES (256 * 1024)

/* One file that is being written. Shared by one thread that fills it and the writer. */
struct job;

struct job_options {
  char folder[FILE_PATH_BYTES];
  char name[FILE_NAME_BYTES];
  uint32_t sample_rate; /* Hz */
  uint16_t channels;
  bool append; /* see file_open */
  struct file_limits limits;
};

/* What became of the file. */
struct job_result {
  enum record_end end;
  int reason;         /* errno, or 0 */
  uint64_t bytes;     /* of the file */
  uint32_t duration_ms; /* of what is in it */
};

struct writer;

/* NULL with errno set: the system will not have it. */
struct writer *writer_start(void);
/* Writes what waits, closes the files, and ends the thread. The jobs stay, and are closed. */
void writer_stop(struct writer *writer);
/* A new job for the writer. NULL with errno set: too many (EBUSY), or no memory. */
struct job *writer_begin(struct writer *writer, const struct job_options *options);

/* On the thread that fills it. None of these waits. */

/* Whole frames, all or nothing. False: there is no room. */
bool job_put(struct job *job, const uint8_t *bytes, size_t count);
/* No more comes; `end` says why. The first counts. */
void job_finish(struct job *job, enum record_end end);
/* True once the file is closed, be it that it was finished or that it could not go on: then it may be freed. */
bool job_is_closed(const struct job *job, struct job_result *result);
void job_free(struct job *job);

#endif
