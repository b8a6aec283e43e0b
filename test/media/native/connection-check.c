/* The second socket of a leg (session/connection.h), on a loop with its thread. */
#include <netinet/ip.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "net/socket.h"
#include "session/loop.h"

#define MAX_WAIT_MS 20000
#define AUDIO_BYTES (RTP_HEADER_BYTES + 160)

struct line {
  struct bench bench;
  struct loop *loop;
  union address ports[2]; /* of the legs */
  uint16_t said;
};

static void take_in(struct loop *loop, void *session) { EXPECT(loop_take_in(loop, session), true); }
static void let_go(struct loop *loop, void *session) { loop_let_go(loop, session); }

/* Without a session in its loop. */
static void line_prepare(struct line *line) {
  line->said = 0;
  bench_open(&line->bench, CODEC_PCMU, 20, CODEC_PCMU, 20);
  bench_part(&line->bench);
  for (unsigned i = 0; i < 2; i++) {
    socklen_t length = sizeof line->ports[i];
    EXPECT(getsockname(line->bench.session->legs[i].rtp_fd, &line->ports[i].any, &length), 0);
  }
  line->loop = loop_open(NULL, NULL);
  EXPECT(loop_start(line->loop), true);
}

static void line_open(struct line *line) {
  line_prepare(line);
  loop_call(line->loop, take_in, line->bench.session);
}

static void line_close(struct line *line) {
  loop_call(line->loop, let_go, line->bench.session);
  loop_close(line->loop);
  bench_close(&line->bench);
}

struct state {
  struct session *session;
  int fds[2];
  bool refused;
  uint64_t received, strangers, malformed, unsent;
};

static void look(struct loop *loop, void *argument) {
  struct state *state = argument;
  const struct leg *leg = &state->session->legs[0];
  (void)loop;
  for (unsigned i = 0; i < 2; i++) state->fds[i] = state->session->legs[i].connection.fd;
  state->refused = leg->connection.refused;
  state->received = leg->counters.packets_received;
  state->strangers = leg->counters.wrong_source;
  state->malformed = leg->counters.malformed;
  state->unsent = leg->counters.packets_unsent;
}

static struct state state_of(struct line *line) {
  struct state state = {.session = line->bench.session};
  loop_call(line->loop, look, &state);
  return state;
}

/* When leg 0 has taken so many packets, or dropped them. */
static struct state after(struct line *line, uint64_t count) {
  struct state state = state_of(line);
  for (unsigned ms = 0; ms < MAX_WAIT_MS && state.received + state.strangers + state.malformed < count; ms++) {
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    state = state_of(line);
  }
  return state;
}

static void speak(struct line *line, int fd, unsigned leg, unsigned count) {
  for (unsigned i = 0; i < count; i++, line->said++) {
    uint8_t bytes[AUDIO_BYTES] = {0};
    rtp_write_header(bytes, &(struct rtp_packet){.sequence_number = line->said, .timestamp = (uint32_t)line->said * 160, .ssrc = leg + 1});
    EXPECT(sendto(fd, bytes, sizeof bytes, 0, &line->ports[leg].any, address_length(&line->ports[leg])), sizeof bytes);
  }
}

/* How many come to a party, all from the leg's own port. */
static unsigned heard_by(struct line *line, unsigned party, unsigned expected) {
  const struct timeval patience = {.tv_sec = MAX_WAIT_MS / 1000};
  const struct timeval none = {.tv_usec = 1};
  const int fd = line->bench.parties[party].fd;
  unsigned count = 0;
  for (;;) {
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, count < expected ? &patience : &none, sizeof patience);
    uint8_t bytes[AUDIO_BYTES];
    union address from;
    socklen_t length = sizeof from;
    if (recvfrom(fd, bytes, sizeof bytes, 0, &from.any, &length) < 0) return count;
    /* RTCP has the port after it. */
    if (address_port(&from) == address_port(&line->ports[party]) + 1) continue;
    EXPECT(address_equal(&from, &line->ports[party]), true);
    count++;
  }
}

