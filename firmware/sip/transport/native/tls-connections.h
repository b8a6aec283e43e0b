/* Listeners of TLS and what they accepted, on libuv. JavaScript is called back; what it calls is in tls-addon.c. */
#ifndef TLS_CONNECTIONS_H
#define TLS_CONNECTIONS_H

#define NAPI_VERSION 8
#include <node_api.h>
#include <uv.h>

#include "tls.h"

struct listener;

struct connection {
  uv_poll_t poll; /* first: libuv hands it back */
  struct listener *listener;
  struct tls tls;
  uint32_t number;
  int watched; /* what libuv waits for */
  bool is_paused;
  bool is_over; /* the peer sends nothing more, or the connection broke: it is JavaScript's to close */
  bool is_closed;
};

struct listener {
  uv_poll_t poll;
  uv_timer_t rest; /* runs while nothing can be accepted */
  napi_env env;
  napi_async_context context;
  napi_async_cleanup_hook_handle cleanup; /* as long as libuv has any of it, since this code is unloaded with its thread */
  napi_ref on_accepted, on_event, buffer;
  SSL_CTX *tls;
  uint8_t ticket_keys[TICKET_KEY_BYTES];
  uint8_t *received;              /* RECORD_BYTES, what came last */
  struct connection **connections; /* by number; NULL where it is free */
  uint32_t room, count, next_free;
  int fd;
  int spare; /* given up for a moment where there is no other file descriptor, to turn away who waits */
  uint32_t handles; /* of it and its connections that libuv still has */
  bool is_listening;
  bool is_referring; /* the references stand */
  bool is_held;      /* JavaScript still has it */
};

/* Watches what there is to wait for; after whatever may have changed that. */
void connection_watch(struct connection *connection);
/* Its memory stays until libuv has let go of it, so that whoever is at work with it can look at is_closed. Idempotent. */
void connection_close(struct connection *connection);

/* A socket that listens, or -errno. `port` 0 takes a free one; afterwards it is the one taken. */
int listener_open(const char *address, uint16_t *port);
/* False where libuv refuses. */
bool listener_init(struct listener *listener, uv_loop_t *loop);
void listener_start(struct listener *listener);
/* Connections that stand go on. Idempotent. */
void listener_stop(struct listener *listener);
/* Stops it, and closes all that stands. Idempotent. */
void listener_shut(struct listener *listener);
/* Frees it, unless libuv or JavaScript still has it. */
void listener_free_unused(struct listener *listener);

#endif
