/* Conferences: createConference, joinConference, leaveConference, setParty, closeConference. */
#include "addon/addon.h"
#include "session/conference.h"

/* Each has a party at least, or is about to. */
#define MAX_CONFERENCES CONFERENCE_MAX_SEATS

static struct {
  struct conference *conference; /* NULL: free */
  unsigned loop;
} open_ones[MAX_CONFERENCES];

/* A handle is the place, counted from 1. Asked for when all else is read: to read a property may run JavaScript, which closes it. */
static struct conference *conference_of(napi_env env, napi_value value, uint32_t *index) {
  uint32_t handle;
  if (!read_uint32(env, value, "conference", MAX_CONFERENCES, &handle)) return NULL;
  if (handle == 0 || open_ones[handle - 1].conference == NULL) {
    throw_error(env, "MEDIA_WORKER_FAULT", "a conference that is not open");
    return NULL;
  }
  *index = handle - 1;
  return open_ones[handle - 1].conference;
}

static bool read_optional_tone(napi_env env, napi_value object, const char *name, bool *there, struct tone_pattern *pattern) {
  napi_value value;
  if (!property_present(env, object, name, there)) return false;
  return !*there || (property_value(env, object, name, &value) && read_tone(env, value, pattern));
}

/* createConference({ conference, speakers, entryTone?, exitTone? }): handle */
static napi_value create(napi_env env, napi_callback_info info) {
  napi_value options, result;
  struct conference_settings settings = {0};
  uint32_t speakers, index = 0;
  struct engine *engine = engine_of(env);
  if (engine == NULL || !read_arguments(env, info, &options, 1) || !property_id(env, options, "conference", &settings.id) ||
      !property_uint32(env, options, "speakers", MIXER_MAX_SPEAKERS, &speakers) ||
      !read_optional_tone(env, options, "entryTone", &settings.has_entry, &settings.entry) ||
      !read_optional_tone(env, options, "exitTone", &settings.has_exit, &settings.exit)) {
    return NULL;
  }
  settings.speakers = speakers;
  while (index < MAX_CONFERENCES && open_ones[index].conference != NULL) index++;
  if (index == MAX_CONFERENCES) return throw_error(env, "MEDIA_CONFERENCE_FULL", "too many conferences");
  open_ones[index].loop = engine_emptiest(engine);
  open_ones[index].conference = conference_open(engine_loop(engine, open_ones[index].loop), &settings);
  if (open_ones[index].conference == NULL) return throw_error(env, "MEDIA_WORKER_FAULT", "no memory for a conference");
  TRY(napi_create_uint32(env, index + 1, &result));
  return result;
}

struct joining {
  struct conference *conference;
  unsigned leg;
  struct seat *seat; /* NULL afterwards: taken */
  bool announced;
  bool muted;
  bool no_such_leg;
  bool full;
  bool seated_elsewhere;
};

/* Whether the session may be moved: its other leg is in no conference. */
static void look_at_other(struct session *session, void *argument) {
  struct joining *joining = argument;
  joining->no_such_leg = joining->leg >= session->leg_count;
  joining->seated_elsewhere = session->leg_count == 2 && session->legs[1 - joining->leg].seat != NULL;
}

static void join_on_loop(struct session *session, void *argument) {
  struct joining *joining = argument;
  struct leg *leg = &session->legs[joining->leg];
  joining->full = !conference_join(joining->conference, leg, joining->seat, joining->announced, loop_now_us());
  if (joining->full) return;
  joining->seat = NULL;
  leg_mute_in_conference(leg, joining->muted);
}

