/*
 * The TLS of firmware/sip/transport/native under sanitizers, over socket pairs, against OpenSSL's client and against
 * whatever is no client at all. Prints a line for each check and ends at the first that fails.
 */
#include "tls.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define CIPHERS "HIGH:!aNULL"
#define SUITES "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"
#define FLIGHT_BYTES 65536
#define ROUNDS 200

static uint8_t ticket_keys[TICKET_KEY_BYTES];
static uint8_t *key, *chain;
static size_t key_size, chain_size;
static SSL_CTX *context;
static const char *reason;

static void check(int holds, const char *what) {
  printf("%s %s\n", holds ? "ok" : "not ok", what);
  if (!holds) exit(1);
}

/* Silent where all is well: for what is done a thousand times. */
static void must(int holds, const char *what) {
  if (!holds) check(0, what);
}

static uint8_t *read_file(const char *name, size_t *size) {
  FILE *file = fopen(name, "rb");
  must(file != NULL, name);
  uint8_t *bytes = malloc(1 << 16);
  *size = fread(bytes, 1, 1 << 16, file);
  fclose(file);
  return bytes;
}

/* Our side of a socket pair, and the other end of it. */
struct pair {
  struct tls tls;
  int other;
};

static struct pair open_pair(void) {
  int fds[2];
  must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0, "a socket pair");
  return (struct pair){.tls = {.fd = fds[0]}, .other = fds[1]};
}

static void close_pair(struct pair *pair) {
  tls_free(&pair->tls);
  tls_free(&pair->tls);
  close(pair->tls.fd);
  if (pair->other >= 0) close(pair->other);
}

struct client {
  SSL_CTX *context;
  SSL *ssl;
};

static int asked_for_certificate;

static int count_asking(SSL *ssl, X509 **certificate, EVP_PKEY **of) {
  (void)ssl, (void)certificate, (void)of;
  asked_for_certificate++;
  return 0;
}

