#define _GNU_SOURCE
#include "session/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "net/socket.h"
#include "session/fetch.h"
#include "session/left.h"
#include "session/pace.h"

/* Of one socket in a row: a call from JavaScript waits until all that are ready were read once, and may not seem dead then. */
#define BATCH_PACKETS 16
/* So often at once of one that another one takes the place of: more than it holds. */
#define MAX_REST 64
/*
 * As many as sockets are ever ready at once, nearly: timers run behind a batch, and what they take for lost may be in a socket
 * that is still to be read.
 */
#define BATCH_EVENTS 1024

/* What an epoll event is about: a session, and in the bits that its alignment leaves free one of its sockets. */
#define SOCKET_LEG 1
#define SOCKET_RTCP 2
#define SOCKET_CONNECTION 4
#define SOCKET_MASK 7
#define WAKE_UP UINT64_MAX
#define TIMER_EXPIRED (UINT64_MAX - 1)
/* A batch of work that took so long may have left more than one packet in each socket: they are cheaper together. */
#define BEHIND_US 5000
/* How long a packet may have waited in its socket. */
#define MAX_BEHIND_US 1000000
_Static_assert(_Alignof(struct session) > SOCKET_MASK, "the number of a socket fits into a pointer");

struct call {
  void (*call)(struct loop *, void *); /* NULL: none, or answered */
  void *argument;
};

struct loop {
  struct timers timers;
  struct send_queue *queue;
  int epoll;
  /*
   * Expires at `expires_us`, or NEVER_US. Most timers move on with each packet long before they are due: one kernel timer that
   * is set where an earlier one is wanted costs less than a time-out for each wait.
   */
  int timer;
  uint64_t expires_us;
  struct pace pace;
  bool behind; /* the last batch took longer than BEHIND_US */
  bool stopping;
  struct mmsghdr messages[BATCH_PACKETS];
  struct iovec parts[BATCH_PACKETS];
  union address sources[BATCH_PACKETS];
  bool sources_asked;
  struct {
    _Alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(struct timespec))];
  } stamps[BATCH_PACKETS];
  uint8_t bytes[BATCH_PACKETS][PACKET_BYTES];
  struct epoll_event events[BATCH_EVENTS];
  uint64_t arrived_us;   /* the packet that is being received; 0: nobody knows */
  uint64_t wall_ahead_us; /* of the system's clock before the monotonic one, in this batch of events; 0: not asked yet */

  struct reports reports;

  bool started;
  pthread_t thread;
  int wake;
  /*
   * Guards what follows; and all of the loop while the thread waits, for who calls then does by itself what it wants done. To have the
   * thread do it would cost more than most calls do: two threads that wake one another.
   */
  pthread_mutex_t mutex;
  pthread_cond_t done;
  struct call call;
  bool waits; /* the thread, for events */
  struct left left;
};

static uint64_t us_of(const struct timespec *time) { return (uint64_t)time->tv_sec * 1000000 + (uint64_t)time->tv_nsec / 1000; }

uint64_t loop_now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return us_of(&now);
}

/* When the kernel took the packet in, by our clock; 0 where it does not say. */
static uint64_t arrival_of(struct loop *loop, struct msghdr *message, uint64_t now_us) {
  const struct cmsghdr *stamp = message->msg_controllen > 0 ? CMSG_FIRSTHDR(message) : NULL;
  if (stamp == NULL || stamp->cmsg_level != SOL_SOCKET || stamp->cmsg_type != SCM_TIMESTAMPNS) return 0;
  struct timespec time;
  if (loop->wall_ahead_us == 0) {
    clock_gettime(CLOCK_REALTIME, &time);
    loop->wall_ahead_us = us_of(&time) - loop_now_us();
  }
  memcpy(&time, CMSG_DATA(stamp), sizeof time);
  const uint64_t arrived_us = us_of(&time) - loop->wall_ahead_us;
  /* Else the system's clock was set meanwhile. It may have come after this batch of events began. */
  return arrived_us + MAX_BEHIND_US > now_us && arrived_us < now_us + MAX_BEHIND_US ? arrived_us : 0;
}

uint64_t loop_arrival_us(const struct loop *loop, uint64_t now_us) { return loop->arrived_us == 0 ? now_us : loop->arrived_us; }

