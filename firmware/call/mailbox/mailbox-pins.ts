import type { ConfigurationStore } from '../../config/configuration-store.ts';
import { checkPin } from '../../config/secrets/rules.ts';
import { hashPassword, isPassword, readHashedPassword } from '../../config/secrets/scrypt.ts';
import type { Clock } from '../../core/clock.ts';
import { UsageError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { PinGuard } from './pin-guard.ts';

/** The PINs of mailboxes, as the configuration has them. */
export class MailboxPins {
  readonly #store: ConfigurationStore;
  readonly #guard: PinGuard;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(store: ConfigurationStore, clock: Clock, logger: Logger) {
    this.#store = store;
    this.#guard = new PinGuard(clock);
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Without a PIN a mailbox is open to the user's own phones, and to nobody else. */
  isOpen(user: string, isOwnPhone: boolean): boolean {
    return isOwnPhone && this.#pinOf(user) === undefined;
  }

  /** Never rejects. A wrong one takes its time, and a mailbox that is closed has no right one. */
  async verify(user: string, pin: string): Promise<boolean> {
    const hashed = readHashedPassword(this.#pinOf(user) ?? '');
    const wasLocked = this.#guard.isLocked(user);
    // It counts as wrong until it is known to be right: many calls at once get no more tries than one after the other.
    const delayMs = this.#guard.failed(user);
    if (hashed !== undefined && !wasLocked && (await isPassword(pin, hashed).catch(() => false))) {
      this.#guard.succeeded(user);
      return true;
    }
    this.#logger.warn({ user, isLocked: this.#guard.isLocked(user) }, 'wrong PIN of a mailbox');
    await new Promise<void>((resolve) => {
      this.#clock.schedule(delayMs, resolve);
    });
    return false;
  }

  /** False where the rules for PINs refuse it. Never rejects. */
  async change(user: string, pin: string): Promise<boolean> {
    try {
      // The mailbox of a group has none.
      if (this.#store.current.users[user] === undefined) return false;
      checkPin(pin, { number: user });
      const hashed = await hashPassword(pin);
      this.#store.edit({
        author: { who: user, origin: 'system' },
        comment: 'mailbox PIN',
        change: (configuration) => {
          const found = configuration.users[user];
          if (found === undefined) return configuration;
          const changed = { ...found, voicemail: { ...found.voicemail, pin: hashed } };
          return { ...configuration, users: { ...configuration.users, [user]: changed } };
        },
      });
      return true;
    } catch (error) {
      if (!(error instanceof UsageError))
        this.#logger.error({ err: error, user }, 'the PIN of a mailbox was not changed');
      return false;
    }
  }

  #pinOf(user: string): string | undefined {
    return this.#store.current.users[user]?.voicemail.pin;
  }
}