static struct client open_client(int fd, int version, SSL_SESSION *session) {
  struct client client;
  client.context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(client.context, version);
  SSL_CTX_set_max_proto_version(client.context, version);
  SSL_CTX_set_mode(client.context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_security_level(client.context, 0);
  SSL_CTX_set_client_cert_cb(client.context, count_asking);
  client.ssl = SSL_new(client.context);
  SSL_set_fd(client.ssl, fd);
  SSL_set_connect_state(client.ssl);
  if (session != NULL) SSL_set_session(client.ssl, session);
  return client;
}

static void close_client(struct client *client) {
  SSL_free(client->ssl);
  SSL_CTX_free(client->context);
  ERR_clear_error();
}

/* Both sides in turn until both are done or ours fails; true where both are. */
static bool shake(struct pair *pair, struct client *client) {
  for (int turns = 0; turns < 20; turns++) {
    ERR_clear_error();
    const int done = SSL_do_handshake(client->ssl);
    if (!pair->tls.is_secure && tls_handshake(&pair->tls, context, TLS_GROUPS_CLASSICAL, &reason) == TLS_FAILED) return false;
    if (done == 1 && pair->tls.is_secure) return true;
  }
  return false;
}

static void exchange(int version, const char *name) {
  static uint8_t sent[200000], got[200000];
  struct pair pair = open_pair();
  struct client client = open_client(pair.other, version, NULL);
  check(shake(&pair, &client), name);
  size_t length = 0;
  check(tls_read(&pair.tls, got, RECORD_BYTES, &length, &reason) == TLS_WAIT, "nothing is there to be read");
  must(SSL_write(client.ssl, "hello", 5) == 5, "the client writes");
  check(tls_read(&pair.tls, got, RECORD_BYTES, &length, &reason) == TLS_DONE && length == 5, "what comes is read");
  for (size_t at = 0; at < sizeof sent; at++) sent[at] = (uint8_t)random();
  for (size_t at = 0; at < sizeof sent; at += 50000) {
    must(tls_write(&pair.tls, sent + at, 50000, &reason) != TLS_FAILED, "a write");
  }
  size_t taken = 0;
  while (taken < sizeof sent) {
    const int count = SSL_read(client.ssl, got + taken, (int)(sizeof got - taken));
    if (count > 0) taken += (size_t)count;
    else must(tls_unsent(&pair.tls) > 0 && tls_flush(&pair.tls, &reason) != TLS_FAILED, "a flush");
  }
  check(memcmp(sent, got, sizeof sent) == 0, "more than the socket takes arrives whole and in order");
  size_t given = 0, came = 0;
  while (came < sizeof sent) {
    const int count = given < sizeof sent ? SSL_write(client.ssl, sent + given, (int)(sizeof sent - given)) : 0;
    if (count > 0) given += (size_t)count;
    ERR_clear_error();
    const enum tls_outcome outcome = tls_read(&pair.tls, got + came, RECORD_BYTES, &length, &reason);
    must(outcome != TLS_FAILED && outcome != TLS_ENDED, "a read");
    if (outcome == TLS_DONE) came += length;
    if (sizeof got - came < RECORD_BYTES) break;
  }
  check(memcmp(sent, got, came) == 0, "and so does what comes");
  tls_end(&pair.tls);
  while (SSL_read(client.ssl, got, sizeof got) > 0) continue;
  close_client(&client);
  close_pair(&pair);
}

static void refuse_old(void) {
  struct pair pair = open_pair();
  struct client client = open_client(pair.other, TLS1_1_VERSION, NULL);
  SSL_CTX_set_cipher_list(client.context, "ALL:@SECLEVEL=0");
  SSL_set_cipher_list(client.ssl, "ALL:@SECLEVEL=0");
  check(!shake(&pair, &client) && reason != NULL, "TLS 1.1 is refused");
  check(tls_handshake(&pair.tls, context, TLS_GROUPS_CLASSICAL, &reason) == TLS_FAILED, "and stays so");
  close_client(&client);
  close_pair(&pair);
}

static void reuse_ticket(int version, const char *name) {
  uint8_t byte;
  struct pair pair = open_pair();
  struct client client = open_client(pair.other, version, NULL);
  must(shake(&pair, &client), "a handshake");
  must(tls_write(&pair.tls, (const uint8_t *)"x", 1, &reason) == TLS_DONE && SSL_read(client.ssl, &byte, 1) == 1, "a byte");
  SSL_SESSION *session = SSL_get1_session(client.ssl);
  SSL_shutdown(client.ssl);
  close_client(&client);
  close_pair(&pair);
  tls_context_free(context);
  context = tls_context(key, key_size, chain, chain_size, CIPHERS, SUITES, ticket_keys, &reason);
  pair = open_pair();
  client = open_client(pair.other, version, session);
  must(shake(&pair, &client), "a handshake");
  check(SSL_session_reused(client.ssl), name);
  SSL_SESSION_free(session);
  close_client(&client);
  close_pair(&pair);
}

/* A full socket: what is unsent is kept up to a bound, and the peer that leaves ends it. */
static void stall(void) {
  static uint8_t block[60000];
  struct pair pair = open_pair();
  struct client client = open_client(pair.other, TLS1_3_VERSION, NULL);
  must(shake(&pair, &client), "a handshake");
  enum tls_outcome outcome = TLS_DONE;
  size_t most = 0;
  for (int writes = 0; writes < 1000 && outcome != TLS_FAILED; writes++) {
    outcome = tls_write(&pair.tls, block, sizeof block, &reason);
    if (tls_unsent(&pair.tls) > most) most = tls_unsent(&pair.tls);
  }
  check(outcome == TLS_FAILED && most <= MAX_UNSENT && most > MAX_UNSENT / 2, "one that does not read has its bound");
  check(tls_flush(&pair.tls, &reason) == TLS_FAILED, "and is lost then");
  close_client(&client);
  close_pair(&pair);
  pair = open_pair();
  client = open_client(pair.other, TLS1_3_VERSION, NULL);
  must(shake(&pair, &client), "a handshake");
  while (tls_unsent(&pair.tls) == 0) must(tls_write(&pair.tls, block, sizeof block, &reason) != TLS_FAILED, "a write");
  close(pair.other);
  pair.other = -1;
  check(tls_flush(&pair.tls, &reason) == TLS_FAILED, "a peer that left is an error, and no signal");
  close_client(&client);
  close_pair(&pair);
}

/* Everything that can be called, in whatever state. */
static void poke(struct pair *pair) {
  static uint8_t bytes[RECORD_BYTES];
  size_t length = 0;
  for (int times = 0; times < 3; times++) {
    if (!pair->tls.is_secure) tls_handshake(&pair->tls, context, TLS_GROUPS_CLASSICAL, &reason);
    tls_read(&pair->tls, bytes, sizeof bytes, &length, &reason);
  }
  tls_write(&pair->tls, bytes, 100, &reason);
  tls_flush(&pair->tls, &reason);
  tls_end(&pair->tls);
}

/* What the client says in its first flight. */
static size_t first_flight(int version, uint8_t flight[FLIGHT_BYTES]) {
  struct pair pair = open_pair();
  struct client client = open_client(pair.other, version, NULL);
  SSL_do_handshake(client.ssl);
  const ssize_t length = read(pair.tls.fd, flight, FLIGHT_BYTES);
  must(length > 0, "a first flight");
  close_client(&client);
  close_pair(&pair);
  return (size_t)length;
}

/* A client whose bytes come one by one, and those that leave after each of them. */
static void split(int version, const char *name) {
  static uint8_t flight[FLIGHT_BYTES];
  const size_t length = first_flight(version, flight);
  for (size_t cut = 0; cut <= length; cut++) {
    struct pair pair = open_pair();
    must(write(pair.other, flight, cut) == (ssize_t)cut, "a piece");
    const enum tls_outcome outcome = tls_handshake(&pair.tls, context, TLS_GROUPS_CLASSICAL, &reason);
    must(outcome == TLS_WAIT, "a piece is waited with");
    if (cut % 2 == 0) shutdown(pair.other, SHUT_WR);
    else must(write(pair.other, flight + cut, length - cut) == (ssize_t)(length - cut), "the rest");
    must(tls_handshake(&pair.tls, context, TLS_GROUPS_CLASSICAL, &reason) == (cut % 2 == 0 ? TLS_FAILED : TLS_WAIT), "its end is told");
    poke(&pair);
    close_pair(&pair);
  }
  struct pair pair = open_pair();
  for (size_t at = 0; at < length; at++) {
    must(write(pair.other, flight + at, 1) == 1, "a byte");
    must(tls_handshake(&pair.tls, context, TLS_GROUPS_CLASSICAL, &reason) == TLS_WAIT, "byte by byte");
  }
  uint8_t answer[16];
  check(read(pair.other, answer, sizeof answer) == sizeof answer && answer[0] == 22, name);
  close_pair(&pair);
}

static void say(const char *what, const uint8_t *bytes, size_t length) {
  struct pair pair = open_pair();
  must(write(pair.other, bytes, length) == (ssize_t)length, "what is no TLS");
  shutdown(pair.other, SHUT_WR);
  enum tls_outcome outcome = TLS_WAIT;
  for (int turns = 0; turns < 50 && outcome == TLS_WAIT; turns++) outcome = tls_handshake(&pair.tls, context, TLS_GROUPS_CLASSICAL, &reason);
  check(outcome == TLS_FAILED && reason != NULL, what);
  must(ERR_peek_error() == 0, "no error stays in the queue");
  poke(&pair);
  close_pair(&pair);
}

static void garbage(void) {
  static uint8_t bytes[60000];
  memset(bytes, 'x', sizeof bytes);
  say("nothing at all", bytes, 0);
  say("letters", bytes, sizeof bytes);
  say("a request without TLS", (const uint8_t *)"OPTIONS sip:a@b SIP/2.0\r\n\r\n", 27);
  say("a request of HTTP", (const uint8_t *)"GET / HTTP/1.1\r\n\r\n", 18);
  memset(bytes, 0, sizeof bytes);
  say("zeros", bytes, sizeof bytes);
  memset(bytes, 0x80, sizeof bytes);
  say("SSL 2", bytes, sizeof bytes);
  memcpy(bytes, "\x16\x03\x01\xff\xff\x01\x00\xff\xfb", 9);
  say("a record that is too long", bytes, sizeof bytes);
  memcpy(bytes, "\x16\x03\x01\x40\x00\x01\xff\xff\xff", 9);
  say("a hello of 16 MB", bytes, sizeof bytes);
  for (size_t at = 0; at + 5 < sizeof bytes; at += 5) memcpy(bytes + at, "\x16\x03\x01\x00\x00", 5);
  say("empty records without end", bytes, sizeof bytes - 5);
  for (size_t at = 0; at + 7 < sizeof bytes; at += 7) memcpy(bytes + at, "\x15\x03\x01\x00\x02\x01\x00", 7);
  say("warnings without end", bytes, sizeof bytes - 7);
}

/* A first flight with some bytes changed, and a connection that stands with a record changed. */
static void storm(unsigned seed) {
  static uint8_t flight[FLIGHT_BYTES], changed[FLIGHT_BYTES];
  srandom(seed);
  for (int round = 0; round < ROUNDS; round++) {
    const size_t length = first_flight(round % 2 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION, flight);
    memcpy(changed, flight, length);
    for (int changes = 0; changes < 1 + round % 8; changes++) changed[(size_t)random() % length] = (uint8_t)random();
    struct pair pair = open_pair();
    must(write(pair.other, changed, length) == (ssize_t)length, "a flight");
    poke(&pair);
    close_pair(&pair);
  }
  check(1, "a hello at random");
  for (int round = 0; round < ROUNDS; round++) {
    struct pair pair = open_pair();
    struct client client = open_client(pair.other, round % 2 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION, NULL);
    must(shake(&pair, &client), "a handshake");
    for (size_t at = 0; at < 40; at++) changed[at] = (uint8_t)random();
    if (round % 3 == 0) memcpy(changed, "\x17\x03\x03\x00\x20", 5);
    if (round % 3 == 1) memcpy(changed, "\x17\x03\x03\xff\xff", 5);
    must(write(pair.other, changed, 40) == 40, "a record");
    size_t length = 0;
    static uint8_t bytes[RECORD_BYTES];
    must(tls_read(&pair.tls, bytes, sizeof bytes, &length, &reason) != TLS_DONE, "a forged record is nothing that was said");
    poke(&pair);
    close_client(&client);
    close_pair(&pair);
  }
  check(1, "a forged record");
}

/* Closed after each of its steps. */
static void leave_early(void) {
  for (int steps = 0; steps < 8; steps++) {
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
      struct pair pair = open_pair();
      struct client client = open_client(pair.other, version, NULL);
      for (int step = 0; step < steps; step++) {
        if (step % 2 == 0) SSL_do_handshake(client.ssl);
        else if (!pair.tls.is_secure) tls_handshake(&pair.tls, context, TLS_GROUPS_CLASSICAL, &reason);
      }
      ERR_clear_error();
      close(pair.other);
      pair.other = -1;
      poke(&pair);
      close_client(&client);
      close_pair(&pair);
    }
  }
  check(1, "a client that leaves at any step");
}

