#define _GNU_SOURCE
#include "tls-connections.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "endpoint.h"

/* Records of one connection, and connections of one listener, before others on the loop get their turn. */
#define READS_A_TURN 4
#define ACCEPTS_A_TURN 16
/* Connections that the kernel holds for us while we are busy. */
#define BACKLOG 511
#define FIRST_ROOM 16
/*
 * ML-KEM is offered while no more connections than these stand with a listener, more than a box has phones; so no more of
 * them have it ever. The bench of idle connections says what it costs.
 */
#define MAX_HYBRID 1000
/* How long nothing is accepted where there is nothing to accept it with. */
#define REST_MS 100

/* What is told of a connection. The same in tls-listener.ts. */
enum event { SECURE, RECEIVED, SENT, ENDED, FAILED };

/* The last one lets the thread end. */
static void handle_gone(struct listener *listener) {
  listener->handles--;
  if (listener->handles > 0) return;
  napi_remove_async_cleanup_hook(listener->cleanup);
  listener_free_unused(listener);
}

static void connection_gone(uv_handle_t *handle) {
  struct connection *connection = (struct connection *)handle;
  struct listener *listener = connection->listener;
  free(connection);
  handle_gone(listener);
}

static void stop_referring(struct listener *listener) {
  if (!listener->is_referring || listener->is_listening || listener->count > 0) return;
  listener->is_referring = false;
  napi_async_destroy(listener->env, listener->context);
  napi_delete_reference(listener->env, listener->on_accepted);
  napi_delete_reference(listener->env, listener->on_event);
  napi_delete_reference(listener->env, listener->buffer);
}

void connection_close(struct connection *connection) {
  if (connection->is_closed) return;
  connection->is_closed = true;
  struct listener *listener = connection->listener;
  listener->connections[connection->number] = NULL;
  listener->count--;
  if (connection->number < listener->next_free) listener->next_free = connection->number;
  tls_free(&connection->tls);
  uv_poll_stop(&connection->poll);
  close(connection->tls.fd);
  uv_close((uv_handle_t *)&connection->poll, connection_gone);
  stop_referring(listener);
}

static void call(struct listener *listener, napi_ref reference, size_t count, const napi_value *arguments) {
  const napi_env env = listener->env;
  napi_value callback, receiver, exception;
  if (napi_get_reference_value(env, reference, &callback) == napi_ok && napi_get_global(env, &receiver) == napi_ok &&
      napi_make_callback(env, listener->context, receiver, callback, count, arguments, NULL) == napi_pending_exception &&
      napi_get_and_clear_last_exception(env, &exception) == napi_ok) {
    napi_fatal_exception(env, exception);
  }
}

/* `text` stands in the place of the number where there is one. */
static void tell(struct connection *connection, enum event event, uint32_t number, const char *text) {
  struct listener *listener = connection->listener;
  const napi_env env = listener->env;
  napi_handle_scope scope;
  napi_value arguments[3];
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  if (napi_create_uint32(env, connection->number, &arguments[0]) == napi_ok &&
      napi_create_uint32(env, event, &arguments[1]) == napi_ok &&
      (text == NULL ? napi_create_uint32(env, number, &arguments[2])
                    : napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &arguments[2])) == napi_ok) {
    call(listener, listener->on_event, 3, arguments);
  }
  napi_close_handle_scope(env, scope);
}

static void connection_polled(uv_poll_t *poll, int status, int events);

void connection_watch(struct connection *connection) {
  const struct tls *tls = &connection->tls;
  if (connection->is_closed) return;
  const bool writes = tls->wants_room && !tls->is_failed;
  const bool waits = writes && (!tls->is_secure || tls->read_wants_room);
  const bool reads = !connection->is_over && !connection->is_paused && !waits;
  const int wanted = (reads ? UV_READABLE : 0) | (writes ? UV_WRITABLE : 0);
  if (wanted == connection->watched) return;
  connection->watched = wanted;
  if (wanted == 0) uv_poll_stop(&connection->poll);
  else uv_poll_start(&connection->poll, wanted, connection_polled);
}

static void break_off(struct connection *connection, const char *reason) {
  connection->is_over = true;
  connection->tls.wants_room = false;
  connection_watch(connection);
  tell(connection, FAILED, 0, reason);
}

