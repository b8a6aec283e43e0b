/*
 * What JavaScript sees of TLS (Node-API, version 8): listeners, and what they accepted, by number. The functions, and what
 * they throw, are described in tls-listener.ts, which is their only caller. All runs on the thread of the event loop.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "endpoint.h"
#include "tls-connections.h"

/* As libuv has it: a probe a second once the first was due, and ten of them. */
#define PROBE_SECONDS 1
#define PROBES 10

/* Leaves the calling function when Node-API failed; it has an exception pending then. */
#define TRY(call)                       \
  do {                                  \
    if ((call) != napi_ok) return NULL; \
  } while (0)

static napi_value throw_errno(napi_env env, int reason) {
  napi_throw_error(env, uv_err_name(-reason), strerror(reason));
  return NULL;
}

static napi_value throw_arguments(napi_env env) {
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "wrong arguments for TLS");
  return NULL;
}

/* The bytes of a Uint8Array; NULL where it is none. */
static uint8_t *bytes_of(napi_env env, napi_value value, size_t *length) {
  static uint8_t nothing[1];
  napi_typedarray_type type;
  void *data = NULL;
  if (napi_get_typedarray_info(env, value, &type, length, &data, NULL, NULL) != napi_ok || type != napi_uint8_array) {
    return NULL;
  }
  return data == NULL ? nothing : data;
}

/* False where it is no text, or does not fit: ciphers, or an address, that are cut off are others. */
static bool text_of(napi_env env, napi_value value, char *text, size_t room) {
  size_t length = 0;
  return napi_get_value_string_latin1(env, value, NULL, 0, &length) == napi_ok && length < room &&
         napi_get_value_string_latin1(env, value, text, room, &length) == napi_ok;
}

/* The context of four arguments: key, chain, ciphers, suites. NULL, and an exception, where they are of no use. */
static SSL_CTX *context_of(napi_env env, const napi_value *arguments, const uint8_t ticket_keys[TICKET_KEY_BYTES]) {
  char ciphers[4096], suites[1024];
  const char *reason = NULL;
  size_t key_size = 0, chain_size = 0;
  const uint8_t *key = bytes_of(env, arguments[0], &key_size), *chain = bytes_of(env, arguments[1], &chain_size);
  if (key == NULL || chain == NULL ||
      !text_of(env, arguments[2], ciphers, sizeof ciphers) || !text_of(env, arguments[3], suites, sizeof suites)) {
    throw_arguments(env);
    return NULL;
  }
  SSL_CTX *context = tls_context(key, key_size, chain, chain_size, ciphers, suites, ticket_keys, &reason);
  if (context == NULL) napi_throw_error(env, "ERR_TLS", reason);
  return context;
}

/* The thread ends, and waits until the hook is removed. */
static void environment_ends(napi_async_cleanup_hook_handle cleanup, void *listener) {
  (void)cleanup;
  listener_shut(listener);
}

/* The end of the environment, or nobody has it and nothing of it stands. */
static void listener_collected(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  struct listener *listener = data;
  listener->is_held = false;
  listener_shut(listener);
  listener_free_unused(listener);
}

static bool begin(napi_env env, struct listener *listener, const napi_value *arguments) {
  napi_value name;
  uv_loop_t *loop;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok || !listener_init(listener, loop)) return false;
  listener->is_referring = true;
  return napi_create_string_utf8(env, "TLS", NAPI_AUTO_LENGTH, &name) == napi_ok &&
         napi_async_init(env, NULL, name, &listener->context) == napi_ok &&
         napi_add_async_cleanup_hook(env, environment_ends, listener, &listener->cleanup) == napi_ok &&
         napi_create_reference(env, arguments[0], 1, &listener->on_accepted) == napi_ok &&
         napi_create_reference(env, arguments[1], 1, &listener->on_event) == napi_ok &&
         napi_create_reference(env, arguments[2], 1, &listener->buffer) == napi_ok;
}

/* listen(address, port, key, chain, ciphers, suites, onAccepted, onEvent, received): [listener, port] */
static napi_value listen_for_tls(napi_env env, napi_callback_info info) {
  size_t count = 9;
  napi_value arguments[9], result, handle, port_value;
  char address[ADDRESS_BYTES];
  uint32_t wanted_port;
  TRY(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  struct listener *listener = calloc(1, sizeof *listener);
  if (listener == NULL) return throw_errno(env, ENOMEM);
  size_t room = 0;
  if (count != 9 || !text_of(env, arguments[0], address, sizeof address) ||
      napi_get_value_uint32(env, arguments[1], &wanted_port) != napi_ok || wanted_port > UINT16_MAX ||
      (listener->received = bytes_of(env, arguments[8], &room)) == NULL || room < RECORD_BYTES ||
      !tls_ticket_keys(listener->ticket_keys)) {
    listener_free_unused(listener);
    return throw_arguments(env);
  }
  listener->tls = context_of(env, arguments + 2, listener->ticket_keys);
  if (listener->tls == NULL) {
    listener_free_unused(listener);
    return NULL;
  }
  uint16_t port = (uint16_t)wanted_port;
  listener->env = env;
  listener->fd = listener_open(address, &port);
  if (listener->fd < 0) {
    const int reason = -listener->fd;
    listener_free_unused(listener);
    return throw_errno(env, reason);
  }
  listener->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
  listener->is_held = true;
  if (!begin(env, listener, arguments + 6) ||
      napi_create_external(env, listener, listener_collected, NULL, &handle) != napi_ok) {
    /* Out of memory, as good as: the process does not outlive it, nor need the socket. */
    return throw_errno(env, ENOMEM);
  }
  listener_start(listener);
  TRY(napi_create_array_with_length(env, 2, &result));
  TRY(napi_create_uint32(env, port, &port_value));
  TRY(napi_set_element(env, result, 0, handle));
  TRY(napi_set_element(env, result, 1, port_value));
  return result;
}

/* The listener that stands first among the arguments; NULL, and an exception, where it does not. */
static struct listener *listener_of(napi_env env, napi_callback_info info, napi_value *arguments, size_t wanted) {
  size_t count = wanted;
  struct listener *listener = NULL;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count != wanted ||
      napi_get_value_external(env, arguments[0], (void **)&listener) != napi_ok) {
    throw_arguments(env);
    return NULL;
  }
  return listener;
}

