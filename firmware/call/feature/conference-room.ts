import { randomBytes } from 'node:crypto';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import {
  type MediaClient,
  type MediaConference,
  MediaError,
  promptSound,
  type Sound,
  toneOf,
} from '../../media/client.ts';
import type { Leg } from '../leg/leg.ts';
import type { RunningStep, StepContext } from '../step/step-runner.ts';
import { ConferenceMenu } from './conference-menu.ts';

/** How a party came in (RFC 4575 §5.8.5). */
export type JoiningMethod = 'dialed-in' | 'dialed-out' | 'focus-owner';

export interface ConferenceRoomOptions {
  readonly media: () => Promise<MediaClient>;
  readonly locale: string;
  /** How many are heard at a time, the loudest: 1 to MAX_SPEAKERS of the media. */
  readonly speakers: number;
  /** Who may mute and drop others. */
  readonly owner: string;
  /**
   * `ended`: what is left of it ends with the last but one. `begun`: so it does, but the first one waits for the second.
   * `standing`: one may be alone in it at any time.
   */
  readonly alone: 'ended' | 'begun' | 'standing';
  /** Whether those who came over lines may go on when nobody of the house is left. */
  readonly mayBeOutside: () => boolean;
  /** Whether all conferences together have a place. */
  readonly hasPlace: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Who is in it, muted or not, or speaks, is something else. */
  readonly onChanged: () => void;
  /** Nobody of a user is in it any more. */
  readonly onLeft: (user: string) => void;
  /** Nobody is in it any more. */
  readonly onOver: () => void;
}

/** One party, as others see it. */
export interface ConferenceMember {
  readonly leg: Leg;
  readonly method: JoiningMethod;
  /** Since 1970. */
  readonly joinedAtMs: number;
  /** It hears, and is not heard. */
  readonly isMuted: boolean;
  /** Its media are in. */
  readonly isConnected: boolean;
}

interface Member extends ConferenceMember {
  readonly context: StepContext;
  isMuted: boolean;
  isConnected: boolean;
  /** Of the media worker, once the party is in. */
  session: number | undefined;
  /** What goes on in its name, and ends with it. */
  readonly work: Set<() => void>;
}

/** Those of the media worker. */
export const MAX_MEMBERS = 64;
/** Nobody waits for others longer than this. */
const MAX_ALONE_MS = 600_000;
/** Of random bytes: 96 bits, since whoever knows the name may come in. */
const NAME_BYTES = 12;

/**
 * Parties who all hear one another, each in a call of his own. It ends when one is left, who is hung up on: nobody listens to
 * silence. It ends too when those who are left came over lines, where such calls may not leave by lines.
 */
export class ConferenceRoom {
  /** The user part of its URI. */
  readonly name = `conf${randomBytes(NAME_BYTES).toString('hex')}`;
  /** Asked of whoever comes by himself, in place of the owner's own; set by keys. */
  pin: string | undefined;
  /** It ends with the last telephone of its owner. */
  endsWithOwner = false;
  /** Whoever waits alone for those who are being called hears that it rings, in place of music. */
  ringsBack = false;
  readonly #options: ConferenceRoomOptions;
  readonly #menu: ConferenceMenu;
  readonly #members = new Map<Leg, Member>();
  /** Others who are on their way in. */
  readonly #expected = new Set<object>();
  #opening: Promise<MediaConference> | undefined;
  #speaker: Leg | undefined;
  #aloneTimer: Timer | undefined;
  /** Who hears music, because nobody else is in it, or all others hold. */
  #entertained: Leg | undefined;
  /** What was said last, to anybody. */
  #said: object | undefined;
  #hadTwo = false;
  #isOver = false;

  constructor(options: ConferenceRoomOptions) {
    this.#options = options;
    this.#menu = new ConferenceMenu(this, options.clock, options.logger);
  }