CHECK(check_connection, "a leg has a socket of its own with its party once the latch is locked, and hears strangers apart from it") {
  struct line line;
  line_open(&line);
  speak(&line, line.bench.parties[0].fd, 0, LATCH_PACKETS - 1);
  EXPECT(after(&line, LATCH_PACKETS - 1).fds[0], -1);
  speak(&line, line.bench.parties[0].fd, 0, 1);
  struct state state = after(&line, LATCH_PACKETS);
  EXPECT(state.fds[0] >= 0, true);
  EXPECT(state.fds[1], -1);
  union address remote;
  socklen_t length = sizeof remote;
  EXPECT(getpeername(state.fds[0], &remote.any, &length), 0);
  EXPECT(address_equal(&remote, &line.bench.parties[0].address), true);

  /* One read at a time, and more than that. */
  speak(&line, line.bench.parties[0].fd, 0, 1);
  after(&line, LATCH_PACKETS + 1);
  speak(&line, line.bench.parties[0].fd, 0, 50);
  EXPECT(after(&line, LATCH_PACKETS + 51).received, LATCH_PACKETS + 51);
  EXPECT(heard_by(&line, 1, LATCH_PACKETS + 51), LATCH_PACKETS + 51);

  /* Before the party has been silent for long (rule 4 of the latch). */
  const int stranger = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  speak(&line, line.bench.parties[0].fd, 0, 1);
  speak(&line, stranger, 0, 3);
  state = after(&line, LATCH_PACKETS + 55);
  EXPECT(state.strangers, 3);
  EXPECT(state.received, LATCH_PACKETS + 52);
  close(stranger);

  /* The party hears the other one from the port that it sends to. */
  speak(&line, line.bench.parties[1].fd, 1, 20);
  EXPECT(heard_by(&line, 0, 20), 20);
  EXPECT(state_of(&line).fds[1] >= 0, true);
  line_close(&line);
}

/* Sequence number of the next RTP packet that a party hears; -1: none comes. */
static int hear_number(struct line *line, unsigned party) {
  const struct timeval patience = {.tv_sec = MAX_WAIT_MS / 1000};
  const int fd = line->bench.parties[party].fd;
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  for (;;) {
    uint8_t bytes[AUDIO_BYTES];
    union address from;
    socklen_t length = sizeof from;
    if (recvfrom(fd, bytes, sizeof bytes, 0, &from.any, &length) < 0) return -1;
    if (address_equal(&from, &line->ports[party])) return bytes[2] << 8 | bytes[3];
  }
}

struct marking {
  struct session *session;
  struct leg_settings settings;
};

static void mark_leg(struct loop *loop, void *argument) {
  struct marking *marking = argument;
  (void)loop;
  marking->settings = marking->session->legs[0].settings;
  marking->settings.dscp = 26;
  session_configure(marking->session, 0, &marking->settings);
}

