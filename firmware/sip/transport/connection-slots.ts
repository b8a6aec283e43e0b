/** Connections of all listeners together, and of one source (source.ts): an office behind one NAT must fit. */
export const MAX_CONNECTIONS = 2048;
export const MAX_CONNECTIONS_PER_SOURCE = 512;

export interface ConnectionLimits {
  readonly connections?: number;
  readonly connectionsPerSource?: number;
}

export type Slot =
  | { readonly kind: 'slot' /** Idempotent. */; readonly release: () => void }
  | { readonly kind: 'source-full' | 'all-full' };

/** How many connections stand, from their first byte on: a handshake that never ends takes as much as a phone. */
export class ConnectionSlots {
  readonly #max: number;
  readonly #maxPerSource: number;
  readonly #perSource = new Map<string, number>();
  #count = 0;

  constructor(limits: ConnectionLimits = {}) {
    this.#max = limits.connections ?? MAX_CONNECTIONS;
    this.#maxPerSource = limits.connectionsPerSource ?? MAX_CONNECTIONS_PER_SOURCE;
  }

  /** `makesRoom` is called where all are taken; true says that one of them is being closed, and will be given back. */
  take(source: string, makesRoom: () => boolean = () => false): Slot {
    const count = this.#perSource.get(source) ?? 0;
    if (count >= this.#maxPerSource) return { kind: 'source-full' };
    if (this.#count >= this.#max && !makesRoom()) return { kind: 'all-full' };
    this.#perSource.set(source, count + 1);
    this.#count += 1;
    let isHeld = true;
    const release = (): void => {
      if (!isHeld) return;
      isHeld = false;
      this.#release(source);
    };
    return { kind: 'slot', release };
  }

  #release(source: string): void {
    this.#count -= 1;
    const left = (this.#perSource.get(source) ?? 1) - 1;
    if (left === 0) this.#perSource.delete(source);
    else this.#perSource.set(source, left);
  }
}
