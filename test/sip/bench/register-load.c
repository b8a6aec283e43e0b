/*
 * A crowd of phones that register again and again over UDP: REGISTER, 401, REGISTER with digest, 200. Each phone has one
 * Call-ID and counts its CSeq up (RFC 3261 section 10.2.4), and sends again what is not answered as timer E says (17.1.2.2).
 *
 *   register-load --target 127.0.0.1:5060 --users 384 --count 10000 [--rate N | --window N] [--algorithm MD5|SHA-256]
 *
 * With --rate registrations begin at that many a second whatever becomes of them, with --window that many are under way.
 * Prints one line of JSON: what came of them, what was sent again, and how long each took from its first REGISTER to 200.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_SOCKETS = 1024, BATCH = 64, MESSAGE_BYTES = 2048, HEX_BYTES = 65, HISTOGRAM_US = 40000000 };
enum { T1_US = 500000, T2_US = 4000000, TIMEOUT_US = 64 * T1_US };
/* After so long without any answer there is no server. */
enum { SILENCE_US = 20000000 };
static const unsigned FIRST_NUMBER = 1000;
/* The same in every run, so that a later run takes the place of an earlier one's bindings. */
static const unsigned CONTACT_PORT = 30000;

enum phone_state { IDLE, ASKING, PROVING };

struct phone {
  enum phone_state state;
  unsigned number;
  unsigned call;
  unsigned cseq;
  unsigned socket;
  unsigned attempts; /* challenges answered within one registration */
  unsigned branch;
  int64_t started_us;
  int64_t sent_us;
  int64_t interval_us; /* until it is sent again */
  char message[MESSAGE_BYTES];
  int length;
};

struct credentials {
  char realm[128];
  char ha1[HEX_BYTES];
};

struct option_values {
  struct sockaddr_in target;
  const char *target_text;
  const char *source;
  const char *password; /* the number stands behind it */
  const char *algorithm;
  unsigned users, devices, sockets, count, rate, window, pid;
};

static struct option_values options;
static struct phone *phones;
static unsigned phone_count;
static struct credentials *credentials;
static int sockets[MAX_SOCKETS];
static uint16_t ports[MAX_SOCKETS];
static const EVP_MD *digest;
static char ha2[HEX_BYTES];
static unsigned begun, done, failed, stale, sent_again, late, skipped, unexpected, under_way;
static unsigned last_status;
static int64_t answered_us;
static uint32_t *latencies_us;

static int64_t now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void hash_hex(const char *text, size_t length, char out[HEX_BYTES]) {
  static const char digits[] = "0123456789abcdef";
  unsigned char raw[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(text, length, raw, &size, digest, NULL) != 1) exit(1);
  for (unsigned at = 0; at < size; at += 1) {
    out[2 * at] = digits[raw[at] >> 4];
    out[2 * at + 1] = digits[raw[at] & 15];
  }
  out[2 * size] = 0;
}

static void send_now(struct phone *phone) {
  ssize_t sent = send(sockets[phone->socket], phone->message, (size_t)phone->length, 0);
  /* A full buffer or a port that is not open yet: the timer sends it again. */
  if (sent < 0 && errno != EAGAIN && errno != ECONNREFUSED && errno != ENOBUFS) die("send");
}

/* `authorization` is empty or a whole header field. */
static void send_register(struct phone *phone, const char *authorization) {
  phone->cseq += 1;
  phone->branch += 1;
  unsigned port = ports[phone->socket];
  phone->length = snprintf(
      phone->message, MESSAGE_BYTES,
      "REGISTER sip:%s SIP/2.0\r\n"
      "Via: SIP/2.0/UDP %s:%u;branch=z9hG4bK-%x-%x-%x;rport\r\n"
      "Max-Forwards: 70\r\n"
      "From: \"User %u\" <sip:%u@%s>;tag=%x%x\r\n"
      "To: <sip:%u@%s>\r\n"
      "Call-ID: %x-%x-5d7e1a90c2@%s\r\n"
      "CSeq: %u REGISTER\r\n"
      "Contact: <sip:%u@%s:%u;line=%x>;expires=600\r\n"
      "User-Agent: Bench phone 1.0\r\n"
      "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, NOTIFY, REFER, UPDATE\r\n"
      "Supported: replaces, outbound, path\r\n"
      "%s"
      "Content-Length: 0\r\n\r\n",
      inet_ntoa(options.target.sin_addr), options.source, port, options.pid, phone->call, phone->branch, phone->number,
      phone->number, inet_ntoa(options.target.sin_addr), options.pid, phone->branch, phone->number,
      inet_ntoa(options.target.sin_addr), phone->call, options.pid, options.source, phone->cseq, phone->number,
      options.source, CONTACT_PORT + phone->socket, phone->call, authorization);
  if (phone->length >= MESSAGE_BYTES) exit(1);
  phone->sent_us = now_us();
  phone->interval_us = T1_US;
  send_now(phone);
}