static struct session *session_of(uint64_t about) { return (struct session *)(uintptr_t)(about & ~(uint64_t)SOCKET_MASK); }

static int socket_of(const struct session *session, unsigned which) {
  const struct leg *leg = &session->legs[which & SOCKET_LEG];
  switch (which & ~(unsigned)SOCKET_LEG) {
    case SOCKET_RTCP:
      return leg->rtcp_fd;
    case SOCKET_CONNECTION:
      return leg->connection.fd;
    default:
      return which & SOCKET_RTCP ? -1 : leg->rtp_fd;
  }
}

static bool has_socket(const struct session *session, unsigned which) {
  return (which & SOCKET_LEG) < session->leg_count && socket_of(session, which) >= 0;
}

/*
 * Told once of what came, and not again while it is read: `receive` asks for that where it leaves something. Of a connection it is told
 * as long as there is something.
 */
static struct epoll_event event_of(struct session *session, unsigned which) {
  const uint32_t once = which & SOCKET_CONNECTION ? 0 : EPOLLET;
  return (struct epoll_event){.events = EPOLLIN | once, .data.u64 = (uintptr_t)session | which};
}

/* Whether an event speaks of a session that is here. What came back may have fewer sockets. */
static bool is_here(const struct loop *loop, const struct session *session, unsigned which) {
  const unsigned left = left_find(&loop->left, session);
  return left == loop->left.count || (loop->left.sessions[left].is_back && has_socket(session, which));
}

bool loop_take_in(struct loop *loop, struct session *session) {
  for (unsigned which = 0; which <= SOCKET_MASK; which++) {
    if (!has_socket(session, which)) continue;
    struct epoll_event event = event_of(session, which);
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, socket_of(session, which), &event) == 0) continue;
    while (which-- > 0) {
      if (has_socket(session, which)) epoll_ctl(loop->epoll, EPOLL_CTL_DEL, socket_of(session, which), NULL);
    }
    return false;
  }
  session_attach(session, loop);
  if (loop->waits) left_note_back(&loop->left, session);
  return true;
}

void loop_let_go(struct loop *loop, struct session *session) {
  send_queue_flush(loop->queue);
  for (unsigned which = 0; which <= SOCKET_MASK; which++) {
    if (has_socket(session, which)) epoll_ctl(loop->epoll, EPOLL_CTL_DEL, socket_of(session, which), NULL);
  }
  session_detach(session);
  if (loop->waits) left_note(&loop->left, session);
}

/* On the loop's thread, with the mutex: what another thread asked for while there was something to do here. */
static void answer_call(struct loop *loop) {
  if (loop->call.call == NULL) return;
  loop->call.call(loop, loop->call.argument);
  send_queue_flush(loop->queue);
  loop->call.call = NULL;
  pthread_cond_signal(&loop->done);
}

static void wake_thread(struct loop *loop) {
  const uint64_t one = 1;
  if (write(loop->wake, &one, sizeof one) != sizeof one) abort();
}

static void expire_in_time(struct loop *loop);

void loop_call(struct loop *loop, void (*call)(struct loop *, void *), void *argument) {
  if (!loop->started) {
    call(loop, argument);
    send_queue_flush(loop->queue);
    return;
  }
  pthread_mutex_lock(&loop->mutex);
  if (loop->waits && loop->left.count < MAX_LEFT) {
    call(loop, argument);
    send_queue_flush(loop->queue);
    expire_in_time(loop);
  } else {
    loop->call = (struct call){call, argument};
    /* Else it looks before it waits. */
    if (loop->waits) wake_thread(loop);
    while (loop->call.call != NULL) pthread_cond_wait(&loop->done, &loop->mutex);
  }
  pthread_mutex_unlock(&loop->mutex);
}

/* The room for one packet, as the kernel is to find it. */
static void empty_message(struct loop *loop, unsigned i) {
  loop->messages[i].msg_hdr.msg_namelen = sizeof loop->sources[i];
  loop->messages[i].msg_hdr.msg_controllen = sizeof loop->stamps[i];
}