/* The connection whose number stands second; NULL, and an exception, where there is none. */
static struct connection *connection_of(napi_env env, napi_callback_info info, napi_value *arguments, size_t wanted) {
  uint32_t number = 0;
  struct listener *listener = listener_of(env, info, arguments, wanted);
  if (listener == NULL) return NULL;
  if (napi_get_value_uint32(env, arguments[1], &number) != napi_ok || number >= listener->room ||
      listener->connections[number] == NULL) {
    throw_errno(env, EBADF);
    return NULL;
  }
  return listener->connections[number];
}

/* useCertificate(listener, key, chain, ciphers, suites) */
static napi_value use_certificate(napi_env env, napi_callback_info info) {
  napi_value arguments[5];
  struct listener *listener = listener_of(env, info, arguments, 5);
  if (listener == NULL) return NULL;
  SSL_CTX *context = context_of(env, arguments + 1, listener->ticket_keys);
  if (context == NULL) return NULL;
  tls_context_free(listener->tls);
  listener->tls = context;
  return NULL;
}

/* stop(listener), as often as one likes */
static napi_value stop(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  struct listener *listener = listener_of(env, info, arguments, 1);
  if (listener != NULL) listener_stop(listener);
  return NULL;
}

/* write(listener, connection, bytes): how many bytes are unsent now, or -1 where the connection broke */
static napi_value write_bytes(napi_env env, napi_callback_info info) {
  napi_value arguments[3], result;
  size_t length = 0;
  const char *reason = NULL;
  struct connection *connection = connection_of(env, info, arguments, 3);
  if (connection == NULL) return NULL;
  const uint8_t *bytes = bytes_of(env, arguments[2], &length);
  if (bytes == NULL) return throw_arguments(env);
  const enum tls_outcome outcome = tls_write(&connection->tls, bytes, length, &reason);
  connection_watch(connection);
  TRY(napi_create_int64(env, outcome == TLS_FAILED ? -1 : (int64_t)tls_unsent(&connection->tls), &result));
  return result;
}

/* pause(listener, connection, isPaused) */
static napi_value pause_reading(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  struct connection *connection = connection_of(env, info, arguments, 3);
  if (connection == NULL) return NULL;
  TRY(napi_get_value_bool(env, arguments[2], &connection->is_paused));
  connection_watch(connection);
  return NULL;
}

/* keepAlive(listener, connection, seconds) */
static napi_value keep_alive(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  int32_t seconds = 0;
  const int on = 1, interval = PROBE_SECONDS, probes = PROBES;
  struct connection *connection = connection_of(env, info, arguments, 3);
  if (connection == NULL) return NULL;
  TRY(napi_get_value_int32(env, arguments[2], &seconds));
  const int fd = connection->tls.fd;
  /* A socket that refuses any of it is no worse than one that was not asked. */
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  return NULL;
}

/* end(listener, connection): tells the peer that nothing more comes; for when nothing is unsent */
static napi_value end(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct connection *connection = connection_of(env, info, arguments, 2);
  if (connection != NULL) tls_end(&connection->tls);
  return NULL;
}

/* close(listener, connection), once */
static napi_value close_it(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct connection *connection = connection_of(env, info, arguments, 2);
  if (connection != NULL) connection_close(connection);
  return NULL;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"listen", NULL, listen_for_tls, NULL, NULL, NULL, napi_enumerable, NULL},
      {"useCertificate", NULL, use_certificate, NULL, NULL, NULL, napi_enumerable, NULL},
      {"stop", NULL, stop, NULL, NULL, NULL, napi_enumerable, NULL},
      {"write", NULL, write_bytes, NULL, NULL, NULL, napi_enumerable, NULL},
      {"pause", NULL, pause_reading, NULL, NULL, NULL, napi_enumerable, NULL},
      {"keepAlive", NULL, keep_alive, NULL, NULL, NULL, napi_enumerable, NULL},
      {"end", NULL, end, NULL, NULL, NULL, napi_enumerable, NULL},
      {"close", NULL, close_it, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  TRY(napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions));
  return exports;
}
