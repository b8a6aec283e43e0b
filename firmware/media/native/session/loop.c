#define _GNU_SOURCE
#include "session/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define BATCH_PACKETS 16
#define BATCH_EVENTS 32

/* What an epoll event is about: a handle, and one of the four sockets of its session. */
#define SOCKET_BITS 2
#define SOCKET_RTCP 2
#define WAKE_UP UINT64_MAX

/* A handle: the slot below, how often the slot was used above, so that an old handle meets no new session. */
#define SLOT_BITS 12
#define SLOT_MASK (LOOP_MAX_SESSIONS - 1)
_Static_assert(LOOP_MAX_SESSIONS == 1 << SLOT_BITS, "slots fill their bits");

struct slot {
  struct session *session;
  uint32_t uses;
};

enum call_kind { CALL_NONE, CALL_ADD, CALL_REMOVE, CALL_VISIT, CALL_STOP };

struct call {
  enum call_kind kind;
  uint32_t handle;
  struct session *session;
  void (*visit)(struct session *, void *);
  void *argument;
};

struct loop {
  pthread_t thread;
  int epoll;
  int wake;

  pthread_mutex_t mutex; /* guards `call` */
  pthread_cond_t done;
  struct call call;

  /* The loop's own from here on. */
  bool stopping;
  struct send_queue *queue;
  struct slot slots[LOOP_MAX_SESSIONS];
  uint32_t next_slot;
  struct mmsghdr messages[BATCH_PACKETS];
  struct iovec parts[BATCH_PACKETS];
  union address sources[BATCH_PACKETS];
  uint8_t bytes[BATCH_PACKETS][PACKET_BYTES];
};

uint64_t loop_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static struct slot *find(struct loop *loop, uint32_t handle) {
  struct slot *slot = &loop->slots[handle & SLOT_MASK];
  return slot->session != NULL && slot->uses == handle >> SLOT_BITS ? slot : NULL;
}

static int socket_of(const struct session *session, unsigned which) {
  const struct leg *leg = &session->legs[which & 1];
  return which & SOCKET_RTCP ? leg->rtcp_fd : leg->rtp_fd;
}

static void add(struct loop *loop, struct call *call) {
  uint32_t index = loop->next_slot;
  for (unsigned tried = 0; loop->slots[index].session != NULL; tried++) {
    if (tried == LOOP_MAX_SESSIONS) return;
    index = (index + 1) & SLOT_MASK;
  }
  struct slot *slot = &loop->slots[index];
  slot->uses = (slot->uses + 1) & (UINT32_MAX >> SLOT_BITS);
  if (slot->uses == 0) slot->uses = 1;
  const uint32_t handle = slot->uses << SLOT_BITS | index;
  for (unsigned which = 0; which < 4; which++) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)handle << SOCKET_BITS | which};
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, socket_of(call->session, which), &event) == 0) continue;
    while (which-- > 0) epoll_ctl(loop->epoll, EPOLL_CTL_DEL, socket_of(call->session, which), NULL);
    return;
  }
  slot->session = call->session;
  loop->next_slot = (index + 1) & SLOT_MASK;
  call->handle = handle;
}

static void take_out(struct loop *loop, struct call *call) {
  struct slot *slot = find(loop, call->handle);
  if (slot == NULL) return;
  for (unsigned which = 0; which < 4; which++) {
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, socket_of(slot->session, which), NULL);
  }
  call->session = slot->session;
  slot->session = NULL;
}

/* On the loop's thread: what another thread asked for. */
static void answer_call(struct loop *loop) {
  uint64_t count;
  if (read(loop->wake, &count, sizeof count) < 0) return;
  pthread_mutex_lock(&loop->mutex);
  struct call *call = &loop->call;
  struct slot *slot;
  switch (call->kind) {
    case CALL_ADD:
      add(loop, call);
      break;
    case CALL_REMOVE:
      take_out(loop, call);
      break;
    case CALL_VISIT:
      slot = find(loop, call->handle);
      if (slot != NULL) {
        call->visit(slot->session, call->argument);
        call->session = slot->session;
      }
      break;
    case CALL_STOP:
      loop->stopping = true;
      break;
    case CALL_NONE:
      break;
  }
  call->kind = CALL_NONE;
  pthread_cond_signal(&loop->done);
  pthread_mutex_unlock(&loop->mutex);
}

/* On another thread: asks and waits for the answer. */
static struct call ask(struct loop *loop, struct call call) {
  const uint64_t one = 1;
  pthread_mutex_lock(&loop->mutex);
  loop->call = call;
  if (write(loop->wake, &one, sizeof one) != sizeof one) abort();
  while (loop->call.kind != CALL_NONE) pthread_cond_wait(&loop->done, &loop->mutex);
  const struct call answer = loop->call;
  pthread_mutex_unlock(&loop->mutex);
  return answer;
}

