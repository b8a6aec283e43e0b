#define _GNU_SOURCE
#include "record/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "audio/wav_header.h"

#define SAMPLE_BYTES 2
/* A folder with more entries is summed up to here. */
#define MAX_ENTRIES 100000

bool file_is_name(const char *name) {
  const size_t length = strnlen(name, FILE_NAME_BYTES);
  if (length == 0 || length == FILE_NAME_BYTES || name[0] == '.') return false;
  for (size_t i = 0; i < length; i++) {
    const char c = name[i];
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
    if (!is_plain) return false;
  }
  return true;
}

static enum record_end failed(struct file *file) {
  file->reason = errno;
  switch (errno) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: /* a limit of the process, or of the file system */
      return RECORD_DISK_FULL;
    case ENOENT:
    case ENOTDIR:
    case EACCES:
    case EPERM:
    case EROFS:
    case ESTALE:
      return RECORD_FOLDER;
    default:
      return RECORD_FILE;
  }
}

static bool write_all(int fd, const uint8_t *bytes, size_t count, off_t at, size_t *written) {
  *written = 0;
  while (*written < count) {
    const ssize_t done = pwrite(fd, bytes + *written, count - *written, at + (off_t)*written);
    if (done < 0 && errno == EINTR) continue;
    if (done == 0) errno = ENOSPC;
    if (done <= 0) return false;
    *written += (size_t)done;
  }
  return true;
}

static bool write_header(struct file *file) {
  const struct wav_header header = {.sample_rate = file->sample_rate, .channels = file->channels, .data_bytes = file->data_bytes};
  uint8_t bytes[WAV_HEADER_BYTES];
  size_t written;
  wav_header_write(&header, bytes);
  if (!write_all(file->fd, bytes, sizeof bytes, 0, &written)) return false;
  file->header_bytes = file->data_bytes;
  return true;
}

/* A file of ours, whose last second the head may not know of. */
static bool take_over(struct file *file) {
  struct wav_header header;
  uint8_t bytes[WAV_HEADER_BYTES];
  struct stat status;
  if (fstat(file->fd, &status) != 0) return false;
  errno = EINVAL;
  if (!S_ISREG(status.st_mode)) return false;
  if (status.st_size < WAV_HEADER_BYTES) return write_header(file);
  if (pread(file->fd, bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) return false;
  errno = EINVAL;
  if (!wav_header_read(bytes, &header)) return false;
  if (header.sample_rate != file->sample_rate || header.channels != file->channels) return false;
  const uint64_t there = (uint64_t)status.st_size - WAV_HEADER_BYTES;
  const uint32_t frame = SAMPLE_BYTES * file->channels;
  file->data_bytes = there > WAV_MAX_DATA_BYTES ? WAV_MAX_DATA_BYTES : (uint32_t)there;
  file->data_bytes -= file->data_bytes % frame;
  return write_header(file);
}

enum record_end file_open(struct file *file, const char *folder, const char *name, uint32_t sample_rate, uint16_t channels,
                          bool append) {
  *file = (struct file){.fd = -1, .sample_rate = sample_rate, .channels = channels};
  errno = EINVAL;
  if (!file_is_name(name)) return failed(file);
  const int place = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (place < 0) return failed(file);
  /* A link would lead elsewhere, and what is there is somebody's recording. */
  const int flags = O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | (append ? O_RDWR : O_WRONLY | O_EXCL);
  file->fd = openat(place, name, flags, S_IRUSR | S_IWUSR);
  const bool is_open = file->fd >= 0 && (append ? take_over(file) : write_header(file));
  const enum record_end end = is_open ? RECORD_RUNNING : failed(file);
  if (!is_open && file->fd >= 0) {
    /* A full disk would collect one that is empty of each call. */
    if (!append) unlinkat(place, name, 0);
    close(file->fd);
    file->fd = -1;
  }
  close(place);
  return end;
}

enum record_end file_write(struct file *file, const uint8_t *bytes, size_t count) {
  if (count > WAV_MAX_DATA_BYTES - file->data_bytes) return RECORD_QUOTA;
  size_t written;
  const bool is_whole = write_all(file->fd, bytes, count, WAV_HEADER_BYTES + (off_t)file->data_bytes, &written);
  const uint32_t frame = SAMPLE_BYTES * file->channels;
  file->data_bytes += (uint32_t)(written - written % frame);
  return is_whole ? RECORD_RUNNING : failed(file);
}

static uint64_t free_of(const struct statvfs *disk) { return (uint64_t)disk->f_bavail * disk->f_frsize; }

enum record_end file_settle(struct file *file, uint64_t free_bytes) {
  struct stat status;
  struct statvfs disk;
  if (file->header_bytes != file->data_bytes && !write_header(file)) return failed(file);
  if (fstat(file->fd, &status) != 0) return failed(file);
  errno = ENOENT;
  if (status.st_nlink == 0) return failed(file);
  if (free_bytes > 0 && fstatvfs(file->fd, &disk) == 0 && free_of(&disk) < free_bytes) {
    errno = ENOSPC;
    return failed(file);
  }
  return RECORD_RUNNING;
}

void file_sync(struct file *file) {
  if (file->fd >= 0) fdatasync(file->fd);
}

void file_close(struct file *file) {
  if (file->fd < 0) return;
  /* A disk that took not all of the last frame took its beginning: what the head does not tell of is cut off. */
  if (file->header_bytes != file->data_bytes) write_header(file);
  if (ftruncate(file->fd, WAV_HEADER_BYTES + (off_t)file->data_bytes) != 0 && file->reason == 0) file->reason = errno;
  /* Most recordings end before the first of the writer's rounds that would do it, and are told of as being there. */
  file_sync(file);
  close(file->fd);
  file->fd = -1;
}

uint64_t folder_bytes(const char *folder) {
  DIR *open_folder = opendir(folder);
  if (open_folder == NULL) return 0;
  uint64_t sum = 0;
  struct dirent *entry = readdir(open_folder);
  for (unsigned i = 0; entry != NULL && i < MAX_ENTRIES; i++) {
    struct stat status;
    const bool is_file = fstatat(dirfd(open_folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode);
    if (is_file) sum += (uint64_t)status.st_size;
    entry = readdir(open_folder);
  }
  closedir(open_folder);
  return sum;
}

uint64_t folder_free_bytes(const char *folder) {
  struct statvfs disk;
  return statvfs(folder, &disk) == 0 ? free_of(&disk) : UINT64_MAX;
}