/* Of the sanitizer: bytes that are allocated now. */
size_t __sanitizer_get_current_allocated_bytes(void);

/* What a handshake may take beyond what it is about: OpenSSL's own objects and a record each way, and nothing that was only announced. */
#define HANDSHAKE_BYTES 100000

/* True where ours fails with what `length` bytes announce, before it has made room for it. */
static bool refuses_long(struct pair *pair, const uint8_t *bytes, size_t length) {
  const size_t before = __sanitizer_get_current_allocated_bytes();
  must(write(pair->other, bytes, length) == (ssize_t)length, "a hello");
  const enum tls_outcome outcome = tls_handshake(&pair->tls, context, TLS_GROUPS_CLASSICAL, &reason);
  const size_t taken = __sanitizer_get_current_allocated_bytes() - before;
  must(ERR_peek_error() == 0, "no error stays in the queue");
  return outcome == TLS_FAILED && taken < HANDSHAKE_BYTES;
}

/* OpenSSL makes room for 128 kB where a hello says that it is as long, before any of it came. */
static void announce_long(void) {
  static const uint8_t whole[] = {22, 3, 1, 0, 4, 1, 1, 0xff, 0xb8};
  static const uint8_t crumbs[] = {22, 3, 1, 0, 1, 1, 22, 3, 1, 0, 2, 1, 0xff, 22, 3, 1, 0, 1, 0xb8};
  struct pair pair = open_pair();
  check(refuses_long(&pair, whole, sizeof whole), "a hello that says it is long takes nothing");
  close_pair(&pair);
  pair = open_pair();
  check(refuses_long(&pair, crumbs, sizeof crumbs), "nor in crumbs");
  close_pair(&pair);
  /* The same of the second hello, which we ask for where the first had no key for a group of ours. */
  static uint8_t flight[FLIGHT_BYTES];
  pair = open_pair();
  struct client client = open_client(pair.other, TLS1_3_VERSION, NULL);
  must(SSL_set1_groups_list(client.ssl, "ffdhe2048:X25519") == 1, "groups");
  SSL_do_handshake(client.ssl);
  must(tls_handshake(&pair.tls, context, TLS_GROUPS_CLASSICAL, &reason) == TLS_WAIT, "a first hello");
  SSL_do_handshake(client.ssl);
  const ssize_t length = read(pair.tls.fd, flight, sizeof flight);
  const size_t start = flight[0] == 20 ? 6 : 0;
  must(length > 200 && flight[start] == 22 && flight[start + 5] == 1, "a second hello");
  memcpy(flight + start + 6, "\x01\xff\xb8", 3);
  check(refuses_long(&pair, flight, (size_t)length), "nor does a second one");
  close_client(&client);
  close_pair(&pair);
}