/* joinConference(conference, session, leg, { muted, announced }): boolean */
static napi_value join(napi_env env, napi_callback_info info) {
  napi_value arguments[4], result;
  uint32_t index, session, leg;
  struct joining joining = {0};
  struct engine *engine = engine_of(env);
  if (engine == NULL || !read_arguments(env, info, arguments, 4) ||
      !read_uint32(env, arguments[1], "session", UINT32_MAX, &session) || !read_uint32(env, arguments[2], "leg", 1, &leg) ||
      !property_boolean(env, arguments[3], "muted", &joining.muted) ||
      !property_boolean(env, arguments[3], "announced", &joining.announced) ||
      (joining.conference = conference_of(env, arguments[0], &index)) == NULL) {
    return NULL;
  }
  joining.leg = leg;
  bool known = engine_visit(engine, session, look_at_other, &joining);
  if (joining.no_such_leg) return throw_error(env, "MEDIA_PARAMETERS", "the session has no such leg");
  if (known && engine_loop_of(engine, session) != open_ones[index].loop) {
    if (joining.seated_elsewhere) {
      return throw_error(env, "MEDIA_PARAMETERS", "the other leg is in a conference, which lives elsewhere");
    }
    if (!engine_move(engine, session, open_ones[index].loop)) {
      return throw_error(env, "MEDIA_WORKER_FAULT", "the session cannot be moved to the conference");
    }
  }
  if (known) {
    joining.seat = seat_open();
    joining.full = joining.seat == NULL;
    if (!joining.full) known = engine_visit(engine, session, join_on_loop, &joining);
    seat_close(joining.seat);
    if (joining.full) engine_reunite(engine);
    if (joining.full) return throw_error(env, "MEDIA_CONFERENCE_FULL", "the conference is full, or all together are");
  }
  TRY(napi_get_boolean(env, known, &result));
  return result;
}

/* Of a leg that is in that conference; in another one, or in none: nothing. */
static void leave_on_loop(struct session *session, void *argument) {
  const struct joining *joining = argument;
  if (joining->leg >= session->leg_count) return;
  struct leg *leg = &session->legs[joining->leg];
  if (leg_conference(leg) == joining->conference) leg_leave_conference(leg, true);
}

static void mute_on_loop(struct session *session, void *argument) {
  const struct joining *joining = argument;
  if (joining->leg >= session->leg_count) return;
  struct leg *leg = &session->legs[joining->leg];
  if (leg_conference(leg) == joining->conference) leg_mute_in_conference(leg, joining->muted);
}

/* leaveConference(conference, session, leg) */
static napi_value leave(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  uint32_t index, session, leg;
  struct joining joining = {0};
  struct engine *engine = engine_of(env);
  if (engine == NULL || !read_arguments(env, info, arguments, 3) ||
      (joining.conference = conference_of(env, arguments[0], &index)) == NULL ||
      !read_uint32(env, arguments[1], "session", UINT32_MAX, &session) || !read_uint32(env, arguments[2], "leg", 1, &leg)) {
    return NULL;
  }
  joining.leg = leg;
  engine_visit(engine, session, leave_on_loop, &joining);
  engine_reunite(engine);
  return NULL;
}

/* setParty(conference, session, leg, { muted }) */
static napi_value set_party(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  uint32_t index, session, leg;
  struct joining joining = {0};
  struct engine *engine = engine_of(env);
  if (engine == NULL || !read_arguments(env, info, arguments, 4) ||
      !read_uint32(env, arguments[1], "session", UINT32_MAX, &session) || !read_uint32(env, arguments[2], "leg", 1, &leg) ||
      !property_boolean(env, arguments[3], "muted", &joining.muted) ||
      (joining.conference = conference_of(env, arguments[0], &index)) == NULL) {
    return NULL;
  }
  joining.leg = leg;
  engine_visit(engine, session, mute_on_loop, &joining);
  return NULL;
}

static void close_on_loop(struct loop *loop, void *argument) {
  (void)loop;
  conference_close(argument);
}

static void close_one(unsigned index) {
  struct conference *conference = open_ones[index].conference;
  open_ones[index].conference = NULL;
  loop_call(conference_loop(conference), close_on_loop, conference);
}

/* closeConference(conference) */
static napi_value close_conference(napi_env env, napi_callback_info info) {
  napi_value argument;
  uint32_t index;
  struct engine *engine = engine_of(env);
  if (engine == NULL || !read_arguments(env, info, &argument, 1) || conference_of(env, argument, &index) == NULL) return NULL;
  close_one(index);
  engine_reunite(engine);
  return NULL;
}

void close_conferences(void) {
  for (unsigned i = 0; i < MAX_CONFERENCES; i++) {
    if (open_ones[i].conference != NULL) close_one(i);
  }
}

bool add_conferences(napi_env env, napi_value exports) {
  return add_function(env, exports, "createConference", create) && add_function(env, exports, "joinConference", join) &&
         add_function(env, exports, "leaveConference", leave) && add_function(env, exports, "setParty", set_party) &&
         add_function(env, exports, "closeConference", close_conference);
}
