/* The file of a recording: its name, whose it is, and how it ends. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "audio/wav_header.h"
#include "bench.h"
#include "record-folder.h"
#include "record/file.h"

#define RATE 8000

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
