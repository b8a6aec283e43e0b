/** Milliseconds of every second that one trace may take from the box. */
const SHARE_MS = 200;
/** The same for what the box had dropped without looking into it: a flood must not be worth more to a trace than to SIP. */
const DROPPED_SHARE_MS = 50;
const WINDOW_MS = 1000;

/** Holds a trace to its share of the processor, since what comes in is up to strangers. */
export class TraceBudget {
  readonly #elapsed: () => number;
  readonly #looked = { usedMs: 0, shareMs: SHARE_MS };
  readonly #dropped = { usedMs: 0, shareMs: DROPPED_SHARE_MS };
  #sinceMs: number;

  /** `elapsed` tells milliseconds since any moment. */
  constructor(elapsed: () => number) {
    this.#elapsed = elapsed;
    this.#sinceMs = elapsed();
  }

  /** Does `work` on a message, dropped by the box or not; false, and nothing done, where the share of this second is used up. */
  spend(isDropped: boolean, work: () => void): boolean {
    const startMs = this.#elapsed();
    if (startMs - this.#sinceMs >= WINDOW_MS) {
      this.#sinceMs = startMs;
      this.#looked.usedMs = 0;
      this.#dropped.usedMs = 0;
    }
    const share = isDropped ? this.#dropped : this.#looked;
    if (share.usedMs >= share.shareMs) return false;
    work();
    share.usedMs += this.#elapsed() - startMs;
    return true;
  }
}
