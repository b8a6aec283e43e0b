#define _GNU_SOURCE
#include "tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A phone that comes back within it goes on with the keys of before, which costs a tenth of a handshake. */
#define SESSION_SECONDS (24 * 3600)
/* OpenSSL's own choice without ML-KEM and without those of finite fields, which cost the most. */
#define CLASSICAL_GROUPS "X25519:P-256:X448:P-384:P-521"

static BIO_METHOD *socket_method;
static pthread_once_t socket_method_once = PTHREAD_ONCE_INIT;

static size_t least(size_t one, size_t other) { return one < other ? one : other; }

/* Takes bytes of a record's content; returns how many. */
static size_t gauge_content(struct gauge *gauge, const uint8_t *bytes, size_t count) {
  size_t taken = least(count, gauge->record_left);
  if (gauge->record_type == SSL3_RT_HANDSHAKE && gauge->message_bytes < SSL3_HM_HEADER_LENGTH) {
    /* A byte of the type and three of the length. */
    gauge->message_left = (gauge->message_left << 8 | bytes[0]) & 0xffffff;
    gauge->message_bytes++;
    taken = 1;
  } else if (gauge->record_type == SSL3_RT_HANDSHAKE) {
    taken = least(taken, gauge->message_left);
    gauge->message_left -= (uint32_t)taken;
  }
  if (gauge->message_bytes == SSL3_HM_HEADER_LENGTH) {
    if (gauge->message_left > MAX_HANDSHAKE_MESSAGE) gauge->is_exceeded = true;
    if (gauge->message_left == 0) gauge->message_bytes = 0;
  }
  gauge->record_left -= (uint16_t)taken;
  return taken;
}

/* Follows the messages of a handshake through their records, which may cut them anywhere (RFC 8446 section 5.1). */
static void follow_handshake(struct tls *tls, const uint8_t *bytes, size_t count) {
  struct gauge *gauge = &tls->gauge;
  size_t at = 0;
  while (at < count && !gauge->is_sealed && !gauge->is_exceeded) {
    if (gauge->record_bytes < SSL3_RT_HEADER_LENGTH) {
      if (gauge->record_bytes == 0) gauge->record_type = bytes[at];
      /* The length stands last. */
      gauge->record_left = (uint16_t)(gauge->record_left << 8 | bytes[at++]);
      gauge->record_bytes++;
      /* In TLS 1.3 it means nothing, and a second hello may follow. */
      if (gauge->record_type == SSL3_RT_CHANGE_CIPHER_SPEC) gauge->is_sealed = SSL_version(tls->ssl) < TLS1_3_VERSION;
    } else {
      at += gauge_content(gauge, bytes + at, count - at);
    }
    if (gauge->record_bytes == SSL3_RT_HEADER_LENGTH && gauge->record_left == 0) gauge->record_bytes = 0;
  }
}

static int socket_read(BIO *bio, char *bytes, int room) {
  struct tls *tls = BIO_get_data(bio);
  ssize_t count;
  BIO_clear_retry_flags(bio);
  if (tls->allowance <= 0) {
    /* What was not taken wakes us again. */
    BIO_set_retry_read(bio);
    return -1;
  }
  if (room > tls->allowance) room = tls->allowance;
  do count = recv(tls->fd, bytes, (size_t)room, MSG_DONTWAIT);
  while (count < 0 && errno == EINTR);
  if (count == 0) tls->is_at_end = true;
  if (count > 0) tls->allowance -= (int)count;
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) BIO_set_retry_read(bio);
  if (count > 0 && !tls->is_secure) follow_handshake(tls, (const uint8_t *)bytes, (size_t)count);
  return tls->gauge.is_exceeded ? -1 : (int)count;
}

static int socket_write(BIO *bio, const char *bytes, int length) {
  struct tls *tls = BIO_get_data(bio);
  ssize_t count;
  BIO_clear_retry_flags(bio);
  do count = send(tls->fd, bytes, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (count < 0 && errno == EINTR);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) BIO_set_retry_write(bio);
  return (int)count;
}