static void begin(struct phone *phone) {
  phone->state = ASKING;
  phone->attempts = 0;
  begun += 1;
  under_way += 1;
  send_register(phone, "");
  phone->started_us = phone->sent_us;
}

static void end(struct phone *phone, bool success) {
  int64_t took = now_us() - phone->started_us;
  phone->state = IDLE;
  under_way -= 1;
  if (success) {
    latencies_us[done] = (uint32_t)(took < HISTOGRAM_US ? took : HISTOGRAM_US);
    done += 1;
    if (took >= T1_US) late += 1;
  } else {
    failed += 1;
  }
}

/* Copies the value of `name="value"` that stands between `from` and `to`. */
static bool parameter(const char *from, const char *to, const char *name, char *value, size_t size) {
  size_t length = strlen(name);
  for (const char *at = from; at + length + 2 < to; at += 1) {
    if (strncasecmp(at, name, length) != 0 || at[length] != '=' || at[length + 1] != '"') continue;
    const char *begin_value = at + length + 2;
    const char *end_value = memchr(begin_value, '"', (size_t)(to - begin_value));
    if (end_value == NULL || (size_t)(end_value - begin_value) >= size) return false;
    memcpy(value, begin_value, (size_t)(end_value - begin_value));
    value[end_value - begin_value] = 0;
    return true;
  }
  return false;
}

/* The challenge of our algorithm; without a word about it a challenge is one of MD5 (RFC 8760 section 2.1). */
static bool find_challenge(const char *text, char *realm, size_t realm_size, char *nonce, size_t nonce_size) {
  for (const char *line = text; (line = strcasestr(line, "\r\nWWW-Authenticate:")) != NULL; line += 2) {
    const char *line_end = strstr(line + 2, "\r\n");
    if (line_end == NULL) return false;
    const char *algorithm = strcasestr(line, "algorithm=");
    const char *value = algorithm == NULL || algorithm > line_end ? "MD5" : algorithm + strlen("algorithm=");
    if (*value == '"') value += 1;
    size_t length = strlen(options.algorithm);
    if (strncasecmp(value, options.algorithm, length) != 0 || value[length] == '-') continue;
    if (parameter(line, line_end, "realm", realm, realm_size) && parameter(line, line_end, "nonce", nonce, nonce_size)) {
      return true;
    }
  }
  return false;
}

static void answer_challenge(struct phone *phone, const char *text) {
  char realm[128], nonce[256], response[HEX_BYTES], input[1024], authorization[1024];
  if (!find_challenge(text, realm, sizeof realm, nonce, sizeof nonce)) {
    end(phone, false);
    return;
  }
  struct credentials *known = &credentials[phone->number - FIRST_NUMBER];
  if (strcmp(known->realm, realm) != 0) {
    int length = snprintf(input, sizeof input, "%u:%s:%s%u", phone->number, realm, options.password, phone->number);
    hash_hex(input, (size_t)length, known->ha1);
    strcpy(known->realm, realm);
  }
  char cnonce[24];
  snprintf(cnonce, sizeof cnonce, "%08x%08x", phone->branch * 2654435761u, phone->call);
  int length = snprintf(input, sizeof input, "%s:%s:00000001:%s:auth:%s", known->ha1, nonce, cnonce, ha2);
  hash_hex(input, (size_t)length, response);
  snprintf(authorization, sizeof authorization,
           "Authorization: Digest username=\"%u\", realm=\"%s\", nonce=\"%s\", uri=\"sip:%s\", response=\"%s\", "
           "algorithm=%s, cnonce=\"%s\", qop=auth, nc=00000001\r\n",
           phone->number, realm, nonce, inet_ntoa(options.target.sin_addr), response, options.algorithm, cnonce);
  phone->state = PROVING;
  phone->attempts += 1;
  send_register(phone, authorization);
}

static void receive(const char *text) {
  if (strncmp(text, "SIP/2.0 ", 8) != 0) return;
  unsigned status = (unsigned)strtoul(text + 8, NULL, 10);
  const char *call_id = strcasestr(text, "\r\nCall-ID: ");
  const char *cseq = strcasestr(text, "\r\nCSeq: ");
  if (call_id == NULL || cseq == NULL) return;
  char *rest = NULL;
  unsigned long call = strtoul(call_id + 11, &rest, 16);
  if (call >= phone_count || rest == NULL || *rest != '-' || strtoul(rest + 1, NULL, 16) != options.pid) return;
  struct phone *phone = &phones[call];
  /* An answer to what was answered before. */
  if (phone->state == IDLE || strtoul(cseq + 8, NULL, 10) != phone->cseq || status < 200) return;
  if (status == 401 && phone->attempts < 3) {
    if (phone->attempts > 0) stale += 1;
    answer_challenge(phone, text);
  } else {
    if (status != 200) {
      last_status = status;
      unexpected += 1;
    }
    end(phone, status == 200);
  }
}