static void read_some(struct connection *connection) {
  for (unsigned reads = 0; reads < READS_A_TURN; reads++) {
    const char *reason = NULL;
    size_t length = 0;
    if (connection->is_closed || connection->is_paused || connection->is_over) return;
    switch (tls_read(&connection->tls, connection->listener->received, RECORD_BYTES, &length, &reason)) {
      case TLS_DONE:
        tell(connection, RECEIVED, (uint32_t)length, NULL);
        break;
      case TLS_WAIT:
        return;
      case TLS_ENDED:
        connection->is_over = true;
        connection_watch(connection);
        tell(connection, ENDED, 0, NULL);
        return;
      case TLS_FAILED:
        break_off(connection, reason);
        return;
    }
  }
}

/* False where there is nothing more to do with it now. */
static bool shake_hands(struct connection *connection) {
  const char *reason = NULL;
  struct listener *listener = connection->listener;
  const enum tls_groups groups = listener->count <= MAX_HYBRID ? TLS_GROUPS_ALL : TLS_GROUPS_CLASSICAL;
  switch (tls_handshake(&connection->tls, listener->tls, groups, &reason)) {
    case TLS_DONE:
      tell(connection, SECURE, 0, NULL);
      return true;
    case TLS_WAIT:
      return false;
    default:
      break_off(connection, reason);
      return false;
  }
}

static void flush(struct connection *connection) {
  const char *reason = NULL;
  const size_t before = tls_unsent(&connection->tls);
  if (tls_flush(&connection->tls, &reason) == TLS_FAILED) break_off(connection, reason);
  else if (tls_unsent(&connection->tls) < before) tell(connection, SENT, (uint32_t)tls_unsent(&connection->tls), NULL);
}

static void connection_polled(uv_poll_t *poll, int status, int events) {
  struct connection *connection = (struct connection *)poll;
  if (connection->is_closed) return;
  if (status < 0) {
    /* libuv has stopped to watch it: it was reset. What came before that counts. */
    connection->watched = 0;
    if (connection->tls.is_secure) read_some(connection);
    if (connection->is_closed) return;
    if (!connection->is_over || tls_unsent(&connection->tls) > 0) break_off(connection, "the connection was reset");
    return;
  }
  if (!connection->tls.is_secure && !shake_hands(connection)) {
    connection_watch(connection);
    return;
  }
  if ((events & UV_WRITABLE) != 0 && !connection->is_closed) flush(connection);
  /* OpenSSL may have had to write before it goes on reading. */
  read_some(connection);
  connection_watch(connection);
}

/* --- accepting --- */

static bool make_room(struct listener *listener) {
  if (listener->count < listener->room) return true;
  const uint32_t room = listener->room == 0 ? FIRST_ROOM : 2 * listener->room;
  struct connection **grown = realloc(listener->connections, room * sizeof *grown);
  if (grown == NULL) return false;
  memset(grown + listener->room, 0, (room - listener->room) * sizeof *grown);
  listener->connections = grown;
  listener->room = room;
  return true;
}

/* Where that fails the socket is closed. */
static struct connection *add(struct listener *listener, int fd) {
  uv_loop_t *loop;
  struct connection *connection = make_room(listener) ? calloc(1, sizeof *connection) : NULL;
  if (connection == NULL || napi_get_uv_event_loop(listener->env, &loop) != napi_ok ||
      uv_poll_init(loop, &connection->poll, fd) != 0) {
    free(connection);
    close(fd);
    return NULL;
  }
  while (listener->connections[listener->next_free] != NULL) listener->next_free++;
  connection->listener = listener;
  connection->number = listener->next_free++;
  connection->tls.fd = fd;
  listener->connections[connection->number] = connection;
  listener->count++;
  listener->handles++;
  return connection;
}

static bool text_and_port(napi_env env, const union endpoint *endpoint, napi_value *text, napi_value *port) {
  char address[ADDRESS_BYTES];
  const uint32_t length = endpoint_format(endpoint, address);
  return length > 0 && napi_create_string_latin1(env, address, length, text) == napi_ok &&
         napi_create_uint32(env, endpoint_port(endpoint), port) == napi_ok;
}

