#include "rtp/jitter.h"

#include <string.h>

#define WINDOW_US 2000000
#define SHRINK_SHARE 8 /* of a packet, with each packet */
/* Timestamps may waver by so much. */
#define TOLERANCE_US 10000
#define NO_TRANSIT INT64_MAX
/* Ticks: years of audio, or a source that jumps without end. Far from where microseconds overflow. */
#define MAX_TIME ((int64_t)1 << 40)

static int64_t us_of(const struct jitter *jitter, int64_t ticks) { return ticks * 1000000 / jitter->clock_rate; }

static int64_t tolerance(const struct jitter *jitter) { return (int64_t)TOLERANCE_US * jitter->clock_rate / 1000000; }

static void forget_window(struct jitter_window *window) {
  *window = (struct jitter_window){.fastest_us = NO_TRANSIT};
}

void jitter_open(struct jitter *jitter, uint32_t clock_rate) {
  memset(jitter, 0, sizeof *jitter);
  jitter->clock_rate = clock_rate;
  jitter_restart(jitter);
}

void jitter_restart(struct jitter *jitter) {
  if (jitter->count > 0) memset(jitter->slots, 0, sizeof jitter->slots);
  jitter->count = 0;
  jitter->started = false;
  jitter->hurried = false;
  jitter->paused = false;
  jitter->passed = 0;
  jitter->lost = 0;
  jitter->filled = 0;
  jitter->delay_us = 0;
  forget_window(&jitter->windows[0]);
  forget_window(&jitter->windows[1]);
}

static void start(struct jitter *jitter, const struct rtp_packet *packet, uint32_t ticks, uint64_t now_us) {
  jitter->started = true;
  jitter->last = (uint16_t)(packet->sequence_number - 1);
  jitter->arrived = 1;
  jitter->next_time = packet->timestamp;
  jitter->packet_ticks = ticks;
  jitter->next_from_us = now_us;
  jitter->last_arrival_us = 0;
  jitter->window_began_us = now_us;
}

/* Transit of the fastest packet of late. */
static int64_t fastest(const struct jitter *jitter) {
  const int64_t current = jitter->windows[0].fastest_us, before = jitter->windows[1].fastest_us;
  return current < before ? current : before;
}

/* What was late against a packet that is forgotten is less so against the fastest one that is left: a clock stood still, or a way is longer. */
static void forgive(struct jitter_window *window, int64_t us) {
  const uint32_t less = us > JITTER_MAX_DELAY_US ? JITTER_MAX_DELAY_US : (uint32_t)us;
  window->worst_us -= window->worst_us < less ? window->worst_us : less;
  window->second_us -= window->second_us < less ? window->second_us : less;
}

static void turn_windows(struct jitter *jitter, uint64_t now_us) {
  const uint64_t age_us = now_us - jitter->window_began_us;
  if (age_us < WINDOW_US) return;
  const int64_t before_us = fastest(jitter);
  if (age_us < 2 * WINDOW_US) jitter->windows[1] = jitter->windows[0];
  else forget_window(&jitter->windows[1]);
  forget_window(&jitter->windows[0]);
  jitter->window_began_us = now_us;
  const int64_t after_us = fastest(jitter);
  if (after_us == NO_TRANSIT || after_us <= before_us) return;
  forgive(&jitter->windows[1], after_us - before_us);
  const uint64_t less_us = (uint64_t)(after_us - before_us);
  jitter->delay_us -= jitter->delay_us < less_us ? jitter->delay_us : less_us;
}

static void note_lateness(struct jitter *jitter, uint64_t late_us) {
  struct jitter_window *window = &jitter->windows[0];
  const uint32_t late = late_us > JITTER_MAX_DELAY_US ? JITTER_MAX_DELAY_US : (uint32_t)late_us;
  if (late > window->worst_us) {
    window->second_us = window->worst_us;
    window->worst_us = late;
  } else if (late > window->second_us) {
    window->second_us = late;
  }
}

/* How long packets should wait: what the second latest of the last seconds needed, since one may be an accident. */
static uint64_t wanted_delay_us(const struct jitter *jitter) {
  const uint32_t current = jitter->windows[0].second_us, before = jitter->windows[1].second_us;
  const uint32_t late = current > before ? current : before;
  return late < JITTER_CLEAN_US ? 0 : late;
}