static void receive_all(int fd) {
  static char buffers[BATCH][MESSAGE_BYTES];
  static struct mmsghdr messages[BATCH];
  static struct iovec parts[BATCH];
  for (;;) {
    for (unsigned at = 0; at < BATCH; at += 1) {
      parts[at] = (struct iovec){.iov_base = buffers[at], .iov_len = MESSAGE_BYTES - 1};
      messages[at].msg_hdr = (struct msghdr){.msg_iov = &parts[at], .msg_iovlen = 1};
    }
    int count = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
    if (count > 0) answered_us = now_us();
    for (int at = 0; at < count; at += 1) {
      buffers[at][messages[at].msg_len] = 0;
      receive(buffers[at]);
    }
    if (count < BATCH) return;
  }
}

static void retransmit_due(int64_t now) {
  for (unsigned at = 0; at < phone_count; at += 1) {
    struct phone *phone = &phones[at];
    if (phone->state == IDLE || now - phone->sent_us < phone->interval_us) continue;
    if (now - phone->started_us >= TIMEOUT_US) {
      end(phone, false);
      continue;
    }
    sent_again += 1;
    phone->sent_us = now;
    phone->interval_us = phone->interval_us * 2 < T2_US ? phone->interval_us * 2 : T2_US;
    send_now(phone);
  }
}

static struct phone *next_idle(void) {
  static unsigned next;
  for (unsigned tried = 0; tried < phone_count; tried += 1) {
    struct phone *phone = &phones[next];
    next = (next + 1) % phone_count;
    if (phone->state == IDLE) return phone;
  }
  return NULL;
}

static unsigned positive(const char *name, const char *text) {
  char *rest = NULL;
  unsigned long value = strtoul(text, &rest, 10);
  if (rest == text || *rest != 0 || value < 1 || value > 100000000) {
    fprintf(stderr, "register-load: --%s %s is no positive number\n", name, text);
    exit(2);
  }
  return (unsigned)value;
}

static void read_options(int argc, char **argv) {
  static const struct option known[] = {
      {"target", 1, 0, 't'}, {"source", 1, 0, 's'},  {"users", 1, 0, 'u'},  {"devices", 1, 0, 'd'},
      {"sockets", 1, 0, 'k'}, {"count", 1, 0, 'c'},  {"rate", 1, 0, 'r'},   {"window", 1, 0, 'w'},
      {"password", 1, 0, 'p'}, {"algorithm", 1, 0, 'a'}, {0, 0, 0, 0}};
  options = (struct option_values){.source = "127.0.0.1", .password = "only-for-bench-", .algorithm = "MD5",
                                   .users = 384, .devices = 1, .sockets = 384, .count = 10000};
  int letter, index = 0;
  while ((letter = getopt_long(argc, argv, "", known, &index)) != -1) {
    switch (letter) {
      case 't': options.target_text = optarg; break;
      case 's': options.source = optarg; break;
      case 'u': options.users = positive("users", optarg); break;
      case 'd': options.devices = positive("devices", optarg); break;
      case 'k': options.sockets = positive("sockets", optarg); break;
      case 'c': options.count = positive("count", optarg); break;
      case 'r': options.rate = positive("rate", optarg); break;
      case 'w': options.window = positive("window", optarg); break;
      case 'p': options.password = optarg; break;
      case 'a': options.algorithm = optarg; break;
      default: exit(2);
    }
  }
  char host[64];
  const char *colon = options.target_text == NULL ? NULL : strchr(options.target_text, ':');
  if (colon == NULL || (size_t)(colon - options.target_text) >= sizeof host || options.sockets > MAX_SOCKETS) {
    fprintf(stderr, "register-load: give --target ADDRESS:PORT and at most %d sockets\n", MAX_SOCKETS);
    exit(2);
  }
  memcpy(host, options.target_text, (size_t)(colon - options.target_text));
  host[colon - options.target_text] = 0;
  options.target.sin_family = AF_INET;
  options.target.sin_port = htons((uint16_t)positive("target", colon + 1));
  if (inet_pton(AF_INET, host, &options.target.sin_addr) != 1) die("target");
  if (options.rate == 0 && options.window == 0) options.window = 64;
  options.pid = (unsigned)getpid();
}

