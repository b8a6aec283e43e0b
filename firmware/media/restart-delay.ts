import type { Clock } from '../core/clock.ts';

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 5000;
/** A worker that lived this long was well: the next death is a first one again. */
const HEALTHY_MS = 10_000;

/** How long to wait before starting again what died: not at all the first time, then 100 ms doubling to 5 s. */
export class RestartDelay {
  readonly #clock: Clock;
  #lastDeath = Number.NEGATIVE_INFINITY;
  #delayMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Call at each death. */
  next(): number {
    const now = this.#clock.now();
    if (now - this.#lastDeath >= HEALTHY_MS + this.#delayMs) this.#delayMs = 0;
    else this.#delayMs = this.#delayMs === 0 ? FIRST_DELAY_MS : Math.min(this.#delayMs * 2, MAX_DELAY_MS);
    this.#lastDeath = now;
    return this.#delayMs;
  }
}
