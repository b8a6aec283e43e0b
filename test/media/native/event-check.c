/* Telephone events, read and written. */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "rtp/event.h"

#define RATE 8000
#define END 0x80
#define MS 1000ull

/* What a receiver makes of a script of reports, as text: "+5 -5:120 " is a press of 5 and its end after 120 ms. */
static void append(char *text, size_t room, const struct event_change *changes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const size_t used = strlen(text);
    if (changes[i].edge == EVENT_BEGAN) snprintf(text + used, room - used, "+%u ", changes[i].event);
    else snprintf(text + used, room - used, "-%u:%u ", changes[i].event, changes[i].duration_ms);
  }
}

struct report {
  uint32_t timestamp;
  uint8_t event, flags;
  uint16_t duration;
};

static void write_report(const struct report *report, uint8_t bytes[EVENT_REPORT_BYTES]) {
  bytes[0] = report->event;
  bytes[1] = report->flags;
  bytes[2] = (uint8_t)(report->duration >> 8);
  bytes[3] = (uint8_t)report->duration;
}

CHECK(check_event_receiver, "events: a press begins once and ends once, whatever of it is lost or repeated") {
  static const struct {
    const char *expected;
    struct report reports[8]; /* 20 ms apart; up to one of duration 0 */
  } cases[] = {
      {"+5 -5:100 ", {{800, 5, 10, 160}, {800, 5, 10, 320}, {800, 5, 10, 800}, {800, 5, END | 10, 800}, {800, 5, END | 10, 800}, {800, 5, END | 10, 800}}},
      /* The beginning is lost; only one end is heard. */
      {"+5 -5:60 ", {{800, 5, 10, 480}, {800, 5, END, 480}}},
      {"+11 -11:100 ", {{0xfffffff0, 11, END | 10, 800}, {0xfffffff0, 11, END | 10, 800}}},
      /* All ends are lost, and the next press tells. */
      {"+1 -1:40 +2 -2:20 ", {{800, 1, 10, 160}, {800, 1, 10, 320}, {2400, 2, 10, 160}, {2400, 2, END, 160}}},
      /* The same key twice. */
      {"+7 -7:20 +7 -7:20 ", {{800, 7, 10, 160}, {800, 7, END, 160}, {2400, 7, 10, 160}, {2400, 7, END, 160}}},
      /* An end overtakes a report, which then comes late; so does one of the press before. */
      {"+7 -7:60 +8 -8:20 ", {{800, 7, 10, 160}, {800, 7, END, 480}, {800, 7, 10, 320}, {2400, 8, 10, 160}, {800, 7, END, 480}, {2400, 8, END, 160}}},
      /* Volume, and the bit that is reserved, say nothing. */
      {"+0 -0:20 ", {{800, 0, 0x7f, 160}, {800, 0, 0xff, 160}}},
      /* A flash, and an event that nobody knows. */
      {"+16 -16:20 +200 -200:20 ", {{800, 16, 10, 160}, {800, 16, END, 160}, {1600, 200, 10, 160}, {1600, 200, END, 160}}},
      /* RFC 4733 §2.5.1.3: three segments of one press, the second one's last report lost. */
      {"+3 -3:16403 ", {{800, 3, 10, 0xffff}, {800 + 0xffff, 3, 10, 400}, {800 + 2 * 0xffff, 3, 10, 80}, {800 + 2 * 0xffff, 3, END, 160}}},
      /* A clock that was set back by far: another press. */
      {"+3 -3:20 +4 -4:20 ", {{0x40000000, 3, END, 160}, {0x20000000, 4, END, 160}}},
      /* Reports overtake each other, and the end says less than was reported: the longest counts. */
      {"+6 -6:60 ", {{800, 6, 10, 480}, {800, 6, 10, 320}, {800, 6, END, 400}}},
      /* Two keys at the same moment, as of a sender that does not move on. */
      {"+1 -1:20 +2 -2:40 ", {{800, 1, 10, 160}, {800, 2, 10, 160}, {800, 2, END, 320}}},
      /* The same key again, just when a segment of the first press would begin. */
      {"+3 -3:20 +3 -3:20 ", {{800, 3, END, 160}, {800 + 0xffff, 3, 10, 160}, {800 + 0xffff, 3, END, 160}}},
      /* Across the end of the number space. */
      {"+3 -3:20 +4 -4:20 ", {{0xffffff00, 3, END, 160}, {0x100, 4, END, 160}, {0xffffff00, 3, END, 160}}},
  };
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct event_receiver receiver;
    struct event_change changes[EVENT_MAX_CHANGES];
    char text[256] = "";
    event_receiver_start(&receiver, RATE);
    uint64_t now_us = 1000 * MS;
    for (unsigned j = 0; j < 8 && cases[i].reports[j].duration != 0; j++) {
      uint8_t bytes[EVENT_REPORT_BYTES];
      write_report(&cases[i].reports[j], bytes);
      append(text, sizeof text, changes, event_receiver_take(&receiver, cases[i].reports[j].timestamp, bytes, sizeof bytes, now_us, changes));
      now_us += 20 * MS;
    }
    if (strcmp(text, cases[i].expected) != 0) printf(" (%s)", text);
    EXPECT(strcmp(text, cases[i].expected), 0);
    EXPECT(event_receiver_due(&receiver) == UINT64_MAX, true);
  }
}