static int add_padding(SSL *ssl, unsigned type, const unsigned char **out, size_t *length, int *alert, void *data) {
  static const uint8_t padding[60000];
  (void)ssl, (void)type, (void)alert;
  *out = padding;
  *length = sizeof padding;
  return *(const bool *)data;
}

/* A peer that begins another handshake and does not end it: it would keep the room for as long as it stays. */
static void renegotiate_half(void) {
  static uint8_t bytes[RECORD_BYTES];
  bool is_padded = false;
  size_t length = 0;
  struct pair pair = open_pair();
  struct client client = open_client(pair.other, TLS1_2_VERSION, NULL);
  must(SSL_CTX_add_client_custom_ext(client.context, 1000, add_padding, NULL, &is_padded, NULL, NULL) == 1, "an extension");
  SSL_free(client.ssl);
  client.ssl = SSL_new(client.context);
  SSL_set_fd(client.ssl, pair.other);
  SSL_set_connect_state(client.ssl);
  must(shake(&pair, &client), "a handshake");
  is_padded = true;
  SSL_renegotiate(client.ssl);
  SSL_do_handshake(client.ssl);
  check(tls_read(&pair.tls, bytes, sizeof bytes, &length, &reason) == TLS_FAILED, "half of another handshake is the end");
  poke(&pair);
  close_client(&client);
  close_pair(&pair);
}

