/*
 * Loaded before a program (LD_PRELOAD), it counts what threads of one name take from the heap and give back: ALLOCATIONS is the path of
 * a file, to which the process number is added, and in it are two numbers of 64 bits, taken and given back by threads named "media".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define COUNTED "media"
#define THREAD_NAME_BYTES 16

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *old);

struct counts {
  _Atomic uint64_t taken, given_back;
};

static struct counts nowhere, *counts = &nowhere;
static __thread __attribute__((tls_model("initial-exec"))) bool is_counted;

__attribute__((constructor)) static void open_counts(void) {
  const char *prefix = getenv("ALLOCATIONS");
  if (prefix == NULL) return;
  char path[4096];
  snprintf(path, sizeof path, "%s.%d", prefix, (int)getpid());
  const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 || ftruncate(file, sizeof nowhere) != 0) abort();
  struct counts *shared = mmap(NULL, sizeof nowhere, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (shared == MAP_FAILED) abort();
  close(file);
  counts = shared;
}

/* A thread gets its name from whoever starts it, some time after its beginning. */
static bool counted(void) {
  if (is_counted) return true;
  char name[THREAD_NAME_BYTES];
  is_counted = prctl(PR_GET_NAME, name) == 0 && strcmp(name, COUNTED) == 0;
  return is_counted;
}

static void take(void) {
  if (counted()) counts->taken++;
}

void *malloc(size_t size) {
  take();
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  take();
  return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
  take();
  return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
  take();
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
  *result = memalign(alignment, size);
  return *result == NULL ? ENOMEM : 0;
}

void free(void *old) {
  if (old != NULL && counted()) counts->given_back++;
  __libc_free(old);
}