static long socket_control(BIO *bio, int command, long number, void *pointer) {
  (void)number, (void)pointer;
  const struct tls *tls = BIO_get_data(bio);
  if (command == BIO_CTRL_FLUSH) return 1;
  return command == BIO_CTRL_EOF ? tls->is_at_end : 0;
}

static void make_socket_method(void) {
  const int type = BIO_get_new_index();
  BIO_METHOD *method = type < 0 ? NULL : BIO_meth_new(type | BIO_TYPE_SOURCE_SINK, "socket");
  if (method == NULL) return;
  if (BIO_meth_set_read(method, socket_read) == 1 && BIO_meth_set_write(method, socket_write) == 1 &&
      BIO_meth_set_ctrl(method, socket_control) == 1) {
    socket_method = method;
  } else {
    BIO_meth_free(method);
  }
}

/* Of the first error in OpenSSL's queue, which is empty afterwards. */
static const char *reason_of_failure(void) {
  const char *reason = ERR_reason_error_string(ERR_peek_error());
  ERR_clear_error();
  return reason == NULL ? "the connection broke" : reason;
}

bool tls_ticket_keys(uint8_t keys[TICKET_KEY_BYTES]) {
  const bool is_made = RAND_bytes(keys, TICKET_KEY_BYTES) == 1;
  ERR_clear_error();
  return is_made;
}

/* A key under a passphrase is of no use: nobody is there to be asked. */
static int no_passphrase(char *room, int size, int writes, void *data) {
  (void)room, (void)size, (void)writes, (void)data;
  return -1;
}

static bool use_chain(SSL_CTX *context, BIO *bio) {
  X509 *certificate = PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, NULL);
  if (certificate == NULL) return false;
  bool is_used = SSL_CTX_use_certificate(context, certificate) == 1;
  X509_free(certificate);
  while (is_used && (certificate = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL) {
    is_used = SSL_CTX_add1_chain_cert(context, certificate) == 1;
    X509_free(certificate);
  }
  if (!is_used) return false;
  /* The end of the text is the one failure that is none. */
  const unsigned long last = ERR_peek_last_error();
  if (ERR_GET_LIB(last) != ERR_LIB_PEM || ERR_GET_REASON(last) != PEM_R_NO_START_LINE) return false;
  ERR_clear_error();
  return true;
}

static bool use_key(SSL_CTX *context, BIO *bio) {
  EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
  const bool is_used = key != NULL && SSL_CTX_use_PrivateKey(context, key) == 1;
  EVP_PKEY_free(key);
  return is_used && SSL_CTX_check_private_key(context) == 1;
}

static bool use_text(SSL_CTX *context, const uint8_t *text, size_t size, bool (*use)(SSL_CTX *, BIO *)) {
  BIO *bio = size > INT_MAX ? NULL : BIO_new_mem_buf(text, (int)size);
  const bool is_used = bio != NULL && use(context, bio);
  BIO_free(bio);
  return is_used;
}

static bool set_up(SSL_CTX *context, const char *ciphers, const char *suites, const uint8_t keys[TICKET_KEY_BYTES]) {
  static const unsigned char name[] = "sip";
  uint8_t copy[TICKET_KEY_BYTES];
  memcpy(copy, keys, sizeof copy);
  /* Many phones close without saying so. What was cut off is half a message, which its reader notices. */
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  /* One record a call: a peer that sends nothing but changes of keys has no more of a turn than others. */
  SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(context, SESSION_SECONDS);
  const bool is_set = SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
                      SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
                      SSL_CTX_set_cipher_list(context, ciphers) == 1 && SSL_CTX_set_ciphersuites(context, suites) == 1 &&
                      SSL_CTX_set_num_tickets(context, 1) == 1 &&
                      SSL_CTX_set_session_id_context(context, name, sizeof name - 1) == 1 &&
                      SSL_CTX_set_tlsext_ticket_keys(context, copy, sizeof copy) == 1;
  OPENSSL_cleanse(copy, sizeof copy);
  return is_set;
}

