#include "record/track.h"

#include <string.h>

/* Further from our clock than that, the timestamps are those of a source that began again. */
#define MAX_APART_SECONDS 1
/* How much too early a packet may come: less is the grain of clocks. */
#define EARLY_MS 5
/* So often a source that lies ahead, and has nothing left to be moved back, skips EARLY_MS: 2.5 %, which is hardly heard. */
#define SKIP_EACH_MS 200
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

static int64_t at_ms(const struct track *track, int64_t ms) { return ms * track->rate / 1000; }

static void judge_anew(struct track *track, uint64_t now) {
  track->least_late = INT64_MAX;
  track->judged_at = now + (uint64_t)JUDGED_SECONDS * track->rate;
}

/* What comes from now on lies apart from what came before, and never over it. */
static int64_t begin_at(struct track *track, int64_t position, uint64_t now) {
  track->floor = track->end;
  if (position < track->floor) position = track->floor;
  track->from = position;
  track->end = position;
  judge_anew(track, now);
  return position;
}

static int16_t *sample_at(struct track *track, int64_t position) { return &track->samples[(uint64_t)position % TRACK_SAMPLES]; }

/* What the source said since it began, so much earlier, as far as there is room before it. By how much. */
static int64_t move_back(struct track *track, int64_t wanted) {
  const int64_t floor = track->floor > (int64_t)track->read ? track->floor : (int64_t)track->read;
  const int64_t room = track->from - floor;
  const int64_t by = wanted < room ? wanted : room;
  if (by <= 0) return 0;
  for (int64_t at = track->from; at < track->end; at++) {
    *sample_at(track, at - by) = *sample_at(track, at);
    *sample_at(track, at) = 0;
  }
  track->from -= by;
  track->end -= by;
  return by;
}

/* Where what would lie at `position` belongs that came so early. */
static int64_t hold_back(struct track *track, int64_t position, int64_t early, uint64_t now) {
  /* It cannot arrive before it was said: what came before was later than was known. */
  const int64_t moved = move_back(track, early);
  position -= moved;
  early -= moved;
  /* A pause is shorter then. */
  const int64_t pause = position - track->end;
  const int64_t shorter = pause < early ? pause : early;
  if (shorter > 0) {
    position -= shorter;
    early -= shorter;
  }
  /* The rest of a burst comes at once and is not given up for it; of a clock that is too fast it is no more than that. */
  const int64_t skipped = at_ms(track, EARLY_MS);
  if (early < skipped || now < track->skips_at) return position;
  track->skips_at = now + (uint64_t)at_ms(track, SKIP_EACH_MS);
  return position - skipped;
}

/* Where on the time line the first sample of a packet belongs. */
static int64_t place(struct track *track, uint32_t timestamp, uint32_t clock_rate, size_t count, uint64_t now) {
  const int64_t rate = track->rate;
  const int64_t arrived = (int64_t)now - (int64_t)count;
  const int64_t elapsed = (int32_t)(timestamp - track->timestamp);
  int64_t position = track->position + elapsed * rate / clock_rate;
  int64_t late = arrived - position;
  /* They come in order: one that goes back is of a clock that was set back. */
  const bool fits = track->anchored && track->clock_rate == clock_rate && elapsed >= 0;
  if (!fits || late > MAX_APART_SECONDS * rate || late < -MAX_APART_SECONDS * rate) {
    track->anchored = true;
    track->clock_rate = clock_rate;
    position = begin_at(track, arrived, now);
    late = arrived - position;
  }
  if (late < -at_ms(track, EARLY_MS)) {
    position = hold_back(track, position, -late, now);
    judge_anew(track, now);
  } else if (late < track->least_late) {
    track->least_late = late;
  }
  if (now >= track->judged_at) {
    if (track->least_late > at_ms(track, LATE_MS)) position = begin_at(track, position + track->least_late, now);
    else judge_anew(track, now);
  }
  if (late > 0 && position < (int64_t)track->read) {
    /* Its clock stood still, or its way became longer: all that it says from now on would be left out. */
    position = begin_at(track, (int64_t)track->read + at_ms(track, ROOM_MS), now);
  }
  track->timestamp = timestamp;
  track->position = position;
  return position;
}

void track_write(struct track *track, uint32_t timestamp, uint32_t clock_rate, const int16_t *pcm, size_t count, uint64_t now) {
  const int64_t position = place(track, timestamp, clock_rate, count, now);
  const int64_t limit = (int64_t)track->read + TRACK_SAMPLES;
  for (size_t i = 0; i < count; i++) {
    const int64_t at = position + (int64_t)i;
    if (at >= (int64_t)track->read && at < limit) *sample_at(track, at) = pcm[i];
  }
  const int64_t end = position + (int64_t)count < limit ? position + (int64_t)count : limit;
  if (end > track->end) track->end = end;
}

uint64_t track_end(const struct track *track) { return track->end > 0 ? (uint64_t)track->end : 0; }

void track_read(struct track *track, int16_t *pcm, size_t count) {
  for (size_t i = 0; i < count; i++) {
    int16_t *sample = &track->samples[track->read++ % TRACK_SAMPLES];
    pcm[i] = *sample;
    *sample = 0;
  }
}
