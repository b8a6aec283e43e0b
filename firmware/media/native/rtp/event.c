#include "rtp/event.h"

#include <string.h>

#define END_BIT 0x80
#define MAX_DURATION 0xffffu
/* -10 dBm0, in the field's units of -1 dBm0. */
#define SENT_VOLUME 10

/*
 * RFC 4733 §2.5.2.2: a press whose reports stop has ended. Reports come every 50 ms or less; so long a silence outlasts
 * the loss of several in a row.
 */
#define SILENCE_US 400000
/* A packet that much older than the newest report is late; what is older still is of a clock that was set anew. */
#define LATE_SECONDS 5
#define UPDATE_US 50000
/* RFC 4733 §2.5.1.4: the final report goes out three times. Apart, so that one burst of loss does not take them all. */
#define END_SPACING_US 20000
/* A first report must not say 0. */
#define FIRST_DURATION_US 10000
#define US_PER_MS 1000

static const char digits[EVENT_DTMF_COUNT + 1] = "0123456789*#ABCD";

char event_digit(uint8_t event) { return event < EVENT_DTMF_COUNT ? digits[event] : 0; }

bool event_of_digit(char digit, uint8_t *event) {
  if (digit >= 'a' && digit <= 'd') digit = (char)(digit - 'a' + 'A');
  const char *found = digit == 0 ? NULL : strchr(digits, digit);
  if (found == NULL) return false;
  *event = (uint8_t)(found - digits);
  return true;
}

void event_receiver_start(struct event_receiver *receiver, uint32_t clock_rate) {
  memset(receiver, 0, sizeof *receiver);
  receiver->clock_rate = clock_rate;
}

void event_receiver_restart(struct event_receiver *receiver) { receiver->restarted = true; }

static uint32_t milliseconds(const struct event_receiver *receiver) {
  const uint64_t units = (uint64_t)receiver->before + receiver->duration;
  return (uint32_t)(units * 1000 / receiver->clock_rate);
}

static struct event_change end(struct event_receiver *receiver) {
  receiver->pressed = false;
  return (struct event_change){EVENT_ENDED, receiver->event, milliseconds(receiver)};
}

/* RFC 4733 §2.5.1.3: an event too long for its duration field goes on in a segment that begins where the last one ended. */
static bool is_next_segment(const struct event_receiver *receiver, uint32_t timestamp, uint8_t event) {
  return receiver->pressed && !receiver->restarted && event == receiver->event &&
         timestamp - receiver->timestamp == MAX_DURATION;
}

static bool is_late(const struct event_receiver *receiver, uint32_t timestamp) {
  const int64_t ahead = (int32_t)(timestamp - receiver->timestamp);
  return receiver->known && !receiver->restarted && ahead < 0 && ahead > -(int64_t)receiver->clock_rate * LATE_SECONDS;
}

static size_t take_report(struct event_receiver *receiver, uint32_t timestamp, const uint8_t *bytes, uint64_t now_us,
                          struct event_change *changes) {
  const uint8_t event = bytes[0];
  const bool is_end = (bytes[1] & END_BIT) != 0;
  const uint32_t duration = (uint32_t)bytes[2] << 8 | bytes[3];
  size_t count = 0;
  if (is_late(receiver, timestamp)) return 0;
  /* RFC 4733 §2.5.1.2: every report of a press has the timestamp of its beginning. */
  const bool is_same = receiver->known && !receiver->restarted && timestamp == receiver->timestamp && event == receiver->event;
  if (is_same && !receiver->pressed) return 0; /* its end, once more; or a report that the end overtook */
  if (!is_same && is_next_segment(receiver, timestamp, event)) {
    /* A press is held for days at the most: the sum stays where it is before it could turn over. */
    if (receiver->before < UINT32_MAX - 2 * MAX_DURATION) receiver->before += MAX_DURATION;
    receiver->timestamp = timestamp;
    receiver->duration = duration;
  } else if (!is_same) {
    /* RFC 4733 §2.5.2.2: the next press ends one whose end was lost. */
    if (receiver->pressed) changes[count++] = end(receiver);
    *receiver = (struct event_receiver){
        .pressed = true, .known = true, .event = event, .clock_rate = receiver->clock_rate, .timestamp = timestamp, .duration = duration};
    changes[count++] = (struct event_change){EVENT_BEGAN, event, milliseconds(receiver)};
  } else if (duration > receiver->duration) {
    receiver->duration = duration;
  }
  receiver->heard_us = now_us;
  if (is_end) changes[count++] = end(receiver);
  return count;
}

