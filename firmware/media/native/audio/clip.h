/*
 * WAV files in memory, read as a whole before they are played, so that the packet loop never waits for a disk. All who
 * play the same file at a time share one clip.
 */
#ifndef RINGDOWN_CLIP_H
#define RINGDOWN_CLIP_H

#include "audio/wav.h"

/* 8 minutes of 16 kHz A-law; in memory, where G.722 is four times as long, as well. */
#define CLIP_MAX_BYTES (8u << 20)
/* Of all clips that are open. */
#define CLIP_MAX_TOTAL_BYTES (24u << 20)
#define CLIP_MAX_OPEN 256

enum clip_fault {
  CLIP_OK,
  CLIP_ERRNO,     /* the file cannot be read; see errno */
  CLIP_NO_FILE,   /* a folder, a device */
  CLIP_TOO_LARGE, /* itself, or with all others */
  CLIP_BAD_WAV,   /* see `wav_fault` */
};

struct clip;

/*
 * Reads the file, or finds it in memory; a file that has changed since is another one. Waits for the disk: not for a loop's
 * thread. NULL with *fault set, and *wav_fault for CLIP_BAD_WAV.
 */
struct clip *clip_open(const char *path, enum clip_fault *fault, enum wav_fault *wav_fault);
/* One more that has it open, on any thread. */
struct clip *clip_share(struct clip *clip);
/* On any thread. NULL does nothing. */
void clip_close(struct clip *clip);

const struct wav *clip_wav(const struct clip *clip);
/* How many clips are in memory, and their bytes. */
unsigned clip_count(void);
size_t clip_bytes(void);

#endif