static void change_keys(void) {
  struct pair pair = open_pair();
  struct client client = open_client(pair.other, TLS1_3_VERSION, NULL);
  must(shake(&pair, &client), "a handshake");
  static uint8_t bytes[RECORD_BYTES];
  size_t length = 0;
  /* It asks for new keys and never reads the answers. */
  for (int times = 0; times < 5000; times++) {
    ERR_clear_error();
    if (SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED) == 1) SSL_do_handshake(client.ssl);
    if (tls_read(&pair.tls, bytes, sizeof bytes, &length, &reason) == TLS_FAILED) break;
  }
  check(tls_unsent(&pair.tls) == 0, "changes of keys without end take no memory");
  check(pair.tls.read_wants_room && pair.tls.wants_room, "and nothing is read until their answers go out");
  check(tls_flush(&pair.tls, &reason) == TLS_DONE && !pair.tls.wants_room, "nor is there anything to send");
  close_client(&client);
  close_pair(&pair);
  pair = open_pair();
  client = open_client(pair.other, TLS1_2_VERSION, NULL);
  must(shake(&pair, &client), "a handshake");
  SSL_renegotiate(client.ssl);
  SSL_do_handshake(client.ssl);
  check(tls_read(&pair.tls, bytes, sizeof bytes, &length, &reason) != TLS_DONE, "renegotiation leads nowhere");
  poke(&pair);
  close_client(&client);
  close_pair(&pair);
}

