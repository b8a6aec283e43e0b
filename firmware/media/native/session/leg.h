/* Our side towards one party: its sockets, what was negotiated, whom it has latched to, and both streams. */
#ifndef RINGDOWN_LEG_H
#define RINGDOWN_LEG_H

#include "net/address.h"
#include "session/connection.h"
#include "session/digits.h"
#include "session/outgoing.h"
#include "rtp/receiver.h"
#include "session/latch.h"
#include "session/place.h"
#include "session/protection.h"
#include "session/reporting.h"
#include "session/silence.h"

#define NO_PAYLOAD_TYPE 0xff
#define CACHE_LINE_BYTES 64

struct session;
struct player;
struct seat;

struct leg_counters {
  uint64_t packets_received;
  uint64_t bytes_received;
  uint64_t last_received_us; /* monotonic; 0: nothing yet */
  uint64_t packets_sent;
  uint64_t bytes_sent;
  uint64_t packets_lost; /* that did not come so far */
  uint64_t packets_unsent;
  uint64_t malformed;
  uint64_t unauthenticated;
  uint64_t replayed;
  uint64_t unknown_payload_type;
  uint64_t wrong_source;
  uint64_t late;
  uint64_t missed; /* of those, the ones that were not there before: something else was heard for them */
  uint64_t unforwarded;
};

struct leg_settings {
  bool rtcp_mux; /* RTCP on the port of RTP (RFC 5761) */
  enum codec codec;
  uint8_t payload_type;
  uint8_t event_payload_type; /* of those we send, and of those we take; NO_PAYLOAD_TYPE: none */
  uint8_t event_received_type; /* under which they may come too; NO_PAYLOAD_TYPE: no other */
  uint8_t noise_payload_type; /* of comfort noise (RFC 3389), both ways; NO_PAYLOAD_TYPE: none */
  uint16_t ptime_ms;
  bool receives; /* we take what the remote sends */
  bool sends;    /* we send to the remote */
  uint8_t dscp;  /* of what we send, 0 to 63 */
  uint32_t silence_ms; /* without a packet, before it is told; 0: never */
  union address remote;
  union address rtcp_remote; /* of no use with rtcp_mux */
  struct encoder_options encoding; /* `annex_b`: the remote takes silence descriptors */
  bool detects_digits;       /* the party's digits are in its audio */
  bool digits_by_signalling; /* the party is told of digits by others: neither events nor tones for it */
};

/* Who speaks to the party. */
enum voice {
  VOICE_PEER,  /* its peer */
  VOICE_LOCAL, /* whoever calls leg_speak; what the peer says goes nowhere */
};

/* How what a party says gets into the stream to its peer (route.c chooses). */
enum route {
  ROUTE_NONE,
  ROUTE_PASS,      /* same codec and ptime: each packet as it is */
  ROUTE_REFRAME,   /* same codec: cut anew */
  ROUTE_TRANSCODE, /* through the leg's listening */
};

/* Who else takes what a party says. */
enum leg_ear {
  EAR_PEER, /* nobody */
  EAR_PULL, /* whoever calls leg_pull, in his own time; what the party says goes nowhere else, but to taps */
};

struct listening;

/* What a party said, in order. */
struct said {
  const int16_t *pcm;
  size_t samples;
  uint32_t sample_rate; /* of the samples, Hz */
  uint32_t timestamp;   /* of the first one, by the party's own clock */
  uint32_t clock_rate;  /* of that clock, Hz */
  bool restarted;       /* it has nothing to do with the timestamps before */
  uint64_t now_us;
};

/* Who listens to a party: embedded in its owner, as a timer is. */
struct leg_tap {
  void (*hear)(struct leg_tap *tap, const struct said *said);
  struct leg_tap *next;
};

/*
 * With thousands of legs none of it is in the processor's caches when a packet comes: what the packet needs lies together, each
 * part's own first members among it, in as few lines of the cache as may be (fetch.h).
 */
struct leg {
  _Alignas(CACHE_LINE_BYTES) struct session *session;
  struct leg *peer; /* of this or of another session on the same loop (pair.h); NULL: the party is alone */
  struct listening *listening;  /* NULL while nothing that the party says is decoded */
  struct connection connection; /* RTP with the party where it is, once the latch is locked */
  int rtp_fd;
  int rtcp_fd;
  enum route route;
  enum voice voice; /* set by leg_set_voice (party.h) */
  sa_family_t family;
  bool configured;
  bool resumes;     /* `resumed` waits for the leg's first parameters */
  bool event_known; /* the event that is being pressed, or was last */
  struct leg_settings settings;
  struct protection protection; /* SRTP, when it is on */
  struct latch latch;           /* where RTP of the party is */

  struct receiver receiver;
  uint64_t taken_until_us;     /* when the audio taken would end at the fastest pace allowed */
  uint32_t expected_timestamp; /* of the source's next audio */
  uint32_t event_timestamp;    /* of the source */
  uint32_t event_sent_as;      /* timestamp in the peer's stream */
  enum leg_ear ear;            /* set by leg_set_ear */
  struct silence silence;
  _Alignas(CACHE_LINE_BYTES) struct reporting reporting;
  _Alignas(CACHE_LINE_BYTES) struct leg_counters counters;

  _Alignas(CACHE_LINE_BYTES) struct outgoing outgoing;
  _Alignas(CACHE_LINE_BYTES) struct digits digits;

  struct latch rtcp_latch; /* where RTCP of the party is, when that has a port of its own */
  struct leg_place resumed;
  struct leg_tap *taps;  /* leg_add_tap; NULL: nobody listens */
  struct player *player; /* its own; NULL: nothing is played to the party (player.h) */
  struct seat *seat;     /* its own; NULL: it is in no conference (conference.h) */
};

enum leg_fault { LEG_OK, LEG_BAD_ADDRESS, LEG_ERRNO };

/* Binds RTP on `port` and RTCP on the one after it. LEG_ERRNO: see errno. */
enum leg_fault leg_open(struct leg *leg, const char *address, uint16_t port);
void leg_close(struct leg *leg);

/* Where to send. */
const union address *leg_remote(const struct leg *leg);
/* Who hears it and whom it hears, or NULL. */
static inline struct leg *leg_peer(const struct leg *leg) { return leg->peer; }

/* What new settings change. */
enum leg_change {
  LEG_SAME,  /* at most directions and payload types */
  LEG_MEDIA, /* codec or packets: both streams have to be placed anew */
  LEG_PARTY, /* it is somebody else, or another codec: coders begin anew */
};
enum leg_change leg_configure(struct leg *leg, const struct leg_settings *settings);

#endif
