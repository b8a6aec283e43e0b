import type { Clock, Timer } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { Call } from '../call.ts';
import type { CallServer } from '../call-server.ts';
import { DONE } from '../feature/confirmation.ts';
import type { Leg } from '../leg/leg.ts';

export interface AbandonedHoldsOptions {
  readonly calls: Pick<CallServer, 'legsOf' | 'callOf'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A client that has lost its connection is back by then. */
const GRACE_MS = 10_000;
/** Who has laid his telephone down is not to be heard before he has heard this. */
const WARNING_MS = 1000;

/**
 * Calls that the box holds in the name of a user, whose telephone knows nothing of it and hears silence: only a client of his can take
 * them back. Once the last one is gone, and none has come by the end of a grace time, the telephone gives a signal and the call goes on.
 */
export class AbandonedHolds {
  readonly #options: AbandonedHoldsOptions;
  /** By user, who has one at least. */
  readonly #clients = new Map<string, number>();
  /** By user. */
  readonly #timers = new Map<string, Timer>();

  constructor(options: AbandonedHoldsOptions) {
    this.#options = options;
  }

  /** One more client of that user has logged in. It has to say when it goes. */
  clientCame(user: string): void {
    this.#clients.set(user, (this.#clients.get(user) ?? 0) + 1);
    if (!this.#timers.has(user)) return;
    this.#forget(user);
    // In place of the signal, behind which it would hear the other one.
    for (const { leg } of this.#heldOf(user)) leg.hear({ kind: 'silence' });
  }

  clientWent(user: string): void {
    const left = (this.#clients.get(user) ?? 1) - 1;
    if (left > 0) {
      this.#clients.set(user, left);
      return;
    }
    this.#clients.delete(user);
    if (this.#heldOf(user).length > 0) this.#within(GRACE_MS, user, () => this.#warn(user));
  }

  /** Idempotent. */
  close(): void {
    for (const user of [...this.#timers.keys()]) this.#forget(user);
  }

  #warn(user: string): void {
    for (const { leg } of this.#heldOf(user)) leg.hear(DONE);
    this.#within(WARNING_MS, user, () => {
      for (const { call, leg } of this.#heldOf(user)) this.#release(call, leg);
    });
  }

  #release(call: Call, leg: Leg): void {
    this.#options.logger.info({ call: call.id, user: leg.party.user }, 'taken back from hold: its client is gone');
    call.hold(leg, false);
  }

  #heldOf(user: string): readonly { readonly call: Call; readonly leg: Leg }[] {
    const { calls } = this.#options;
    return calls.legsOf(user).flatMap((leg) => {
      const call = calls.callOf(leg);
      return call?.isHeldFor(leg) === true ? [{ call, leg }] : [];
    });
  }

  #within(ms: number, user: string, then: () => void): void {
    const timer = this.#options.clock.schedule(ms, () => {
      this.#timers.delete(user);
      then();
    });
    this.#timers.set(user, timer);
  }

  #forget(user: string): void {
    this.#timers.get(user)?.cancel();
    this.#timers.delete(user);
  }
}
