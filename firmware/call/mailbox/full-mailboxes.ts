import type { Clock } from '../../core/clock.ts';

export interface FullMailboxesOptions {
  readonly onNotice: (code: string, message: string) => void;
  readonly clock: Clock;
}

/** One notice a mailbox and day: callers try again. */
const QUIET_MS = 86_400_000;
/** Users and groups of the largest box; who is beyond them is told of again. */
const MAX_NOTED = 1000;

/** Tells who looks after the box that callers find no room in a mailbox. */
export class FullMailboxes {
  readonly #options: FullMailboxesOptions;
  /** When it was told last, by mailbox. */
  readonly #noted = new Map<string, number>();

  constructor(options: FullMailboxesOptions) {
    this.#options = options;
  }

  /** A caller could not leave a message there. */
  turnedAway(mailbox: string): void {
    const { clock, onNotice } = this.#options;
    const now = clock.elapsed();
    const before = this.#noted.get(mailbox);
    if (before !== undefined && now - before < QUIET_MS) return;
    this.#noted.delete(mailbox);
    this.#noted.set(mailbox, now);
    const [oldest] = this.#noted.keys();
    if (this.#noted.size > MAX_NOTED && oldest !== undefined) this.#noted.delete(oldest);
    onNotice('MAILBOX_FULL', `a caller found no room in the mailbox of ${mailbox}: messages have to be deleted`);
  }
}
