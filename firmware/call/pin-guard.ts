import { isPassword, readHashedPassword } from '../config/secrets/scrypt.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';

/** Wrong PINs of one owner, whoever tries, after which none is right for a while. */
export const MAX_WRONG_PINS = 6;
const LOCK_MS = 15 * 60_000;
/** A wrong PIN is answered after this, and after twice as long each further time. */
const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 8000;
/** PINs that wait until those before them are looked at: each costs a processor a tenth of a second. */
const MAX_WAITING = 32;
const MAX_WAITING_OF_OWNER = 8;
/** One for which there is no place comes back after so long, and no more after that. */
const HOLD_MS = 500;
const MAX_HELD_MS = 8000;

/** The PIN that there is: as the configuration has it, or as somebody has set it until the box starts again. */
export type StoredPin =
  | { readonly hashed: string | undefined }
  /** In the clear. */
  | { readonly plain: string };

/** `later`: it was not looked at, right or wrong, and may be tried again in a while. */
export type PinVerdict = 'right' | 'wrong' | 'later';

export interface PinAttempt {
  /** Whose PIN it is; somebody who exists, since each has an entry. */
  readonly owner: string;
  readonly pin: string;
  readonly stored: StoredPin;
  /**
   * At a telephone of the owner himself, where he is known by its password: counted by itself, since whoever tries PINs out from
   * elsewhere must not keep him out.
   */
  readonly isOwnPhone?: boolean;
}

interface Judged {
  readonly verdict: PinVerdict;
  /** How long the answer has to wait. */
  readonly delayMs: number;
}

interface Failures {
  readonly count: number;
  /** Of the last one that counted. */
  readonly lastMs: number;
}

/**
 * Looks at PINs and keeps them from being tried out: a growing delay, then none is looked at for a quarter of an hour, which further
 * tries do not make longer. One after the other, so that many calls at once try no more of them than one, and take no more work.
 */
export class PinGuard {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #what: string;
  readonly #failures = new Map<string, Failures>();
  /** How many wait, by whom they are counted for. */
  readonly #waiting = new Map<string, number>();
  #last: Promise<unknown> = Promise.resolve();

  /** `what` these PINs are, for the log. */
  constructor(what: string, clock: Clock, logger: Logger) {
    this.#what = what;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Never rejects. A wrong one takes its time, and one that finds too many others waiting a little. */
  async verify(attempt: PinAttempt): Promise<PinVerdict> {
    const { owner, isOwnPhone = false } = attempt;
    const counted = isOwnPhone ? `${owner} at his own telephone` : owner;
    for (let heldMs = 0; !this.#hasPlace(counted); heldMs += HOLD_MS) {
      if (heldMs >= MAX_HELD_MS) return 'later';
      await this.#after(HOLD_MS);
    }
    const { verdict, delayMs } = await this.#inTurn(counted, () => this.#judge(counted, attempt));
    // Nobody waits for the delays of others.
    if (delayMs > 0) await this.#after(delayMs);
    return verdict;
  }

  #hasPlace(counted: string): boolean {
    const ofOwner = this.#waiting.get(counted) ?? 0;
    const all = [...this.#waiting.values()].reduce((sum, count) => sum + count, 0);
    return ofOwner < MAX_WAITING_OF_OWNER && all < MAX_WAITING;
  }

  async #inTurn(counted: string, work: () => Promise<Judged>): Promise<Judged> {
    this.#waiting.set(counted, (this.#waiting.get(counted) ?? 0) + 1);
    const own = this.#last.then(work);
    this.#last = own;
    const judged = await own;
    const left = (this.#waiting.get(counted) ?? 1) - 1;
    if (left > 0) this.#waiting.set(counted, left);
    else this.#waiting.delete(counted);
    return judged;
  }

  async #judge(counted: string, { pin, stored }: PinAttempt): Promise<Judged> {
    const before = this.#failuresOf(counted)?.count ?? 0;
    // Whoever goes on trying does not make it longer: nobody could keep the owner out for ever.
    if (before >= MAX_WRONG_PINS) {
      this.#logger.warn({ owner: counted, isLocked: true }, `${this.#what} not looked at`);
      return { verdict: 'later', delayMs: MAX_DELAY_MS };
    }
    if (await isRight(pin, stored)) {
      this.#failures.delete(counted);
      return { verdict: 'right', delayMs: 0 };
    }
    const count = before + 1;
    this.#failures.set(counted, { count, lastMs: this.#clock.elapsed() });
    this.#logger.warn({ owner: counted, isLocked: count >= MAX_WRONG_PINS }, `wrong ${this.#what}`);
    return { verdict: 'wrong', delayMs: Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (count - 1)) };
  }

  #after(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.schedule(ms, resolve);
    });
  }

  #failuresOf(counted: string): Failures | undefined {
    const failures = this.#failures.get(counted);
    if (failures === undefined || this.#clock.elapsed() - failures.lastMs < LOCK_MS) return failures;
    this.#failures.delete(counted);
    return undefined;
  }
}

async function isRight(pin: string, stored: StoredPin): Promise<boolean> {
  if ('plain' in stored) return stored.plain === pin;
  const hashed = readHashedPassword(stored.hashed ?? '');
  return hashed !== undefined && (await isPassword(pin, hashed).catch(() => false));
}