CHECK(check_event_silence, "events: a press that is told of no more ends, and one without an end goes on") {
  struct event_receiver receiver;
  struct event_change changes[EVENT_MAX_CHANGES];
  event_receiver_start(&receiver, RATE);
  uint64_t now_us = 1000 * MS;
  /* An hour of one key, in segments; no end ever. */
  uint32_t timestamp = 1000;
  uint32_t duration = 0;
  size_t count = 0;
  for (unsigned i = 0; i < 3600 * 20; i++) {
    duration += 400;
    if (duration > 0xffff) {
      timestamp += 0xffff;
      duration -= 0xffff;
    }
    const uint8_t bytes[EVENT_REPORT_BYTES] = {9, 10, (uint8_t)(duration >> 8), (uint8_t)duration};
    count += event_receiver_take(&receiver, timestamp, bytes, sizeof bytes, now_us, changes);
    EXPECT(event_receiver_expire(&receiver, now_us + 100 * MS, changes), false);
    now_us += 50 * MS;
  }
  EXPECT(count, 1);
  const uint64_t due_us = event_receiver_due(&receiver);
  EXPECT(event_receiver_expire(&receiver, due_us - 1, changes), false);
  EXPECT(event_receiver_expire(&receiver, due_us, changes), true);
  EXPECT(changes[0].edge, EVENT_ENDED);
  EXPECT(changes[0].event, 9);
  EXPECT(changes[0].duration_ms, 3600 * 1000);
  EXPECT(event_receiver_expire(&receiver, due_us + 1, changes), false);
}

CHECK(check_event_reports, "events: several reports in a packet follow each other, and no more than eight count") {
  struct event_receiver receiver;
  struct event_change changes[EVENT_MAX_CHANGES];
  char text[512] = "";
  event_receiver_start(&receiver, RATE);
  /* 1 and 2 have ended, 3 is pressed; the packet that follows repeats 2 (RFC 4733 §2.5.1.5). */
  const uint8_t first[] = {1, END, 1, 0x40, 2, END, 1, 0x40, 3, 10, 0, 0xa0};
  const uint8_t second[] = {2, END, 1, 0x40, 3, END, 1, 0x40};
  append(text, sizeof text, changes, event_receiver_take(&receiver, 800, first, sizeof first, 0, changes));
  append(text, sizeof text, changes, event_receiver_take(&receiver, 800 + 320, second, sizeof second, 0, changes));
  EXPECT(strcmp(text, "+1 -1:40 +2 -2:40 +3 -3:40 "), 0);
  /* No reports at all, one and a half, and more than a packet of ours would ever hold. */
  uint8_t many[1200];
  EXPECT(event_receiver_take(&receiver, 8000, many, 0, 0, changes), 0);
  EXPECT(event_receiver_take(&receiver, 8000, first, 6, 0, changes), 0);
  for (unsigned i = 0; i < sizeof many; i += 4) write_report(&(struct report){0, (uint8_t)(i / 4), END, 160}, many + i);
  EXPECT(event_receiver_take(&receiver, 8000, many, sizeof many, 0, changes), 2 * EVENT_MAX_REPORTS);
  /* Another source: what was heard of the last one does not make its presses late. */
  event_receiver_restart(&receiver);
  text[0] = 0;
  append(text, sizeof text, changes, event_receiver_take(&receiver, 7000, first, 4, 0, changes));
  EXPECT(strcmp(text, "+1 -1:40 "), 0);
}

