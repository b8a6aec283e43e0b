#include "session/engine.h"

#include <errno.h>
#include <stdlib.h>

#include "session/pair.h"

/* A handle: the slot below, how often the slot was used above, so that an old handle meets no new session. */
#define SLOT_BITS 13
#define SLOT_MASK (ENGINE_MAX_SESSIONS - 1)
_Static_assert(ENGINE_MAX_SESSIONS == 1 << SLOT_BITS, "slots fill their bits");
_Static_assert(ENGINE_MAX_SESSIONS <= LOOP_MAX_SESSIONS, "all may live on one loop");
#define NOBODY UINT16_MAX
/*
 * Of a session with which nothing has been done yet: most of those that ring are closed again, and to live on a loop costs more than
 * all else of them: its thread may have to be waited for, and the kernel has to hear of each socket twice.
 */
#define NOWHERE UINT8_MAX
_Static_assert(ENGINE_MAX_LOOPS <= NOWHERE, "no loop is nowhere");

/* A leg of any session is a number: its slot, then a bit for which of the session. */
_Static_assert(SESSION_MAX_LEGS * ENGINE_MAX_SESSIONS <= NOBODY, "the numbers of legs fill their bits");

struct slot {
  struct session *session;
  uint32_t uses;
  /*
   * Whom each leg is joined with, or NOBODY. They are linked (leg.h's `peer`) while both are on one loop; on two they are apart, each
   * held by a conference.
   */
  uint16_t partners[SESSION_MAX_LEGS];
  uint8_t loop;
};

struct engine {
  unsigned loop_count;
  struct loop *loops[ENGINE_MAX_LOOPS];
  unsigned leg_counts[ENGINE_MAX_LOOPS];
  struct slot slots[ENGINE_MAX_SESSIONS];
  uint32_t next_slot;
  unsigned group_count; /* sessions that are about to move together, by slot */
  uint16_t group[ENGINE_MAX_SESSIONS];
};

struct engine *engine_start(unsigned loops, void (*wake)(void *argument), void *argument) {
  struct engine *engine = calloc(1, sizeof *engine);
  if (engine == NULL) return NULL;
  for (; engine->loop_count < loops && engine->loop_count < ENGINE_MAX_LOOPS; engine->loop_count++) {
    struct loop *loop = loop_open(wake, argument);
    if (loop != NULL && loop_start(loop)) {
      engine->loops[engine->loop_count] = loop;
      continue;
    }
    const int reason = errno;
    loop_close(loop);
    engine_stop(engine);
    errno = reason;
    return NULL;
  }
  return engine;
}

void engine_stop(struct engine *engine) {
  for (unsigned i = 0; i < engine->loop_count; i++) loop_stop(engine->loops[i]);
  for (unsigned i = 0; i < ENGINE_MAX_SESSIONS; i++) {
    struct session *session = engine->slots[i].session;
    if (session == NULL) continue;
    if (engine->slots[i].loop != NOWHERE) loop_let_go(engine->loops[engine->slots[i].loop], session);
    session_close(session);
  }
  for (unsigned i = 0; i < engine->loop_count; i++) loop_close(engine->loops[i]);
  free(engine);
}

unsigned engine_loop_count(const struct engine *engine) { return engine->loop_count; }

struct loop *engine_loop(struct engine *engine, unsigned index) { return engine->loops[index]; }

unsigned engine_emptiest(const struct engine *engine) {
  unsigned emptiest = 0;
  for (unsigned i = 1; i < engine->loop_count; i++) {
    if (engine->leg_counts[i] < engine->leg_counts[emptiest]) emptiest = i;
  }
  return emptiest;
}

static struct slot *find(const struct engine *engine, uint32_t handle) {
  const struct slot *slot = &engine->slots[handle & SLOT_MASK];
  return slot->session != NULL && slot->uses == handle >> SLOT_BITS ? (struct slot *)slot : NULL;
}

unsigned engine_loop_of(const struct engine *engine, uint32_t handle) {
  const struct slot *slot = find(engine, handle);
  return slot == NULL || slot->loop == NOWHERE ? ENGINE_MAX_LOOPS : slot->loop;
}

struct visit {
  struct session *session;
  void (*visit)(struct session *, void *);
  void *argument;
  bool moves_in; /* it has lived nowhere so far */
  bool done;
};

static void pay_visit(struct loop *loop, void *argument) {
  struct visit *visit = argument;
  visit->done = !visit->moves_in || loop_take_in(loop, visit->session);
  if (visit->done) visit->visit(visit->session, visit->argument);
}

