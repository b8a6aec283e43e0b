import type { Clock, Timer } from '../../core/clock.ts';

/** Something that is waited for in a DelayList, one at a time. Its fields are the list's. */
export abstract class Delayed {
  list: DelayList | undefined;
  previous: Delayed | undefined;
  following: Delayed | undefined;
  dueAtMs = 0;

  /** The delay is over; it stands in no list any more. */
  abstract onDue(): void;
}

/**
 * Waits of one length, oldest first, on one timer of the clock: most transactions end by a wait of 64*T1, and at 6000
 * requests a second a timer for each would cost more than the rest of the transaction.
 */
export class DelayList {
  readonly #clock: Clock;
  readonly #delayMs: number;
  #oldest: Delayed | undefined;
  #newest: Delayed | undefined;
  #timer: Timer | undefined;

  constructor(clock: Clock, delayMs: number) {
    this.#clock = clock;
    this.#delayMs = delayMs;
  }

  get oldest(): Delayed | undefined {
    return this.#oldest;
  }

  /** Begins the wait, anew where it was on. */
  add(delayed: Delayed): void {
    delayed.list?.remove(delayed);
    delayed.list = this;
    delayed.dueAtMs = this.#clock.elapsed() + this.#delayMs;
    delayed.previous = this.#newest;
    if (this.#newest === undefined) this.#oldest = delayed;
    else this.#newest.following = delayed;
    this.#newest = delayed;
    if (this.#timer === undefined) this.#wait(this.#delayMs);
  }

  /** Ends the wait. Idempotent. */
  remove(delayed: Delayed): void {
    if (delayed.list !== this) return;
    if (delayed.previous === undefined) this.#oldest = delayed.following;
    else delayed.previous.following = delayed.following;
    if (delayed.following === undefined) this.#newest = delayed.previous;
    else delayed.following.previous = delayed.previous;
    delayed.list = undefined;
    delayed.previous = undefined;
    delayed.following = undefined;
    if (this.#oldest !== undefined) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #wait(delayMs: number): void {
    this.#timer = this.#clock.schedule(delayMs, () => {
      this.#timer = undefined;
      const now = this.#clock.elapsed();
      try {
        for (let first = this.#oldest; first !== undefined && first.dueAtMs <= now; first = this.#oldest) {
          this.remove(first);
          first.onDue();
        }
      } finally {
        // What fell due may have begun a wait, and its timer; or have thrown, which is no reason to wait for ever.
        const left = this.#oldest;
        if (left !== undefined && this.#timer === undefined) this.#wait(Math.max(0, Math.ceil(left.dueAtMs - now)));
      }
    });
  }
}
