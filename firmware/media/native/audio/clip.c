#include "audio/clip.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What tells one file, and one state of it, from another. */
struct identity {
  dev_t device;
  ino_t inode;
  off_t size;
  struct timespec changed;
};

struct clip {
  struct clip *next;
  unsigned uses;
  struct identity identity;
  struct wav wav;
  size_t length;
  uint8_t bytes[];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards what follows, and every `uses`; never held over a read */
static struct clip *clips;
static unsigned count;
static size_t total;

static bool is_same(const struct identity *a, const struct identity *b) {
  return a->device == b->device && a->inode == b->inode && a->size == b->size && a->changed.tv_sec == b->changed.tv_sec &&
         a->changed.tv_nsec == b->changed.tv_nsec;
}

static struct clip *find(const struct identity *identity) {
  pthread_mutex_lock(&mutex);
  struct clip *clip = clips;
  while (clip != NULL && !is_same(&clip->identity, identity)) clip = clip->next;
  if (clip != NULL) clip->uses++;
  pthread_mutex_unlock(&mutex);
  return clip;
}

/* False: with this one they would be too many or too large. */
static bool insert(struct clip *clip) {
  pthread_mutex_lock(&mutex);
  const bool room = count < CLIP_MAX_OPEN && clip->length <= CLIP_MAX_TOTAL_BYTES - total;
  if (room) {
    clip->next = clips;
    clips = clip;
    count++;
    total += clip->length;
  }
  pthread_mutex_unlock(&mutex);
  return room;
}

static bool read_all(int fd, uint8_t *bytes, size_t length) {
  size_t done = 0;
  while (done < length) {
    const ssize_t got = read(fd, bytes + done, length - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) {
      /* It became shorter meanwhile. */
      errno = EIO;
      return false;
    }
    done += (size_t)got;
  }
  return true;
}

/*
 * G.722 has no place but its beginning to be read from: it is in memory as PCM, which costs each who hears it nothing. In place
 * of `coded`; NULL with *fault set, and `coded` is the caller's still.
 */
static struct clip *decode(struct clip *coded, enum clip_fault *fault) {
  const struct wav *wav = &coded->wav;
  const size_t length = wav->samples * sizeof(int16_t);
  *fault = CLIP_TOO_LARGE;
  if (length > CLIP_MAX_BYTES) return NULL;
  struct clip *clip = malloc(sizeof *clip + length);
  int16_t *pcm = malloc(length);
  *fault = CLIP_ERRNO;
  if (clip == NULL || pcm == NULL || !wav_decode_g722(wav, pcm)) {
    free(clip);
    free(pcm);
    errno = ENOMEM;
    return NULL;
  }
  *clip = *coded;
  clip->length = length;
  clip->wav = (struct wav){.coding = WAV_PCM16, .sample_rate = wav->sample_rate, .data = clip->bytes, .samples = wav->samples};
  for (size_t i = 0; i < wav->samples; i++) {
    clip->bytes[2 * i] = (uint8_t)pcm[i];
    clip->bytes[2 * i + 1] = (uint8_t)((uint16_t)pcm[i] >> 8);
  }
  free(pcm);
  free(coded);
  *fault = CLIP_OK;
  return clip;
}

static struct clip *load(int fd, const struct identity *identity, enum clip_fault *fault, enum wav_fault *wav_fault) {
  const size_t length = (size_t)identity->size;
  struct clip *clip = malloc(sizeof *clip + length);
  *fault = CLIP_ERRNO;
  if (clip == NULL) return NULL;
  clip->uses = 1;
  clip->identity = *identity;
  clip->length = length;
  if (read_all(fd, clip->bytes, length)) {
    *wav_fault = wav_parse(clip->bytes, length, &clip->wav);
    *fault = *wav_fault == WAV_OK ? CLIP_OK : CLIP_BAD_WAV;
    if (*fault == CLIP_OK && clip->wav.coding == WAV_G722) {
      struct clip *decoded = decode(clip, fault);
      if (decoded != NULL) clip = decoded;
    }
    if (*fault == CLIP_OK && !insert(clip)) *fault = CLIP_TOO_LARGE;
  }
  if (*fault == CLIP_OK) return clip;
  const int reason = errno;
  free(clip);
  errno = reason;
  return NULL;
}

struct clip *clip_open(const char *path, enum clip_fault *fault, enum wav_fault *wav_fault) {
  struct stat status;
  *wav_fault = WAV_OK;
  *fault = CLIP_ERRNO;
  /* A pipe or a device would be waited for. */
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return NULL;
  struct clip *clip = NULL;
  if (fstat(fd, &status) == 0) {
    const struct identity identity = {status.st_dev, status.st_ino, status.st_size, status.st_mtim};
    if (!S_ISREG(status.st_mode)) *fault = CLIP_NO_FILE;
    else if (status.st_size > CLIP_MAX_BYTES) *fault = CLIP_TOO_LARGE;
    else if ((clip = find(&identity)) != NULL) *fault = CLIP_OK;
    else clip = load(fd, &identity, fault, wav_fault);
  }
  const int reason = errno;
  close(fd);
  errno = reason;
  return clip;
}

struct clip *clip_share(struct clip *clip) {
  pthread_mutex_lock(&mutex);
  clip->uses++;
  pthread_mutex_unlock(&mutex);
  return clip;
}

void clip_close(struct clip *clip) {
  if (clip == NULL) return;
  pthread_mutex_lock(&mutex);
  const bool last = --clip->uses == 0;
  if (last) {
    struct clip **link = &clips;
    while (*link != clip) link = &(*link)->next;
    *link = clip->next;
    count--;
    total -= clip->length;
  }
  pthread_mutex_unlock(&mutex);
  if (last) free(clip);
}

const struct wav *clip_wav(const struct clip *clip) { return &clip->wav; }

unsigned clip_count(void) {
  pthread_mutex_lock(&mutex);
  const unsigned now = count;
  pthread_mutex_unlock(&mutex);
  return now;
}

size_t clip_bytes(void) {
  pthread_mutex_lock(&mutex);
  const size_t now = total;
  pthread_mutex_unlock(&mutex);
  return now;
}