/* Whether the kernel is to say who sent each packet. */
static void ask_for_sources(struct loop *loop, bool asked) {
  if (loop->sources_asked == asked) return;
  for (unsigned i = 0; i < BATCH_PACKETS; i++) loop->messages[i].msg_hdr.msg_name = asked ? &loop->sources[i] : NULL;
  loop->sources_asked = asked;
}

static void take(struct loop *loop, struct leg *leg, unsigned which, unsigned i, uint64_t now_us) {
  struct mmsghdr *message = &loop->messages[i];
  const union address *const source = loop->sources_asked ? &loop->sources[i] : &leg->latch.heard;
  loop->arrived_us = arrival_of(loop, &message->msg_hdr, now_us);
  if (message->msg_hdr.msg_flags & MSG_TRUNC) {
    leg->counters.malformed++;
  } else if (which & SOCKET_RTCP) {
    session_receive_rtcp(leg->session, which & SOCKET_LEG, loop->bytes[i], message->msg_len, source, now_us);
  } else {
    session_receive(leg->session, which & SOCKET_LEG, loop->bytes[i], message->msg_len, source, now_us);
  }
}

static void connect_leg(struct loop *loop, struct leg *leg, unsigned which) {
  if (!connection_open(leg)) return;
  struct epoll_event event = event_of(leg->session, (which & SOCKET_LEG) | SOCKET_CONNECTION);
  if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, leg->connection.fd, &event) != 0) connection_refuse(leg);
}

static void take_all(struct loop *loop, struct leg *leg, unsigned which, int count, uint64_t now_us) {
  for (unsigned i = 0; i < (unsigned)(count > 0 ? count : 0); i++) {
    take(loop, leg, which, i, now_us);
    empty_message(loop, i);
  }
  loop->arrived_us = 0;
  send_queue_flush(loop->queue);
}

/* Of a socket, as much as is read in a row. Whether it has nothing more. */
static bool receive_batch(struct loop *loop, struct leg *leg, unsigned which, uint64_t now_us) {
  ask_for_sources(loop, true);
  const int count = socket_receive(socket_of(leg->session, which), loop->messages, BATCH_PACKETS);
  const bool emptied = count < BATCH_PACKETS && (count >= 0 || errno == EAGAIN);
  take_all(loop, leg, which, count, now_us);
  return emptied;
}

/* What the party said before it speaks to another socket is heard before what it says there. */
static void receive_rest(struct loop *loop, struct leg *leg, unsigned which, uint64_t now_us) {
  for (unsigned turn = 0; turn < MAX_REST && socket_of(leg->session, which) >= 0; turn++) {
    if (receive_batch(loop, leg, which, now_us)) return;
  }
}

/*
 * What it leaves is told again. Where a packet is passed on in time, one is read: to look for a second one costs more than that the
 * kernel looks before it tells again. A jitter buffer gets all that waits, before its timer takes any of that for lost.
 */
static void receive_from_party(struct loop *loop, struct leg *leg, unsigned which, uint64_t now_us) {
  const int fd = leg->connection.fd;
  /* It was closed in this batch of events. */
  if (fd < 0) return;
  const bool one = leg->listening == NULL && !leg->connection.settles && !loop->behind;
  ask_for_sources(loop, leg->connection.settles);
  const int count = one ? socket_receive_one(fd, loop->messages) : socket_receive(fd, loop->messages, BATCH_PACKETS);
  const bool failed = count < 0 && errno != EAGAIN;
  take_all(loop, leg, which, count, now_us);
  if (failed) receive_rest(loop, leg, which, now_us);
  if (leg->connection.fd != fd) return;
  if (failed) connection_refuse(leg);
  else if (count < BATCH_PACKETS) leg->connection.settles = false;
}

/* What it leaves is told again. */
static void receive(struct loop *loop, struct session *session, unsigned which, uint64_t now_us) {
  struct leg *const leg = &session->legs[which & SOCKET_LEG];
  if (which & SOCKET_CONNECTION) return receive_from_party(loop, leg, which, now_us);
  const bool emptied = receive_batch(loop, leg, which, now_us);
  if (which <= SOCKET_LEG && connection_is_due(leg)) {
    connect_leg(loop, leg, which);
    receive_rest(loop, leg, which, now_us);
  }
  if (emptied) return;
  /* More may be there; an error is one that the network reported (ICMP), which reading it cleared, and packets may be behind it. */
  struct epoll_event event = event_of(session, which);
  if (epoll_ctl(loop->epoll, EPOLL_CTL_MOD, socket_of(session, which), &event) != 0) abort();
}

