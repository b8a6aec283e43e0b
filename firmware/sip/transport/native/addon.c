/*
 * What JavaScript sees of the batches (Node-API, version 8). The functions, and what they throw, are described in
 * datagram-socket.ts, which is their only caller. All runs on the thread of the event loop.
 */
#define NAPI_VERSION 8
#include <errno.h>
#include <node_api.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "datagrams.h"

/* Batches in a row before others on the loop get their turn. */
#define BATCHES_A_TURN 4

/* Leaves the calling function when Node-API failed; it has an exception pending then. */
#define TRY(call)                       \
  do {                                  \
    if ((call) != napi_ok) return NULL; \
  } while (0)

struct socket {
  uv_poll_t poll; /* first: libuv hands it back */
  napi_env env;
  napi_async_context context;
  napi_async_cleanup_hook_handle cleanup; /* as long as libuv has it, since this code is unloaded with its thread */
  napi_ref callback, receive_buffers, send_buffers;
  struct received received;
  struct outgoing outgoing;
  int fd;
  int family;
  bool is_closed; /* nothing is called any more */
  bool is_polled; /* libuv still has it */
  bool is_held;   /* JavaScript still has it */
};

static void free_unused(struct socket *socket) {
  if (!socket->is_polled && !socket->is_held) free(socket);
}

static void poll_closed(uv_handle_t *handle) {
  struct socket *socket = (struct socket *)handle;
  socket->is_polled = false;
  napi_remove_async_cleanup_hook(socket->cleanup);
  free_unused(socket);
}

static void shut(struct socket *socket) {
  if (socket->is_closed) return;
  socket->is_closed = true;
  uv_poll_stop(&socket->poll);
  close(socket->fd);
  uv_close((uv_handle_t *)&socket->poll, poll_closed);
  napi_async_destroy(socket->env, socket->context);
  napi_delete_reference(socket->env, socket->callback);
  napi_delete_reference(socket->env, socket->receive_buffers);
  napi_delete_reference(socket->env, socket->send_buffers);
}

/* The thread ends, and waits until the hook is removed. */
static void environment_ends(napi_async_cleanup_hook_handle cleanup, void *data) {
  (void)cleanup;
  shut(data);
}

static void collected(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  struct socket *socket = data;
  socket->is_held = false;
  shut(socket);
  free_unused(socket);
}

/* Calls back with a number: how many datagrams came, or -1 where there is room to send again. */
static void call_back(struct socket *socket, int32_t number) {
  const napi_env env = socket->env;
  napi_handle_scope scope;
  napi_value callback, receiver, argument, exception;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  if (napi_get_reference_value(env, socket->callback, &callback) == napi_ok &&
      napi_get_global(env, &receiver) == napi_ok && napi_create_int32(env, number, &argument) == napi_ok &&
      napi_make_callback(env, socket->context, receiver, callback, 1, &argument, NULL) == napi_pending_exception &&
      napi_get_and_clear_last_exception(env, &exception) == napi_ok) {
    napi_fatal_exception(env, exception);
  }
  napi_close_handle_scope(env, scope);
}

static void polled(uv_poll_t *poll, int status, int events);

static void watch(struct socket *socket, bool writable) {
  uv_poll_start(&socket->poll, UV_READABLE | (writable ? UV_WRITABLE : 0), polled);
}

static void polled(uv_poll_t *poll, int status, int events) {
  struct socket *socket = (struct socket *)poll;
  if (status < 0) {
    /* The system has an error to tell, and libuv has stopped to listen: it is taken, and listening goes on. */
    datagrams_take_error(socket->fd);
    watch(socket, true);
    return;
  }
  /* The callback may close the socket, and its memory stays until libuv has let go of it. */
  if ((events & UV_WRITABLE) != 0) {
    watch(socket, false);
    call_back(socket, -1);
  }
  if ((events & UV_READABLE) == 0) return;
  for (unsigned batch = 0; batch < BATCHES_A_TURN && !socket->is_closed; batch++) {
    const uint32_t count = datagrams_receive(socket->fd, &socket->received);
    if (count > 0) call_back(socket, (int32_t)count);
    if (count < BATCH) return;
  }
}

static napi_value throw_errno(napi_env env, int reason) {
  napi_throw_error(env, uv_err_name(-reason), strerror(reason));
  return NULL;
}

static napi_value throw_arguments(napi_env env) {
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "wrong arguments for a datagram socket");
  return NULL;
}

/* The bytes of a typed array that has at least `wanted` of them. */
static void *bytes_of(napi_env env, napi_value value, size_t wanted, size_t *size) {
  napi_typedarray_type type;
  size_t length = 0;
  void *data = NULL;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, NULL, NULL) != napi_ok) return NULL;
  *size = type == napi_uint32_array ? length * sizeof(uint32_t) : length;
  if (type != napi_uint32_array && type != napi_uint8_array) return NULL;
  return *size >= wanted ? data : NULL;
}

/* Keeps an array of the buffers, so that they live as long as they are pointed to. */
static bool keep(napi_env env, napi_value *values, uint32_t count, napi_ref *reference) {
  napi_value array;
  if (napi_create_array_with_length(env, count, &array) != napi_ok) return false;
  for (uint32_t at = 0; at < count; at++) {
    if (napi_set_element(env, array, at, values[at]) != napi_ok) return false;
  }
  return napi_create_reference(env, array, 1, reference) == napi_ok;
}