  get owner(): string {
    return this.#options.owner;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** In the order in which they came. */
  get members(): readonly ConferenceMember[] {
    return [...this.#members.values()];
  }

  /** Who has been the loudest for a while. */
  get speaker(): Leg | undefined {
    return this.#speaker;
  }

  /** One may be alone in it at any time. */
  get isStanding(): boolean {
    return this.#options.alone === 'standing';
  }

  get isFull(): boolean {
    return this.#members.size >= MAX_MEMBERS || !this.#options.hasPlace();
  }

  has(leg: Leg): boolean {
    return this.#members.has(leg);
  }

  hasUser(user: string): boolean {
    return [...this.#members.keys()].some(({ party }) => party.user === user);
  }

  /** Those of a user, of an extension, or of a number outside. */
  membersCalled(number: string): readonly Leg[] {
    const isMeant = ({ party }: Leg): boolean =>
      number !== '' && [party.number, party.user, party.extension].includes(number) && party.isPrivate !== true;
    return [...this.#members.keys()].filter(isMeant);
  }

  isMuted(leg: Leg): boolean {
    return this.#members.get(leg)?.isMuted === true;
  }

  /** Keys of the party are commands from now on: another step may have had them meanwhile. */
  listen(leg: Leg): void {
    if (this.#members.has(leg)) leg.whenPressed = ({ digit }) => this.#menu.pressed(leg, digit);
  }

  /** The call of a party, for steps that run in its name. */
  contextOf(leg: Leg): StepContext | undefined {
    return this.#members.get(leg)?.context;
  }

  /**
   * The party that waits comes in; it is answered where it is not yet. `joined`: whether it is in. One for whom there is no
   * place gets 486. `isAnswered`: the box has answered it for that already.
   */
  enter(
    context: StepContext,
    method: JoiningMethod = 'dialed-in',
    isAnswered = false,
  ): RunningStep & { readonly joined: Promise<boolean> } {
    const { waiting } = context;
    if (this.#isOver || this.isFull) {
      context.goOn(undefined, { status: this.#isOver ? 404 : 486 });
      return { joined: Promise.resolve(false), stop: () => undefined };
    }
    const joinedAtMs = this.#options.clock.now();
    const state = { isMuted: false, isConnected: false, session: undefined, work: new Set<() => void>() };
    this.#members.set(waiting, { leg: waiting, context, method, joinedAtMs, ...state });
    // RFC 4579 §5.1: whoever calls, or is offered something else, sees that it talks to a focus.
    waiting.contact = { user: this.name, isFocus: true };
    this.listen(waiting);
    waiting.whenHeld = () => {
      this.#settle();
      this.#changed();
    };
    const wasUp = waiting.isUp;
    const joined = this.#join(context, isAnswered).then((isIn) => {
      if (isIn && wasUp) waiting.tellContact();
      return isIn;
    });
    context.run(joined);
    return { joined, stop: () => this.#leave(waiting) };
  }

  /** Somebody else is on his way, for whom the room stays; until what is returned is called. */
  expect(): () => void {
    const token = {};
    this.#expected.add(token);
    return () => {
      if (this.#expected.delete(token)) this.#settle();
    };
  }

  /** `stop` ends what goes on in the name of a party, when that leaves. Returns how it is taken back. */
  addWork(leg: Leg, stop: () => void): () => void {
    const work = this.#members.get(leg)?.work;
    work?.add(stop);
    return () => work?.delete(stop);
  }

  /** Hangs up on a party. */
  drop(leg: Leg): void {
    const member = this.#members.get(leg);
    this.#leave(leg);
    member?.context.hangUp();
  }

  /** Hangs up on all. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#aloneTimer?.cancel();
    this.#opening?.then((conference) => conference.close()).catch(() => undefined);
    const rest = [...this.#members.values()];
    for (const { leg } of rest) {
      leg.whenHeld = undefined;
      this.#menu.forget(leg);
    }
    this.#members.clear();
    for (const { context, work } of rest) {
      for (const stop of work) stop();
      context.hangUp();
    }
    this.#options.onOver();
  }

  /** Whether the others hear a party, which is told; false where it is none. */
  mute(leg: Leg, isMuted: boolean): boolean {
    const member = this.#members.get(leg);
    if (member === undefined) return false;
    if (member.isMuted === isMuted) return true;
    member.isMuted = isMuted;
    const { session, context } = member;
    if (session !== undefined) {
      const muted = this.#opening?.then((conference) => conference.setParty({ session, leg: 0 }, { muted: isMuted }));
      // One whose session is closed has left by that.
      muted?.catch((error: unknown) => {
        if (this.#members.has(leg)) context.fail(error);
      });
      this.say(leg, { kind: 'files', names: [promptSound(this.#options.locale, isMuted ? 'muted' : 'unmuted')] });
    }
    this.#options.onChanged();
    return true;
  }

  /** Words or a tone for one party; who is alone hears his music again afterwards. */
  say(leg: Leg, sound: Sound): void {
    const said = {};
    this.#said = said;
    void leg.media.announce(sound).then(() => {
      // What is said in the place of it has an end of its own.
      if (this.#said === said && this.#entertained === leg && !this.#isOver) this.#playTo(leg);
    });
  }

  async #join(context: StepContext, isAnswered: boolean): Promise<boolean> {
    const { waiting } = context;
    try {
      if (!isAnswered && !(await context.answer('conference'))) {
        this.#leave(waiting);
        return false;
      }
      const conference = await this.#open();
      const { id } = await waiting.media.session();
      const member = this.#members.get(waiting);
      if (member === undefined) return false;
      waiting.media.stop();
      const muted = member.isMuted;
      await conference.join({ session: id, leg: 0 }, { muted });
      member.session = id;
      // He may have been muted on his way in.
      if (member.isMuted !== muted) await conference.setParty({ session: id, leg: 0 }, { muted: member.isMuted });
      member.isConnected = true;
      this.#cameIn();
      return this.#members.has(waiting);
    } catch (error) {
      const isFull = error instanceof MediaError && error.code === 'MEDIA_CONFERENCE_FULL';
      this.#leave(waiting);
      if (!isFull) throw error;
      context.goOn(undefined, { status: 486 });
      return false;
    }
  }

  #cameIn(): void {
    const connected = [...this.#members.values()].filter(({ isConnected }) => isConnected);
    if (connected.length > 1) {
      this.#entertained?.media.stop();
      this.#entertained = undefined;
      this.#hadTwo = true;
    }
    this.#settle();
    this.#changed();
  }

  #changed(): void {
    if (!this.#isOver) this.#options.onChanged();
  }

  #open(): Promise<MediaConference> {
    const { media, locale, speakers } = this.#options;
    this.#opening ??= media().then((client) =>
      client.createConference({
        speakers,
        entryTone: toneOf(locale, 'conferenceEntry'),
        exitTone: toneOf(locale, 'conferenceExit'),
        onActiveSpeaker: (speaker) => {
          const member = [...this.#members.values()].find(({ session }) => session === speaker?.session);
          this.#speaker = speaker === undefined ? undefined : member?.leg;
          this.#changed();
        },
      }),
    );
    return this.#opening;
  }

  #leave(leg: Leg): void {
    const member = this.#members.get(leg);
    if (member === undefined) return;
    this.#members.delete(leg);
    if (this.#speaker === leg) this.#speaker = undefined;
    if (this.#entertained === leg) this.#entertained = undefined;
    leg.contact = undefined;
    leg.whenHeld = undefined;
    this.#menu.forget(leg);
    const { session, work } = member;
    for (const stop of work) stop();
    if (session !== undefined && !this.#isOver) {
      // One whose session is closed has left by that.
      this.#opening?.then((conference) => conference.leave({ session, leg: 0 })).catch(() => undefined);
    }
    const { user } = leg.party;
    if (this.#isOver) return;
    if (user !== undefined && !this.hasUser(user)) {
      this.#options.onLeft(user);
      if (user === this.owner && this.endsWithOwner) {
        this.end();
        return;
      }
    }
    this.#settle();
    this.#changed();
  }

  /** Ends it where nobody is left to talk with; one who waits for others hears music. */
  #settle(): void {
    if (this.#isOver) return;
    const members = [...this.#members.values()];
    const { alone, mayBeOutside } = this.#options;
    if (members.length === 0 || (members.length === 1 && !this.#mayStayAlone)) {
      this.end();
      return;
    }
    const isOutside = members.every(({ leg }) => leg.party.line !== undefined);
    if (members.length > 1 && isOutside && !mayBeOutside()) {
      this.end();
      return;
    }
    const [only] = members;
    if (members.length > 1 || only === undefined) {
      this.#aloneTimer?.cancel();
      this.#aloneTimer = undefined;
      this.#entertainTheHeld(members);
    } else if (this.#aloneTimer === undefined && only.isConnected) {
      this.#aloneTimer = this.#options.clock.schedule(MAX_ALONE_MS, () => this.end());
      this.#entertain(only.leg, alone === 'standing');
    }
  }

  /** As in a call of two: music for the one whom all others have put on hold, until one is back. */
  #entertainTheHeld(members: readonly Member[]): void {
    const present = members.filter(({ leg, isConnected }) => isConnected && !leg.isHolding);
    const [only] = present;
    const held = present.length === 1 && members.some(({ leg }) => leg.isHolding) ? only?.leg : undefined;
    if (held === this.#entertained) return;
    this.#entertained?.media.stop();
    this.#entertained = held;
    if (held !== undefined) this.#playTo(held);
  }

  get #mayStayAlone(): boolean {
    const { alone } = this.#options;
    return this.#expected.size > 0 || alone === 'standing' || (alone === 'begun' && !this.#hadTwo);
  }

  #entertain(leg: Leg, isTold: boolean): void {
    this.#entertained = leg;
    if (isTold) this.say(leg, { kind: 'files', names: [promptSound(this.#options.locale, 'conference-alone')] });
    else this.#playTo(leg);
  }

  #playTo(leg: Leg): void {
    if (this.ringsBack && this.#members.size === 1) leg.ring();
    else leg.hearMusic();
  }
}
