#include "session/place.h"

#include <string.h>

#include "session/leg.h"

/*
 * Audio may be passed on at once that was held back for 10 s (session.c): so many packets of 10 ms, more than its time says. With
 * keys no number may be used twice, since two packets would share a key stream. A receiver follows a jump of less than 3000
 * (RFC 3550 A.1).
 */
#define SPARE_PACKETS 1000
#define SPARE_PACKETS_PLAIN 10
#define SPARE_REPORTS 16

void place_take(const struct leg *leg, uint64_t now_us, struct leg_place *place) {
  memset(place, 0, sizeof *place);
  place->ssrc = leg->outgoing.ssrc;
  place->next_sequence = leg->outgoing.next_sequence;
  memcpy(place->cname, leg->reporting.cname, sizeof place->cname);
  if (!leg->configured) return;
  place->timestamp = outgoing_by_now(&leg->outgoing, now_us);
  place->ptime_ms = leg->settings.ptime_ms;
  place->secured = protection_outbound_place(&leg->protection, place->ssrc, &place->outbound);
  place->source = protection_inbound_place(&leg->protection, &place->inbound);
  place->heard_there = leg->latch.known;
  place->heard_packets = (uint8_t)leg->latch.packets;
  place->heard = leg->latch.heard;
}

/* How many numbers may have been used since. */
static uint32_t used_since(const struct leg_place *place) {
  const uint32_t by_time = (uint32_t)(place->age_us / 1000 / place->ptime_ms);
  return by_time + place->resumptions * (place->secured ? SPARE_PACKETS : SPARE_PACKETS_PLAIN);
}

void place_begin(struct leg *leg, const struct leg_place *place, uint64_t now_us) {
  /* Before it was configured the leg neither sent nor heard. */
  if (place->age_us > PLACE_MAX_AGE_US || place->ptime_ms == 0) return;
  struct leg_place *resumed = &leg->resumed;
  *resumed = *place;
  leg->resumes = true;
  const uint32_t used = used_since(place);
  leg->outgoing.ssrc = place->ssrc;
  leg->outgoing.next_sequence = (uint16_t)(place->next_sequence + used);
  leg->outgoing.position = place->timestamp;
  leg->outgoing.last_timestamp = place->timestamp;
  /* From here its time goes on, the gap included. */
  leg->outgoing.last_sent_us = now_us - place->age_us;
  memcpy(leg->reporting.cname, place->cname, sizeof place->cname);
  /* The roll-over counter belongs to the highest number: that may have wrapped meanwhile. */
  const uint64_t index = ((uint64_t)place->outbound.rollover << 16 | place->outbound.sequence) + used;
  resumed->outbound.rollover = (uint32_t)(index >> 16);
  resumed->outbound.sequence = (uint16_t)index;
  resumed->outbound.rtcp_index += SPARE_REPORTS * place->resumptions;
}

void place_resume(struct leg *leg, uint64_t now_us) {
  if (!leg->resumes) return;
  leg->resumes = false;
  const struct leg_place *place = &leg->resumed;
  /* How much was protected since is not known: under its numbers again two packets would share a key stream. */
  if (!place->secured && protection_is_on(&leg->protection)) outgoing_identify(&leg->outgoing);
  protection_resume(&leg->protection, place->secured ? &place->outbound : NULL, place->source ? &place->inbound : NULL);
  if (!place->heard_there || place->heard.any.sa_family != leg->family) return;
  leg->latch.known = true;
  leg->latch.heard = place->heard;
  leg->latch.packets = place->heard_packets;
  leg->latch.heard_us = now_us;
}
