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

/** The PIN that there is: as the configuration has it, or as somebody has set it until the box starts again. */
export type StoredPin =
  | { readonly hashed: string | undefined }
  /** In the clear. */
  | { readonly plain: string };

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

interface Failures {
  readonly count: number;
  /** Of the last one that counted. */
  readonly lastMs: number;
}

/**
 * Looks at PINs and keeps them from being tried out: a growing delay, then none is right for a quarter of an hour, which further tries
 * do not make longer. One after the other, so that many calls at once try no more of them than one, and take no more work.
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

  /** Never rejects. A wrong one takes its time. */
  async verify(attempt: PinAttempt): Promise<boolean> {
    const { owner, isOwnPhone = false } = attempt;
    const counted = isOwnPhone ? `${owner} at his own telephone` : owner;
    const delayMs = await this.#inTurn(counted, () => this.#delayOf(counted, attempt));
    if (delayMs === undefined) return true;
    // Nobody waits for the delays of others.
    await new Promise<void>((resolve) => {
      this.#clock.schedule(delayMs, resolve);
    });
    return false;
  }

  /** Of too many at once some are not looked at, and do not count. */
  async #inTurn(counted: string, work: () => Promise<number | undefined>): Promise<number | undefined> {
    const ofOwner = this.#waiting.get(counted) ?? 0;
    const all = [...this.#waiting.values()].reduce((sum, count) => sum + count, 0);
    if (ofOwner >= MAX_WAITING_OF_OWNER || all >= MAX_WAITING) return MAX_DELAY_MS;
    this.#waiting.set(counted, ofOwner + 1);
    const own = this.#last.then(work);
    this.#last = own;
    const delayMs = await own;
    const left = (this.#waiting.get(counted) ?? 1) - 1;
    if (left > 0) this.#waiting.set(counted, left);
    else this.#waiting.delete(counted);
    return delayMs;
  }

  /** How long the answer to a wrong one has to wait, in milliseconds; undefined: it is right. */
  async #delayOf(counted: string, { pin, stored }: PinAttempt): Promise<number | undefined> {
    const before = this.#failuresOf(counted)?.count ?? 0;
    const isLocked = before >= MAX_WRONG_PINS;
    if (!isLocked && (await isRight(pin, stored))) {
      this.#failures.delete(counted);
      return undefined;
    }
    // Whoever goes on trying does not make it longer: nobody could keep the owner out for ever.
    const count = isLocked ? before : before + 1;
    if (!isLocked) this.#failures.set(counted, { count, lastMs: this.#clock.elapsed() });
    this.#logger.warn({ owner: counted, isLocked: count >= MAX_WRONG_PINS }, `wrong ${this.#what}`);
    return Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (count - 1));
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
