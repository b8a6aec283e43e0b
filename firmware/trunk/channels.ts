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

/** The channels of one line: calls that are up or being set up. */
export class Channels {
  /** In the order in which they began. */
  readonly #uses = new Set<ChannelUse>();

  get inUse(): number {
    return this.#uses.size;
  }

  /** Calls in one direction. */
  count(direction: ChannelUse['direction']): number {
    let count = 0;
    for (const use of this.#uses) if (use.direction === direction) count += 1;
    return count;
  }

  /** Whether there is one that may make way for an emergency call. */
  get hasCallToDrop(): boolean {
    for (const { isEmergency } of this.#uses) if (!isEmergency) return true;
    return false;
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
    this.#uses.add(use);
    return () => void this.#uses.delete(use);
  }

  #makeRoom(channels: number): void {
    if (this.#uses.size < channels) return;
    const youngest = [...this.#uses].reverse().find(({ isEmergency }) => !isEmergency);
    if (youngest === undefined) return;
    // Its own end comes later, and would free a channel that is another's by then.
    this.#uses.delete(youngest);
    youngest.drop();
  }
}