size_t event_receiver_take(struct event_receiver *receiver, uint32_t timestamp, const uint8_t *payload, size_t bytes,
                           uint64_t now_us, struct event_change *changes) {
  if (bytes == 0 || bytes % EVENT_REPORT_BYTES != 0) return 0;
  size_t count = 0;
  for (size_t i = 0; i < EVENT_MAX_REPORTS && (i + 1) * EVENT_REPORT_BYTES <= bytes; i++) {
    const uint8_t *report = payload + i * EVENT_REPORT_BYTES;
    count += take_report(receiver, timestamp, report, now_us, changes + count);
    /* RFC 4733 §2.5.1.5: several in one packet follow each other without a gap, the first at the packet's timestamp. */
    timestamp += (uint32_t)report[2] << 8 | report[3];
  }
  return count;
}

uint64_t event_receiver_due(const struct event_receiver *receiver) {
  return receiver->pressed ? receiver->heard_us + SILENCE_US : UINT64_MAX;
}

bool event_receiver_expire(struct event_receiver *receiver, uint64_t now_us, struct event_change *change) {
  if (now_us < event_receiver_due(receiver)) return false;
  *change = end(receiver);
  return true;
}

static void write_payload(uint8_t payload[EVENT_REPORT_BYTES], uint8_t event, bool is_end, uint32_t duration) {
  payload[0] = event;
  payload[1] = (uint8_t)((is_end ? END_BIT : 0) | SENT_VOLUME);
  payload[2] = (uint8_t)(duration >> 8);
  payload[3] = (uint8_t)duration;
}

void event_receiver_end_report(const struct event_receiver *receiver, uint8_t payload[EVENT_REPORT_BYTES]) {
  write_payload(payload, receiver->event, true, receiver->duration);
}

void event_sender_start(struct event_sender *sender, uint32_t clock_rate) {
  memset(sender, 0, sizeof *sender);
  sender->clock_rate = clock_rate;
}

static bool is_in_range(uint32_t ms) { return ms >= EVENT_MIN_MS && ms <= EVENT_MAX_MS; }

bool event_sender_add(struct event_sender *sender, const struct event_press *press) {
  if (sender->count == EVENT_QUEUE_PRESSES || !is_in_range(press->pause_ms)) return false;
  if (press->duration_ms != EVENT_UNTIL_RELEASED && !is_in_range(press->duration_ms)) return false;
  sender->queue[(sender->first + sender->count++) % EVENT_QUEUE_PRESSES] = *press;
  return true;
}

void event_sender_release(struct event_sender *sender, uint32_t least_ms, uint64_t now_us) {
  if (least_ms < EVENT_MIN_MS) least_ms = EVENT_MIN_MS;
  for (unsigned i = 0; i < sender->count; i++) {
    struct event_press *waiting = &sender->queue[(sender->first + i) % EVENT_QUEUE_PRESSES];
    if (waiting->duration_ms == EVENT_UNTIL_RELEASED) waiting->duration_ms = least_ms;
  }
  if (sender->state != EVENT_SENDER_PRESSED || sender->ends_us != UINT64_MAX) return;
  const uint64_t shortest = sender->began_us + (uint64_t)least_ms * US_PER_MS;
  sender->ends_us = now_us > shortest ? now_us : shortest;
  if (sender->due_us > sender->ends_us) sender->due_us = sender->ends_us;
}

void event_sender_cancel(struct event_sender *sender, uint64_t now_us) {
  sender->count = 0;
  if (sender->state == EVENT_SENDER_PRESSED && sender->ends_us > now_us) {
    sender->ends_us = UINT64_MAX;
    event_sender_release(sender, 0, now_us);
  }
}