static bool use_buffers(napi_env env, napi_value *buffers, struct socket *socket) {
  size_t size = 0, entries = 0;
  socket->received.slots = bytes_of(env, buffers[0], (size_t)BATCH * SLOT_BYTES, &size);
  socket->received.addresses = bytes_of(env, buffers[1], (size_t)BATCH * ADDRESS_BYTES, &size);
  socket->received.entries = bytes_of(env, buffers[2], (size_t)BATCH * RECEIVED_FIELDS * sizeof(uint32_t), &size);
  socket->outgoing.bytes = bytes_of(env, buffers[3], 1, &socket->outgoing.size);
  socket->outgoing.entries = bytes_of(env, buffers[4], SEND_FIELDS * sizeof(uint32_t), &entries);
  socket->outgoing.count = (uint32_t)(entries / (SEND_FIELDS * sizeof(uint32_t)));
  return socket->received.slots != NULL && socket->received.addresses != NULL && socket->received.entries != NULL &&
         socket->outgoing.bytes != NULL && socket->outgoing.entries != NULL;
}

static bool begin(napi_env env, struct socket *socket, napi_value callback, napi_value *buffers) {
  napi_value name;
  uv_loop_t *loop;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok || uv_poll_init(loop, &socket->poll, socket->fd) != 0) return false;
  socket->is_polled = true;
  return napi_create_string_utf8(env, "DATAGRAMS", NAPI_AUTO_LENGTH, &name) == napi_ok &&
         napi_async_init(env, NULL, name, &socket->context) == napi_ok &&
         napi_add_async_cleanup_hook(env, environment_ends, socket, &socket->cleanup) == napi_ok &&
         napi_create_reference(env, callback, 1, &socket->callback) == napi_ok &&
         keep(env, buffers, 3, &socket->receive_buffers) && keep(env, buffers + 3, 2, &socket->send_buffers);
}

/* open(address, port, receiveBufferBytes, callback, slots, addresses, receivedEntries, bytes, sendEntries): [socket, port] */
static napi_value open_socket(napi_env env, napi_callback_info info) {
  size_t count = 9, length = 0;
  napi_value arguments[9], result, handle, port_value;
  char address[ADDRESS_BYTES];
  uint32_t wanted_port;
  int32_t receive_buffer_bytes;
  TRY(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  struct socket *socket = calloc(1, sizeof *socket);
  if (socket == NULL) return throw_errno(env, ENOMEM);
  if (count != 9 || napi_get_value_string_utf8(env, arguments[0], address, sizeof address, &length) != napi_ok ||
      napi_get_value_uint32(env, arguments[1], &wanted_port) != napi_ok || wanted_port > UINT16_MAX ||
      napi_get_value_int32(env, arguments[2], &receive_buffer_bytes) != napi_ok ||
      !use_buffers(env, arguments + 4, socket)) {
    free(socket);
    return throw_arguments(env);
  }
  uint16_t port = (uint16_t)wanted_port;
  socket->env = env;
  socket->family = strchr(address, ':') == NULL ? AF_INET : AF_INET6;
  socket->fd = datagrams_open(address, &port, receive_buffer_bytes);
  if (socket->fd < 0) {
    const int reason = -socket->fd;
    free(socket);
    return throw_errno(env, reason);
  }
  socket->is_held = true;
  if (!begin(env, socket, arguments[3], arguments + 4) ||
      napi_create_external(env, socket, collected, NULL, &handle) != napi_ok) {
    /* Out of memory, as good as: the process does not outlive it, nor need the socket. */
    return throw_errno(env, ENOMEM);
  }
  watch(socket, false);
  TRY(napi_create_array_with_length(env, 2, &result));
  TRY(napi_create_uint32(env, port, &port_value));
  TRY(napi_set_element(env, result, 0, handle));
  TRY(napi_set_element(env, result, 1, port_value));
  return result;
}

/* The socket that stands first among the arguments; NULL, and an exception, where it is closed. */
static struct socket *socket_of(napi_env env, napi_callback_info info, napi_value *arguments, size_t wanted) {
  size_t count = wanted;
  struct socket *socket = NULL;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count != wanted ||
      napi_get_value_external(env, arguments[0], (void **)&socket) != napi_ok) {
    throw_arguments(env);
    return NULL;
  }
  return socket;
}

/* send(socket, first, end): the entry before which the buffer was full, or end */
static napi_value send_entries(napi_env env, napi_callback_info info) {
  napi_value arguments[3], result;
  uint32_t first, end;
  struct socket *socket = socket_of(env, info, arguments, 3);
  if (socket == NULL) return NULL;
  if (napi_get_value_uint32(env, arguments[1], &first) != napi_ok ||
      napi_get_value_uint32(env, arguments[2], &end) != napi_ok) {
    return throw_arguments(env);
  }
  if (socket->is_closed) return throw_errno(env, EBADF);
  const uint32_t next = datagrams_send(socket->fd, socket->family, &socket->outgoing, first, end);
  if (next < end) watch(socket, true);
  TRY(napi_create_uint32(env, next, &result));
  return result;
}

/* close(socket), as often as one likes */
static napi_value close_socket(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  struct socket *socket = socket_of(env, info, arguments, 1);
  if (socket != NULL) shut(socket);
  return NULL;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"open", NULL, open_socket, NULL, NULL, NULL, napi_enumerable, NULL},
      {"send", NULL, send_entries, NULL, NULL, NULL, napi_enumerable, NULL},
      {"close", NULL, close_socket, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  TRY(napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions));
  return exports;
}
