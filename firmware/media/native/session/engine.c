#include "session/engine.h"

#include <errno.h>
#include <stdlib.h>

/* A handle: the slot below, how often the slot was used above, so that an old handle meets no new session. */
#define SLOT_BITS 12
#define SLOT_MASK (ENGINE_MAX_SESSIONS - 1)
_Static_assert(ENGINE_MAX_SESSIONS == 1 << SLOT_BITS, "slots fill their bits");

struct slot {
  struct session *session;
  uint32_t uses;
  unsigned loop;
};

struct engine {
  unsigned loop_count;
  struct loop *loops[ENGINE_MAX_LOOPS];
  unsigned session_counts[ENGINE_MAX_LOOPS];
  struct slot slots[ENGINE_MAX_SESSIONS];
  uint32_t next_slot;
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
    loop_let_go(engine->loops[engine->slots[i].loop], session);
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
    if (engine->session_counts[i] < engine->session_counts[emptiest]) emptiest = i;
  }
  return emptiest;
}

static struct slot *find(const struct engine *engine, uint32_t handle) {
  const struct slot *slot = &engine->slots[handle & SLOT_MASK];
  return slot->session != NULL && slot->uses == handle >> SLOT_BITS ? (struct slot *)slot : NULL;
}

unsigned engine_loop_of(const struct engine *engine, uint32_t handle) {
  const struct slot *slot = find(engine, handle);
  return slot == NULL ? ENGINE_MAX_LOOPS : slot->loop;
}

struct visit {
  struct session *session;
  void (*visit)(struct session *, void *);
  void *argument;
  bool done;
};

static void take_in(struct loop *loop, void *argument) {
  struct visit *visit = argument;
  visit->done = loop_take_in(loop, visit->session);
}

static void let_go(struct loop *loop, void *argument) { loop_let_go(loop, argument); }

static void pay_visit(struct loop *loop, void *argument) {
  const struct visit *visit = argument;
  (void)loop;
  visit->visit(visit->session, visit->argument);
}

static bool settle(struct engine *engine, struct slot *slot, struct session *session, unsigned loop) {
  struct visit visit = {.session = session};
  loop_call(engine->loops[loop], take_in, &visit);
  if (!visit.done) return false;
  slot->session = session;
  slot->loop = loop;
  engine->session_counts[loop]++;
  return true;
}

uint32_t engine_add(struct engine *engine, struct session *session) {
  uint32_t index = engine->next_slot;
  for (unsigned tried = 0; engine->slots[index].session != NULL; tried++) {
    if (tried == ENGINE_MAX_SESSIONS) return 0;
    index = (index + 1) & SLOT_MASK;
  }
  struct slot *slot = &engine->slots[index];
  if (!settle(engine, slot, session, engine_emptiest(engine))) return 0;
  slot->uses = (slot->uses + 1) & (UINT32_MAX >> SLOT_BITS);
  if (slot->uses == 0) slot->uses = 1;
  engine->next_slot = (index + 1) & SLOT_MASK;
  return slot->uses << SLOT_BITS | index;
}

static struct session *unsettle(struct engine *engine, struct slot *slot) {
  struct session *session = slot->session;
  loop_call(engine->loops[slot->loop], let_go, session);
  engine->session_counts[slot->loop]--;
  slot->session = NULL;
  return session;
}

struct session *engine_remove(struct engine *engine, uint32_t handle) {
  struct slot *slot = find(engine, handle);
  return slot == NULL ? NULL : unsettle(engine, slot);
}

bool engine_visit(struct engine *engine, uint32_t handle, void (*visit)(struct session *, void *), void *argument) {
  const struct slot *slot = find(engine, handle);
  if (slot == NULL) return false;
  struct visit paid = {.session = slot->session, .visit = visit, .argument = argument};
  loop_call(engine->loops[slot->loop], pay_visit, &paid);
  return true;
}

struct round {
  struct engine *engine;
  unsigned loop;
  void (*visit)(struct session *, void *);
  void *argument;
};

static void go_round(struct loop *loop, void *argument) {
  const struct round *round = argument;
  (void)loop;
  for (unsigned i = 0; i < ENGINE_MAX_SESSIONS; i++) {
    const struct slot *slot = &round->engine->slots[i];
    if (slot->session != NULL && slot->loop == round->loop) round->visit(slot->session, round->argument);
  }
}

void engine_visit_all(struct engine *engine, void (*visit)(struct session *, void *), void *argument) {
  for (unsigned i = 0; i < engine->loop_count; i++) {
    struct round round = {.engine = engine, .loop = i, .visit = visit, .argument = argument};
    if (engine->session_counts[i] > 0) loop_call(engine->loops[i], go_round, &round);
  }
}

bool engine_move(struct engine *engine, uint32_t handle, unsigned loop) {
  struct slot *slot = find(engine, handle);
  if (slot == NULL || loop >= engine->loop_count) return false;
  const unsigned old = slot->loop;
  if (old == loop) return true;
  struct session *session = unsettle(engine, slot);
  if (settle(engine, slot, session, loop)) return true;
  /* Where it has just been there is room for it. */
  if (!settle(engine, slot, session, old)) abort();
  return false;
}

static void turn(struct loop *loop, void *unused) {
  (void)loop;
  (void)unused;
}

void engine_await(struct engine *engine) {
  for (unsigned i = 0; i < engine->loop_count; i++) loop_call(engine->loops[i], turn, NULL);
}
