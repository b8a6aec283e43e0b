/*
 * Sessions on three threads under a flood of packets, joined, parted, closed, moved, recorded and put into conferences at random: whoever is
 * joined is on one thread, unless two conferences hold them, and nothing is left of it all.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "record-folder.h"
#include "record/recording.h"
#include "session/conference.h"
#include "session/player.h"

/* Of AddressSanitizer; its header does not come with every compiler. */
size_t __sanitizer_get_current_allocated_bytes(void);

#define LOOPS 3
#define DIALOGS 20
#define OPERATIONS 6000
#define NONE (-1)

struct dialog {
  unsigned leg_count; /* the last ones have two */
  _Atomic uint16_t ports[2]; /* which the flood reads */
  struct session *session; /* NULL: closed */
  uint32_t handle;
  int partners[2]; /* by number: 2 * dialog + leg */
  const struct conference *conferences[2]; /* NULL: in none */
};

struct meeting {
  struct conference *conference;
  unsigned loop;
};

struct building {
  struct engine *engine;
  union address phone;
  struct dialog dialogs[DIALOGS];
  struct meeting meetings[LOOPS];
  struct recorder *recorder;
  unsigned recordings; /* begun so far: each has its number for a name */
  atomic_bool ends;
};

static unsigned state = 1;

static unsigned draw(unsigned below) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % below;
}

static struct leg *leg_by(struct building *building, int number) { return &building->dialogs[number / 2].session->legs[number % 2]; }

static bool is_open(const struct building *building, int number) {
  const struct dialog *dialog = &building->dialogs[number / 2];
  return dialog->session != NULL && (unsigned)number % 2 < dialog->leg_count;
}

static struct engine_party party_of(const struct building *building, int number) {
  return (struct engine_party){building->dialogs[number / 2].handle, (unsigned)number % 2};
}

static void set_up(struct session *session, void *argument) {
  static const uint8_t types[] = {PCMU_TYPE, PCMA_TYPE, G729_TYPE, G722_TYPE, G726_TYPE, OPUS_TYPE};
  const struct building *building = argument;
  for (unsigned leg = 0; leg < session->leg_count; leg++) {
    const enum codec codec = (enum codec)draw(CODEC_COUNT);
    const struct leg_settings settings = {
        .remote = building->phone,
        .rtcp_remote = building->phone,
        .codec = codec,
        .payload_type = types[codec],
        .event_payload_type = draw(2) ? EVENT_TYPE : NO_PAYLOAD_TYPE,
        .event_received_type = EVENT_TYPE,
        .noise_payload_type = draw(3) ? NO_PAYLOAD_TYPE : NOISE_TYPE,
        .ptime_ms = draw(3) ? 20 : 30,
        .receives = draw(8) != 0,
        .sends = draw(8) != 0,
        .detects_digits = draw(3) == 0 && codec != CODEC_G729,
        .dscp = 46,
    };
    if (!session_configure(session, leg, &settings)) abort();
  }
}

static void forget(struct building *building, int number) {
  const int partner = building->dialogs[number / 2].partners[number % 2];
  if (partner != NONE) building->dialogs[partner / 2].partners[partner % 2] = NONE;
  building->dialogs[number / 2].partners[number % 2] = NONE;
}

static void open_dialog(struct building *building, struct dialog *dialog) {
  dialog->session = open_at_free_ports(dialog->ports, dialog->leg_count);
  dialog->handle = engine_add(building->engine, dialog->session);
  EXPECT(dialog->handle != 0, true);
  const int first = 2 * (int)(dialog - building->dialogs);
  dialog->conferences[0] = dialog->conferences[1] = NULL;
  for (int leg = 0; leg < 2; leg++) dialog->partners[leg] = dialog->leg_count == 2 ? first + 1 - leg : NONE;
  EXPECT(engine_visit(building->engine, dialog->handle, set_up, building), true);
}

static void close_dialog(struct building *building, struct dialog *dialog) {
  if (dialog->session == NULL) return;
  for (int leg = 0; leg < 2; leg++) forget(building, 2 * (int)(dialog - building->dialogs) + leg);
  EXPECT(engine_remove(building->engine, dialog->handle) == dialog->session, true);
  session_close(dialog->session);
  dialog->session = NULL;
}

