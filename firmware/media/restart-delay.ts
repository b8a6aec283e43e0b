import type { Clock } from '../core/clock.ts';

export interface RestartPace {
  /** Before the second start; each further one waits twice as long. */
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  /** What lived this long was well: the next death is a first one again. */
  readonly healthyMs: number;
}

const QUICK: RestartPace = { firstDelayMs: 100, maxDelayMs: 5000, healthyMs: 10_000 };

/** How long to wait before starting again what died: not at all the first time, then 100 ms doubling to 5 s. */
export class RestartDelay {
  readonly #clock: Clock;
  readonly #pace: RestartPace;
  #lastDeath = Number.NEGATIVE_INFINITY;
  #delayMs = 0;

  /** `pace` for other figures than those above. */
  constructor(clock: Clock, pace = QUICK) {
    this.#clock = clock;
    this.#pace = pace;
  }

  /** Call at each death. */
  next(): number {
    const { firstDelayMs, maxDelayMs, healthyMs } = this.#pace;
    const now = this.#clock.now();
    if (now - this.#lastDeath >= healthyMs + this.#delayMs) this.#delayMs = 0;
    else this.#delayMs = this.#delayMs === 0 ? firstDelayMs : Math.min(this.#delayMs * 2, maxDelayMs);
    this.#lastDeath = now;
    return this.#delayMs;
  }
}
