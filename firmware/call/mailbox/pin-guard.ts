import type { Clock } from '../../core/clock.ts';

/** Wrong PINs of one mailbox, whoever calls, after which it is closed for a while. */
export const MAX_WRONG_PINS = 6;
const LOCK_MS = 15 * 60_000;
/** A wrong PIN is answered after this, and after twice as long each further time. */
const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 8000;

interface Failures {
  readonly count: number;
  readonly lastMs: number;
}

/** Keeps PINs from being tried out: a growing delay, then a mailbox that is closed. In memory: no more entries than users. */
export class PinGuard {
  readonly #clock: Clock;
  readonly #failures = new Map<string, Failures>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isLocked(user: string): boolean {
    const failures = this.#of(user);
    return failures !== undefined && failures.count >= MAX_WRONG_PINS;
  }

  /** How long the answer has to wait, in milliseconds. */
  failed(user: string): number {
    const count = (this.#of(user)?.count ?? 0) + 1;
    this.#failures.set(user, { count, lastMs: this.#clock.elapsed() });
    return Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (count - 1));
  }

  succeeded(user: string): void {
    this.#failures.delete(user);
  }

  #of(user: string): Failures | undefined {
    const failures = this.#failures.get(user);
    if (failures === undefined || this.#clock.elapsed() - failures.lastMs < LOCK_MS) return failures;
    this.#failures.delete(user);
    return undefined;
  }
}
