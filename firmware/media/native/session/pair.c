#include "session/pair.h"

#include "record/recording.h"
#include "session/route.h"
#include "session/session.h"

/* What it is sent next comes from somebody else, and begins a talkspurt: its place is sought anew. */
static void await_another(struct leg *leg) {
  leg->event_known = false;
  leg->outgoing.placed = false;
}

static void link(struct leg *leg, struct leg *peer) {
  leg->peer = peer;
  leg->route = ROUTE_NONE;
  await_another(leg);
}

bool leg_join(struct leg *one, struct leg *other, uint64_t now_us) {
  if (one->peer == other) return true;
  leg_part(one, now_us);
  leg_part(other, now_us);
  link(one, other);
  link(other, one);
  const bool complete = leg_choose_routes(one);
  recordings_follow(one->session);
  if (other->session != one->session) recordings_follow(other->session);
  return complete;
}

void leg_part(struct leg *leg, uint64_t now_us) {
  struct leg *peer = leg->peer;
  if (peer == NULL) return;
  if (leg->session->loop != NULL) {
    digits_part(leg, peer, now_us);
    digits_part(peer, leg, now_us);
  }
  link(leg, NULL);
  link(peer, NULL);
  leg_choose_routes(leg);
  leg_choose_routes(peer);
  recordings_follow(leg->session);
  if (peer->session != leg->session) recordings_follow(peer->session);
}