/* One block of HKDF-Expand-Label (RFC 8446 section 7.1) with SHA-256. */
static void expand_label(const uint8_t secret[32], const char *label, uint8_t *out, uint8_t length) {
  uint8_t info[64] = {0, length, (uint8_t)(6 + strlen(label))}, block[32];
  unsigned size = 0;
  memcpy(info + 3, "tls13 ", 6);
  memcpy(info + 9, label, strlen(label));
  const size_t end = 9 + strlen(label);
  info[end] = 0;
  info[end + 1] = 1;
  must(HMAC(EVP_sha256(), secret, 32, info, end + 2, block, &size) != NULL && size == 32, "a key");
  memcpy(out, block, length);
}

/* What the client's records of TLS 1.3 are sealed with. */
static uint8_t traffic_secret[32];

static void note_secret(const SSL *ssl, const char *line) {
  (void)ssl;
  if (strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24) != 0) return;
  const char *hex = strrchr(line, ' ') + 1;
  for (size_t at = 0; at < sizeof traffic_secret; at++) must(sscanf(hex + 2 * at, "%2hhx", &traffic_secret[at]) == 1, "hex");
}

/* Puts bytes of handshake messages into a record that OpenSSL's client would not send. */
static void forge_record(int fd, uint8_t sequence, const uint8_t *bytes, uint8_t length) {
  uint8_t key_bytes[16], nonce[12], record[64] = {23, 3, 3, 0, (uint8_t)(length + 17)}, content[32];
  int size = 0;
  expand_label(traffic_secret, "key", key_bytes, sizeof key_bytes);
  expand_label(traffic_secret, "iv", nonce, sizeof nonce);
  nonce[11] ^= sequence;
  memcpy(content, bytes, length);
  content[length] = 22;
  EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
  must(EVP_EncryptInit_ex(cipher, EVP_aes_128_gcm(), NULL, key_bytes, nonce) == 1 &&
           EVP_EncryptUpdate(cipher, NULL, &size, record, 5) == 1 &&
           EVP_EncryptUpdate(cipher, record + 5, &size, content, length + 1) == 1 &&
           EVP_EncryptFinal_ex(cipher, record + 6 + length, &size) == 1 &&
           EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, 16, record + 6 + length) == 1,
       "a sealed record");
  EVP_CIPHER_CTX_free(cipher);
  must(write(fd, record, 5 + 17 + length) == 5 + 17 + length, "a record");
}

/* A peer that sends half a message about keys: what we write waits for the other half, and not for room, of which there is plenty. */
static void halve_key_update(void) {
  static const uint8_t first[] = {24, 0, 0, 1}, second[] = {0};
  static uint8_t bytes[RECORD_BYTES];
  size_t length = 0;
  struct pair pair = open_pair();
  struct client client = open_client(pair.other, TLS1_3_VERSION, NULL);
  SSL_CTX_set_keylog_callback(client.context, note_secret);
  must(SSL_set_ciphersuites(client.ssl, "TLS_AES_128_GCM_SHA256") == 1, "a suite");
  must(shake(&pair, &client), "a handshake");
  forge_record(pair.other, 0, first, sizeof first);
  check(tls_read(&pair.tls, bytes, sizeof bytes, &length, &reason) == TLS_WAIT, "half a change of keys is waited with");
  check(tls_write(&pair.tls, (const uint8_t *)"x", 1, &reason) == TLS_WAIT && !pair.tls.wants_room, "and so is what we write");
  check(tls_flush(&pair.tls, &reason) == TLS_WAIT && !pair.tls.wants_room, "which does not wake for room");
  forge_record(pair.other, 1, second, sizeof second);
  check(tls_read(&pair.tls, bytes, sizeof bytes, &length, &reason) == TLS_WAIT && pair.tls.wants_room, "until the rest comes");
  check(tls_flush(&pair.tls, &reason) == TLS_DONE && SSL_read(client.ssl, bytes, 1) == 1 && bytes[0] == 'x', "then it goes out");
  close_client(&client);
  close_pair(&pair);
  /* The same, and the peer leaves instead. */
  pair = open_pair();
  client = open_client(pair.other, TLS1_3_VERSION, NULL);
  SSL_CTX_set_keylog_callback(client.context, note_secret);
  must(SSL_set_ciphersuites(client.ssl, "TLS_AES_128_GCM_SHA256") == 1 && shake(&pair, &client), "a handshake");
  forge_record(pair.other, 0, first, sizeof first);
  must(tls_read(&pair.tls, bytes, sizeof bytes, &length, &reason) == TLS_WAIT, "half a change of keys");
  must(tls_write(&pair.tls, (const uint8_t *)"x", 1, &reason) == TLS_WAIT, "a write");
  shutdown(pair.other, SHUT_WR);
  must(tls_read(&pair.tls, bytes, sizeof bytes, &length, &reason) != TLS_DONE, "an end");
  check(tls_flush(&pair.tls, &reason) == TLS_FAILED, "or is lost when the peer leaves");
  close_client(&client);
  close_pair(&pair);
}