static void measure(struct jitter *jitter, int64_t time, uint32_t ticks, uint64_t now_us) {
  turn_windows(jitter, now_us);
  const int64_t transit_us = (int64_t)now_us - us_of(jitter, time);
  /* The followers of a packet that was held up came at their own time; they just could not overtake it. */
  const bool follows = now_us - jitter->last_arrival_us < (uint64_t)us_of(jitter, ticks) / 4;
  jitter->last_arrival_us = now_us;
  const int64_t before_us = fastest(jitter);
  if (transit_us < jitter->windows[0].fastest_us) jitter->windows[0].fastest_us = transit_us;
  if (before_us != NO_TRANSIT && transit_us > before_us && !follows) note_lateness(jitter, (uint64_t)(transit_us - before_us));
  const uint64_t wanted_us = wanted_delay_us(jitter);
  if (wanted_us >= jitter->delay_us) {
    jitter->delay_us = wanted_us;
    return;
  }
  const uint64_t step_us = (uint64_t)us_of(jitter, ticks) / SHRINK_SHARE + 1;
  jitter->delay_us = jitter->delay_us - wanted_us > step_us ? jitter->delay_us - step_us : wanted_us;
}

/* When audio of that time is due. */
static uint64_t due_us(const struct jitter *jitter, int64_t time) {
  const int64_t transit_us = fastest(jitter);
  if (transit_us == NO_TRANSIT) return 0;
  const int64_t due = us_of(jitter, time) + transit_us + (int64_t)jitter->delay_us;
  return due < 0 ? 0 : (uint64_t)due;
}

static bool is_free(const struct jitter *jitter, size_t from, size_t to) {
  for (unsigned i = 0; i < JITTER_SLOTS; i++) {
    const struct jitter_slot *slot = &jitter->slots[i];
    if (slot->used && slot->offset < to && slot->offset + slot->bytes > from) return false;
  }
  return true;
}

/* JITTER_BYTES: there is no room. */
static size_t find_room(struct jitter *jitter, size_t bytes) {
  if (jitter->count == 0) return 0;
  const size_t from = jitter->write + bytes <= JITTER_BYTES ? jitter->write : 0;
  return from + bytes <= JITTER_BYTES && is_free(jitter, from, from + bytes) ? from : JITTER_BYTES;
}

/* The source set its clock back, or its time does not fit what was heard of it in any other way. */
static void follow(struct jitter *jitter, int64_t time, uint64_t now_us) {
  jitter->next_time = time;
  jitter->filled = 0;
  jitter->next_from_us = now_us;
  forget_window(&jitter->windows[0]);
  forget_window(&jitter->windows[1]);
}

static int64_t time_of(const struct jitter *jitter, const struct rtp_packet *packet) {
  return jitter->next_time + (int32_t)(packet->timestamp - (uint32_t)jitter->next_time);
}

/* Others were played before it, which cannot be undone; but it tells for how long it would have had to be awaited. */
static enum jitter_put learn_from_late(struct jitter *jitter, const struct rtp_packet *packet, uint32_t ticks, uint64_t now_us) {
  const uint16_t behind = (uint16_t)(jitter->last - packet->sequence_number);
  if (behind >= JITTER_SLOTS || (jitter->arrived >> behind & 1) != 0) return JITTER_LATE;
  jitter->arrived |= (uint64_t)1 << behind;
  const int64_t time = time_of(jitter, packet);
  if (time < jitter->next_time) measure(jitter, time, ticks, now_us);
  return JITTER_LATE;
}

enum jitter_put jitter_put(struct jitter *jitter, const struct rtp_packet *packet, uint32_t ticks, uint64_t now_us) {
  if (!jitter->started) start(jitter, packet, ticks, now_us);
  if (jitter->next_time > MAX_TIME || jitter->next_time < -MAX_TIME) {
    if (jitter->count > 0) return JITTER_FULL;
    follow(jitter, (uint32_t)jitter->next_time, now_us);
  }
  const uint16_t ahead = (uint16_t)(packet->sequence_number - jitter->last);
  if (ahead == 0 || ahead >= 0x8000) return learn_from_late(jitter, packet, ticks, now_us);
  if (ahead > JITTER_SLOTS) {
    if (jitter->count > 0) return JITTER_FULL;
    jitter->last = (uint16_t)(packet->sequence_number - JITTER_SLOTS);
    jitter->arrived = 0;
    jitter->passed = 0;
  }
  struct jitter_slot *slot = &jitter->slots[packet->sequence_number % JITTER_SLOTS];
  const uint16_t distance = (uint16_t)(packet->sequence_number - jitter->last);
  if (slot->used || (jitter->passed >> (distance - 1) & 1) != 0) return JITTER_LATE;
  const size_t offset = find_room(jitter, packet->payload_bytes);
  if (offset == JITTER_BYTES || packet->payload_bytes > JITTER_BYTES) return JITTER_FULL;

