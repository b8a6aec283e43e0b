import type { Clock } from '../core/clock.ts';

/** Sources remembered at once. With more, the one seen longest ago is forgotten and starts afresh. */
const MAX_SOURCES = 1024;

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

/** A token bucket for each source: `burst` at once, `perSecond` in the long run. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();

  constructor(perSecond: number, burst: number, clock: Clock) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#clock = clock;
  }

  /** Takes one token of `source`; false when there is none left. */
  take(source: string): boolean {
    const now = this.#clock.now();
    const bucket = this.#buckets.get(source) ?? { tokens: this.#burst, filledAtMs: now };
    const elapsedSeconds = Math.max(0, now - bucket.filledAtMs) / 1000;
    bucket.tokens = Math.min(this.#burst, bucket.tokens + elapsedSeconds * this.#perSecond);
    bucket.filledAtMs = now;
    // Put in again at the end: a Map keeps the order of insertion, so that its first is the one seen longest ago.
    this.#buckets.delete(source);
    if (this.#buckets.size >= MAX_SOURCES) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
    this.#buckets.set(source, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}
