import { LiveMap } from '../../core/live-map.ts';
import type { CallEvent } from './call-event.ts';
import { type LiveCall, type LiveLeg, nextLiveCall } from './live-call.ts';

/** What a user's telephone does; `do-not-disturb` where it does nothing and is not to. */
export type UserState = 'idle' | 'calling' | 'ringing' | 'talking' | 'holding' | 'do-not-disturb';

export interface UserPresence {
  readonly user: string;
  readonly state: UserState;
  readonly doesNotDisturb: boolean;
  /** How many calls he has. */
  readonly calls: number;
  /** Since when it is so; milliseconds since the Unix epoch. */
  readonly sinceMs: number;
}

/** A part that a user has in a call that runs. */
export interface UserLeg extends LiveLeg {
  readonly call: LiveCall;
}

export interface UserPresenceOptions {
  /** The users of the box, as configured now. */
  readonly users: () => readonly string[];
  readonly doesNotDisturb: (user: string) => boolean;
  readonly now: () => number;
  /** A listener failed. */
  readonly report: (error: unknown) => void;
}

/** `released`: those of his that are over now. */
export type LegListener = (user: string, released: readonly UserLeg[]) => void;

/** Where a part of a user is: what it is now, its call says. */
interface Place {
  readonly call: string;
  readonly leg: number;
}

interface Known {
  readonly state: UserState;
  readonly doesNotDisturb: boolean;
  readonly calls: number;
  readonly sinceMs: number;
}

/** What the others outrank: who talks does not ring. */
const ORDER: readonly UserState[] = ['talking', 'holding', 'ringing', 'calling'];

/** Who of the users does what: a snapshot, and each change of it. */
export class UserPresences {
  readonly #options: UserPresenceOptions;
  readonly #calls = new LiveMap<string, LiveCall>();
  /** Of those that have calls. */
  readonly #places = new LiveMap<string, readonly Place[]>();
  /** What was told of each last. */
  readonly #known = new Map<string, Known>();
  readonly #listeners = new Set<(presence: UserPresence) => void>();
  readonly #legListeners = new Set<LegListener>();

  constructor(options: UserPresenceOptions) {
    this.#options = options;
  }

  /** Of every user. */
  snapshot(): readonly UserPresence[] {
    return this.#options.users().map((user) => this.of(user));
  }

  of(user: string): UserPresence {
    return { user, ...this.#now(user), sinceMs: this.#known.get(user)?.sinceMs ?? 0 };
  }

  /** For every event of a call: nothing is copied. */
  #now(user: string): Omit<UserPresence, 'user' | 'sinceMs'> {
    const doesNotDisturb = this.#options.doesNotDisturb(user);
    const places = this.#places.get(user) ?? [];
    let rank = ORDER.length;
    let calls = 0;
    places.forEach((place, index) => {
      const call = this.#calls.get(place.call);
      const found = call?.legs.find(({ leg }) => leg === place.leg);
      if (call === undefined || found === undefined) return;
      rank = Math.min(rank, ORDER.indexOf(stateOfLeg(found, call)));
      if (places.findIndex((other) => other.call === place.call) === index) calls += 1;
    });
    return { state: ORDER[rank] ?? (doesNotDisturb ? 'do-not-disturb' : 'idle'), doesNotDisturb, calls };
  }

  /** His parts in calls that run, in the order in which they came. */
  legsOf(user: string): readonly UserLeg[] {
    return (this.#places.get(user) ?? []).flatMap((place) => {
      const call = this.#calls.get(place.call);
      const found = call?.legs.find(({ leg }) => leg === place.leg);
      return call === undefined || found === undefined ? [] : [{ ...found, call }];
    });
  }

  /** Each change of what `of` says. The returned function ends it. */
  subscribe(listener: (presence: UserPresence) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Each change of what `legsOf` says. The returned function ends it. */
  onLegs(listener: LegListener): () => void {
    this.#legListeners.add(listener);
    return () => this.#legListeners.delete(listener);
  }

  take(event: CallEvent): void {
    const before = this.#calls.get(event.call);
    const call = nextLiveCall(before, event);
    if (call === undefined || call === before) return;
    if (call.ended === undefined) this.#calls.set(event.call, call);
    else this.#calls.delete(event.call);
    for (const user of usersTouched(before, call, event)) this.#update(user, call);
  }

  /** The configuration is another one: of whom, or undefined of all. */
  recheck(users: readonly string[] = this.#options.users()): void {
    const present = new Set(this.#options.users());
    for (const user of this.#known.keys()) if (!present.has(user)) this.#known.delete(user);
    for (const user of users) this.#tell(user);
  }

  #update(user: string, call: LiveCall): void {
    const id = call.started.call;
    const before = this.#places.get(user);
    let places = before ?? [];
    const over: UserLeg[] = [];
    for (const each of call.legs) {
      if (each.party.user !== user) continue;
      const known = places.find((place) => place.leg === each.leg && place.call === id);
      if (each.phase !== 'released') {
        if (known === undefined) places = [...places, { call: id, leg: each.leg }];
      } else if (known !== undefined) {
        places = places.filter((place) => place !== known);
        over.push({ ...each, call });
      }
    }
    if (places.length === 0) this.#places.delete(user);
    else if (places !== before) this.#places.set(user, places);
    for (const listener of this.#legListeners) this.#guard(() => listener(user, over));
    this.#tell(user);
  }

  #tell(user: string): void {
    const { state, doesNotDisturb, calls } = this.#now(user);
    const known = this.#known.get(user);
    if (known?.state === state && known.doesNotDisturb === doesNotDisturb && known.calls === calls) return;
    const sinceMs = known?.state === state ? known.sinceMs : this.#options.now();
    // Nothing was told of who is idle from the beginning, as everybody is.
    const isNews = known !== undefined || state !== 'idle' || doesNotDisturb;
    this.#known.set(user, { state, doesNotDisturb, calls, sinceMs });
    if (!isNews) return;
    for (const listener of [...this.#listeners]) {
      this.#guard(() => listener({ user, state, doesNotDisturb, calls, sinceMs }));
    }
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.report(error);
    }
  }
}

/**
 * Those for whom an event makes something else of the call. A group has dozens of members who begin to ring one after the other,
 * and none of them is of any concern to the rest.
 */
function usersTouched(before: LiveCall | undefined, { legs }: LiveCall, { kind }: CallEvent): readonly string[] {
  const isOfOne = kind === 'ringing' || kind === 'dialog' || kind === 'released';
  const users: string[] = [];
  legs.forEach((leg, index) => {
    const { user } = leg.party;
    if (user === undefined || (isOfOne && leg === before?.legs[index]) || users.includes(user)) return;
    users.push(user);
  });
  return users;
}

function stateOfLeg({ phase, isHolding, leg }: LiveLeg, call: LiveCall): UserState {
  if (phase === 'talking') return isHolding ? 'holding' : 'talking';
  return leg === call.started.caller.leg ? 'calling' : 'ringing';
}
