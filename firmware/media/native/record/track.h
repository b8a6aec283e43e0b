/*
 * What one party says, put in its place on the time line of a recording: by the timestamps of its source, which are
 * held to our clock, so that two parties stay beside each other however long they talk and whatever their own clocks
 * do. Where nothing was said, or nothing arrived, there is silence. Positions are samples since the recording began.
 */
#ifndef RINGDOWN_TRACK_H
#define RINGDOWN_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACK_SAMPLES 32768 /* 2 s at 16 kHz; a power of two */

struct track {
  uint32_t rate;       /* of the samples, Hz: 8000 or 16000 */
  uint64_t read;       /* the position that is read next */
  bool anchored;       /* the members below hold */
  uint32_t clock_rate; /* of the timestamps, Hz */
  uint32_t timestamp;  /* of the source, at `position` */
  int64_t position;
  int64_t floor;       /* the end of what lies before `from` */
  int64_t from, end;   /* what the source said since it had its place in the time line anew */
  uint64_t skips_at;   /* the earliest position at which something of a source that lies ahead may be skipped again */
  int64_t least_late;  /* how late its packets came at least, in samples, since the last correction */
  uint64_t judged_at;  /* the position at which that is looked at */
  int16_t samples[TRACK_SAMPLES]; /* from `read` on, by position modulo the size */
};

void track_start(struct track *track, uint32_t rate);
/*
 * `count` samples at the track's rate, whose first has `timestamp`, arrived when the time line was at `now`. They come in the order in
 * which they were said, and nothing of them lies over what came before: what is too late to be read comes directly behind the position
 * that is read next, and its source from then on; of a burst, what has no room before `now` comes behind it. What lies a whole ring
 * beyond the position that is read next is left out.
 */
void track_write(struct track *track, uint32_t timestamp, uint32_t clock_rate, const int16_t *pcm, size_t count, uint64_t now);
/* The source is another one, or began again. */
void track_restart(struct track *track);
/* Behind all that was written: beyond `now` where a burst had no room before it. */
uint64_t track_end(const struct track *track);
/* The next `count` samples, at most TRACK_SAMPLES. */
void track_read(struct track *track, int16_t *pcm, size_t count);

#endif
