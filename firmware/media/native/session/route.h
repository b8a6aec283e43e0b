/* How what one party says gets to the other, and what has to be there for it. */
#ifndef RINGDOWN_ROUTE_H
#define RINGDOWN_ROUTE_H

#include "session/session.h"

/*
 * After any change of settings, voices, ears, taps and peers: chooses the routes from the leg to its peer and back, opens what they
 * need and closes what they do not. A stream whose source is another one now is placed anew. False: no memory; what could not be
 * opened is silent.
 */
bool leg_choose_routes(struct leg *leg);

#endif
