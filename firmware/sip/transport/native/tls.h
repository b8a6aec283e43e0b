/* The server's side of TLS on sockets that never block. No JavaScript in here, and nothing is called back. */
#ifndef TLS_H
#define TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* OpenSSL's own names, so that who includes this needs none of its headers. */
typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_st SSL;

/* What tickets are sealed with: key name, HMAC key and AES key. */
#define TICKET_KEY_BYTES 80
/* The largest content of a record (RFC 8446 section 5.1): with as much room a read leaves nothing behind in OpenSSL. */
#define RECORD_BYTES 16384
/* What one call takes from a socket at most: a peer that never stops to send has no more of a turn than others. */
#define MAX_TURN_BYTES (2 * RECORD_BYTES)
/*
 * The longest message of a handshake that a client may send, beyond what any phone says. OpenSSL takes 128 kB, and makes
 * room for all that is announced before any of it came.
 */
#define MAX_HANDSHAKE_MESSAGE RECORD_BYTES
/* What may wait for a peer that does not read. Whoever writes is to stop long before. */
#define MAX_UNSENT (4u << 20)

enum tls_outcome {
  TLS_DONE,
  TLS_WAIT,  /* for what tls_events says */
  TLS_ENDED, /* the peer sends nothing more */
  TLS_FAILED /* nothing but tls_free may follow */
};

/* How far a handshake has come that is under way: the part of it that the peer sends in clear. */
struct gauge {
  uint32_t message_left; /* bytes of the message that is coming */
  uint16_t record_left;  /* and of the record */
  uint8_t message_bytes, record_bytes; /* of their headers, so many came */
  uint8_t record_type;
  bool is_sealed; /* what comes now says nothing about its length */
  bool is_exceeded;
};

struct tls {
  SSL *ssl; /* NULL until the peer has said something: a connection that says nothing costs next to nothing */
  int fd;
  int allowance;  /* bytes that may still be taken from the socket in this call */
  struct gauge gauge;
  bool is_secure; /* the handshake is done */
  bool is_at_end; /* the peer closed its direction, with or without saying so */
  bool is_failed;
  bool wants_room;      /* there is something to do once the socket takes bytes again */
  bool read_wants_room; /* a read is: until then it would come to nothing */
  uint8_t *unsent;
  size_t unsent_start, unsent_end, unsent_room;
};

/* False where there is no randomness. */
bool tls_ticket_keys(uint8_t keys[TICKET_KEY_BYTES]);

/*
 * TLS 1.2 and 1.3 with a key and a chain, both PEM; `ciphers` are those of TLS 1.2, `suites` those of 1.3. NULL, and the
 * reason, where they are of no use. Tickets of any context with the same keys are good.
 */
SSL_CTX *tls_context(const uint8_t *key, size_t key_size, const uint8_t *chain, size_t chain_size, const char *ciphers,
                     const char *suites, const uint8_t keys[TICKET_KEY_BYTES], const char **reason);
/* Connections that stand keep theirs. */
void tls_context_free(SSL_CTX *context);

/* Which ways to agree on keys are offered: with ML-KEM a connection takes 6 kB more for as long as it stands. */
enum tls_groups { TLS_GROUPS_ALL /* OpenSSL's own choice */, TLS_GROUPS_CLASSICAL };

/* `groups` counts at the first call. `reason` is a text that stays, set where the outcome is TLS_FAILED. */
enum tls_outcome tls_handshake(struct tls *tls, SSL_CTX *context, enum tls_groups groups, const char **reason);
/* TLS_DONE: `length` bytes came, at least one. */
enum tls_outcome tls_read(struct tls *tls, uint8_t *bytes, size_t room, size_t *length, const char **reason);
/* Takes all or fails: what finds no room in the socket is kept, and tls_flush sends it. */
enum tls_outcome tls_write(struct tls *tls, const uint8_t *bytes, size_t length, const char **reason);
enum tls_outcome tls_flush(struct tls *tls, const char **reason);
/* Bytes that wait for room in the socket. */
size_t tls_unsent(const struct tls *tls);
/* Tells the peer that nothing more comes, where nothing is unsent. */
void tls_end(struct tls *tls);
/* Does not close the socket. Idempotent. */
void tls_free(struct tls *tls);

#endif
