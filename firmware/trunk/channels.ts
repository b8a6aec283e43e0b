/** Who has a channel of a line. */
export interface ChannelUse {
  readonly direction: 'in' | 'out';
  readonly isEmergency: boolean;
  /** Ends the call, since help needs its channel. */
  readonly drop: () => void;
}

export interface ChannelLimits {
  readonly channels: number;
  readonly incomingChannels: number;
  readonly outgoingChannels: number;
}

/** Calls over all lines, in the order in which they began. */
let begun = 0;

/** The channels of one line: calls that are up or being set up. */
export class Channels {
  /** In the order in which they began, each with its number among the calls of all lines. */
  readonly #uses = new Map<ChannelUse, number>();
  readonly #onFreed: () => void;

  /** `onFreed`: one has become free. */
  constructor(onFreed: () => void = () => undefined) {
    this.#onFreed = onFreed;
  }

  get inUse(): number {
    return this.#uses.size;
  }

  /** Calls in one direction. */
  count(direction: ChannelUse['direction']): number {
    let count = 0;
    for (const use of this.#uses.keys()) if (use.direction === direction) count += 1;
    return count;
  }

  /** Whether there is one that may make way for an emergency call. */
  get hasCallToDrop(): boolean {
    return this.youngestToDrop !== undefined;
  }

  /** The number of the one that would: of several lines the greatest is the youngest. */
  get youngestToDrop(): number | undefined {
    let youngest: number | undefined;
    for (const [{ isEmergency }, number] of this.#uses) if (!isEmergency) youngest = number;
    return youngest;
  }

  /**
   * A channel, and what frees it (idempotent); undefined where none is free. An emergency call counts against the whole line
   * alone, and ends the youngest other call where that is full.
   */
  take(use: ChannelUse, limits: ChannelLimits): (() => void) | undefined {
    if (use.isEmergency) this.#makeRoom(limits.channels);
    else {
      const ofDirection = use.direction === 'in' ? limits.incomingChannels : limits.outgoingChannels;
      if (this.#uses.size >= limits.channels || this.count(use.direction) >= ofDirection) return undefined;
    }
    begun += 1;
    this.#uses.set(use, begun);
    return () => {
      if (this.#uses.delete(use)) this.#onFreed();
    };
  }

  #makeRoom(channels: number): void {
    if (this.#uses.size < channels) return;
    const youngest = [...this.#uses.keys()].reverse().find(({ isEmergency }) => !isEmergency);
    if (youngest === undefined) return;
    // Its own end comes later, and would free a channel that is another's by then.
    this.#uses.delete(youngest);
    youngest.drop();
  }
}

/** The channels of each line, by its number: for as long as there is the line, or a call over it. */
export class ChannelsOfLines {
  readonly #byLine = new Map<string, Channels>();
  #lines: ReadonlySet<string> = new Set();

  /** Lines whose channels are kept. */
  get size(): number {
    return this.#byLine.size;
  }

  of(line: string): Channels {
    let channels = this.#byLine.get(line);
    if (channels === undefined) {
      channels = new Channels(() => this.#forget(line));
      this.#byLine.set(line, channels);
    }
    return channels;
  }

  /** The lines that there are from now on. */
  keep(lines: readonly string[]): void {
    this.#lines = new Set(lines);
    for (const line of this.#byLine.keys()) this.#forget(line);
  }

  #forget(line: string): void {
    if (!this.#lines.has(line) && this.#byLine.get(line)?.inUse === 0) this.#byLine.delete(line);
  }
}