static void receive(struct loop *loop, struct session *session, unsigned which) {
  for (unsigned i = 0; i < BATCH_PACKETS; i++) loop->messages[i].msg_hdr.msg_namelen = sizeof loop->sources[i];
  const int count = recvmmsg(socket_of(session, which), loop->messages, BATCH_PACKETS, MSG_DONTWAIT, NULL);
  /* An error is one that the network reported (ICMP): reading it cleared it. */
  if (count <= 0) return;
  const unsigned leg = which & 1;
  struct leg_counters *counters = &session->legs[leg].counters;
  if (which & SOCKET_RTCP) {
    /* Reports about a source do not fit what we send in its place, and we make none of our own yet. */
    counters->rtcp_received += (unsigned)count;
    return;
  }
  const uint64_t now_ms = loop_now_ms();
  for (unsigned i = 0; i < (unsigned)count; i++) {
    const struct mmsghdr *message = &loop->messages[i];
    if (message->msg_hdr.msg_flags & MSG_TRUNC) {
      counters->malformed++;
      continue;
    }
    session_receive(session, leg, loop->bytes[i], message->msg_len, &loop->sources[i], now_ms, loop->queue);
  }
  send_queue_flush(loop->queue);
}

static void *run(void *argument) {
  struct loop *loop = argument;
  struct epoll_event events[BATCH_EVENTS];
  while (!loop->stopping) {
    const int count = epoll_wait(loop->epoll, events, BATCH_EVENTS, -1);
    if (count < 0 && errno != EINTR) abort();
    for (int i = 0; i < count; i++) {
      if (events[i].data.u64 == WAKE_UP) {
        answer_call(loop);
        continue;
      }
      /* A call within this batch may have closed it. */
      const struct slot *slot = find(loop, (uint32_t)(events[i].data.u64 >> SOCKET_BITS));
      if (slot != NULL) receive(loop, slot->session, events[i].data.u64 & ((1 << SOCKET_BITS) - 1));
    }
  }
  return NULL;
}

static bool start_thread(struct loop *loop) {
  /* Signals are for the main thread. */
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int failed = pthread_create(&loop->thread, NULL, run, loop);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (failed != 0) errno = failed;
  else pthread_setname_np(loop->thread, "media");
  return failed == 0;
}

static void release(struct loop *loop) {
  if (loop->wake >= 0) close(loop->wake);
  if (loop->epoll >= 0) close(loop->epoll);
  send_queue_close(loop->queue);
  pthread_cond_destroy(&loop->done);
  pthread_mutex_destroy(&loop->mutex);
  free(loop);
}

struct loop *loop_start(void) {
  struct loop *loop = calloc(1, sizeof *loop);
  if (loop == NULL) return NULL;
  pthread_mutex_init(&loop->mutex, NULL);
  pthread_cond_init(&loop->done, NULL);
  for (unsigned i = 0; i < BATCH_PACKETS; i++) {
    loop->parts[i] = (struct iovec){.iov_base = loop->bytes[i], .iov_len = PACKET_BYTES};
    loop->messages[i].msg_hdr = (struct msghdr){
        .msg_name = &loop->sources[i], .msg_namelen = sizeof loop->sources[i], .msg_iov = &loop->parts[i], .msg_iovlen = 1};
  }
  loop->queue = send_queue_open();
  loop->epoll = epoll_create1(EPOLL_CLOEXEC);
  loop->wake = eventfd(0, EFD_CLOEXEC);
  struct epoll_event wake = {.events = EPOLLIN, .data.u64 = WAKE_UP};
  const bool ready = loop->queue != NULL && loop->epoll >= 0 && loop->wake >= 0 &&
                     epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wake, &wake) == 0 && start_thread(loop);
  if (ready) return loop;
  const int reason = errno;
  release(loop);
  errno = reason;
  return NULL;
}

void loop_stop(struct loop *loop) {
  ask(loop, (struct call){.kind = CALL_STOP});
  pthread_join(loop->thread, NULL);
  for (unsigned i = 0; i < LOOP_MAX_SESSIONS; i++) {
    struct session *session = loop->slots[i].session;
    if (session != NULL) session_close(session);
  }
  release(loop);
}

uint32_t loop_add(struct loop *loop, struct session *session) {
  return ask(loop, (struct call){.kind = CALL_ADD, .session = session}).handle;
}

struct session *loop_remove(struct loop *loop, uint32_t handle) {
  return ask(loop, (struct call){.kind = CALL_REMOVE, .handle = handle}).session;
}

bool loop_visit(struct loop *loop, uint32_t handle, void (*visit)(struct session *, void *), void *argument) {
  return ask(loop, (struct call){.kind = CALL_VISIT, .handle = handle, .visit = visit, .argument = argument}).session != NULL;
}