CHECK(check_event_digits, "events: sixteen of them are digits") {
  for (unsigned event = 0; event < 256; event++) {
    uint8_t back = 0xff;
    const char digit = event_digit((uint8_t)event);
    EXPECT(digit != 0, event < 16);
    if (digit == 0) continue;
    EXPECT(event_of_digit(digit, &back), true);
    EXPECT(back, event);
  }
  uint8_t event = 0;
  EXPECT(event_of_digit('d', &event), true);
  EXPECT(event, 15);
  EXPECT(event_of_digit('e', &event), false);
  EXPECT(event_of_digit(0, &event), false);
}

/* Runs the sender in steps of 10 ms, the stream's timestamps running along; what goes out is read by a receiver. */
struct line {
  struct event_sender sender;
  struct event_receiver receiver;
  uint64_t now_us;
  unsigned packets, ends, markers;
  unsigned empty; /* reports of no duration: RFC 4733 §2.3.5 keeps those for what lasts for ever */
  unsigned longest_gap_ms; /* between two reports of one press */
  uint64_t last_us;
  char text[512];
};

static void run_line(struct line *line, unsigned ms) {
  for (const uint64_t until = line->now_us + ms * MS; line->now_us < until; line->now_us += 10 * MS) {
    struct event_packet packet;
    struct event_change changes[EVENT_MAX_CHANGES];
    const uint32_t stream = 0xfffff000 + (uint32_t)(line->now_us / 125);
    while (event_sender_next(&line->sender, line->now_us, stream, &packet)) {
      line->packets++;
      if (packet.marker) line->markers++;
      if (packet.payload[2] == 0 && packet.payload[3] == 0) line->empty++;
      if (packet.payload[1] & END) line->ends++;
      const unsigned gap_ms = (unsigned)((line->now_us - line->last_us) / MS);
      if (!packet.marker && gap_ms > line->longest_gap_ms) line->longest_gap_ms = gap_ms;
      line->last_us = line->now_us;
      append(line->text, sizeof line->text, changes,
             event_receiver_take(&line->receiver, packet.timestamp, packet.payload, sizeof packet.payload, line->now_us, changes));
    }
  }
}

static void start_line(struct line *line) {
  memset(line, 0, sizeof *line);
  event_sender_start(&line->sender, RATE);
  event_receiver_start(&line->receiver, RATE);
  line->now_us = 5000 * MS;
}

CHECK(check_event_sender, "events: a press is sent with a marker, updates, and three ends") {
  struct line line;
  start_line(&line);
  EXPECT(event_sender_due(&line.sender) == UINT64_MAX, true);
  EXPECT(event_sender_add(&line.sender, &(struct event_press){5, 120, 60}), true);
  EXPECT(event_sender_add(&line.sender, &(struct event_press){11, 40, 40}), true);
  EXPECT(event_sender_add(&line.sender, &(struct event_press){5, 100, 100}), true);
  run_line(&line, 1000);
  EXPECT(strcmp(line.text, "+5 -5:120 +11 -11:40 +5 -5:100 "), 0);
  EXPECT(line.markers, 3);
  EXPECT(line.ends, 9);
  EXPECT(line.packets, 9 + 3 + 1 + 2); /* reports at 0, 50, 100 of 120; at 0 of 40; at 0, 50 of 100 */
  EXPECT(line.longest_gap_ms, 50);
  EXPECT(line.empty, 0);
  EXPECT(event_sender_is_busy(&line.sender), false);
  EXPECT(event_sender_due(&line.sender) == UINT64_MAX, true);
}

