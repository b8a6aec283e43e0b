import type { Configuration } from '../../config/schema/configuration.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { Call } from '../call.ts';
import type { CallServer } from '../call-server.ts';
import type { Leg } from '../leg/leg.ts';
import type { ConferenceStep, FeatureStep, ShownIdentity } from '../routing/plan.ts';
import type { RunningStep, StepContext } from '../step/step-runner.ts';
import { ConferencePins, PinQuestion } from './conference-pin.ts';
import { ConferenceRoom, type ConferenceRoomOptions, MAX_MEMBERS } from './conference-room.ts';
import { NOTHING_RUNS } from './pick-up.ts';
import { dialsHimself } from './who-dials.ts';

export interface ConferenceOptions {
  readonly calls: CallServer;
  readonly configuration: () => Configuration;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Of the media worker, in all conferences. */
export const MAX_MEMBERS_OF_ALL = 128;

/**
 * The conferences that there are, and the ways into them: the short code that makes one of all that its user has (whom he talks to or
 * has on hold, on whatever device, and himself where he dialled it; dialled again it adds whom he has called since), the URI of the
 * factory (RFC 4579 §5.4), and the URI of each.
 */
export class Conferences {
  readonly #options: ConferenceOptions;
  readonly #rooms = new Map<string, ConferenceRoom>();
  readonly #pins: ConferencePins;
  /** Told of what changes in a room, and of its end; for who watches. */
  readonly watchers = new Set<ConferenceWatcher>();

  constructor(options: ConferenceOptions) {
    this.#options = options;
    this.#pins = new ConferencePins(options.configuration, options.clock, options.logger);
  }

