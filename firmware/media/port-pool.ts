import type { Clock } from '../core/clock.ts';
import { MediaError } from './errors.ts';

/**
 * A party that has not heard of the end of a call yet goes on sending: audio for as long as a BYE may be under way, and a
 * report each five seconds or so (RFC 3550 §6.2).
 */
const QUARANTINE_MS = 10_000;

/**
 * The even ports of a range, each with the odd one after it for RTCP (RFC 3550 §11). A port that was given back is in
 * quarantine for QUARANTINE_MS: it is used again only when the range has no other one, the one that rested longest first.
 */
export class PortPool {
  #low = 0;
  #high = 0;
  #free: number[] = [];
  /** Ports of calls, also those of an earlier range. */
  readonly #taken = new Set<number>();
  /** When a port was given back, oldest first; those whose quarantine is over are left out at the next occasion. */
  readonly #givenBackMs = new Map<number, number>();
  readonly #clock: Clock;

  /** Throws MEDIA_PORT_RANGE unless `low` to `high` (inclusive, 1024 to 65535) holds at least one pair. */
  constructor(low: number, high: number, clock: Clock) {
    this.#clock = clock;
    this.use(low, high);
  }

  /** Another range from now on; what is taken stays with its call, and is not taken twice. Throws as the constructor. */
  use(low: number, high: number): void {
    const first = low + (low % 2);
    const valid = Number.isInteger(low) && Number.isInteger(high) && low >= 1024 && high <= 65535 && first + 1 <= high;
    if (!valid) throw new MediaError('MEDIA_PORT_RANGE', `no media ports in ${low}-${high}`);
    this.#low = low;
    this.#high = high;
    this.#endQuarantines();
    this.#free = [];
    for (let port = first; port + 1 <= high; port += 2) {
      if (!this.#taken.has(port) && !this.#givenBackMs.has(port)) this.#free.push(port);
    }
    for (const port of this.#givenBackMs.keys()) if (this.#isInRange(port)) this.#free.push(port);
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
      if (!this.#taken.delete(port)) continue;
      this.#givenBackMs.delete(port);
      this.#givenBackMs.set(port, this.#clock.elapsed());
      if (this.#isInRange(port)) this.#free.push(port);
    }
    this.#endQuarantines();
  }

  #isInRange(port: number): boolean {
    return port >= this.#low && port + 1 <= this.#high;
  }

  #endQuarantines(): void {
    const now = this.#clock.elapsed();
    for (const [port, ms] of this.#givenBackMs) {
      if (now - ms < QUARANTINE_MS) return;
      this.#givenBackMs.delete(port);
    }
  }

  #exhausted(): MediaError {
    return new MediaError('MEDIA_NO_PORTS', `all media ports of ${this.#low}-${this.#high} are in use`);
  }
}