static void join(struct building *building, int one, int other) {
  const struct engine_party parties[2] = {party_of(building, one), party_of(building, other)};
  const enum engine_result result = engine_join(building->engine, &parties[0], &parties[1]);
  if (building->dialogs[one / 2].session == NULL || building->dialogs[other / 2].session == NULL) {
    EXPECT(result, ENGINE_UNKNOWN);
  } else if (one == other || !is_open(building, one) || !is_open(building, other)) {
    EXPECT(result, ENGINE_NO_LEG);
  } else {
    EXPECT(result, ENGINE_DONE);
    forget(building, one);
    forget(building, other);
    building->dialogs[one / 2].partners[one % 2] = other;
    building->dialogs[other / 2].partners[other % 2] = one;
  }
}

static void part(struct building *building, int number) {
  const struct engine_party party = party_of(building, number);
  const enum engine_result result = engine_part(building->engine, &party);
  if (building->dialogs[number / 2].session == NULL) {
    EXPECT(result, ENGINE_UNKNOWN);
  } else if (!is_open(building, number)) {
    EXPECT(result, ENGINE_NO_LEG);
  } else {
    EXPECT(result, ENGINE_DONE);
    forget(building, number);
  }
}

struct entering {
  struct conference *conference;
  unsigned leg;
};

static void enter_on_loop(struct session *session, void *argument) {
  const struct entering *entering = argument;
  EXPECT(conference_join(entering->conference, &session->legs[entering->leg], seat_open(), false, loop_now_us()), true);
}

static void leave_on_loop(struct session *session, void *argument) { leg_leave_conference(&session->legs[*(unsigned *)argument], false); }

/* As the addon does. */
static void enter(struct building *building, int number) {
  if (!is_open(building, number)) return;
  struct dialog *dialog = &building->dialogs[number / 2];
  const struct meeting *meeting = &building->meetings[draw(LOOPS)];
  const bool is_elsewhere = engine_loop_of(building->engine, dialog->handle) != meeting->loop;
  if (is_elsewhere && dialog->leg_count == 2 && leg_by(building, number ^ 1)->seat != NULL) return;
  if (is_elsewhere) EXPECT(engine_move(building->engine, dialog->handle, meeting->loop), true);
  struct entering entering = {meeting->conference, (unsigned)number % 2};
  EXPECT(engine_visit(building->engine, dialog->handle, enter_on_loop, &entering), true);
  dialog->conferences[number % 2] = meeting->conference;
}

static void leave(struct building *building, int number) {
  if (!is_open(building, number)) return;
  unsigned leg = (unsigned)number % 2;
  engine_visit(building->engine, building->dialogs[number / 2].handle, leave_on_loop, &leg);
  building->dialogs[number / 2].conferences[leg] = NULL;
  engine_reunite(building->engine);
}

static void open_meeting(struct building *building, struct meeting *meeting) {
  static const struct conference_settings settings = {.id = 9, .speakers = 3};
  meeting->loop = draw(LOOPS);
  meeting->conference = conference_open(engine_loop(building->engine, meeting->loop), &settings);
  if (meeting->conference == NULL) abort();
}

static void close_on_loop(struct loop *loop, void *argument) {
  (void)loop;
  conference_close(argument);
}

static void close_meeting(struct building *building, struct meeting *meeting) {
  for (int number = 0; number < 2 * DIALOGS; number++) {
    const struct conference **in = &building->dialogs[number / 2].conferences[number % 2];
    if (*in == meeting->conference) *in = NULL;
  }
  loop_call(engine_loop(building->engine, meeting->loop), close_on_loop, meeting->conference);
  engine_reunite(building->engine);
}

static void play_on_loop(struct session *session, void *argument) {
  struct leg *leg = &session->legs[*(unsigned *)argument];
  struct sound sound;
  sound_of_silence(&sound);
  if (leg->player != NULL) leg_stop_playing(leg);
  else leg_play(leg, player_open(1, &sound), loop_now_us());
}

/* As the addon does: one that runs ends, else another one begins. */
static void begin_on_loop(struct session *session, void *argument) {
  struct recording *const running = recording_of(session, 1);
  if (running == NULL) recording_begin(argument, session, loop_now_us());
  else recording_stop(running, loop_now_us());
}

static void look_for_recording(struct session *session, void *argument) {
  if (recording_of(session, 1) == NULL) *(bool *)argument = false;
}