  register(): void {
    const { runners } = this.#options.calls;
    runners.registerFeature('conference-add', { run: (step, context) => this.#add(step, context) });
    runners.registerFeature('conference-meet-me', { run: (step, context) => this.#meet(step, context) });
    runners.register('conference', { run: (step, context) => this.#dialIn(step, context) });
  }

  roomNamed(name: string): ConferenceRoom | undefined {
    return this.#rooms.get(name);
  }

  /**
   * A new room of that user, who comes into it at once, hears that it rings until another one is in, and whose leaving ends it.
   * Undefined where all rooms are full.
   */
  open(owner: string): ConferenceRoom | undefined {
    if (!this.#hasPlace) return undefined;
    const room = this.#newRoom(owner);
    room.endsWithOwner = true;
    room.ringsBack = true;
    return room;
  }

  roomOf(leg: Leg): ConferenceRoom | undefined {
    return [...this.#rooms.values()].find((room) => room.has(leg));
  }

  /** The party, up and in a call, goes into a room; everybody else of that call is ended. False where it did not come in. */
  async bring(party: Leg, room: ConferenceRoom, by: Pick<StepContext, 'caller' | 'dialled'>): Promise<boolean> {
    const { calls } = this.#options;
    let joined: Promise<boolean> | undefined;
    const enter = (moved: StepContext): RunningStep => {
      const running = room.enter(moved);
      joined = running.joined;
      return running;
    };
    await calls.giveNewPlan(party, enter, { caller: by.caller, shown: shownAs(party), dialled: by.dialled });
    // What goes wrong ends the call of the party, and no other.
    return (await joined?.catch(() => false)) ?? false;
  }

  /**
   * Whom a user talks to by these legs of his, each in another call or in a room, come into one room with him: `stays` is the one
   * of them that he goes on by, the others get BYE. His call there; undefined, with all as it was, where there is no place.
   */
  async merge(
    user: string,
    stays: Leg,
    own: readonly Leg[],
    by: Pick<StepContext, 'caller' | 'dialled'>,
  ): Promise<Call | undefined> {
    const { calls, logger } = this.#options;
    const peers = this.#peersOf(own);
    const present = this.roomOf(stays) ?? own.map((leg) => this.roomOf(leg)).find((room) => room !== undefined);
    const others = this.#othersOf(user, own, present);
    const moved = membersOf(others, own);
    const added = peers.length + (present?.has(stays) === true ? 0 : 1);
    const size = (present?.members.length ?? 0) + added + moved.length;
    if (!this.#hasPlaceFor(added) || size > MAX_MEMBERS) return undefined;
    const parties = [...peers, ...moved];
    const room = present ?? this.#newRoom(user);
    logger.info({ user, parties: parties.length, room: room.name }, 'conference');
    const arrived = expectAll([room, ...others]);
    try {
      let call = calls.callOf(stays);
      if (!room.has(stays)) {
        // Whom he talks to by it must not be hung up on when it goes.
        const kept = calls.callOf(stays)?.peerOf(stays);
        let joined: Promise<boolean> | undefined;
        const enter = (context: StepContext): RunningStep => {
          const running = room.enter(context, 'focus-owner');
          joined = running.joined;
          return running;
        };
        const about = { ...by, shown: shownAs(stays), keeping: kept === undefined ? [] : [kept] };
        const going = calls.giveNewPlan(stays, enter, about);
        if (kept !== undefined) kept.owner = { onEnded: () => kept.close() };
        call = await going;
        if (call === undefined || (await joined?.catch(() => false)) !== true) {
          kept?.close();
          return undefined;
        }
      }
      await Promise.all(parties.filter(({ isEnded }) => !isEnded).map((party) => this.bring(party, room, by)));
      for (const each of [room, ...others]) for (const leg of own) if (leg !== stays) each.drop(leg);
      return call;
    } finally {
      arrived();
    }
  }

  #add({ user }: FeatureStep, context: StepContext): RunningStep {
    const { calls, logger } = this.#options;
    const { waiting } = context;
    if (user === undefined || !dialsHimself(waiting, user)) return refuse(context, 403);
    const own = calls.legsOf(user).filter((leg) => leg !== waiting && leg.isUp);
    const present = [...this.#rooms.values()].find((each) => own.some((leg) => each.has(leg)));
    const others = this.#othersOf(user, own, present);
    const parties = [...this.#peersOf(own), ...membersOf(others, own)];
    if (parties.length === 0) return refuse(context, 480);
    const room = present ?? this.#newRoom(user);
    logger.info({ user, parties: parties.length, room: room.name }, 'conference');
    const arrived = expectAll([room, ...others]);
    const running = room.enter(context, 'focus-owner');
    context.run(this.#gather([room, ...others], running.joined, context, own, parties).finally(arrived));
    return running;
  }

  /** Whom a user talks to by these legs of his, without a conference. */
  #peersOf(own: readonly Leg[]): readonly Leg[] {
    const { calls } = this.#options;
    const peers = own.flatMap((leg) => calls.callOf(leg)?.peerOf(leg) ?? []);
    return [...new Set(peers)].filter((leg) => !own.includes(leg));
  }

  /** Rooms of his own that the user is in beside that one: those of others are not his to move. */
  #othersOf(user: string, own: readonly Leg[], room: ConferenceRoom | undefined): readonly ConferenceRoom[] {
    return [...this.#rooms.values()].filter(
      (each) => each !== room && each.owner === user && own.some((leg) => each.has(leg)),
    );
  }

  /** Into the first of these rooms; the user is in none of the others any more. */
  async #gather(
    rooms: readonly [ConferenceRoom, ...ConferenceRoom[]],
    joined: Promise<boolean>,
    context: StepContext,
    own: readonly Leg[],
    parties: readonly Leg[],
  ): Promise<void> {
    const [room] = rooms;
    // Nobody loses his call to a telephone that could not be answered.
    if (!(await joined)) return;
    await Promise.all(parties.filter(({ isEnded }) => !isEnded).map((party) => this.bring(party, room, context)));
    if (room.isOver) return;
    // He is there by the telephone that he dialled with.
    for (const each of rooms) for (const leg of own) each.drop(leg);
  }

  #dialIn({ room: name, user }: ConferenceStep, context: StepContext): RunningStep {
    const { logger } = this.#options;
    const { waiting } = context;
    if (name !== undefined) {
      const room = this.#rooms.get(name);
      if (room === undefined) return refuse(context, 404);
      logger.info({ user, party: waiting.party.number, room: name }, 'joins a conference');
      return this.#comeIn(room, user, context);
    }
    // Of a party that was transferred here nobody would be the owner.
    if (!dialsHimself(waiting, user)) return refuse(context, 403);
    if (!this.#hasPlace) return refuse(context, 486);
    const room = this.#newRoom(user, 'begun');
    logger.info({ user, room: room.name }, 'conference');
    return room.enter(context, 'focus-owner');
  }

  /** The room of a user, that one may wait in: his own, or that of whose number is dialled. */
  #meet({ user, argument }: FeatureStep, context: StepContext): RunningStep {
    const { configuration, logger } = this.#options;
    const owner = argument === '' ? user : argument;
    if (user === undefined || owner === undefined) return refuse(context, 403);
    if (!Object.hasOwn(configuration().users, owner)) return refuse(context, 404);
    logger.info({ user, party: context.waiting.party.number, owner }, 'comes to a conference');
    const enter = (isAnswered: boolean): RunningStep => {
      const standing = [...this.#rooms.values()].find((room) => room.isStanding && room.owner === owner);
      if (standing === undefined && !this.#hasPlace) return refuse(context, 486);
      const room = standing ?? this.#newRoom(owner, 'standing');
      return room.enter(context, user === owner ? 'focus-owner' : 'dialed-in', isAnswered);
    };
    const present = [...this.#rooms.values()].find((room) => room.isStanding && room.owner === owner);
    const guarded = present ?? { owner, pin: undefined };
    return this.#guard(guarded, present, user, context, enter);
  }

  #comeIn(room: ConferenceRoom, user: string, context: StepContext): RunningStep {
    return this.#guard(room, room, user, context, (isAnswered) => room.enter(context, 'dialed-in', isAnswered));
  }

  /** Whoever has the right to be there, or is brought by somebody who has, is asked for no PIN. */
  #guard(
    guarded: Pick<ConferenceRoom, 'owner' | 'pin'>,
    room: ConferenceRoom | undefined,
    user: string,
    context: StepContext,
    enter: (isAnswered: boolean) => RunningStep,
  ): RunningStep {
    const { configuration, clock } = this.#options;
    const isKnown = user === guarded.owner || room?.hasUser(user) === true;
    if (isKnown || !this.#pins.isAsked(guarded)) return enter(false);
    return new PinQuestion({
      context,
      verify: (pin) => this.#pins.verify(guarded, pin),
      locale: configuration().system.locale,
      clock,
      onRight: () => enter(true),
    });
  }

  #newRoom(owner: string, alone: ConferenceRoomOptions['alone'] = 'ended'): ConferenceRoom {
    const { calls, configuration, clock, logger } = this.#options;
    const room: ConferenceRoom = new ConferenceRoom({
      media: calls.services.media,
      locale: configuration().system.locale,
      speakers: configuration().system.telephony.conferenceSpeakers,
      owner,
      alone,
      mayBeOutside: () => configuration().system.telephony.trunkToTrunk !== 'never',
      hasPlace: () => this.#hasPlace,
      clock,
      logger,
      onChanged: () => {
        for (const watcher of this.watchers) watcher.changed(room);
      },
      onLeft: (user) => {
        for (const watcher of this.watchers) watcher.left(room, user);
      },
      onOver: () => {
        this.#rooms.delete(room.name);
        for (const watcher of this.watchers) watcher.over(room);
      },
    });
    this.#rooms.set(room.name, room);
    return room;
  }

  get #hasPlace(): boolean {
    return this.#hasPlaceFor(1);
  }

  #hasPlaceFor(added: number): boolean {
    let count = 0;
    for (const { members } of this.#rooms.values()) count += members.length;
    return count + added <= MAX_MEMBERS_OF_ALL;
  }
}

export interface ConferenceWatcher {
  changed(room: ConferenceRoom): void;
  /** Nobody of that user is in it any more. */
  left(room: ConferenceRoom, user: string): void;
  over(room: ConferenceRoom): void;
}

function membersOf(rooms: readonly ConferenceRoom[], own: readonly Leg[]): readonly Leg[] {
  return rooms.flatMap(({ members }) => members.map(({ leg }) => leg)).filter((leg) => !own.includes(leg));
}

/** Each stays, whoever leaves, until what is returned is called. */
function expectAll(rooms: readonly ConferenceRoom[]): () => void {
  const arrivals = rooms.map((room) => room.expect());
  return () => {
    for (const arrived of arrivals) arrived();
  };
}

/** A party, for the call that it gets. */
export function shownAs({ party }: Leg): ShownIdentity {
  const { number, name, isPrivate } = party;
  return { number: number === '' ? undefined : number, name, isWithheld: isPrivate === true || number === '' };
}

function refuse(context: StepContext, status: number): RunningStep {
  context.goOn(undefined, { status });
  return NOTHING_RUNS;
}