void timer_arm(struct loop *loop, struct timer *timer, uint64_t due_us) { timers_arm(&loop->timers, timer, due_us); }
void timer_disarm(struct loop *loop, struct timer *timer) { timers_disarm(&loop->timers, timer); }
struct send_queue *loop_queue(struct loop *loop) { return loop->queue; }
bool engine_report(struct loop *loop, const struct media_event *event) { return reports_put(&loop->reports, event); }
struct reports *loop_reports(struct loop *loop) { return &loop->reports; }

uint64_t loop_run_timers(struct loop *loop, uint64_t now_us) {
  timers_run(&loop->timers, now_us);
  send_queue_flush(loop->queue);
  return timers_next(&loop->timers);
}

static void expire_at(struct loop *loop, uint64_t due_us) {
  const struct itimerspec when = {
      .it_value = {.tv_sec = (time_t)(due_us / 1000000), .tv_nsec = (long)(due_us % 1000000) * 1000 + 1}}; /* 0 would be never */
  if (timerfd_settime(loop->timer, TFD_TIMER_ABSTIME, &when, NULL) != 0) abort();
  loop->expires_us = due_us;
}

/* How often this thread has given the processor away by itself. */
static uint64_t sleeps(void) {
  struct rusage usage;
  return getrusage(RUSAGE_THREAD, &usage) == 0 ? (uint64_t)usage.ru_nvcsw : 0;
}

