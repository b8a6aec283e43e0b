import type { Configuration } from '../../config/schema/configuration.ts';
import { isPassword, readHashedPassword } from '../../config/secrets/scrypt.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import { PinGuard } from '../mailbox/pin-guard.ts';

/** The login codes of users, as the configuration has them, and who tries them out. */
export class LoginCodes {
  readonly #configuration: () => Configuration;
  readonly #guard: PinGuard;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(configuration: () => Configuration, clock: Clock, logger: Logger) {
    this.#configuration = configuration;
    this.#guard = new PinGuard(clock);
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Never rejects. A wrong one takes its time; one that is none, or was tried too often, has no right code. */
  async verify(user: string, code: string): Promise<boolean> {
    const { users } = this.#configuration();
    const settings = Object.hasOwn(users, user) ? users[user] : undefined;
    // No entry of the guard for what is no user.
    if (settings?.enabled !== true) return false;
    const hashed = readHashedPassword(settings.loginCode ?? '');
    const wasLocked = this.#guard.isLocked(user);
    // It counts as wrong until it is known to be right: many calls at once get no more tries than one after the other.
    const delayMs = this.#guard.failed(user);
    if (hashed !== undefined && !wasLocked && (await isPassword(code, hashed).catch(() => false))) {
      this.#guard.succeeded(user);
      return true;
    }
    this.#logger.warn({ user, isLocked: this.#guard.isLocked(user) }, 'wrong login code');
    await new Promise<void>((resolve) => {
      this.#clock.schedule(delayMs, resolve);
    });
    return false;
  }
}
