#include "session/route.h"

#include "session/listening.h"

/* May the party of `to` have each packet that the party of `from` sends, as it is? Not when tones are taken out. */
static bool understands(const struct leg *from, const struct leg *to) {
  if (from->settings.codec != to->settings.codec || digits_removes(from, to)) return false;
  /* A leg that takes no silence descriptors, or no comfort noise, gets none: such audio is decoded. */
  if (from->settings.codec == CODEC_G729 && from->settings.encoding.annex_b && !to->settings.encoding.annex_b) return false;
  return from->settings.noise_payload_type == NO_PAYLOAD_TYPE || to->settings.noise_payload_type != NO_PAYLOAD_TYPE;
}

static enum route choose(const struct leg *from, const struct leg *to) {
  if (to == NULL || !from->configured || !to->configured || to->voice != VOICE_PEER) return ROUTE_NONE;
  /* Who is in a conference speaks there, and not to the peer of before. */
  if (from->ear == EAR_PULL) return ROUTE_NONE;
  if (!from->settings.receives || !to->settings.sends) return ROUTE_NONE;
  if (!understands(from, to)) return ROUTE_TRANSCODE;
  /* RFC 7587 §4.2: who takes Opus takes packets of any length. */
  if (codec_traits(from->settings.codec)->coded_whole) return ROUTE_PASS;
  return from->settings.ptime_ms == to->settings.ptime_ms ? ROUTE_PASS : ROUTE_REFRAME;
}

static bool set_listening(struct leg *leg) {
  const bool wanted = leg->configured && leg->settings.receives &&
                      (leg->route == ROUTE_TRANSCODE || leg->taps != NULL || leg->ear == EAR_PULL || leg->settings.detects_digits);
  if (!wanted) {
    listening_close(leg->listening);
    leg->listening = NULL;
    return true;
  }
  if (leg->listening == NULL) leg->listening = listening_open(leg);
  if (leg->listening == NULL) return false;
  if (leg->session->loop != NULL) listening_wake(leg->listening);
  return true;
}

static bool set_encoder(struct leg *leg, bool wanted) {
  if (wanted == (leg->outgoing.encoder != NULL)) return true;
  return outgoing_set_encoder(&leg->outgoing, wanted, &leg->settings.encoding);
}

static void set_route(struct leg *from) {
  struct leg *to = leg_peer(from);
  const enum route route = choose(from, to);
  if (to != NULL && route != from->route) to->outgoing.placed = false;
  from->route = route;
}

static bool is_spoken_to(const struct leg *leg) {
  const struct leg *peer = leg_peer(leg);
  return leg->voice == VOICE_LOCAL || (peer != NULL && peer->route == ROUTE_TRANSCODE);
}

bool leg_choose_routes(struct leg *leg) {
  struct leg *peer = leg_peer(leg);
  set_route(leg);
  if (peer != NULL) set_route(peer);
  bool complete = set_encoder(leg, leg->configured && is_spoken_to(leg));
  if (peer != NULL && !set_encoder(peer, peer->configured && is_spoken_to(peer))) complete = false;
  /* What is heard may go into the other stream at once. */
  if (!set_listening(leg)) complete = false;
  if (peer != NULL && !set_listening(peer)) complete = false;
  return complete;
}