static void record(struct building *building, struct dialog *dialog) {
  bool is_recorded = true;
  char name[16];
  if (!engine_visit(building->engine, dialog->handle, look_for_recording, &is_recorded)) return;
  struct recording_options options = {.id = 1, .parties = {true, draw(2) == 0}};
  struct recording *recording = NULL;
  if (!is_recorded) {
    snprintf(name, sizeof name, "%u.wav", building->recordings);
    options.job = options_of(name, UINT64_MAX, UINT64_MAX);
    options.job.channels = options.parties[1] && draw(2) == 0 ? 2 : 1;
    recording = recording_open(building->recorder, &options);
    /* So many end, and are written, that there may be no room. */
    if (recording == NULL) {
      EXPECT(errno, EBUSY);
      return;
    }
    building->recordings++;
  }
  engine_visit(building->engine, dialog->handle, begin_on_loop, recording);
}

/* Which takes it out of its conference, and nobody else. */
static void move(struct building *building, struct dialog *dialog, unsigned loop) {
  if (engine_loop_of(building->engine, dialog->handle) != loop) dialog->conferences[0] = dialog->conferences[1] = NULL;
  EXPECT(engine_move(building->engine, dialog->handle, loop), true);
}

static void operate(struct building *building) {
  const int number = (int)draw(2 * DIALOGS), other = (int)draw(2 * DIALOGS);
  struct dialog *dialog = &building->dialogs[number / 2];
  struct meeting *meeting = &building->meetings[draw(LOOPS)];
  unsigned leg = (unsigned)number % 2;
  switch (draw(25)) {
    case 0:
    case 1:
      if (dialog->session == NULL) open_dialog(building, dialog);
      break;
    case 2:
      close_dialog(building, dialog);
      break;
    case 3:
    case 4:
    case 5:
      part(building, number);
      break;
    case 6:
    case 7:
    case 8:
      enter(building, number);
      break;
    case 9:
    case 10:
      leave(building, number);
      break;
    case 11:
      if (draw(4) != 0) break;
      close_meeting(building, meeting);
      open_meeting(building, meeting);
      break;
    case 12:
      if (dialog->session == NULL) break;
      move(building, dialog, draw(LOOPS));
      engine_reunite(building->engine);
      break;
    case 13:
      if (dialog->session != NULL) engine_visit(building->engine, dialog->handle, set_up, building);
      break;
    case 14:
      if (is_open(building, number)) engine_visit(building->engine, dialog->handle, play_on_loop, &leg);
      break;
    case 15:
      if (dialog->session != NULL) record(building, dialog);
      break;
    default:
      join(building, number, other);
      break;
  }
}

static bool is_seated(const struct session *session) {
  for (unsigned leg = 0; leg < session->leg_count; leg++) {
    if (session->legs[leg].seat != NULL) return true;
  }
  return false;
}

/* Everybody has the peer that he should have. How many pairs are apart. */
static unsigned look(struct building *building) {
  unsigned apart = 0;
  for (int number = 0; number < 2 * DIALOGS; number++) {
    if (!is_open(building, number)) continue;
    const struct dialog *dialog = &building->dialogs[number / 2];
    const int partner = dialog->partners[number % 2];
    EXPECT(leg_conference(leg_by(building, number)) == dialog->conferences[number % 2], true);
    const struct leg *peer = leg_peer(leg_by(building, number));
    if (partner == NONE) {
      EXPECT(peer == NULL, true);
      continue;
    }
    const struct dialog *other = &building->dialogs[partner / 2];
    if (engine_loop_of(building->engine, dialog->handle) == engine_loop_of(building->engine, other->handle)) {
      EXPECT(peer == leg_by(building, partner), true);
      continue;
    }
    apart++;
    EXPECT(peer == NULL, true);
    const bool one_stays = is_seated(dialog->session), other_stays = is_seated(other->session);
    if (dialog->leg_count == 1 && other->leg_count == 1) EXPECT(one_stays && other_stays, true);
    else EXPECT(one_stays || other_stays, true);
  }
  return apart;
}

