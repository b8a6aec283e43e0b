/* Where the checks of recordings have their files, and what they look for there. */
#ifndef RINGDOWN_TEST_RECORD_FOLDER_H
#define RINGDOWN_TEST_RECORD_FOLDER_H

#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "record/writer.h"

/* Of this check; it removes it again. */
extern char folder[];
void make_folder(void);
void path_of(const char *name, char path[600]);
void remove_file(const char *name);
/* With a size of -1 when there is no such file. */
struct stat status_of(const char *name);
/* Of audio, as the head of a file says; 0: it has no head of ours. */
uint32_t told_bytes(const char *name);

/* As far as a file may grow, for all of this process; a signal that says so is ignored. */
void limit_files(rlim_t bytes, struct rlimit *before);
void unlimit_files(const struct rlimit *before);

/* From now on whoever writes to the disk waits until it is let go. By the same thread. */
void hold_disk(void);
void let_disk_go(void);

/* Until the thread that writes may have come by once more. */
void wait_round(void);
/* Two channels of 8000 Hz. */
struct job_options options_of(const char *name, uint64_t file_bytes, uint64_t all_bytes);

#endif