SSL_CTX *tls_context(const uint8_t *key, size_t key_size, const uint8_t *chain, size_t chain_size, const char *ciphers,
                     const char *suites, const uint8_t keys[TICKET_KEY_BYTES], const char **reason) {
  pthread_once(&socket_method_once, make_socket_method);
  ERR_clear_error();
  SSL_CTX *context = socket_method == NULL ? NULL : SSL_CTX_new(TLS_server_method());
  if (context != NULL && set_up(context, ciphers, suites, keys) && use_text(context, chain, chain_size, use_chain) &&
      use_text(context, key, key_size, use_key)) {
    ERR_clear_error();
    return context;
  }
  *reason = reason_of_failure();
  SSL_CTX_free(context);
  return NULL;
}

void tls_context_free(SSL_CTX *context) { SSL_CTX_free(context); }

static bool begin(struct tls *tls, SSL_CTX *context, enum tls_groups groups) {
  BIO *bio = BIO_new(socket_method);
  tls->ssl = bio == NULL ? NULL : SSL_new(context);
  if (tls->ssl == NULL) {
    BIO_free(bio);
    return false;
  }
  BIO_set_data(bio, tls);
  BIO_set_init(bio, 1);
  SSL_set_bio(tls->ssl, bio, bio);
  SSL_set_accept_state(tls->ssl);
  return groups == TLS_GROUPS_ALL || SSL_set1_groups_list(tls->ssl, CLASSICAL_GROUPS) == 1;
}

static enum tls_outcome fail(struct tls *tls, const char **reason) {
  tls->is_failed = true;
  *reason = reason_of_failure();
  if (tls->is_at_end && !tls->is_secure) *reason = "the peer left";
  if (tls->gauge.is_exceeded) *reason = "a message of the handshake is too long";
  return TLS_FAILED;
}

/* What became of a call that returned `result`, which was no success. The queue of errors is empty afterwards. */
static enum tls_outcome outcome_of(struct tls *tls, int result, const char **reason) {
  switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_WRITE:
      tls->wants_room = true;
      ERR_clear_error();
      return TLS_WAIT;
    case SSL_ERROR_WANT_READ:
      ERR_clear_error();
      return TLS_WAIT;
    case SSL_ERROR_ZERO_RETURN:
      tls->is_at_end = true;
      ERR_clear_error();
      return TLS_ENDED;
    default:
      return fail(tls, reason);
  }
}

enum tls_outcome tls_handshake(struct tls *tls, SSL_CTX *context, enum tls_groups groups, const char **reason) {
  ERR_clear_error();
  if (tls->is_failed) return fail(tls, reason);
  if (tls->ssl == NULL && !begin(tls, context, groups)) return fail(tls, reason);
  tls->wants_room = false;
  tls->allowance = MAX_TURN_BYTES;
  const int result = SSL_do_handshake(tls->ssl);
  if (result == 1) {
    tls->is_secure = true;
    ERR_clear_error();
    return TLS_DONE;
  }
  const enum tls_outcome outcome = outcome_of(tls, result, reason);
  return outcome == TLS_ENDED ? fail(tls, reason) : outcome;
}

enum tls_outcome tls_read(struct tls *tls, uint8_t *bytes, size_t room, size_t *length, const char **reason) {
  ERR_clear_error();
  if (tls->is_failed || !tls->is_secure) return fail(tls, reason);
  if (tls->is_at_end) return TLS_ENDED;
  tls->wants_room = false;
  tls->allowance = MAX_TURN_BYTES;
  const bool is_read = SSL_read_ex(tls->ssl, bytes, room, length) == 1;
  const enum tls_outcome outcome = is_read ? TLS_DONE : outcome_of(tls, 0, reason);
  /* The beginning of another handshake (RFC 5246 section 7.4.1.1): OpenSSL would hold room for the rest as long as it stands. */
  if (outcome == TLS_WAIT && SSL_version(tls->ssl) < TLS1_3_VERSION && SSL_in_init(tls->ssl)) {
    fail(tls, reason);
    *reason = "the peer began another handshake";
    return TLS_FAILED;
  }
  /* A change of keys is answered before anything else is read. */
  tls->read_wants_room = tls->wants_room;
  /* Also a write that had to wait for what was read now. */
  if (tls->unsent != NULL) tls->wants_room = true;
  return outcome;
}

