import type { ConfigurationStore } from '../../config/configuration-store.ts';
import { checkPin } from '../../config/secrets/rules.ts';
import { hashPassword } from '../../config/secrets/scrypt.ts';
import type { Clock } from '../../core/clock.ts';
import { UsageError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { PinGuard, type PinVerdict } from '../pin-guard.ts';

/** The PINs of mailboxes, as the configuration has them. */
export class MailboxPins {
  readonly #store: ConfigurationStore;
  readonly #guard: PinGuard;
  readonly #logger: Logger;

  constructor(store: ConfigurationStore, clock: Clock, logger: Logger) {
    this.#store = store;
    this.#guard = new PinGuard('PIN of a mailbox', clock, logger);
    this.#logger = logger;
  }

  /** Without a PIN a mailbox is open to the user's own phones, and to nobody else. */
  isOpen(user: string, isOwnPhone: boolean): boolean {
    return isOwnPhone && this.#pinOf(user) === undefined;
  }

  /** Never rejects. A wrong one takes its time, and after too many of them none is looked at for a while. */
  verify(user: string, pin: string, isOwnPhone: boolean): Promise<PinVerdict> {
    return this.#guard.verify({ owner: user, pin, stored: { hashed: this.#pinOf(user) }, isOwnPhone });
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
