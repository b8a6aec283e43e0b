/*
 * A recording of one party of a session, of its peer or of both, on the session's loop: puts together what the taps hear, 20 ms each
 * 20 ms, and hands it to the writer (writer.h). It never waits for the disk, and the call never for it.
 */
#ifndef RINGDOWN_RECORDING_H
#define RINGDOWN_RECORDING_H

#include "record/track.h"
#include "record/writer.h"
#include "session/leg.h"
#include "session/timer.h"

struct recorder;
struct recording;

struct recording_options {
  uint64_t id;     /* the runtime's, for its events */
  /*
   * Whose voices: that of leg 0; that of whoever is its peer at the time, or, in a session of two legs and without the first, that of
   * leg 1.
   */
  bool parties[2];
  bool paused;     /* from the beginning */
  struct job_options job; /* two channels need two parties: each gets one, the first the left; else they are mixed */
};

/* All recordings, and the thread that writes them. NULL with errno set: the system will not have it. */
struct recorder *recorder_start(void);
/* Once the loops have stopped. Writes what waits, and frees every recording. */
void recorder_stop(struct recorder *recorder);

/* On any thread. NULL with errno set: too many (EBUSY), or no memory. */
struct recording *recording_open(struct recorder *recorder, const struct recording_options *options);

/* On the loop's thread, as all that follows: it belongs to the session, and its loop, from now on. */
void recording_begin(struct recording *recording, struct session *session, uint64_t now_us);
/* NULL: the session has none with this id (any more). */
struct recording *recording_of(struct session *session, uint64_t id);
/* What is said in a pause is left out, as if no time had passed. Paused already, or not: nothing. */
void recording_pause(struct recording *recording, bool paused, uint64_t now_us);
/* It ends by itself then, and is reported (EVENT_RECORDING_ENDED) once its file is closed. */
void recording_stop(struct recording *recording, uint64_t now_us);

/* The session is closed: its recordings end, each with all that was said. */
void recordings_hang_up(struct session *session, uint64_t now_us);
/* A leg of the session has another peer from now on, or none: the same recordings go on with that one. */
void recordings_follow(struct session *session);
/* The session is on another loop from now on, or on none. */
void recordings_attach(struct session *session);
void recordings_detach(struct session *session);

#endif