CHECK(check_connection_mark, "what a leg sends from its connection has the code point of the leg, and a new one from its change on") {
  struct line line;
  line_open(&line);
  const int party = line.bench.parties[0].fd;
  const struct timeval patience = {.tv_sec = MAX_WAIT_MS / 1000};
  EXPECT(setsockopt(party, IPPROTO_IP, IP_RECVTOS, &(int){1}, sizeof(int)), 0);
  EXPECT(setsockopt(party, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
  speak(&line, party, 0, LATCH_PACKETS);
  EXPECT(after(&line, LATCH_PACKETS).fds[0] >= 0, true);
  for (unsigned round = 0; round < 2; round++) {
    const int expected = round == 0 ? SOCKET_DSCP : 26;
    struct marking marking = {.session = line.bench.session};
    if (round == 1) loop_call(line.loop, mark_leg, &marking);
    EXPECT(state_of(&line).fds[0] >= 0, true);
    speak(&line, line.bench.parties[1].fd, 1, 1);
    /* As they are on the wire, RTCP among them. */
    for (bool is_audio = false; !is_audio;) {
      uint8_t bytes[AUDIO_BYTES];
      char control[64];
      union address from;
      struct iovec part = {bytes, sizeof bytes};
      struct msghdr message = {
          .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
      if (recvmsg(party, &message, 0) < 0) abort();
      is_audio = address_equal(&from, &line.ports[0]);
      const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
      EXPECT(header != NULL && header->cmsg_type == IP_TOS, true);
      if (is_audio && header != NULL) EXPECT(*CMSG_DATA(header) >> 2, expected);
    }
  }
  line_close(&line);
}

CHECK(check_connection_order, "what waits when a leg is connected is heard before what comes behind it") {
  /* As after a stall of the machine: many times what is read of a socket in a row, and a party that goes on speaking. */
  enum { WAITING = 120, BEHIND = 60 };
  for (unsigned round = 0; round < 20; round++) {
    struct line line;
    line_prepare(&line);
    speak(&line, line.bench.parties[0].fd, 0, WAITING);
    loop_call(line.loop, take_in, line.bench.session);
    int last = hear_number(&line, 1);
    speak(&line, line.bench.parties[0].fd, 0, BEHIND);
    unsigned heard = 1, overtaken = 0;
    for (int number = 0; heard < WAITING + BEHIND && number >= 0; heard++) {
      number = hear_number(&line, 1);
      if (number != ((last + 1) & 0xffff)) overtaken++;
      last = number;
    }
    EXPECT(heard, WAITING + BEHIND);
    EXPECT(overtaken, 0);
    EXPECT(state_of(&line).fds[0] >= 0, true);
    line_close(&line);
  }
}

CHECK(check_connection_hostile, "what is too long, too short or empty on a connection is dropped and counted, and the next packet is heard") {
  static const size_t lengths[] = {PACKET_BYTES + 1, 60000, RTP_HEADER_BYTES - 1, 1, 0};
  struct line line;
  line_open(&line);
  const int party = line.bench.parties[0].fd;
  speak(&line, party, 0, LATCH_PACKETS);
  after(&line, LATCH_PACKETS);
  speak(&line, party, 0, 1);
  after(&line, LATCH_PACKETS + 1);
  for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    static const uint8_t bytes[60000] = {0x80};
    EXPECT(sendto(party, bytes, lengths[i], 0, &line.ports[0].any, address_length(&line.ports[0])), lengths[i]);
    speak(&line, party, 0, 1);
  }
  const struct state state = after(&line, LATCH_PACKETS + 1 + 2 * 5);
  EXPECT(state.malformed, 5);
  EXPECT(state.received, LATCH_PACKETS + 1 + 5);
  EXPECT(state.fds[0] >= 0, true);
  line_close(&line);
}

static void move_party(struct loop *loop, void *argument) {
  struct line *line = argument;
  struct leg_settings settings = line->bench.session->legs[0].settings;
  (void)loop;
  settings.remote = line->bench.parties[1].address;
  EXPECT(session_configure(line->bench.session, 0, &settings), true);
}

CHECK(check_connection_moves, "a leg whose party is elsewhere by signalling hears it there, and not where it was") {
  struct line line;
  line_open(&line);
  speak(&line, line.bench.parties[0].fd, 0, LATCH_PACKETS);
  EXPECT(after(&line, LATCH_PACKETS).fds[0] >= 0, true);
  loop_call(line.loop, move_party, &line);
  EXPECT(state_of(&line).fds[0], -1);
  speak(&line, line.bench.parties[1].fd, 0, LATCH_PACKETS);
  EXPECT(after(&line, 2 * LATCH_PACKETS).fds[0] >= 0, true);
  speak(&line, line.bench.parties[0].fd, 0, 2);
  EXPECT(after(&line, 2 * LATCH_PACKETS + 2).strangers, 2);
  line_close(&line);
}

CHECK(check_connection_refused, "a party whose host says that nobody is there loses its connection, and is heard when it is back") {
  struct line line;
  line_open(&line);
  speak(&line, line.bench.parties[0].fd, 0, LATCH_PACKETS);
  EXPECT(after(&line, LATCH_PACKETS).fds[0] >= 0, true);
  close(line.bench.parties[0].fd);
  struct state state = state_of(&line);
  for (unsigned ms = 0; ms < MAX_WAIT_MS && state.fds[0] >= 0; ms++) {
    speak(&line, line.bench.parties[1].fd, 1, 1);
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    state = state_of(&line);
  }
  EXPECT(state.fds[0], -1);
  EXPECT(state.refused, true);
  /* Nothing is lost by what is said of a packet before. */
  EXPECT(state.unsent, 0);
  struct party *back = &line.bench.parties[0];
  back->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  EXPECT(bind(back->fd, &back->address.any, address_length(&back->address)), 0);
  speak(&line, back->fd, 0, 2 * LATCH_PACKETS);
  state = after(&line, 3 * LATCH_PACKETS);
  EXPECT(state.received, 3 * LATCH_PACKETS);
  EXPECT(state.fds[0], -1);
  speak(&line, line.bench.parties[1].fd, 1, 10);
  EXPECT(heard_by(&line, 0, 10), 10);
  line_close(&line);
}

/* Three packets of a party, and behind them the word that nobody is there any more. */
static void leave(struct loop *loop, void *argument) {
  struct line *line = argument;
  (void)loop;
  speak(line, line->bench.parties[0].fd, 0, 3);
  close(line->bench.parties[0].fd);
  EXPECT(send(line->bench.session->legs[0].connection.fd, "", 0, 0), 0);
}

CHECK(check_connection_last_words, "what a party said before its host says that nobody is there is heard") {
  struct line line;
  line_open(&line);
  speak(&line, line.bench.parties[0].fd, 0, LATCH_PACKETS);
  EXPECT(after(&line, LATCH_PACKETS).fds[0] >= 0, true);
  loop_call(line.loop, leave, &line);
  const struct state state = after(&line, LATCH_PACKETS + 3);
  EXPECT(state.received, LATCH_PACKETS + 3);
  EXPECT(heard_by(&line, 1, LATCH_PACKETS + 3), LATCH_PACKETS + 3);
  EXPECT(state_of(&line).refused, true);
  line_close(&line);
}

CHECK(check_connection_room, "the last file descriptors are for calls that begin") {
  struct line line;
  line_open(&line);
  struct rlimit before, few;
  EXPECT(getrlimit(RLIMIT_NOFILE, &before), 0);
  /* So many that the last sixteenth is two at least. */
  int others[32];
  for (unsigned i = 0; i < 32; i++) others[i] = dup(line.bench.parties[0].fd);
  const int free_fd = dup(line.bench.parties[0].fd);
  close(free_fd);
  few = (struct rlimit){.rlim_cur = (rlim_t)free_fd + 1, .rlim_max = before.rlim_max};
  EXPECT(setrlimit(RLIMIT_NOFILE, &few), 0);
  speak(&line, line.bench.parties[0].fd, 0, 2 * LATCH_PACKETS);
  const struct state state = after(&line, 2 * LATCH_PACKETS);
  EXPECT(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT(state.fds[0], -1);
  EXPECT(state.received, 2 * LATCH_PACKETS);
  EXPECT(dup(line.bench.parties[0].fd), free_fd);
  close(free_fd);
  for (unsigned i = 0; i < 32; i++) close(others[i]);
  line_close(&line);
}

static int bind_beside(const union address *local) {
  const int shared = 1;
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &shared, sizeof shared) != 0) abort();
  const int failed = bind(fd, &local->any, address_length(local));
  close(fd);
  return failed;
}

CHECK(check_socket_connect, "a connected socket shares its port with the first one and with nobody else") {
  union address local, remote;
  if (!address_parse("127.0.0.1", 0, &local) || !address_parse("127.0.0.1", 9, &remote)) abort();
  const int first = socket_open(&local);
  socklen_t length = sizeof local;
  EXPECT(getsockname(first, &local.any, &length), 0);
  const int connected = socket_connect(first, &remote, SOCKET_DSCP);
  EXPECT(connected >= 0, true);
  EXPECT(bind_beside(&local), -1);
  close(connected);
  EXPECT(bind_beside(&local), -1);
  close(first);
  EXPECT(bind_beside(&local), 0);

  if (!address_parse("0.0.0.0", 0, &local)) abort();
  const int everywhere = socket_open(&local);
  EXPECT(socket_connect(everywhere, &remote, SOCKET_DSCP), -1);
  close(everywhere);
}

CHECK(check_socket_connect_v6, "a connected socket over IPv6 hears its party alone, the first one everybody else") {
  union address locals[3];
  int fds[3];
  for (unsigned i = 0; i < 3; i++) {
    socklen_t length = sizeof locals[i];
    if (!address_parse("::1", 0, &locals[i])) abort();
    fds[i] = socket_open(&locals[i]);
    EXPECT(getsockname(fds[i], &locals[i].any, &length), 0);
  }
  const int connected = socket_connect(fds[0], &locals[1], 10);
  int class = 0;
  socklen_t length = sizeof class;
  EXPECT(getsockopt(connected, IPPROTO_IPV6, IPV6_TCLASS, &class, &length), 0);
  EXPECT(class, 10 << 2);
  EXPECT(socket_send(fds[1], "party", 5, &locals[0]), true);
  EXPECT(socket_send(fds[2], "other", 5, &locals[0]), true);
  EXPECT(socket_send(connected, "reply", 5, NULL), true);
  char text[8];
  EXPECT(recv(connected, text, sizeof text, MSG_DONTWAIT) == 5 && text[0] == 'p', true);
  EXPECT(recv(fds[0], text, sizeof text, MSG_DONTWAIT) == 5 && text[0] == 'o', true);
  EXPECT(recv(fds[1], text, sizeof text, MSG_DONTWAIT) == 5 && text[0] == 'r', true);
  EXPECT(recv(connected, text, sizeof text, MSG_DONTWAIT), -1);
  for (unsigned i = 0; i < 3; i++) close(fds[i]);
  close(connected);
}
