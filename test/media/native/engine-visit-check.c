/* Sessions in parts (session/engine.h). */
#include <stdlib.h>

#include "bench.h"
#include "session/engine.h"

#define SESSIONS 7

struct visits {
  unsigned count;
  unsigned of[SESSIONS + 1]; /* by id */
};

static void note_visit(struct session *session, void *argument) {
  struct visits *visits = argument;
  visits->count++;
  visits->of[session->id]++;
}

static void settle(struct session *session, void *unused) {
  (void)session;
  (void)unused;
}

CHECK(check_engine_parts, "sessions are visited in parts, each of them once, on whatever loop they live") {
  struct engine *engine = engine_start(2, NULL, NULL);
  if (engine == NULL) abort();
  _Atomic uint16_t ports[SESSIONS + 1] = {0};
  uint32_t handles[SESSIONS + 1];
  for (unsigned i = 0; i <= SESSIONS; i++) {
    struct session *session = open_at_free_ports(&ports[i], 1);
    session->id = i;
    handles[i] = engine_add(engine, session);
    /* The first one lives on no loop: nobody has said what to do with it. */
    if (i > 0) EXPECT(engine_visit(engine, handles[i], settle, NULL), true);
  }
  EXPECT(engine_loop_of(engine, handles[1]) != engine_loop_of(engine, handles[2]), true);

  struct visits visits = {0};
  uint32_t from = 0;
  unsigned parts = 0;
  do {
    const unsigned before = visits.count;
    from = engine_visit_some(engine, from, 3, note_visit, &visits);
    EXPECT(visits.count - before <= 3, true);
    parts++;
  } while (from != 0 && parts < 10);
  EXPECT(parts, 3);
  EXPECT(visits.of[0], 0);
  for (unsigned i = 1; i <= SESSIONS; i++) EXPECT(visits.of[i], 1);

  /* A last part that is full is the last one all the same. */
  visits = (struct visits){0};
  EXPECT(engine_visit_some(engine, 0, SESSIONS, note_visit, &visits), 0);
  EXPECT(visits.count, SESSIONS);

  visits = (struct visits){0};
  EXPECT(engine_visit_some(engine, UINT32_MAX, ENGINE_MAX_SESSIONS, note_visit, &visits), 0);
  EXPECT(visits.count, SESSIONS);
  engine_stop(engine);
}
