import { randomUUID } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { detachedText } from '../core/detached-text.ts';
import type { LegStatistics } from '../media/client.ts';
import type {
  CallCause,
  CallDirection,
  CallEvent,
  CallLeg,
  CallParty,
  CallService,
  Heard,
  LegQuality,
  ObservedDialog,
} from './history/call-event.ts';
import type { Leg } from './leg/leg.ts';

/** How somebody came into a conversation in the place of somebody else. */
export type JoinedHow = 'transfer' | 'pick-up' | 'steal' | 'unpark';

/** The number of the leg that began the call. */
const CALLER = 0;

/** What one call tells of itself (history/call-event.ts); knows which of its legs has which number. */
export class CallReport {
  readonly call: string = randomUUID();
  readonly #clock: Clock;
  readonly #emit: (event: CallEvent) => void;
  readonly #numbers = new Map<Leg, number>();
  /** What was told last of the dialog of each. */
  readonly #dialogs = new Map<Leg, ObservedDialog>();
  /** Who answered last, or came in his place. */
  #connected: number | undefined;
  /** Who was in the conversation at its end. */
  #caller: Leg | undefined;
  #callee: Leg | undefined;
  #next = 0;
  #over = false;

  constructor(clock: Clock, emit: (event: CallEvent) => void) {
    this.#clock = clock;
    this.#emit = emit;
  }

  started(
    caller: Leg,
    about: {
      readonly direction: CallDirection;
      readonly dialled: string;
      readonly isEmergency?: boolean;
      readonly follows?: string;
    },
  ): void {
    this.#tell({ kind: 'started', caller: this.#describe(caller), ...about });
  }

  /** Told once of each leg. */
  ringing(leg: Leg): void {
    if (!this.#numbers.has(leg)) this.#tell({ kind: 'ringing', leg: this.#describe(leg) });
  }

  /** The dialog of a leg may be known by now; told where it is another one than before. */
  dialog(leg: Leg): void {
    const number = this.#numbers.get(leg);
    const dialog = observed(leg);
    if (number === undefined || dialog === undefined || isSame(dialog, this.#dialogs.get(leg))) return;
    this.#dialogs.set(leg, dialog);
    this.#tell({ kind: 'dialog', leg: number, dialog });
  }

  answered(by: Leg | CallService): void {
    if (typeof by === 'string') {
      this.#tell({ kind: 'answered', service: by });
      return;
    }
    this.ringing(by);
    this.dialog(by);
    this.#connected = this.#numberOf(by);
    this.#tell({ kind: 'answered', leg: this.#connected });
  }

  released(leg: Leg, cause: CallCause): void {
    const number = this.#numbers.get(leg);
    if (number === undefined) return;
    this.#numbers.delete(leg);
    this.#dialogs.delete(leg);
    this.#tell({ kind: 'released', leg: number, cause });
  }

  held(leg: Leg, isHolding: boolean): void {
    const number = this.#numbers.get(leg);
    if (number !== undefined) this.#tell({ kind: isHolding ? 'held' : 'retrieved', leg: number });
  }

  joined(
    leg: Leg,
    replaced: Leg,
    about: { readonly how: JoinedHow; readonly by?: CallParty; readonly from?: string },
  ): void {
    const replaces = this.#numberOf(replaced);
    const described = this.#describe(leg);
    if (this.#connected === undefined || this.#connected === replaces) this.#connected = described.leg;
    this.#tell({ kind: 'joined', leg: described, replaces, ...about });
  }

  recorded(recording: string): void {
    this.#tell({ kind: 'recorded', recording });
  }

  /** Last of all; only `measured` may follow. */
  ended(
    about: { readonly cause: CallCause; readonly by: 'caller' | 'connected' | 'box'; readonly status?: number },
    legs: readonly Leg[],
  ): void {
    for (const leg of legs) {
      if (this.#numbers.get(leg) === CALLER) this.#caller = leg;
      else if (this.#numbers.get(leg) === this.#connected) this.#callee = leg;
    }
    const quality = legs.flatMap((leg): LegQuality[] => {
      const { codec } = leg.media;
      const number = this.#numbers.get(leg);
      return codec === undefined || number === undefined ? [] : [{ leg: number, codec }];
    });
    this.#tell({ kind: 'ended', ...about, ...(quality.length === 0 ? {} : { quality }) });
    this.#over = true;
    this.#numbers.clear();
    this.#dialogs.clear();
  }

  /** Once the media of these are closed: what they were like. */
  async measured(legs: readonly Leg[]): Promise<void> {
    const [caller, connected] = await Promise.all(
      [this.#caller, this.#callee].map(async (leg) =>
        leg === undefined || !legs.includes(leg) ? undefined : heardOf(await leg.media.close()),
      ),
    );
    if (caller === undefined && connected === undefined) return;
    this.#emit({
      ...{ kind: 'measured', call: this.call, atMs: this.#clock.now() },
      ...(caller === undefined ? {} : { caller }),
      ...(connected === undefined ? {} : { connected }),
    });
  }

  #describe(leg: Leg): CallLeg {
    const { number, name, user, isPrivate, line, huntGroup } = leg.party;
    const dialog = observed(leg);
    if (dialog !== undefined) this.#dialogs.set(leg, dialog);
    return {
      leg: this.#numberOf(leg),
      party: { number, name, ...(user === undefined ? {} : { user }), ...(isPrivate === true ? { isPrivate } : {}) },
      ...(dialog === undefined ? {} : { dialog }),
      ...(line === undefined ? {} : { line }),
      ...(huntGroup === undefined ? {} : { huntGroup }),
    };
  }

  #numberOf(leg: Leg): number {
    const known = this.#numbers.get(leg);
    if (known !== undefined) return known;
    const number = this.#next++;
    this.#numbers.set(leg, number);
    return number;
  }

  #tell(event: CallEvent extends infer E ? (E extends CallEvent ? Omit<E, 'call' | 'atMs'> : never) : never): void {
    if (!this.#over) this.#emit({ ...event, call: this.call, atMs: this.#clock.now() } as CallEvent);
  }
}

function heardOf(statistics: LegStatistics | undefined): Heard | undefined {
  if (statistics === undefined || statistics.packetsReceived === 0) return undefined;
  const { packetsReceived, packetsLost, opinion } = statistics;
  const lossRatio = packetsLost / (packetsReceived + packetsLost);
  return { lossRatio, ...(opinion === undefined ? {} : { meanOpinionScore: opinion }) };
}

/** As the device sees it: its own tag is our remote one. */
function observed({ dialog }: Leg): ObservedDialog | undefined {
  if (dialog === undefined) return undefined;
  const { callId, localTag, remoteTag } = dialog;
  // Records and lamps keep it longer than the message that it was cut from.
  const [call, tag] = [detachedText(callId), detachedText(remoteTag)];
  return tag === '' ? { callId: call, remoteTag: localTag } : { callId: call, remoteTag: localTag, localTag: tag };
}

function isSame(one: ObservedDialog, other: ObservedDialog | undefined): boolean {
  return one.callId === other?.callId && one.remoteTag === other.remoteTag && one.localTag === other.localTag;
}
