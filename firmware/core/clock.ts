/** Time as the rest of the firmware sees it, so that tests can run hours in microseconds. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds since some moment in the past, by which no time server moves: for spans of time. */
  elapsed(): number;
  /** Calls `callback` once, `delayMs` from now. The timer never keeps the process alive by itself. */
  schedule(delayMs: number, callback: () => void): Timer;
}

export interface Timer {
  /** Idempotent; a cancelled timer never fires. */
  cancel(): void;
}

let pending = 0;

/** Timers of the system's clock that are neither over nor cancelled: what a leak of them shows in. */
export function pendingTimers(): number {
  return pending;
}

/** One object for each: a call has dozens of timers, most of which are cancelled. */
class SystemTimer implements Timer {
  #timeout: NodeJS.Timeout | undefined;
  #callback: (() => void) | undefined;

  constructor(delayMs: number, callback: () => void) {
    this.#callback = callback;
    this.#timeout = setTimeout(SystemTimer.#fire, delayMs, this);
    this.#timeout.unref();
    pending += 1;
  }

  cancel(): void {
    clearTimeout(this.#timeout);
    this.#settle();
  }

  static #fire(timer: SystemTimer): void {
    timer.#settle()?.();
  }

  #settle(): (() => void) | undefined {
    const callback = this.#callback;
    if (callback !== undefined) pending -= 1;
    // Whoever keeps the timer keeps nothing else alive by it.
    this.#callback = undefined;
    this.#timeout = undefined;
    return callback;
  }
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  schedule: (delayMs, callback) => new SystemTimer(delayMs, callback),
};
