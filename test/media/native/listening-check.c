/* What waits to be heard is heard in its time, whatever is done to its session meanwhile (session/listening.h). */
#include <stdlib.h>

#include "bench.h"
#include "session/party.h"

#define BURST 4
#define BURSTS 6

/* Four packets at once, every 80 ms: all but the first are played later than they come. */
static void burst(struct bench *bench, unsigned which) {
  for (unsigned i = BURST * which; i < BURST * (which + 1); i++) {
    say(bench, (struct sending){PCMA_TYPE, i == 0, (uint16_t)i, i * 160, 7, 160});
  }
}

/* The delay has grown to what such a source needs: one packet is heard at once, and three wait. */
static void open_held(struct bench *bench) {
  bench_open(bench, CODEC_PCMA, 20, CODEC_PCMU, 20);
  for (unsigned i = 0; i < BURSTS; i++) {
    burst(bench, i);
    pass(bench, 80);
  }
  count_heard(bench);
  /* While the delay grew. */
  bench->session->legs[0].counters.late = 0;
  burst(bench, BURSTS);
  EXPECT(count_heard(bench), 1);
}

static void close_heard(struct bench *bench) {
  pass(bench, 60);
  EXPECT(count_heard(bench), BURST - 1);
  EXPECT(bench->session->legs[0].counters.late, 0);
  bench_close(bench);
}

CHECK(check_listening_moves, "packets that wait are heard when their session has moved, and nobody says more") {
  struct bench bench;
  open_held(&bench);
  struct loop *const first = bench.loop;
  bench_part(&bench);
  bench.loop = loop_open(NULL, NULL);
  if (bench.loop == NULL || !loop_take_in(bench.loop, bench.session)) abort();
  loop_close(first);
  close_heard(&bench);
}

CHECK(check_listening_ears, "packets that wait are heard after somebody pulled, a tap came and went, and settings were told again") {
  struct bench bench;
  open_held(&bench);
  struct leg *const leg = &bench.session->legs[0];
  EXPECT(leg_set_ear(leg, EAR_PULL), true);
  /* Whoever pulls comes by himself: from now on the timer is off. */
  int16_t pcm[160];
  leg_pull(leg, bench.now_ms * 1000, pcm, 160, 8000);
  EXPECT(leg_set_ear(leg, EAR_PEER), true);
  close_heard(&bench);

  struct leg_tap tap = {.hear = NULL};
  open_held(&bench);
  /* Hears nothing: it goes before anything is due. */
  EXPECT(leg_add_tap(&bench.session->legs[0], &tap), true);
  leg_remove_tap(&bench.session->legs[0], &tap);
  configure(&bench, 0, CODEC_PCMA, 20);
  close_heard(&bench);
}
