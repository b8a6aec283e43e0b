/** Lets through so many a second on the average, and more for a moment after a quiet one. */
export class TokenBucket {
  #tokens: number;
  #filledAtMs: number;

  /** Full at first. */
  constructor(nowMs: number, burst: number) {
    this.#tokens = burst;
    this.#filledAtMs = nowMs;
  }

  /** False where there is nothing left. The limits may be others each time. */
  take(nowMs: number, perSecond: number, burst: number, tokens = 1): boolean {
    if (!this.has(nowMs, perSecond, burst, tokens)) return false;
    this.#tokens -= tokens;
    return true;
  }

  /** Takes what was used already; what there is may become less than nothing. */
  spend(tokens: number): void {
    this.#tokens -= tokens;
  }

  /** The same as `take`, without taking. */
  has(nowMs: number, perSecond: number, burst: number, tokens = 1): boolean {
    // A clock that was set back fills nothing, and loses nothing either.
    const elapsedMs = Math.max(0, nowMs - this.#filledAtMs);
    this.#tokens = Math.min(burst, this.#tokens + (elapsedMs * perSecond) / 1000);
    this.#filledAtMs = nowMs;
    return this.#tokens >= tokens;
  }
}