  const int64_t time = time_of(jitter, packet);
  const int64_t behind = jitter->next_time - time;
  if (behind > tolerance(jitter) && behind <= jitter->filled && !jitter->paused) {
    /* Late, but it tells how late. */
    measure(jitter, time, ticks, now_us);
    return JITTER_LATE;
  }
  if (behind > tolerance(jitter) && jitter->count == 0) follow(jitter, time, now_us);
  measure(jitter, time, ticks, now_us);
  jitter->count++;
  jitter->write = (uint16_t)(offset + packet->payload_bytes);
  *slot = (struct jitter_slot){.used = true,
                               .marker = packet->marker,
                               .payload_type = packet->payload_type,
                               .sequence_number = packet->sequence_number,
                               .ticks = (uint16_t)ticks,
                               .offset = (uint16_t)offset,
                               .bytes = (uint16_t)packet->payload_bytes,
                               .time = time};
  memcpy(jitter->bytes + offset, packet->payload, packet->payload_bytes);
  return JITTER_TAKEN;
}

static struct jitter_slot *first(struct jitter *jitter) {
  if (jitter->count == 0) return NULL;
  for (uint16_t i = 1; i <= JITTER_SLOTS; i++) {
    struct jitter_slot *slot = &jitter->slots[(uint16_t)(jitter->last + i) % JITTER_SLOTS];
    if (slot->used) return slot;
  }
  return NULL;
}

static enum jitter_kind wait_until(struct jitter_next *next, uint64_t due) {
  next->due_us = due;
  return next->kind = JITTER_WAIT;
}

static enum jitter_kind fill(struct jitter *jitter, struct jitter_next *next, enum jitter_kind kind, int64_t ticks) {
  jitter->next_time += ticks;
  jitter->filled = kind == JITTER_JUMP ? 0 : jitter->filled + ticks;
  next->ticks = (uint32_t)ticks;
  return next->kind = kind;
}

/* `number` came next, 1 to JITTER_SLOTS on. */
static void step_to(struct jitter *jitter, uint16_t number) {
  const uint16_t step = (uint16_t)(number - jitter->last);
  jitter->arrived = (step < JITTER_SLOTS ? jitter->arrived << step : 0) | 1;
  jitter->passed = step < JITTER_SLOTS ? jitter->passed >> step : 0;
  jitter->last = number;
}

/* What was no audio, and comes next, has come already. */
static void step_over_passed(struct jitter *jitter) {
  while ((jitter->passed & 1) != 0) {
    step_to(jitter, (uint16_t)(jitter->last + 1));
    if (!jitter->paused) jitter_pause(jitter, false);
  }
}

static void describe(const struct jitter *jitter, const struct jitter_slot *slot, struct jitter_next *next) {
  next->payload = jitter->bytes + slot->offset;
  next->bytes = slot->bytes;
  next->ticks = slot->ticks;
  next->marker = slot->marker;
  next->payload_type = slot->payload_type;
}

static enum jitter_kind play(struct jitter *jitter, struct jitter_slot *slot, uint64_t now_us, struct jitter_next *next) {
  describe(jitter, slot, next);
  const int64_t off = slot->time - jitter->next_time;
  /* Wavering timestamps are not followed, or the audio would be torn; a clock that was set back is. */
  jitter->next_time = (off < -tolerance(jitter) ? slot->time : jitter->next_time) + slot->ticks;
  step_to(jitter, slot->sequence_number);
  jitter->packet_ticks = slot->ticks;
  jitter->next_from_us = now_us + (uint64_t)us_of(jitter, slot->ticks);
  jitter->lost = 0;
  jitter->filled = 0;
  jitter->paused = false;
  slot->used = false;
  step_over_passed(jitter);
  if (--jitter->count == 0) jitter->hurried = false;
  return next->kind = JITTER_PACKET;
}

/* May the packet that is not there still be told as lost? */
static bool may_lose(const struct jitter *jitter) {
  return !jitter->paused && jitter->lost < JITTER_MAX_LOST_PACKETS &&
         us_of(jitter, jitter->filled + jitter->packet_ticks) <= JITTER_MAX_LOST_US;
}