static struct slot *slot_of(struct engine *engine, uint16_t number) { return &engine->slots[number / SESSION_MAX_LEGS]; }
static unsigned leg_of(uint16_t number) { return number % SESSION_MAX_LEGS; }
static uint16_t number_of(const struct engine *engine, const struct slot *slot, unsigned leg) {
  return (uint16_t)((unsigned)(slot - engine->slots) * SESSION_MAX_LEGS + leg);
}

/* A group on its way, or a pair: what a loop's thread needs, while that of JavaScript waits. */
struct moving {
  struct engine *engine;
  bool done;
};

static void let_go_group(struct loop *loop, void *argument) {
  const struct engine *engine = ((struct moving *)argument)->engine;
  for (unsigned i = 0; i < engine->group_count; i++) loop_let_go(loop, engine->slots[engine->group[i]].session);
}

/* A leg and its partner, if both are here. False: no memory for a codec. */
static bool link(struct engine *engine, const struct slot *slot, unsigned leg) {
  const uint16_t partner = slot->partners[leg];
  if (partner == NOBODY) return true;
  const struct slot *other = slot_of(engine, partner);
  if (other->loop != slot->loop) return true;
  return leg_join(&slot->session->legs[leg], &other->session->legs[leg_of(partner)], loop_now_us());
}

static void take_in_group(struct loop *loop, void *argument) {
  struct moving *moving = argument;
  struct engine *engine = moving->engine;
  moving->done = true;
  for (unsigned i = 0; i < engine->group_count && moving->done; i++) {
    if (loop_take_in(loop, engine->slots[engine->group[i]].session)) continue;
    while (i-- > 0) loop_let_go(loop, engine->slots[engine->group[i]].session);
    moving->done = false;
    return;
  }
  for (unsigned i = 0; i < engine->group_count; i++) {
    const struct slot *slot = &engine->slots[engine->group[i]];
    for (unsigned leg = 0; leg < slot->session->leg_count; leg++) link(engine, slot, leg);
  }
}

/* The group lives on `loop` from now on. False: epoll refuses, and it lives nowhere. */
static bool settle_group(struct engine *engine, unsigned loop) {
  struct moving moving = {.engine = engine};
  for (unsigned i = 0; i < engine->group_count; i++) engine->slots[engine->group[i]].loop = (uint8_t)loop;
  loop_call(engine->loops[loop], take_in_group, &moving);
  if (!moving.done) return false;
  for (unsigned i = 0; i < engine->group_count; i++) engine->leg_counts[loop] += engine->slots[engine->group[i]].session->leg_count;
  return true;
}

/* It lives nowhere from now on. */
static void unsettle_group(struct engine *engine, unsigned loop) {
  struct moving moving = {.engine = engine};
  loop_call(engine->loops[loop], let_go_group, &moving);
  for (unsigned i = 0; i < engine->group_count; i++) engine->leg_counts[loop] -= engine->slots[engine->group[i]].session->leg_count;
}

static void begin_group(struct engine *engine, const struct slot *slot) {
  engine->group_count = 1;
  engine->group[0] = (uint16_t)(slot - engine->slots);
}

/* It lives on `loop` from now on, where it has lived nowhere. False: epoll refuses. */
static bool move_in(struct engine *engine, struct slot *slot, unsigned loop) {
  session_forget_waiting(slot->session);
  begin_group(engine, slot);
  const bool done = settle_group(engine, loop);
  if (!done) slot->loop = NOWHERE;
  return done;
}

/* It lives somewhere from now on. False: epoll refuses. */
static bool settle(struct engine *engine, struct slot *slot) {
  return slot->loop != NOWHERE || move_in(engine, slot, engine_emptiest(engine));
}

uint32_t engine_add(struct engine *engine, struct session *session) {
  uint32_t index = engine->next_slot;
  for (unsigned tried = 0; engine->slots[index].session != NULL; tried++) {
    if (tried == ENGINE_MAX_SESSIONS) return 0;
    index = (index + 1) & SLOT_MASK;
  }
  struct slot *slot = &engine->slots[index];
  slot->session = session;
  for (unsigned leg = 0; leg < SESSION_MAX_LEGS; leg++) slot->partners[leg] = NOBODY;
  if (session->leg_count == 2 && leg_peer(&session->legs[0]) == &session->legs[1]) {
    for (unsigned leg = 0; leg < 2; leg++) slot->partners[leg] = number_of(engine, slot, 1 - leg);
  }
  slot->loop = NOWHERE;
  slot->uses = (slot->uses + 1) & (UINT32_MAX >> SLOT_BITS);
  if (slot->uses == 0) slot->uses = 1;
  engine->next_slot = (index + 1) & SLOT_MASK;
  return slot->uses << SLOT_BITS | index;
}