static int by_size(const void *left, const void *right) {
  uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  return a < b ? -1 : a > b;
}

static double latency_ms(double share) {
  return done == 0 ? 0 : latencies_us[(size_t)((done - 1) * share)] / 1000.0;
}

static void open_sockets(int epoll) {
  for (unsigned at = 0; at < options.sockets; at += 1) {
    struct sockaddr_in local = {.sin_family = AF_INET};
    socklen_t size = sizeof local;
    int buffer = 1 << 22;
    if (inet_pton(AF_INET, options.source, &local.sin_addr) != 1) die("source");
    sockets[at] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (sockets[at] < 0 || bind(sockets[at], (struct sockaddr *)&local, sizeof local) != 0) die("bind");
    setsockopt(sockets[at], SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    if (connect(sockets[at], (struct sockaddr *)&options.target, sizeof options.target) != 0) die("connect");
    getsockname(sockets[at], (struct sockaddr *)&local, &size);
    ports[at] = ntohs(local.sin_port);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = sockets[at]};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, sockets[at], &event) != 0) die("epoll_ctl");
  }
}

static void begin_due(int64_t elapsed_us) {
  if (options.rate == 0) {
    while (begun < options.count && under_way < options.window) {
      struct phone *phone = next_idle();
      if (phone == NULL) return;
      begin(phone);
    }
    return;
  }
  uint64_t due = (uint64_t)elapsed_us * options.rate / 1000000 + 1;
  while (begun + skipped < options.count && begun + skipped < due) {
    struct phone *phone = next_idle();
    /* Every phone waits: the server is that far behind. */
    if (phone == NULL) skipped += 1;
    else begin(phone);
  }
}

static void run(int epoll) {
  int64_t started = now_us(), looked = started;
  answered_us = started;
  while (begun + skipped < options.count || under_way > 0) {
    int64_t now = now_us();
    begin_due(now - started);
    if (now - looked >= 10000) {
      if (now - answered_us > SILENCE_US) {
        fprintf(stderr, "register-load: nobody answers at %s\n", options.target_text);
        exit(1);
      }
      retransmit_due(now);
      looked = now;
    }
    struct epoll_event events[MAX_SOCKETS];
    int64_t wait_us = 5000;
    if (options.rate > 0 && begun + skipped < options.count) {
      int64_t next = (int64_t)(begun + skipped) * 1000000 / options.rate - (now_us() - started);
      wait_us = next < 0 ? 0 : next < wait_us ? next : wait_us;
    }
    struct timespec wait = {.tv_nsec = wait_us * 1000};
    int count = epoll_pwait2(epoll, events, MAX_SOCKETS, &wait, NULL);
    if (count < 0 && errno != EINTR) die("epoll_pwait2");
    for (int at = 0; at < count; at += 1) receive_all(events[at].data.fd);
  }
  double seconds = (double)(now_us() - started) / 1e6;
  qsort(latencies_us, done, sizeof *latencies_us, by_size);
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("{\"done\":%u,\"failed\":%u,\"unexpected\":%u,\"lastStatus\":%u,\"stale\":%u,\"retransmitted\":%u,\"late\":%u,"
         "\"skipped\":%u,\"seconds\":%.3f,\"p50Ms\":%.3f,\"p99Ms\":%.3f,\"maxMs\":%.3f,\"requestBytes\":%d}\n",
         done, failed, unexpected, last_status, stale, sent_again, late, skipped, seconds, latency_ms(0.5),
         latency_ms(0.99), latency_ms(1), phones[0].length);
}

int main(int argc, char **argv) {
  read_options(argc, argv);
  prctl(PR_SET_TIMERSLACK, 1);
  digest = strcmp(options.algorithm, "SHA-256") == 0 ? EVP_sha256() : EVP_md5();
  phone_count = options.users * options.devices;
  phones = calloc(phone_count, sizeof *phones);
  credentials = calloc(options.users, sizeof *credentials);
  latencies_us = calloc(options.count, sizeof *latencies_us);
  int epoll = epoll_create1(0);
  if (phones == NULL || credentials == NULL || latencies_us == NULL || epoll < 0) die("register-load");
  open_sockets(epoll);
  for (unsigned at = 0; at < phone_count; at += 1) {
    phones[at] = (struct phone){.number = FIRST_NUMBER + at % options.users, .call = at, .cseq = 1};
    phones[at].socket = at % options.sockets;
  }
  char text[128];
  int length = snprintf(text, sizeof text, "REGISTER:sip:%s", inet_ntoa(options.target.sin_addr));
  hash_hex(text, (size_t)length, ha2);
  run(epoll);
  return 0;
}