CHECK(check_event_sender_long, "events: a long press goes out in segments, and ends when it is released") {
  struct line line;
  start_line(&line);
  EXPECT(event_sender_add(&line.sender, &(struct event_press){3, EVENT_UNTIL_RELEASED, 100}), true);
  run_line(&line, 20000);
  EXPECT(strcmp(line.text, "+3 "), 0);
  EXPECT(event_sender_is_pressed(&line.sender, line.now_us), true);
  event_sender_release(&line.sender, 0, line.now_us);
  EXPECT(event_sender_is_pressed(&line.sender, line.now_us), false);
  EXPECT(event_sender_due(&line.sender) <= line.now_us, true);
  run_line(&line, 500);
  EXPECT(strcmp(line.text, "+3 -3:20000 "), 0);
  EXPECT(line.markers, 1);
  EXPECT(line.ends, 3);
  EXPECT(line.longest_gap_ms, 50);
  /* Released before it began, and just after. */
  start_line(&line);
  EXPECT(event_sender_add(&line.sender, &(struct event_press){3, EVENT_UNTIL_RELEASED, 100}), true);
  event_sender_release(&line.sender, 0, line.now_us);
  EXPECT(event_sender_add(&line.sender, &(struct event_press){4, EVENT_UNTIL_RELEASED, 100}), true);
  run_line(&line, 150);
  event_sender_release(&line.sender, 0, line.now_us);
  run_line(&line, 500);
  EXPECT(strcmp(line.text, "+3 -3:40 +4 -4:40 "), 0);
  /* It was recognized late, and is to last as long as it did. */
  start_line(&line);
  EXPECT(event_sender_add(&line.sender, &(struct event_press){3, EVENT_UNTIL_RELEASED, 100}), true);
  run_line(&line, 60);
  event_sender_release(&line.sender, 90, line.now_us);
  run_line(&line, 500);
  EXPECT(strcmp(line.text, "+3 -3:90 "), 0);
  /* Called off: what waits is forgotten, what is pressed ends. */
  start_line(&line);
  for (unsigned i = 0; i < 3; i++) event_sender_add(&line.sender, &(struct event_press){(uint8_t)i, 1000, 100});
  run_line(&line, 200);
  event_sender_cancel(&line.sender, line.now_us);
  run_line(&line, 2000);
  EXPECT(strcmp(line.text, "+0 -0:200 "), 0);
}

CHECK(check_event_sender_bounds, "events: the queue of presses is bounded, and so are their lengths") {
  struct line line;
  start_line(&line);
  EXPECT(event_sender_add(&line.sender, &(struct event_press){1, 39, 100}), false);
  EXPECT(event_sender_add(&line.sender, &(struct event_press){1, 100, 39}), false);
  EXPECT(event_sender_add(&line.sender, &(struct event_press){1, EVENT_MAX_MS + 1, 100}), false);
  for (unsigned i = 0; i < EVENT_QUEUE_PRESSES; i++) {
    EXPECT(event_sender_add(&line.sender, &(struct event_press){(uint8_t)(i % 16), 40, 40}), true);
  }
  EXPECT(event_sender_add(&line.sender, &(struct event_press){1, 40, 40}), false);
  run_line(&line, EVENT_QUEUE_PRESSES * 110);
  EXPECT(line.ends, 3 * EVENT_QUEUE_PRESSES);
  /* A loop that stood still for a second sends what is due now, not what was. */
  start_line(&line);
  event_sender_add(&line.sender, &(struct event_press){1, 5000, 100});
  run_line(&line, 100);
  line.now_us += 1000 * MS;
  const unsigned before = line.packets;
  run_line(&line, 10);
  EXPECT(line.packets, before + 1);
}