struct session *engine_remove(struct engine *engine, uint32_t handle) {
  struct slot *slot = find(engine, handle);
  if (slot == NULL) return NULL;
  struct session *session = slot->session;
  for (unsigned leg = 0; leg < SESSION_MAX_LEGS; leg++) {
    const uint16_t partner = slot->partners[leg];
    if (partner != NOBODY) slot_of(engine, partner)->partners[leg_of(partner)] = NOBODY;
  }
  if (slot->loop != NOWHERE) {
    begin_group(engine, slot);
    /* Which parts it from those of other sessions. */
    unsettle_group(engine, slot->loop);
  }
  slot->session = NULL;
  return session;
}

bool engine_visit(struct engine *engine, uint32_t handle, void (*visit)(struct session *, void *), void *argument) {
  struct slot *slot = find(engine, handle);
  if (slot == NULL) return false;
  struct visit paid = {.session = slot->session, .visit = visit, .argument = argument, .moves_in = slot->loop == NOWHERE};
  const unsigned loop = paid.moves_in ? engine_emptiest(engine) : slot->loop;
  if (paid.moves_in) session_forget_waiting(slot->session);
  loop_call(engine->loops[loop], pay_visit, &paid);
  if (!paid.done || !paid.moves_in) return paid.done;
  slot->loop = (uint8_t)loop;
  engine->leg_counts[loop] += slot->session->leg_count;
  return true;
}

struct round {
  const struct engine *engine;
  uint32_t from, to; /* slots, the last one not included */
  unsigned loop;
  void (*visit)(struct session *, void *);
  void *argument;
};

static void go_round(struct loop *loop, void *argument) {
  const struct round *round = argument;
  (void)loop;
  for (uint32_t i = round->from; i < round->to; i++) {
    const struct slot *slot = &round->engine->slots[i];
    if (slot->session != NULL && slot->loop == round->loop) round->visit(slot->session, round->argument);
  }
}

uint32_t engine_visit_some(struct engine *engine, uint32_t from, unsigned most, void (*visit)(struct session *, void *),
                           void *argument) {
  struct round round = {.engine = engine, .from = from < ENGINE_MAX_SESSIONS ? from : 0, .visit = visit, .argument = argument};
  bool concerned[ENGINE_MAX_LOOPS] = {false};
  unsigned found = 0;
  for (round.to = round.from; round.to < ENGINE_MAX_SESSIONS; round.to++) {
    const struct slot *slot = &engine->slots[round.to];
    if (slot->session == NULL || slot->loop == NOWHERE) continue;
    /* With it the next part begins: where there is none, none is asked for. */
    if (found == most) break;
    concerned[slot->loop] = true;
    found++;
  }
  for (round.loop = 0; round.loop < engine->loop_count; round.loop++) {
    if (concerned[round.loop]) loop_call(engine->loops[round.loop], go_round, &round);
  }
  return round.to < ENGINE_MAX_SESSIONS ? round.to : 0;
}

/* Seats are given and taken in calls of this thread alone, which waits for them. */
static bool is_seated(const struct session *session) {
  for (unsigned leg = 0; leg < session->leg_count; leg++) {
    if (session->legs[leg].seat != NULL) return true;
  }
  return false;
}

static bool is_in_group(const struct engine *engine, uint16_t index) {
  for (unsigned i = 0; i < engine->group_count; i++) {
    if (engine->group[i] == index) return true;
  }
  return false;
}

/* The session with all on its loop who are joined with it, over however many sessions, unless a conference keeps them. How many legs. */
static unsigned gather(struct engine *engine, const struct slot *slot) {
  unsigned legs = 0;
  begin_group(engine, slot);
  for (unsigned i = 0; i < engine->group_count; i++) {
    const struct slot *member = &engine->slots[engine->group[i]];
    for (unsigned leg = 0; leg < member->session->leg_count; leg++, legs++) {
      const uint16_t partner = member->partners[leg];
      if (partner == NOBODY) continue;
      const struct slot *other = slot_of(engine, partner);
      const uint16_t index = (uint16_t)(other - engine->slots);
      if (other->loop != slot->loop || is_in_group(engine, index) || is_seated(other->session)) continue;
      engine->group[engine->group_count++] = index;
    }
  }
  return legs;
}

static bool move(struct engine *engine, struct slot *slot, unsigned loop) {
  const unsigned old = slot->loop;
  if (old == loop) return true;
  if (old == NOWHERE) return move_in(engine, slot, loop);
  gather(engine, slot);
  unsettle_group(engine, old);
  if (settle_group(engine, loop)) return true;
  /* Where they have just been there is room for them. */
  if (!settle_group(engine, old)) abort();
  return false;
}