static void accepted(struct listener *listener, int fd, const union endpoint *remote) {
  const int on = 1;
  napi_handle_scope scope;
  napi_value arguments[5];
  union endpoint local;
  socklen_t size = sizeof local;
  /* What is written is whole messages: none waits for more. */
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (getsockname(fd, &local.any, &size) != 0) {
    close(fd);
    return;
  }
  struct connection *connection = add(listener, fd);
  if (connection == NULL) return;
  if (napi_open_handle_scope(listener->env, &scope) != napi_ok) {
    connection_close(connection);
    return;
  }
  if (napi_create_uint32(listener->env, connection->number, &arguments[0]) == napi_ok &&
      text_and_port(listener->env, remote, &arguments[1], &arguments[2]) &&
      text_and_port(listener->env, &local, &arguments[3], &arguments[4])) {
    call(listener, listener->on_accepted, 5, arguments);
    connection_watch(connection);
  } else {
    connection_close(connection);
  }
  napi_close_handle_scope(listener->env, scope);
}

/* Without a free file descriptor who waits would wake us for ever. False where there is not even the spare one. */
static bool turn_away(struct listener *listener) {
  if (listener->spare >= 0) close(listener->spare);
  const int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
  const int reason = errno;
  if (fd >= 0) close(fd);
  listener->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
  return fd >= 0 || reason == EAGAIN || reason == EWOULDBLOCK || reason == EINTR || reason == ECONNABORTED;
}

static void listener_rested(uv_timer_t *timer) { listener_start(timer->data); }

/* Who waits goes on waiting, and does not wake us meanwhile. */
static void rest(struct listener *listener) {
  uv_poll_stop(&listener->poll);
  uv_timer_start(&listener->rest, listener_rested, REST_MS, 0);
}

static void listener_polled(uv_poll_t *poll, int status, int events) {
  struct listener *listener = poll->data;
  (void)events;
  if (status < 0) {
    /* The system has shut the socket, and libuv has stopped to watch it: it is opened again. */
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(listener->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    listen(listener->fd, BACKLOG);
    rest(listener);
    return;
  }
  for (unsigned accepts = 0; accepts < ACCEPTS_A_TURN && listener->is_listening; accepts++) {
    union endpoint remote;
    socklen_t size = sizeof remote;
    const int fd = accept4(listener->fd, &remote.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      accepted(listener, fd, &remote);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    } else if (errno == EMFILE || errno == ENFILE ? !turn_away(listener) : errno != EINTR && errno != ECONNABORTED) {
      rest(listener);
      return;
    }
  }
}

void listener_free_unused(struct listener *listener) {
  if (listener->handles > 0 || listener->is_held) return;
  free(listener->connections);
  tls_context_free(listener->tls);
  explicit_bzero(listener->ticket_keys, sizeof listener->ticket_keys);
  free(listener);
}

static void listener_gone(uv_handle_t *handle) { handle_gone(handle->data); }

void listener_stop(struct listener *listener) {
  if (!listener->is_listening) return;
  listener->is_listening = false;
  uv_poll_stop(&listener->poll);
  close(listener->fd);
  if (listener->spare >= 0) close(listener->spare);
  uv_close((uv_handle_t *)&listener->poll, listener_gone);
  uv_close((uv_handle_t *)&listener->rest, listener_gone);
  stop_referring(listener);
}

void listener_shut(struct listener *listener) {
  for (uint32_t number = 0; number < listener->room; number++) {
    if (listener->connections[number] != NULL) connection_close(listener->connections[number]);
  }
  listener_stop(listener);
}

static int close_failed(int fd) {
  const int reason = errno;
  close(fd);
  return -reason;
}

int listener_open(const char *address, uint16_t *port) {
  union endpoint local;
  const int on = 1;
  if (!endpoint_parse(address, strlen(address), *port, &local)) return -EINVAL;
  const int family = local.any.sa_family;
  const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  socklen_t size = sizeof local;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
      bind(fd, &local.any, endpoint_size(family)) != 0 || listen(fd, BACKLOG) != 0 ||
      getsockname(fd, &local.any, &size) != 0) {
    return close_failed(fd);
  }
  *port = endpoint_port(&local);
  return fd;
}

bool listener_init(struct listener *listener, uv_loop_t *loop) {
  if (uv_poll_init(loop, &listener->poll, listener->fd) != 0) return false;
  uv_timer_init(loop, &listener->rest);
  listener->poll.data = listener->rest.data = listener;
  listener->handles = 2;
  listener->is_listening = true;
  return true;
}

void listener_start(struct listener *listener) { uv_poll_start(&listener->poll, UV_READABLE, listener_polled); }