/* Of a batch of work that began then. What comes meanwhile waits in its socket, stamped with its time. */
static void wait_for_more(struct loop *loop, uint64_t began_us) {
  const uint64_t now_us = loop_now_us();
  loop->behind = now_us - began_us > BEHIND_US;
  const uint64_t until_us = pace_after(&loop->pace, began_us, now_us, sleeps);
  if (until_us <= now_us) return;
  const struct timespec until = {.tv_sec = (time_t)(until_us / 1000000), .tv_nsec = (long)(until_us % 1000000) * 1000};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static void expire_in_time(struct loop *loop) {
  const uint64_t due_us = timers_next(&loop->timers);
  if (due_us < loop->expires_us) expire_at(loop, due_us);
}

static int events_within(struct loop *loop, int milliseconds) {
  const int count = epoll_wait(loop->epoll, loop->events, BATCH_EVENTS, milliseconds);
  if (count < 0 && errno != EINTR) abort();
  return count;
}

/*
 * Where the kernel's timer would have to be set to wait: how many events there are already, and whether there is something to do at
 * once. On a virtual machine setting it takes as long as moving five packets (6 % of a core with 590 transcoded calls), and a loop
 * that is busy need not wait.
 */
static bool has_work(struct loop *loop, int *count) {
  if (timers_next(&loop->timers) >= loop->expires_us) return false;
  *count = events_within(loop, 0);
  return *count > 0 || timers_next(&loop->timers) <= loop_now_us();
}

/* Answers who called meanwhile, then waits. How many events came. */
static int wait_for_events(struct loop *loop) {
  int count = 0;
  pthread_mutex_lock(&loop->mutex);
  answer_call(loop);
  loop->left.count = 0;
  const bool waits = !loop->stopping && !has_work(loop, &count);
  if (waits) expire_in_time(loop);
  loop->waits = waits;
  pthread_mutex_unlock(&loop->mutex);
  if (!waits) return count;
  count = events_within(loop, -1);
  pthread_mutex_lock(&loop->mutex);
  loop->waits = false;
  pthread_mutex_unlock(&loop->mutex);
  return count;
}

static void hear_wake_up(struct loop *loop) {
  uint64_t count;
  if (read(loop->wake, &count, sizeof count) < 0) abort();
}

/* Whose socket an event is about; NULL: nobody's who is here. */
static const struct leg *leg_of(struct loop *loop, int event, int count) {
  const uint64_t about = event < count ? loop->events[event].data.u64 : WAKE_UP;
  if (about >= TIMER_EXPIRED || !is_here(loop, session_of(about), about & SOCKET_MASK)) return NULL;
  return &session_of(about)->legs[about & SOCKET_LEG];
}

static void fetch_ahead(struct loop *loop, int event, int count) {
  const struct leg *const next = leg_of(loop, event + 1, count);
  const struct leg *const second = leg_of(loop, event + 2, count);
  if (next != NULL) leg_fetch(next);
  if (second != NULL) leg_fetch_first(second);
}

static void *run(void *argument) {
  struct loop *loop = argument;
  while (!loop->stopping) {
    const int count = wait_for_events(loop);
    const uint64_t now_us = loop_now_us();
    loop->wall_ahead_us = 0;
    for (int i = 0; i < count; i++) {
      const uint64_t about = loop->events[i].data.u64;
      fetch_ahead(loop, i, count);
      struct session *const session = session_of(about);
      if (about == WAKE_UP) hear_wake_up(loop);
      else if (about == TIMER_EXPIRED) loop->expires_us = NEVER_US;
      else if (is_here(loop, session, about & SOCKET_MASK)) receive(loop, session, about & SOCKET_MASK, now_us);
    }
    /* Timers and calls may close a session: not while events of this batch speak of it. */
    loop_run_timers(loop, now_us);
    wait_for_more(loop, now_us);
  }
  return NULL;
}

bool loop_start(struct loop *loop) {
  /* Signals are for the main thread. */
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int failed = pthread_create(&loop->thread, NULL, run, loop);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (failed != 0) errno = failed;
  else pthread_setname_np(loop->thread, "media");
  loop->started = failed == 0;
  return loop->started;
}

static void end(struct loop *loop, void *unused) {
  (void)unused;
  loop->stopping = true;
}

void loop_stop(struct loop *loop) {
  if (!loop->started) return;
  loop_call(loop, end, NULL);
  wake_thread(loop);
  pthread_join(loop->thread, NULL);
  loop->started = false;
}

void loop_close(struct loop *loop) {
  if (loop == NULL) return;
  loop_stop(loop);
  if (loop->wake >= 0) close(loop->wake);
  if (loop->timer >= 0) close(loop->timer);
  if (loop->epoll >= 0) close(loop->epoll);
  send_queue_close(loop->queue);
  reports_close(&loop->reports);
  pthread_cond_destroy(&loop->done);
  pthread_mutex_destroy(&loop->mutex);
  free(loop);
}

struct loop *loop_open(void (*wake_up)(void *argument), void *argument) {
  struct loop *loop = calloc(1, sizeof *loop);
  if (loop == NULL) return NULL;
  pthread_mutex_init(&loop->mutex, NULL);
  pthread_cond_init(&loop->done, NULL);
  reports_open(&loop->reports, wake_up, argument);
  for (unsigned i = 0; i < BATCH_PACKETS; i++) {
    loop->parts[i] = (struct iovec){.iov_base = loop->bytes[i], .iov_len = PACKET_BYTES};
    loop->messages[i].msg_hdr = (struct msghdr){
        .msg_name = &loop->sources[i], .msg_namelen = sizeof loop->sources[i], .msg_iov = &loop->parts[i], .msg_iovlen = 1,
        .msg_control = &loop->stamps[i]};
    empty_message(loop, i);
  }
  loop->queue = send_queue_open();
  loop->epoll = epoll_create1(EPOLL_CLOEXEC);
  loop->wake = eventfd(0, EFD_CLOEXEC);
  loop->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  loop->sources_asked = true;
  loop->expires_us = NEVER_US;
  struct epoll_event wake = {.events = EPOLLIN, .data.u64 = WAKE_UP};
  /* Told once: setting it anew says that it was heard. */
  struct epoll_event expired = {.events = EPOLLIN | EPOLLET, .data.u64 = TIMER_EXPIRED};
  if (loop->queue != NULL && loop->epoll >= 0 && loop->wake >= 0 && loop->timer >= 0 &&
      epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wake, &wake) == 0 &&
      epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->timer, &expired) == 0) {
    return loop;
  }
  const int reason = errno;
  loop_close(loop);
  errno = reason;
  return NULL;
}