bool engine_move(struct engine *engine, uint32_t handle, unsigned loop) {
  struct slot *slot = find(engine, handle);
  return slot != NULL && loop < engine->loop_count && move(engine, slot, loop);
}

struct linking {
  struct engine *engine;
  const struct slot *slot;
  unsigned leg;
  bool done;
};

static void link_on_loop(struct loop *loop, void *argument) {
  struct linking *linking = argument;
  (void)loop;
  linking->done = link(linking->engine, linking->slot, linking->leg);
}

static void part_on_loop(struct loop *loop, void *argument) {
  const struct linking *linking = argument;
  (void)loop;
  leg_part(&linking->slot->session->legs[linking->leg], loop_now_us());
}

static void part(struct engine *engine, struct slot *slot, unsigned leg) {
  const uint16_t partner = slot->partners[leg];
  if (partner == NOBODY) return;
  slot_of(engine, partner)->partners[leg_of(partner)] = NOBODY;
  slot->partners[leg] = NOBODY;
  struct linking linking = {.slot = slot, .leg = leg};
  loop_call(engine->loops[slot->loop], part_on_loop, &linking);
}

/* Onto one loop, unless two conferences keep them on two. False: epoll refuses. */
static bool bring_together(struct engine *engine, struct slot *one, struct slot *other) {
  const bool one_stays = is_seated(one->session), other_stays = is_seated(other->session);
  if (one->loop == other->loop || (one_stays && other_stays)) return true;
  const unsigned one_weight = gather(engine, one), other_weight = gather(engine, other);
  /* Of two that are alike, the one whose loop has more to do. */
  const bool one_is_lighter = one_weight < other_weight ||
                              (one_weight == other_weight && engine->leg_counts[one->loop] > engine->leg_counts[other->loop]);
  const bool one_moves = other_stays || (one_is_lighter && !one_stays);
  return one_moves ? move(engine, one, other->loop) : move(engine, other, one->loop);
}

enum engine_result engine_join(struct engine *engine, const struct engine_party *one, const struct engine_party *other) {
  struct slot *const first = find(engine, one->handle), *const second = find(engine, other->handle);
  if (first == NULL || second == NULL) return ENGINE_UNKNOWN;
  if (one->leg >= first->session->leg_count || other->leg >= second->session->leg_count) return ENGINE_NO_LEG;
  const uint16_t there = number_of(engine, second, other->leg);
  if (there == number_of(engine, first, one->leg)) return ENGINE_NO_LEG;
  if (!settle(engine, first) || !settle(engine, second)) return ENGINE_REFUSED;
  if (first->partners[one->leg] != there) {
    part(engine, first, one->leg);
    part(engine, second, other->leg);
    first->partners[one->leg] = there;
    second->partners[other->leg] = number_of(engine, first, one->leg);
  }
  struct linking linking = {.engine = engine, .slot = first, .leg = one->leg};
  if (bring_together(engine, first, second)) {
    loop_call(engine->loops[first->loop], link_on_loop, &linking);
    if (linking.done) return ENGINE_DONE;
  }
  part(engine, first, one->leg);
  return ENGINE_REFUSED;
}

enum engine_result engine_part(struct engine *engine, const struct engine_party *party) {
  struct slot *slot = find(engine, party->handle);
  if (slot == NULL) return ENGINE_UNKNOWN;
  if (party->leg >= slot->session->leg_count) return ENGINE_NO_LEG;
  if (!settle(engine, slot)) return ENGINE_REFUSED;
  part(engine, slot, party->leg);
  return ENGINE_DONE;
}

void engine_reunite(struct engine *engine) {
  for (unsigned i = 0; i < ENGINE_MAX_SESSIONS; i++) {
    struct slot *slot = &engine->slots[i];
    if (slot->session == NULL) continue;
    for (unsigned leg = 0; leg < slot->session->leg_count; leg++) {
      if (slot->partners[leg] == NOBODY) continue;
      struct slot *other = slot_of(engine, slot->partners[leg]);
      /* Where they cannot be brought together now they are apart, until somebody tries again. */
      if (other->loop != slot->loop) bring_together(engine, slot, other);
    }
  }
}

static void turn(struct loop *loop, void *unused) {
  (void)loop;
  (void)unused;
}

void engine_await(struct engine *engine) {
  for (unsigned i = 0; i < engine->loop_count; i++) loop_call(engine->loops[i], turn, NULL);
}