/* A peer that never stops to send: each call takes its share and no more. */
static void take_turns(void) {
  /* Records of a byte each. */
  static uint8_t flood[6 * MAX_HANDSHAKE_MESSAGE];
  for (size_t at = 0; at < sizeof flood; at += 6) memcpy(flood + at, "\x16\x03\x01\x00\x01", 5);
  flood[5] = 1;
  flood[17] = MAX_HANDSHAKE_MESSAGE >> 8;
  struct pair pair = open_pair();
  must(write(pair.other, flood, sizeof flood) == (ssize_t)sizeof flood, "a flood");
  int left = 0, before = (int)sizeof flood, calls = 0;
  while (before > 0) {
    must(tls_handshake(&pair.tls, context, TLS_GROUPS_CLASSICAL, &reason) == TLS_WAIT, "a hello that does not end");
    must(ioctl(pair.tls.fd, FIONREAD, &left) == 0 && before - left <= MAX_TURN_BYTES, "no more than a share");
    before = left;
    calls++;
  }
  check(calls >= (int)(sizeof flood / MAX_TURN_BYTES), "one that never stops to send has no more of a turn than others");
  close_pair(&pair);
}

/* One that closes its direction without saying so still gets what we have for it. */
static void close_half(int version, const char *name) {
  static uint8_t block[400000], got[RECORD_BYTES];
  size_t length = 0, taken = 0;
  struct pair pair = open_pair();
  struct client client = open_client(pair.other, version, NULL);
  must(shake(&pair, &client), "a handshake");
  must(tls_write(&pair.tls, block, sizeof block, &reason) == TLS_WAIT, "a write");
  shutdown(pair.other, SHUT_WR);
  must(tls_read(&pair.tls, got, sizeof got, &length, &reason) == TLS_ENDED, "an end");
  must(tls_read(&pair.tls, got, sizeof got, &length, &reason) == TLS_ENDED, "it stays one");
  while (taken < sizeof block) {
    const int count = SSL_read(client.ssl, got, sizeof got);
    if (count > 0) taken += (size_t)count;
    else must(pair.tls.wants_room && tls_flush(&pair.tls, &reason) != TLS_FAILED, "a flush");
  }
  tls_end(&pair.tls);
  check(SSL_read(client.ssl, got, 1) <= 0 && SSL_get_shutdown(client.ssl) == SSL_RECEIVED_SHUTDOWN, name);
  close_client(&client);
  close_pair(&pair);
}

static enum tls_outcome shake_with_group(const char *name, enum tls_groups groups) {
  struct pair pair = open_pair();
  struct client client = open_client(pair.other, TLS1_3_VERSION, NULL);
  must(SSL_set1_groups_list(client.ssl, name) == 1, "a group");
  enum tls_outcome outcome = TLS_WAIT;
  for (int turn = 0; turn < 5 && outcome == TLS_WAIT; turn++) {
    SSL_do_handshake(client.ssl);
    outcome = tls_handshake(&pair.tls, context, groups, &reason);
  }
  close_client(&client);
  close_pair(&pair);
  return outcome;
}