static void *flood(void *argument) {
  static const uint8_t types[] = {PCMU_TYPE, PCMA_TYPE, G729_TYPE, G722_TYPE, G726_TYPE, EVENT_TYPE, NOISE_TYPE};
  static const uint16_t sizes[] = {160, 160, 20, 160, 80, 4, 1};
  struct building *building = argument;
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  socklen_t length = address_length(&building->phone);
  uint8_t bytes[RTP_HEADER_BYTES + 160] = {0};
  struct rtp_packet packet = {.ssrc = 1};
  for (unsigned i = 0; !atomic_load(&building->ends); i++) {
    const unsigned kind = i % 7;
    const struct dialog *dialog = &building->dialogs[i / 7 % DIALOGS];
    packet.payload_type = types[kind];
    packet.sequence_number = (uint16_t)(i / (7 * DIALOGS));
    packet.timestamp = 160 * (uint32_t)packet.sequence_number;
    rtp_write_header(bytes, &packet);
    union address to;
    address_parse("127.0.0.1", dialog->ports[i % dialog->leg_count], &to);
    sendto(fd, bytes, RTP_HEADER_BYTES + (size_t)sizes[kind], 0, &to.any, length);
  }
  close(fd);
  return NULL;
}

/* Each with a port from the beginning on, so that the flood comes to it. */
static void find_ports(struct building *building) {
  for (unsigned i = 0; i < DIALOGS; i++) {
    struct dialog *dialog = &building->dialogs[i];
    dialog->leg_count = i < DIALOGS - 4 ? 1 : 2;
    dialog->partners[0] = dialog->partners[1] = NONE;
    session_close(open_at_free_ports(dialog->ports, dialog->leg_count));
  }
}

static void wake(void *unused) { (void)unused; }

static void open_building(struct building *building) {
  memset(building, 0, sizeof *building);
  building->engine = engine_start(LOOPS, wake, NULL);
  if (building->engine == NULL || !address_parse("127.0.0.1", 9, &building->phone)) abort();
  make_folder();
  building->recorder = recorder_start();
  if (building->recorder == NULL) abort();
  find_ports(building);
  for (unsigned i = 0; i < LOOPS; i++) open_meeting(building, &building->meetings[i]);
}

static void close_building(struct building *building) {
  for (unsigned i = 0; i < LOOPS; i++) close_meeting(building, &building->meetings[i]);
  engine_stop(building->engine);
  recorder_stop(building->recorder);
  char name[16];
  for (unsigned i = 0; i < building->recordings; i++) {
    snprintf(name, sizeof name, "%u.wav", i);
    remove_file(name);
  }
  EXPECT(rmdir(folder), 0);
}

/* How often somebody was apart from his peer. */
static unsigned live(unsigned seed, unsigned operations, bool closes_all) {
  struct building building;
  pthread_t thread;
  unsigned apart = 0;
  state = seed;
  open_building(&building);
  if (pthread_create(&thread, NULL, flood, &building) != 0) abort();
  for (unsigned i = 0; i < operations; i++) {
    operate(&building);
    apart += look(&building);
  }
  /* Else the end of the engine closes them. */
  for (unsigned i = 0; i < DIALOGS && closes_all; i++) close_dialog(&building, &building.dialogs[(7 * i) % DIALOGS]);
  atomic_store(&building.ends, true);
  pthread_join(thread, NULL);
  close_building(&building);
  return apart;
}

CHECK(check_engine_joins, "thousands of joins, partings, ends and conferences on three threads leave everybody with his peer, and nothing behind") {
  /* What is kept for all is kept from now on. */
  live(1, OPERATIONS / 4, true);
  const size_t before = __sanitizer_get_current_allocated_bytes();
  unsigned apart = live(77, OPERATIONS, true);
  apart += live(78, OPERATIONS, false);
  EXPECT(apart > 0, true);
  EXPECT((int64_t)__sanitizer_get_current_allocated_bytes() - (int64_t)before, 0);
  struct seat *seats[CONFERENCE_MAX_SEATS];
  for (unsigned i = 0; i < CONFERENCE_MAX_SEATS; i++) EXPECT((seats[i] = seat_open()) != NULL, true);
  for (unsigned i = 0; i < CONFERENCE_MAX_SEATS; i++) seat_close(seats[i]);
}

static void find_leg(struct session *session, void *argument) { *(struct leg **)argument = &session->legs[0]; }

