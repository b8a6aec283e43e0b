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

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  schedule(delayMs, callback) {
    let isPending = true;
    pending += 1;
    const settle = (): boolean => {
      if (!isPending) return false;
      isPending = false;
      pending -= 1;
      return true;
    };
    const timer = setTimeout(() => {
      settle();
      callback();
    }, delayMs);
    timer.unref();
    return {
      cancel: () => {
        if (settle()) clearTimeout(timer);
      },
    };
  },
};