/* Sends what the socket takes; `sent` says how much that was. */
static enum tls_outcome send_some(struct tls *tls, const uint8_t *bytes, size_t length, size_t *sent, const char **reason) {
  *sent = 0;
  tls->wants_room = false;
  tls->allowance = MAX_TURN_BYTES;
  while (*sent < length) {
    size_t count = 0;
    ERR_clear_error();
    if (SSL_write_ex(tls->ssl, bytes + *sent, length - *sent, &count) != 1) {
      /*
       * Amid a message about keys that the peer has sent half of, a write waits for the other half: to wait for room then
       * would be to wake for ever.
       */
      const enum tls_outcome outcome = outcome_of(tls, 0, reason);
      return outcome == TLS_ENDED ? fail(tls, reason) : outcome;
    }
    *sent += count;
  }
  return TLS_DONE;
}

static bool keep_unsent(struct tls *tls, const uint8_t *bytes, size_t length) {
  const size_t held = tls->unsent_end - tls->unsent_start;
  if (length > MAX_UNSENT || held > MAX_UNSENT - length) return false;
  if (tls->unsent_room - tls->unsent_end < length) {
    const size_t room = 2 * (held + length);
    uint8_t *grown = malloc(room);
    if (grown == NULL) return false;
    if (held > 0) memcpy(grown, tls->unsent + tls->unsent_start, held);
    free(tls->unsent);
    tls->unsent = grown;
    tls->unsent_start = 0;
    tls->unsent_end = held;
    tls->unsent_room = room;
  }
  memcpy(tls->unsent + tls->unsent_end, bytes, length);
  tls->unsent_end += length;
  return true;
}

static void drop_unsent(struct tls *tls) {
  free(tls->unsent);
  tls->unsent = NULL;
  tls->unsent_start = tls->unsent_end = tls->unsent_room = 0;
}

enum tls_outcome tls_write(struct tls *tls, const uint8_t *bytes, size_t length, const char **reason) {
  ERR_clear_error();
  if (tls->is_failed || !tls->is_secure) return fail(tls, reason);
  size_t sent = 0;
  enum tls_outcome outcome = TLS_WAIT;
  if (tls->unsent == NULL) outcome = send_some(tls, bytes, length, &sent, reason);
  if (outcome == TLS_WAIT && !keep_unsent(tls, bytes + sent, length - sent)) return fail(tls, reason);
  return outcome;
}

enum tls_outcome tls_flush(struct tls *tls, const char **reason) {
  ERR_clear_error();
  if (tls->is_failed || !tls->is_secure) return fail(tls, reason);
  tls->wants_room = tls->read_wants_room = false;
  if (tls->unsent == NULL) return TLS_DONE;
  size_t sent = 0;
  const enum tls_outcome outcome =
      send_some(tls, tls->unsent + tls->unsent_start, tls_unsent(tls), &sent, reason);
  tls->unsent_start += sent;
  if (outcome == TLS_DONE) drop_unsent(tls);
  return outcome;
}

size_t tls_unsent(const struct tls *tls) { return tls->unsent_end - tls->unsent_start; }

void tls_end(struct tls *tls) {
  if (tls->ssl != NULL && tls->is_secure && !tls->is_failed && tls->unsent == NULL) {
    ERR_clear_error();
    SSL_shutdown(tls->ssl);
    ERR_clear_error();
  }
  shutdown(tls->fd, SHUT_WR);
}

void tls_free(struct tls *tls) {
  SSL_free(tls->ssl);
  tls->ssl = NULL;
  tls->is_failed = true;
  drop_unsent(tls);
}
