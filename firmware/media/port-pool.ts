import { MediaError } from './errors.ts';

/**
 * The even ports of a range, each with the odd one after it for RTCP (RFC 3550 §11). The port that was given back
 * longest ago is taken first, so that packets of an ended call die out before its port serves another one.
 */
export class PortPool {
  #low = 0;
  #high = 0;
  #free: number[] = [];
  /** Ports of calls, also those of an earlier range. */
  readonly #taken = new Set<number>();

  /** Throws MEDIA_PORT_RANGE unless `low` to `high` (inclusive, 1024 to 65535) holds at least one pair. */
  constructor(low: number, high: number) {
    this.use(low, high);
  }

  /** Another range from now on; what is taken stays with its call, and is not taken twice. Throws as the constructor. */
  use(low: number, high: number): void {
    const first = low + (low % 2);
    const valid = Number.isInteger(low) && Number.isInteger(high) && low >= 1024 && high <= 65535 && first + 1 <= high;
    if (!valid) throw new MediaError('MEDIA_PORT_RANGE', `no media ports in ${low}-${high}`);
    this.#low = low;
    this.#high = high;
    this.#free = [];
    for (let port = first; port + 1 <= high; port += 2) if (!this.#taken.has(port)) this.#free.push(port);
  }

  get freeCount(): number {
    return this.#free.length;
  }

  /** Takes two different ports; throws MEDIA_NO_PORTS when fewer are free. */
  takePair(): readonly [number, number] {
    const first = this.#free.shift();
    const second = this.#free.shift();
    if (first !== undefined && second !== undefined) {
      this.#taken.add(first).add(second);
      return [first, second];
    }
    if (first !== undefined) this.#free.unshift(first);
    throw this.#exhausted();
  }

  /** Takes one port; throws MEDIA_NO_PORTS when none is free. */
  take(): number {
    const port = this.#free.shift();
    if (port === undefined) throw this.#exhausted();
    this.#taken.add(port);
    return port;
  }

  giveBack(...ports: readonly number[]): void {
    for (const port of ports) {
      if (this.#taken.delete(port) && port >= this.#low && port + 1 <= this.#high) this.#free.push(port);
    }
  }

  #exhausted(): MediaError {
    return new MediaError('MEDIA_NO_PORTS', `all media ports of ${this.#low}-${this.#high} are in use`);
  }
}
