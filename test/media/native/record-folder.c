#include "record-folder.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audio/wav_header.h"

char folder[] = "/tmp/record-check-XXXXXX";

void make_folder(void) {
  memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
  if (mkdtemp(folder) == NULL) abort();
}

void path_of(const char *name, char path[600]) { snprintf(path, 600, "%s/%s", folder, name); }

void remove_file(const char *name) {
  char path[600];
  path_of(name, path);
  unlink(path);
}

struct stat status_of(const char *name) {
  char path[600];
  struct stat status = {0};
  path_of(name, path);
  if (lstat(path, &status) != 0) status.st_size = -1;
  return status;
}

uint32_t told_bytes(const char *name) {
  char path[600];
  uint8_t bytes[WAV_HEADER_BYTES];
  struct wav_header header = {0};
  path_of(name, path);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  const bool is_ours = pread(fd, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes && wav_header_read(bytes, &header);
  close(fd);
  return is_ours ? header.data_bytes : 0;
}

void limit_files(rlim_t bytes, struct rlimit *before) {
  getrlimit(RLIMIT_FSIZE, before);
  signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small = {.rlim_cur = bytes, .rlim_max = before->rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
}

void unlimit_files(const struct rlimit *before) {
  setrlimit(RLIMIT_FSIZE, before);
  signal(SIGXFSZ, SIG_DFL);
}

static pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER;

void hold_disk(void) { pthread_mutex_lock(&disk); }

void let_disk_go(void) { pthread_mutex_unlock(&disk); }

/* In the place of pwrite in all of this program (--wrap of the linker). */
ssize_t __real_pwrite(int fd, const void *bytes, size_t count, off_t at);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t count, off_t at);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t count, off_t at) {
  pthread_mutex_lock(&disk);
  pthread_mutex_unlock(&disk);
  return __real_pwrite(fd, bytes, count, at);
}

void wait_round(void) { nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL); }

struct job_options options_of(const char *name, uint64_t file_bytes, uint64_t all_bytes) {
  struct job_options options = {.sample_rate = 8000, .channels = 2, .limits = {file_bytes, all_bytes, 0}};
  snprintf(options.folder, sizeof options.folder, "%s", folder);
  snprintf(options.name, sizeof options.name, "%s", name);
  return options;
}