CHECK(check_engine_weights, "a pair is brought to one thread, and to another with the conference that one of them joins") {
  struct building building;
  open_building(&building);
  struct dialog *dialogs = building.dialogs;
  for (unsigned i = 0; i < 4; i++) open_dialog(&building, &dialogs[i]);
  struct leg *legs[4];
  for (unsigned i = 0; i < 4; i++) engine_visit(building.engine, dialogs[i].handle, find_leg, &legs[i]);
  EXPECT(engine_move(building.engine, dialogs[0].handle, 0), true);
  EXPECT(engine_move(building.engine, dialogs[1].handle, 1), true);
  EXPECT(engine_move(building.engine, dialogs[2].handle, 1), true);
  EXPECT(engine_move(building.engine, dialogs[3].handle, 1), true);
  join(&building, 0, 2);
  /* The other thread has more to do. */
  EXPECT(engine_loop_of(building.engine, dialogs[1].handle), 0);
  EXPECT(leg_peer(legs[0]) == legs[1], true);
  EXPECT(engine_move(building.engine, dialogs[0].handle, 2), true);
  EXPECT(engine_loop_of(building.engine, dialogs[1].handle), 2);
  EXPECT(leg_peer(legs[0]) == legs[1], true);
  join(&building, 0, 4);
  EXPECT(engine_loop_of(building.engine, dialogs[1].handle), 2);
  EXPECT(engine_loop_of(building.engine, dialogs[0].handle) == engine_loop_of(building.engine, dialogs[2].handle), true);
  EXPECT(leg_peer(legs[0]) == legs[2] && leg_peer(legs[1]) == NULL, true);
  join(&building, 0, 4);
  EXPECT(leg_peer(legs[2]) == legs[0], true);
  close_building(&building);
}

CHECK(check_engine_places, "every place is given back, and an old handle meets no later session") {
  struct building building;
  open_building(&building);
  struct dialog *dialog = &building.dialogs[0];
  open_dialog(&building, dialog);
  for (unsigned i = 0; i <= 2 * ENGINE_MAX_SESSIONS; i++) {
    const uint32_t old = dialog->handle;
    struct session *session = engine_remove(building.engine, old);
    EXPECT(session == dialog->session, true);
    EXPECT(engine_remove(building.engine, old) == NULL, true);
    dialog->handle = engine_add(building.engine, session);
    EXPECT(dialog->handle != 0 && dialog->handle != old, true);
    EXPECT(engine_loop_of(building.engine, old), ENGINE_MAX_LOOPS);
    if (dialog->handle == 0) break;
  }
  close_building(&building);
}

static void note_forgotten(struct session *session, void *argument) {
  const struct leg_counters *counters = &session->legs[0].counters;
  *(uint64_t *)argument = counters->packets_received + counters->unknown_payload_type;
}

CHECK(check_engine_nowhere, "a session that nobody has to do with wakes no thread, and hears nothing of what came before") {
  struct engine *engine = engine_start(2, NULL, NULL);
  if (engine == NULL) abort();
  _Atomic uint16_t ports[1] = {0};
  struct session *session = open_at_free_ports(ports, 1);
  const uint32_t handle = engine_add(engine, session);
  EXPECT(engine_loop_of(engine, handle), ENGINE_MAX_LOOPS);
  union address local;
  address_parse("127.0.0.1", ports[0], &local);
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  for (unsigned i = 0; i < 3; i++) EXPECT(sendto(fd, "early", 5, 0, &local.any, address_length(&local)), 5);
  close(fd);
  EXPECT(engine_remove(engine, handle) == session, true);
  const uint32_t again = engine_add(engine, session);
  uint64_t forgotten = 0;
  EXPECT(engine_visit(engine, again, note_forgotten, &forgotten), true);
  EXPECT(forgotten, 3);
  EXPECT(engine_loop_of(engine, again) < 2, true);
  EXPECT(recv(session->legs[0].rtp_fd, &forgotten, 1, MSG_DONTWAIT), -1);
  /* The end of the engine closes one that lives nowhere, too. */
  session = engine_remove(engine, again);
  EXPECT(engine_loop_of(engine, engine_add(engine, session)), ENGINE_MAX_LOOPS);
  engine_stop(engine);
}

CHECK(check_engine_ports, "a session of these checks that finds its port held moves to another one") {
  _Atomic uint16_t ports[2] = {0, 0};
  struct session *first = open_at_free_ports(ports, 2);
  const uint16_t held[2] = {ports[0], ports[1]};
  struct session *second = open_at_free_ports(ports, 2);
  for (unsigned leg = 0; leg < 2; leg++) EXPECT(ports[leg] != 0 && ports[leg] != held[0] && ports[leg] != held[1], true);
  session_close(second);
  session_close(first);
}
