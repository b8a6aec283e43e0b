/* How what one party says gets to the other, and what has to be there for it. */
#ifndef RINGDOWN_ROUTE_H
#define RINGDOWN_ROUTE_H

#include "session/session.h"

/*
 * After any change of settings, voices, ears and taps: chooses both routes, opens what they need and closes what they
 * do not. A stream whose source is another one now is placed anew. False: no memory; what could not be opened is silent.
 */
bool session_choose_routes(struct session *session);

#endif