static void choose_groups(void) {
  static const char *const classical[] = {"X25519", "P-256", "X448", "P-384", "P-521"};
  for (size_t at = 0; at < sizeof classical / sizeof *classical; at++) {
    must(shake_with_group(classical[at], TLS_GROUPS_CLASSICAL) == TLS_DONE, classical[at]);
    must(shake_with_group(classical[at], TLS_GROUPS_ALL) == TLS_DONE, classical[at]);
  }
  check(shake_with_group("ffdhe2048", TLS_GROUPS_ALL) == TLS_DONE, "the library's own groups");
  check(shake_with_group("ffdhe2048", TLS_GROUPS_CLASSICAL) == TLS_FAILED, "and those that take little");
}

static void refuse_identities(void) {
  static const uint8_t nothing[1];
  const char *none = NULL;
  check(tls_context(nothing, 0, chain, chain_size, CIPHERS, SUITES, ticket_keys, &none) == NULL && none != NULL, "no key");
  none = NULL;
  check(tls_context(key, key_size, nothing, 0, CIPHERS, SUITES, ticket_keys, &none) == NULL && none != NULL, "no certificate");
  check(tls_context(chain, chain_size, key, key_size, CIPHERS, SUITES, ticket_keys, &none) == NULL, "one for the other");
  check(tls_context(key, key_size, chain, chain_size, "nothing", SUITES, ticket_keys, &none) == NULL, "no cipher");
  uint8_t *cut = malloc(chain_size);
  for (size_t length = 0; length < chain_size - 2; length += 7) {
    memcpy(cut, chain, length);
    must(tls_context(key, key_size, cut, length, CIPHERS, SUITES, ticket_keys, &none) == NULL, "half a certificate");
    if (length >= key_size - 2) continue;
    memcpy(cut, key, length);
    must(tls_context(cut, length, chain, chain_size, CIPHERS, SUITES, ticket_keys, &none) == NULL, "half a key");
  }
  memcpy(cut, chain, chain_size);
  uint8_t *twice = malloc(2 * chain_size);
  memcpy(twice, chain, chain_size);
  memcpy(twice + chain_size, chain, chain_size);
  SSL_CTX *longer = tls_context(key, key_size, twice, 2 * chain_size, CIPHERS, SUITES, ticket_keys, &none);
  check(longer != NULL, "a chain of several");
  tls_context_free(longer);
  check(tls_context(key, key_size, twice, 2 * chain_size - 40, CIPHERS, SUITES, ticket_keys, &none) == NULL, "half a chain");
  free(twice);
  free(cut);
  check(ERR_peek_error() == 0, "no error stays in the queue");
}

/* Arguments: files of key and chain, and a seed. */
int main(int argc, char **argv) {
  must(argc > 2, "two files");
  key = read_file(argv[1], &key_size);
  chain = read_file(argv[2], &chain_size);
  check(tls_ticket_keys(ticket_keys), "keys for tickets");
  refuse_identities();
  context = tls_context(key, key_size, chain, chain_size, CIPHERS, SUITES, ticket_keys, &reason);
  check(context != NULL, "a key and its certificate");
  exchange(TLS1_2_VERSION, "TLS 1.2 is spoken");
  exchange(TLS1_3_VERSION, "TLS 1.3 is spoken");
  refuse_old();
  reuse_ticket(TLS1_2_VERSION, "a ticket of 1.2 outlasts the certificate");
  reuse_ticket(TLS1_3_VERSION, "a ticket of 1.3 outlasts the certificate");
  stall();
  split(TLS1_2_VERSION, "a hello of 1.2 in pieces");
  split(TLS1_3_VERSION, "a hello of 1.3 in pieces");
  garbage();
  leave_early();
  announce_long();
  renegotiate_half();
  change_keys();
  halve_key_update();
  take_turns();
  close_half(TLS1_2_VERSION, "the end of one direction of 1.2");
  close_half(TLS1_3_VERSION, "the end of one direction of 1.3");
  choose_groups();
  check(asked_for_certificate == 0, "nobody is asked for a certificate");
  storm(argc > 3 ? (unsigned)atoi(argv[3]) : 1);
  tls_context_free(context);
  free(key);
  free(chain);
  return 0;
}
