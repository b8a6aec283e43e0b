import type { Configuration } from '../../config/schema/configuration.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { CallServer } from '../call-server.ts';
import { ringBack } from '../feature/ring-back.ts';
import type { UserPresences } from '../history/user-presence.ts';
import type { Caller, ShownIdentity } from '../routing/plan.ts';
import type { MessageStore } from './message-store.ts';

export interface MailboxCallsOptions {
  readonly calls: Pick<CallServer, 'originations' | 'giveNewPlan' | 'state'>;
  /** Undefined where there are no voice messages, or not yet. */
  readonly mailboxes: () => Pick<MessageStore, 'list'> | undefined;
  readonly presences: Pick<UserPresences, 'of'>;
  readonly configuration: () => Configuration;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Nobody's telephone rings as he hangs up. */
export const AFTER_MS = 5000;
/** Between two calls that nobody answers. */
export const BETWEEN_MS = 30_000;

interface Called {
  timer: Timer | undefined;
  lastMs: number;
  /** He has answered for the messages up to that one: when it came. */
  answeredMs: number;
}

/**
 * Rings the devices of a user who wants that and has new messages: when one comes, and when he has ended a call. Whoever answers is in
 * his mailbox. What he was called for once, and did not hear, is not a reason to call him again.
 */
export class MailboxCalls {
  readonly #options: MailboxCallsOptions;
  /** By user: no more than there are. */
  readonly #called = new Map<string, Called>();

  constructor(options: MailboxCallsOptions) {
    this.#options = options;
  }

  /** He may be free, or have a message, that was not so before. */
  look(user: string): void {
    if (this.#newest(user) === undefined) return;
    const called = this.#called.get(user) ?? { timer: undefined, lastMs: Number.NEGATIVE_INFINITY, answeredMs: 0 };
    this.#called.set(user, called);
    const { clock } = this.#options;
    const waitMs = Math.max(AFTER_MS, called.lastMs + BETWEEN_MS - clock.elapsed());
    called.timer ??= clock.schedule(waitMs, () => {
      called.timer = undefined;
      void this.#ring(user, called);
    });
  }

  /** Nobody is called any more. Idempotent. */
  close(): void {
    for (const { timer } of this.#called.values()) timer?.cancel();
    this.#called.clear();
  }

  /** When the newest message came that he is to be called for; undefined where there is none, or he is not to be called. */
  #newest(user: string): number | undefined {
    const { configuration, mailboxes, presences } = this.#options;
    const { users } = configuration();
    const settings = Object.hasOwn(users, user) ? users[user] : undefined;
    if (settings?.enabled !== true || !settings.voicemail.enabled || !settings.voicemail.ringBack) {
      this.#called.get(user)?.timer?.cancel();
      this.#called.delete(user);
      return undefined;
    }
    // Do not disturb is a state of its own.
    if (presences.of(user).state !== 'idle') return undefined;
    const answeredMs = this.#called.get(user)?.answeredMs ?? 0;
    const fresh =
      mailboxes()
        ?.list(user)
        .filter(({ isOld, receivedAtMs }) => !isOld && receivedAtMs > answeredMs) ?? [];
    return fresh.length === 0 ? undefined : Math.max(...fresh.map(({ receivedAtMs }) => receivedAtMs));
  }

  async #ring(user: string, called: Called): Promise<void> {
    const { calls, configuration, clock, logger } = this.#options;
    const newestMs = this.#newest(user);
    const step = newestMs === undefined ? undefined : ringBack(calls, configuration(), user);
    const target = step?.targets.find(({ kind }) => kind === 'device');
    if (newestMs === undefined || step === undefined || target?.kind !== 'device') return;
    called.lastMs = clock.elapsed();
    const caller: Extract<Caller, { kind: 'user' }> = { kind: 'user', user, extension: target.extension };
    const shown: ShownIdentity = { number: codeOf(configuration()), name: 'Voicemail', isWithheld: false };
    const outcome = await calls.originations.begin({ caller, step, shown }).outcome;
    if (outcome.kind === 'failed') {
      logger.info({ user, status: outcome.status }, 'nobody answered for new messages');
      return;
    }
    called.answeredMs = newestMs;
    const { leg } = outcome;
    await calls
      .giveNewPlan(
        leg,
        { kind: 'mailbox', purpose: 'collect', mailbox: user, because: 'dialled' },
        { caller, shown: { number: user, name: leg.party.name, isWithheld: false }, dialled: shown.number ?? '' },
      )
      .catch((error: unknown) => {
        logger.error({ err: error, user }, 'new messages could not be told');
        leg.close();
      });
  }
}

/** What he would dial himself for his messages. */
function codeOf({ shortCodes }: Configuration): string {
  const found = Object.entries(shortCodes).find(
    ([code, { feature }]) => feature === 'voicemail-collect' && /^[0-9*#]+$/.test(code),
  );
  return found?.[0] ?? 'voicemail';
}
