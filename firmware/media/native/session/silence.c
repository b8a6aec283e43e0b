#include "session/silence.h"

#include <stddef.h>

#include "session/loop.h"

static void tell(const struct leg *leg, enum media_event_kind kind, uint64_t lasted_us) {
  const struct session *session = leg->session;
  const uint64_t lasted_ms = lasted_us / 1000;
  const struct media_event event = {.kind = kind,
                                    .session = session->id,
                                    .leg = (uint8_t)(leg - session->legs),
                                    .duration_ms = lasted_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)lasted_ms};
  if (session->loop != NULL) engine_report(session->loop, &event);
}

static uint64_t due_us(const struct leg *leg) { return leg->silence.since_us + (uint64_t)leg->settings.silence_ms * 1000; }

static void fire(struct timer *timer, uint64_t now_us) {
  struct leg *leg = (struct leg *)((char *)timer - offsetof(struct leg, silence) - offsetof(struct silence, timer));
  if (now_us < due_us(leg)) {
    /* There were packets: the timer is not moved for each of them. */
    timer_arm(leg->session->loop, timer, due_us(leg));
    return;
  }
  leg->silence.told = true;
  tell(leg, EVENT_SILENT, now_us - leg->silence.since_us);
}

void silence_watch(struct leg *leg, struct loop *loop, uint64_t now_us) {
  struct silence *silence = &leg->silence;
  silence->timer.fire = fire;
  const bool watched = leg->configured && leg->settings.receives && leg->settings.silence_ms > 0;
  if (!watched) {
    timer_disarm(loop, &silence->timer);
    silence->since_us = 0;
    silence->told = false;
    return;
  }
  if (silence->since_us == 0) silence->since_us = now_us;
  if (!silence->told) timer_arm(loop, &silence->timer, due_us(leg));
}

void silence_detach(struct leg *leg, struct loop *loop) { timer_disarm(loop, &leg->silence.timer); }

void silence_end(struct leg *leg, uint64_t now_us) {
  struct silence *silence = &leg->silence;
  if (silence->since_us == 0) return;
  const uint64_t since_us = silence->since_us;
  silence->since_us = now_us;
  if (!silence->told) return;
  silence->told = false;
  tell(leg, EVENT_HEARD, now_us - since_us);
  timer_arm(leg->session->loop, &silence->timer, due_us(leg));
}
