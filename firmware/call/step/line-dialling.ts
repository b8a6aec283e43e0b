import type { LegServices } from '../leg/leg.ts';
import type { Speech } from '../leg/leg-media.ts';
import type { LegParty } from '../leg/leg-party.ts';
import type { MediaSettings } from '../leg/media-settings.ts';
import { OutgoingLeg } from '../leg/outgoing-leg.ts';
import type { LineAbilities, OutsideLines, PlacedCall } from '../outside.ts';
import type { Diversion, LineAttempt, LineCall, ShownIdentity } from '../routing/plan.ts';
import type { Dialling, DiallingListener } from './dialling.ts';

export interface LineDiallingOptions {
  readonly services: LegServices;
  readonly lines: OutsideLines;
  /** What a call may use of a line, as configured. */
  readonly settings: (abilities: LineAbilities, isEmergency: boolean) => MediaSettings;
  readonly call: LineCall;
  /** Who answers for the call. */
  readonly user: string | undefined;
  readonly diversions: readonly Diversion[];
  readonly maxForwards: number;
  /** Who calls. */
  readonly shown: ShownIdentity;
  /** What whoever it is for speaks. */
  readonly speech: () => Speech | undefined;
  /** Who answers, where that is more than a number outside. */
  readonly party?: Partial<Pick<LegParty, 'number' | 'name' | 'user'>>;
}

/** A line that always has another server would be tried for ever. */
const MAX_TRIES = 16;

/** Help needs the channel (Q.850: precedence call blocked). */
const MADE_WAY = { cause: 'no-line', reason: 'Q.850;cause=46;text="Precedence call blocked"' } as const;

/** Somebody outside is called: over one line after the other, until one takes the call. */
export class LineDialling implements Dialling {
  readonly #options: LineDiallingOptions;
  readonly #listener: DiallingListener;
  #leg: OutgoingLeg | undefined;
  /** The channel is taken: from a call, or before there is a leg, while the next line or server is looked for. */
  readonly #drop = (): void => {
    if (this.#leg === undefined || this.#leg.isEnded) this.#reject(503);
    else this.#leg.fail(MADE_WAY);
  };
  #tries = 0;
  #over = false;

  constructor(options: LineDiallingOptions, listener: DiallingListener) {
    this.#options = options;
    this.#listener = listener;
  }

  start(): void {
    this.#run(this.#try(0));
  }

  stop(reason?: string): void {
    if (this.#over) return;
    const leg = this.#leg;
    this.#finish();
    leg?.close(reason);
  }

  /** `index` of the attempt; 503 where there is none left, unless a line said more. */
  async #try(index: number, status = 503): Promise<void> {
    const attempt = this.#options.call.attempts[index];
    if (this.#over) return;
    if (attempt === undefined || this.#tries >= MAX_TRIES) {
      this.#reject(status);
      return;
    }
    this.#tries += 1;
    const { lines, call, user, diversions, maxForwards } = this.#options;
    const isEmergency = call.emergency !== undefined;
    const placed = await lines.place({
      attempt,
      user,
      diversions,
      isEmergency,
      maxForwards,
      drop: this.#drop,
    });
    if (placed.kind === 'refused') {
      if (placed.isFinal) this.#reject(placed.status);
      else await this.#try(index + 1, placed.status);
      return;
    }
    if (this.#over) {
      placed.ended();
      return;
    }
    const leg = this.#call(placed, attempt, index, isEmergency);
    await leg.call(this.#options.speech());
  }

  #call(placed: PlacedCall, attempt: LineAttempt, index: number, isEmergency: boolean): OutgoingLeg {
    const { services, settings, party, shown } = this.#options;
    // Withheld for this call alone: not told either when whoever called comes back to it.
    const isHidden = ({ number, user }: LegParty): boolean =>
      attempt.identity.isWithheld && (number === shown.number || user === shown.number);
    const leg = new OutgoingLeg({
      services,
      party: {
        number: attempt.number,
        name: attempt.number,
        ...party,
        line: attempt.line,
        ...(isEmergency ? { isEmergency } : {}),
      },
      settings: settings(placed.abilities, isEmergency),
      ways: [placed.invite],
      answerWithinMs: placed.answerWithinMs,
      shown,
      identify: (other) => placed.shows(isHidden(other) ? { ...other, isPrivate: true } : other),
      // A user is who he is, wherever he answers.
      ...(party === undefined ? { named: (headers) => placed.names(headers) } : {}),
    });
    this.#leg = leg;
    leg.whenOver(() => placed.ended());
    const listener = this.#listener;
    leg.owner = {
      onRinging: () => listener.ringing(),
      onEarlyMedia: (_leg, sdp) => listener.earlyMedia(leg, sdp),
      onAnswered: () => {
        placed.answered();
        this.#finish();
        listener.answered(leg);
      },
      onRejected: (_leg, status) => {
        leg.owner = {};
        const next = placed.rejected(status, leg.response);
        leg.close();
        if (next === 'final') this.#reject(status);
        else this.#run(this.#try(next === 'again' ? index : index + 1, status));
      },
      onUnwanted: (_leg, how) => {
        this.#finish();
        leg.close();
        if (how === 'ignored') listener.ignored(leg);
        else listener.rejected(603, leg);
      },
      onEnded: () => {
        this.#finish();
        leg.close();
        listener.gone(leg);
      },
    };
    listener.calls(leg);
    return leg;
  }

  #reject(status: number): void {
    if (this.#over) return;
    const leg = this.#leg;
    this.#finish();
    this.#listener.rejected(status, leg);
  }

  #finish(): void {
    this.#over = true;
    if (this.#leg !== undefined) this.#leg.owner = {};
  }

  #run(work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (this.#over) return;
      this.stop();
      this.#listener.failed(error);
    });
  }
}
