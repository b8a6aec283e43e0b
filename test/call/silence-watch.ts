/** Runs time on in some state of a call while nobody does anything more, and looks at what everybody hears. */
import type { Call } from '../../firmware/call/call.ts';
import type { Leg } from '../../firmware/call/leg/leg.ts';
import type { Sound } from '../../firmware/media/client.ts';
import type { FakeClock } from '../support/fake-clock.ts';
import { type FakeMedia, type FakeSession, settle } from './fakes.ts';

const STEP_MS = 5000;
/** The longest that anybody waits for anybody, parked: an hour, and the reminders on the way. */
const HORIZON_MS = 2 * 3_600_000;
/** Of somebody who is up: while the box looks for the next one to call, or waits for a key that it has asked for. */
const MAX_SILENT_MS = 5000;
/** Of somebody who speaks to others who are not to be heard. */
const MAX_ONE_WAY_MS = 600_000;
/** Of somebody who has no answer: longer than any plan rings, and than timer C. */
const MAX_UNANSWERED_MS = 15 * 60_000;

export interface Watched {
  readonly clock: FakeClock;
  readonly media: FakeMedia;
  readonly calls: () => Iterable<Call>;
  /** False: what ends by itself is never told to have ended. */
  readonly soundsEnd?: boolean;
  /** Of people who have a lot to say: whoever hears them hears something. */
  readonly others?: readonly FakeSession[];
}

/** What was wrong, in words. A party whose silence is watched has said nothing since then, and every prompt ends. */
export async function runOn({
  clock,
  media,
  calls,
  soundsEnd = true,
  others = [],
}: Watched): Promise<readonly string[]> {
  const wrong = new Set<string>();
  /** By leg, or by session of somebody who is in no call. */
  const silentMs = new Map<Leg | FakeSession, number>();
  const unansweredMs = new Map<Leg, number>();
  const muteMs = new Map<FakeSession, number>();
  const ending = new Map<FakeSession, Sound>();
  const addTo = <Who>(map: Map<Who, number>, who: Who, hears: boolean): number => {
    const ms = hears ? 0 : (map.get(who) ?? 0) + STEP_MS;
    map.set(who, ms);
    return ms;
  };
  const isOpen = ({ phase }: Call): boolean => phase !== 'ended';
  const sessions = (): readonly FakeSession[] => media.open.filter((session) => !others.includes(session));
  const isHeard = (session: FakeSession): boolean =>
    others.includes(session) || session.configured.at(-1)?.silenceMs !== undefined;
  for (let atMs = 0; atMs < HORIZON_MS; atMs += STEP_MS) {
    const open = [...calls()].filter(isOpen);
    if (open.length === 0 && sessions().length === 0) return [...wrong];
    for (const session of sessions()) {
      const limit = session.configured.at(-1)?.silenceMs;
      const mute = limit === undefined ? 0 : addTo(muteMs, session, false);
      if (limit === undefined) muteMs.delete(session);
      else if (mute >= limit) session.tell({ kind: 'silent', durationMs: mute });
      const { sound } = session;
      if (sound !== undefined && soundsEnd && ending.get(session) === sound) session.endSound();
      else if (sound !== undefined && !isEndless(sound)) ending.set(session, sound);
    }
    // Who pauses is asked first whether he is there.
    await settle();
    const known = new Set<number>();
    for (const call of open.filter(isOpen)) {
      for (const leg of call.legs) {
        known.add((await sessionOf(leg, media))?.id ?? 0);
        if (leg.isUp) {
          const hears = await whatIsHeard(leg, call, media, isHeard);
          const limit = hears === 'one-way' ? MAX_ONE_WAY_MS : MAX_SILENT_MS;
          if (addTo(silentMs, leg, hears === 'something') > limit)
            wrong.add(`${leg.party.number} is ${call.phase}, and hears nothing`);
        } else if (leg === call.waiting && addTo(unansweredMs, leg, false) > MAX_UNANSWERED_MS) {
          wrong.add(`${leg.party.number} is ${call.phase}, and waits`);
        }
      }
    }
    // Somebody whom the box called by itself, and answered.
    for (const session of sessions().filter(({ id, configured }) => !known.has(id) && configured.length > 0)) {
      if (addTo(silentMs, session, soundsIn(session)) > MAX_SILENT_MS) wrong.add('somebody in no call hears nothing');
    }
    clock.advance(STEP_MS);
    await settle();
  }
  if (![...calls()].some(isOpen)) wrong.add('every call is over, and a port is left');
  return [...wrong];
}

/**
 * Something: a tone, music, words, or a party that speaks or is found to be gone. One-way: the party speaks to others, none of whom is
 * to be heard.
 */
async function whatIsHeard(
  leg: Leg,
  call: Call,
  media: FakeMedia,
  isHeard: (session: FakeSession) => boolean,
): Promise<'something' | 'one-way' | 'nothing'> {
  // He has put the other one away himself, at his telephone or by a client, and can take him back.
  if (leg.isHolding || call.isHeldFor(leg)) return 'something';
  const session = await sessionOf(leg, media);
  if (session === undefined) return 'nothing';
  if (session.sound !== undefined) return soundsIn(session) ? 'something' : 'nothing';
  if (session.peer !== undefined) return isHeard(session.peer) ? 'something' : 'nothing';
  const room = media.conferences.find(({ closed, parties }) => !closed && parties.has(session.id));
  if (room === undefined) return 'nothing';
  const { parties, muted } = room;
  const others = media.open.filter(({ id }) => id !== session.id && parties.has(id));
  if (others.some((other) => !muted.has(other.id) && isHeard(other))) return 'something';
  return others.length > 0 && others.every(({ id }) => muted.has(id)) && !muted.has(session.id) ? 'one-way' : 'nothing';
}

async function sessionOf(leg: Leg, media: FakeMedia): Promise<FakeSession | undefined> {
  const id = leg.isEnded ? undefined : (await leg.media.session().catch(() => undefined))?.id;
  return media.sessions.find((session) => session.id === id);
}

const soundsIn = ({ sound }: FakeSession): boolean => sound !== undefined && sound.kind !== 'silence';

/** Music, a tone that is repeated, and the silence of who is told to hear nothing. */
function isEndless(sound: Sound): boolean {
  switch (sound.kind) {
    case 'files':
      return sound.repeated === true;
    case 'tone':
      return sound.tone.repeatFrom !== undefined;
    case 'silence':
      return true;
  }
}
