import { type MediaClient, type MediaConference, MediaError, toneOf } from '../../media/client.ts';
import type { Leg } from '../leg/leg.ts';
import type { RunningStep, StepContext } from '../step/step-runner.ts';

export interface ConferenceRoomOptions {
  readonly media: () => Promise<MediaClient>;
  readonly locale: string;
  /** Whether those who came over lines may go on when nobody of the house is left. */
  readonly mayBeOutside: () => boolean;
  /** Nobody is in it any more. */
  readonly onOver: () => void;
}

interface Member {
  readonly context: StepContext;
  /** Of the media worker, once the party is in. */
  session: number | undefined;
}

/**
 * Parties who all hear one another, each in a call of his own. It ends when one is left, who is hung up on: nobody listens to
 * silence. It ends too when those who are left came over lines, where such calls may not leave by lines.
 */
export class ConferenceRoom {
  readonly #options: ConferenceRoomOptions;
  readonly #members = new Map<Leg, Member>();
  #opening: Promise<MediaConference> | undefined;
  /** Whoever was asked in is there, or not to come. */
  #isComplete = false;
  #isOver = false;

  constructor(options: ConferenceRoomOptions) {
    this.#options = options;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  has(leg: Leg): boolean {
    return this.#members.has(leg);
  }

  /** The party that waits comes in; it is answered where it is not yet. `joined`: whether it is in. */
  enter(context: StepContext): RunningStep & { readonly joined: Promise<boolean> } {
    this.#members.set(context.waiting, { context, session: undefined });
    const joined = this.#join(context);
    context.run(joined);
    return { joined, stop: () => this.#leave(context.waiting) };
  }

  /** Nobody else is to come for now. */
  complete(): void {
    this.#isComplete = true;
    this.#endIfAlone();
  }

  /** Hangs up on a party, who has come in by another telephone. */
  drop(leg: Leg): void {
    const member = this.#members.get(leg);
    this.#leave(leg);
    member?.context.hangUp();
  }

  async #join(context: StepContext): Promise<boolean> {
    const { waiting } = context;
    try {
      if (!(await context.answer('conference'))) return false;
      const conference = await this.#open();
      const { id } = await waiting.media.session();
      const member = this.#members.get(waiting);
      if (member === undefined) return false;
      waiting.media.stop();
      await conference.join({ session: id, leg: 0 });
      member.session = id;
      return true;
    } catch (error) {
      const isFull = error instanceof MediaError && error.code === 'MEDIA_CONFERENCE_FULL';
      this.#leave(waiting);
      if (!isFull) throw error;
      context.goOn(undefined, { status: 486 });
      return false;
    }
  }

  #open(): Promise<MediaConference> {
    const { media, locale } = this.#options;
    this.#opening ??= media().then((client) =>
      client.createConference({
        entryTone: toneOf(locale, 'conferenceEntry'),
        exitTone: toneOf(locale, 'conferenceExit'),
      }),
    );
    return this.#opening;
  }

  #leave(leg: Leg): void {
    const member = this.#members.get(leg);
    if (member === undefined) return;
    this.#members.delete(leg);
    const { session } = member;
    if (session !== undefined && !this.#isOver) {
      // One whose session is closed has left by that.
      this.#opening?.then((conference) => conference.leave({ session, leg: 0 })).catch(() => undefined);
    }
    this.#endIfAlone();
  }

  #endIfAlone(): void {
    if (this.#isOver || (this.#members.size > 0 && !this.#isComplete)) return;
    const isOutside = [...this.#members.keys()].every(({ party }) => party.line !== undefined);
    if (this.#members.size > 1 && (!isOutside || this.#options.mayBeOutside())) return;
    this.#isOver = true;
    this.#opening?.then((conference) => conference.close()).catch(() => undefined);
    const rest = [...this.#members.values()];
    this.#members.clear();
    for (const { context } of rest) context.hangUp();
    this.#options.onOver();
  }
}
