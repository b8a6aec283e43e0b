#include "record/track.h"

#include <string.h>

/* Further from our clock than that, the timestamps are those of a source that began again. */
#define MAX_APART_SECONDS 1
/* How much too early a packet may come: less is the grain of clocks. */
#define EARLY_MS 5
/* A source whose every packet is that late for so long has a slower clock than ours, or took a longer way. */
#define LATE_MS 20
#define JUDGED_SECONDS 4
/* Where a packet comes too late to be read, its source is put so far before what is read next: what follows may be later still. */
#define ROOM_MS 40

void track_start(struct track *track, uint32_t rate) {
  memset(track, 0, sizeof *track);
  track->rate = rate;
}

void track_restart(struct track *track) { track->anchored = false; }

static void judge_anew(struct track *track, uint64_t now) {
  track->least_late = INT64_MAX;
  track->judged_at = now + (uint64_t)JUDGED_SECONDS * track->rate;
}

/* Where on the time line the first sample of a packet belongs. */
static int64_t place(struct track *track, uint32_t timestamp, uint32_t clock_rate, size_t count, uint64_t now) {
  const int64_t rate = track->rate;
  const int64_t arrived = (int64_t)now - (int64_t)count;
  const int64_t elapsed = (int32_t)(timestamp - track->timestamp);
  int64_t position = track->position + elapsed * rate / clock_rate;
  int64_t late = arrived - position;
  if (!track->anchored || track->clock_rate != clock_rate || late > MAX_APART_SECONDS * rate || late < -MAX_APART_SECONDS * rate) {
    track->anchored = true;
    track->clock_rate = clock_rate;
    position = arrived;
    late = 0;
    judge_anew(track, now);
  }
  if (late < -EARLY_MS * rate / 1000) {
    /* It cannot arrive before it was said: what came before was later than was known. */
    position += late;
    judge_anew(track, now);
  } else if (late < track->least_late) {
    track->least_late = late;
  }
  if (now >= track->judged_at) {
    if (track->least_late > LATE_MS * rate / 1000) position += track->least_late;
    judge_anew(track, now);
  }
  if (elapsed >= 0 && late > 0 && position < (int64_t)track->read) {
    /* Its clock stood still, or its way became longer: all that it says from now on would be left out. */
    position = (int64_t)track->read + ROOM_MS * rate / 1000;
    judge_anew(track, now);
  }
  track->timestamp = timestamp;
  track->position = position;
  return position;
}

void track_write(struct track *track, uint32_t timestamp, uint32_t clock_rate, const int16_t *pcm, size_t count, uint64_t now) {
  const int64_t position = place(track, timestamp, clock_rate, count, now);
  for (size_t i = 0; i < count; i++) {
    const int64_t ahead = position + (int64_t)i - (int64_t)track->read;
    if (ahead < 0 || ahead >= TRACK_SAMPLES) continue;
    track->samples[(track->read + (uint64_t)ahead) % TRACK_SAMPLES] = pcm[i];
  }
}

void track_read(struct track *track, int16_t *pcm, size_t count) {
  for (size_t i = 0; i < count; i++) {
    int16_t *sample = &track->samples[track->read++ % TRACK_SAMPLES];
    pcm[i] = *sample;
    *sample = 0;
  }
}
