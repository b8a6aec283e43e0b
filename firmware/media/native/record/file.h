/*
 * A WAV file that grows: never overwritten, readable by its owner alone, its sizes right at all times but for what was
 * written in the last second, so that it can be played after a power cut. May block as disks do: not for a loop's thread.
 */
#ifndef RINGDOWN_FILE_H
#define RINGDOWN_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILE_PATH_BYTES 512 /* of the folder, with the NUL */
#define FILE_NAME_BYTES 128 /* with the NUL */

/* Why a recording ended. */
enum record_end {
  RECORD_RUNNING, /* it did not */
  RECORD_STOPPED,
  RECORD_HUNG_UP,      /* its session was closed */
  RECORD_QUOTA,        /* the file is as long as it may be */
  RECORD_FOLDER_QUOTA, /* all files of the folder together are */
  RECORD_DISK_FULL,
  RECORD_DISK_SLOW, /* it did not take the audio as fast as it was said */
  RECORD_FOLDER,    /* it is not there, or no more, or must not be written to */
  RECORD_FILE,      /* another error of the file */
};

struct file_limits {
  uint64_t file_bytes;   /* of this file, head included */
  uint64_t folder_bytes; /* of all files in the folder */
  uint64_t free_bytes;   /* must be left on the disk */
};

struct file {
  int fd; /* -1: not open */
  uint32_t sample_rate;
  uint16_t channels;
  uint32_t data_bytes;   /* written */
  uint32_t header_bytes; /* of data, that the head tells of */
  int reason;            /* errno of what failed; 0: nothing did */
};

/* Letters, digits, '.', '-' and '_', no '.' first: nothing that leads out of a folder. */
bool file_is_name(const char *name);

/*
 * Makes the file in the folder, or with `append` goes on with the one that is there, if it is one of ours with the same
 * rate and channels. RECORD_RUNNING: it is open. Otherwise nothing new is in the folder.
 */
enum record_end file_open(struct file *file, const char *folder, const char *name, uint32_t sample_rate, uint16_t channels,
                          bool append);
/* Whole frames. Other than RECORD_RUNNING: some of it may be in the file, and the sizes say how much. */
enum record_end file_write(struct file *file, const uint8_t *bytes, size_t count);
/* Makes the head say how long the file is. Also finds out that the file is gone, or too little is left on the disk. */
enum record_end file_settle(struct file *file, uint64_t free_bytes);
/* Brings to the disk what was written. */
void file_sync(struct file *file);
/* Settles, brings to the disk what was written, and closes. Idempotent. */
void file_close(struct file *file);

/* The bytes of all files in the folder; 0 where it cannot be read. */
uint64_t folder_bytes(const char *folder);
/* What is left on its disk for such as us; UINT64_MAX where that cannot be told. */
uint64_t folder_free_bytes(const char *folder);

#endif