bool event_sender_is_busy(const struct event_sender *sender) {
  return sender->count > 0 || sender->state != EVENT_SENDER_IDLE;
}

bool event_sender_is_pressed(const struct event_sender *sender, uint64_t now_us) {
  return sender->state == EVENT_SENDER_PRESSED && now_us < sender->ends_us;
}

uint64_t event_sender_due(const struct event_sender *sender) {
  return event_sender_is_busy(sender) ? sender->due_us : UINT64_MAX;
}

static uint32_t units(const struct event_sender *sender, uint64_t us) {
  return (uint32_t)(us * sender->clock_rate / 1000000);
}

static void write_report(const struct event_sender *sender, bool is_end, uint32_t duration, struct event_packet *packet) {
  packet->marker = false;
  packet->timestamp = sender->began_timestamp + sender->segment;
  write_payload(packet->payload, sender->press.event, is_end, duration);
}

static void begin(struct event_sender *sender, uint64_t now_us, uint32_t stream_timestamp) {
  sender->press = sender->queue[sender->first];
  sender->first = (sender->first + 1) % EVENT_QUEUE_PRESSES;
  sender->count--;
  sender->state = EVENT_SENDER_PRESSED;
  sender->began_us = now_us;
  sender->ends_us = sender->press.duration_ms == EVENT_UNTIL_RELEASED
                        ? UINT64_MAX
                        : now_us + (uint64_t)sender->press.duration_ms * US_PER_MS;
  sender->due_us = now_us;
  sender->began_timestamp = stream_timestamp;
  sender->segment = 0;
  sender->told = false;
  sender->ends_told = 0;
}

/* The report of a press at `now_us`; the segment is filled up first where the press has outgrown it. */
static void tell(struct event_sender *sender, uint64_t now_us, struct event_packet *packet) {
  const bool is_over = now_us >= sender->ends_us;
  uint64_t lasted_us = (is_over ? sender->ends_us : now_us) - sender->began_us;
  if (lasted_us < FIRST_DURATION_US) lasted_us = FIRST_DURATION_US;
  const uint32_t lasted = units(sender, lasted_us) - sender->segment;
  if (lasted > MAX_DURATION) {
    write_report(sender, false, MAX_DURATION, packet);
    sender->segment += MAX_DURATION;
    sender->due_us = now_us;
  } else {
    write_report(sender, is_over, lasted, packet);
    sender->due_us += is_over ? END_SPACING_US : UPDATE_US;
    if (is_over) {
      sender->state = EVENT_SENDER_ENDED;
      sender->ends_told = 1;
    } else if (sender->due_us > sender->ends_us) {
      sender->due_us = sender->ends_us;
    }
  }
  packet->marker = !sender->told;
  sender->told = true;
}

bool event_sender_next(struct event_sender *sender, uint64_t now_us, uint32_t stream_timestamp, struct event_packet *packet) {
  for (;;) {
    if (!event_sender_is_busy(sender) || now_us < sender->due_us) return false;
    switch (sender->state) {
      case EVENT_SENDER_IDLE:
        begin(sender, now_us, stream_timestamp);
        break;
      case EVENT_SENDER_PRESSED:
        /* A loop that stood still does not send what it missed. */
        if (now_us > sender->due_us + UPDATE_US) sender->due_us = now_us;
        tell(sender, now_us, packet);
        return true;
      case EVENT_SENDER_ENDED:
        if (sender->ends_told < EVENT_END_REPORTS) {
          const uint32_t lasted = units(sender, sender->ends_us - sender->began_us) - sender->segment;
          write_report(sender, true, lasted, packet);
          sender->ends_told++;
          sender->due_us += END_SPACING_US;
          return true;
        }
        sender->state = EVENT_SENDER_IDLE;
        sender->due_us = sender->ends_us + (uint64_t)sender->press.pause_ms * US_PER_MS;
        break;
    }
  }
}