/*
 * What comes next is not there. `most` ticks of it, when something after it is there already; otherwise the source may have
 * stood still, and is not expected before its next packet could be there.
 */
static enum jitter_kind miss(struct jitter *jitter, uint64_t now_us, int64_t most, struct jitter_next *next) {
  const uint64_t due = due_us(jitter, jitter->next_time);
  const bool noise = jitter->paused;
  const bool overtaken = jitter->count > 0;
  const uint64_t expected_us = overtaken || due > jitter->next_from_us ? due : jitter->next_from_us;
  const uint64_t limit_us = expected_us + JITTER_PATIENCE_US;
  if (now_us < limit_us && !jitter->hurried) return wait_until(next, limit_us);
  const int64_t ticks = most < (int64_t)jitter->packet_ticks ? most : (int64_t)jitter->packet_ticks;
  jitter->next_from_us = expected_us + (uint64_t)us_of(jitter, ticks);
  if (!noise) jitter->lost++;
  return fill(jitter, next, noise ? JITTER_NOISE : JITTER_LOST, ticks);
}

/* Is a number between what was played last and this one neither there nor of a packet that is no audio? */
static bool is_missing_before(const struct jitter *jitter, uint16_t number) {
  const uint16_t between = (uint16_t)(number - jitter->last - 1);
  if (between >= JITTER_SLOTS) return true;
  const uint64_t wanted = ((uint64_t)1 << between) - 1;
  return (jitter->passed & wanted) != wanted;
}

enum jitter_kind jitter_next(struct jitter *jitter, uint64_t now_us, struct jitter_next *next) {
  struct jitter_slot *slot = first(jitter);
  const bool fills_pause = jitter->paused && jitter->noisy && us_of(jitter, jitter->filled) < JITTER_MAX_NOISE_US;
  if (slot == NULL) {
    if (jitter->started && (fills_pause || may_lose(jitter))) return miss(jitter, now_us, jitter->packet_ticks, next);
    return next->kind = JITTER_EMPTY;
  }
  const int64_t gap = slot->time - jitter->next_time;
  const bool missing = is_missing_before(jitter, slot->sequence_number);
  if (gap > tolerance(jitter) && (fills_pause || (missing && may_lose(jitter)))) return miss(jitter, now_us, gap, next);
  /* Less than JITTER_CLEAN_US is no delay. */
  const uint64_t due = jitter->delay_us < JITTER_CLEAN_US || jitter->hurried ? now_us : due_us(jitter, slot->time);
  if (now_us < due) return wait_until(next, due);
  if (gap > tolerance(jitter)) return fill(jitter, next, JITTER_JUMP, gap);
  return play(jitter, slot, now_us, next);
}

bool jitter_peek(struct jitter *jitter, struct jitter_next *next) {
  const struct jitter_slot *slot = first(jitter);
  if (slot == NULL || slot->time - jitter->next_time > tolerance(jitter)) return false;
  describe(jitter, slot, next);
  return true;
}

void jitter_hurry(struct jitter *jitter) { jitter->hurried = jitter->count > 0; }

void jitter_pause(struct jitter *jitter, bool noisy) {
  jitter->paused = true;
  jitter->noisy = noisy;
}

void jitter_pass_over(struct jitter *jitter, uint16_t sequence_number) {
  if (!jitter->started) return;
  const uint16_t ahead = (uint16_t)(sequence_number - jitter->last);
  /* Unless the number is taken already. */
  if (ahead >= 1 && ahead <= JITTER_SLOTS && !jitter->slots[sequence_number % JITTER_SLOTS].used) {
    jitter->passed |= (uint64_t)1 << (ahead - 1);
  }
  /* Audio that waits comes first: before it nothing pauses. */
  if (jitter->count > 0) return;
  step_over_passed(jitter);
  if (!jitter->paused) jitter_pause(jitter, false);
}

bool jitter_pause_late(struct jitter *jitter, uint16_t sequence_number, bool noisy) {
  const uint16_t ahead = (uint16_t)(sequence_number - jitter->last);
  if (!jitter->started || jitter->paused || jitter->count > 0 || ahead == 0 || ahead > JITTER_SLOTS) return false;
  step_to(jitter, sequence_number);
  jitter->lost = 0;
  jitter_pause(jitter, noisy);
  return true;
}
