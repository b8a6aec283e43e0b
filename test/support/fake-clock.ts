import type { Clock, Timer } from '../../firmware/core/clock.ts';

interface Scheduled {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that stands still until a test moves it; timers fire in the order of their time, then of their making. */
export class FakeClock implements Clock {
  #now: number;
  #order = 0;
  #offset = 0;
  readonly #scheduled = new Set<Scheduled>();

  constructor(startMs = 1_700_000_000_000) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now + this.#offset;
  }

  elapsed(): number {
    return this.#now;
  }

  /** Sets the time of day, as a time server does: timers run on as they did. */
  jump(ms: number): void {
    this.#offset += ms;
  }

  schedule(delayMs: number, callback: () => void): Timer {
    const scheduled: Scheduled = { at: this.#now + delayMs, order: this.#order++, callback };
    this.#scheduled.add(scheduled);
    return { cancel: () => this.#scheduled.delete(scheduled) };
  }

  /** Timers not yet fired or cancelled: a closed object must leave none. */
  get pending(): number {
    return this.#scheduled.size;
  }

  /** Moves time on by `ms`, firing what falls due, also what those callbacks schedule. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      let next: Scheduled | undefined;
      for (const scheduled of this.#scheduled) {
        if (scheduled.at > end) continue;
        if (
          next === undefined ||
          scheduled.at < next.at ||
          (scheduled.at === next.at && scheduled.order < next.order)
        ) {
          next = scheduled;
        }
      }
      if (next === undefined) break;
      this.#scheduled.delete(next);
      this.#now = next.at;
      next.callback();
    }
    this.#now = end;
  }
}
