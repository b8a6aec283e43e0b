import type { Configuration } from '../../config/schema/configuration.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { CallServer } from '../call-server.ts';
import type { Leg } from '../leg/leg.ts';
import type { MessageStore } from '../mailbox/message-store.ts';
import type { FeatureStep } from '../routing/plan.ts';
import type { RunningStep, StepContext, StepRunner } from '../step/step-runner.ts';
import { CallRecording } from './call-recording.ts';
import { tellOutcome } from './confirmation.ts';

export interface RecordCallOptions {
  readonly calls: Pick<CallServer, 'runners' | 'legsOf' | 'callOf'>;
  /** Undefined where there are no voice messages, or not yet. */
  readonly mailboxes: () => Pick<MessageStore, 'begin' | 'keep' | 'drop' | 'hasRoom'> | undefined;
  readonly configuration: () => Configuration;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The short code with which a user has his conversation recorded into his mailbox, and by which he ends that; and the one (Call Listen
 * off) with which he has nobody record his conversations any more, whoever of both sides began it.
 */
export class RecordCall implements StepRunner<FeatureStep> {
  readonly #options: RecordCallOptions;
  /** By the user's own leg. */
  readonly #running = new Map<Leg, CallRecording>();

  constructor(options: RecordCallOptions) {
    this.#options = options;
  }

  register(): void {
    const { runners } = this.#options.calls;
    for (const feature of ['call-record', 'call-listen-off'] as const) runners.registerFeature(feature, this);
  }

  run({ user, feature }: FeatureStep, context: StepContext): RunningStep {
    const { clock } = this.#options;
    const isOwn = user !== undefined && context.waiting.party.user === user;
    const obey = (): boolean =>
      isOwn && (feature === 'call-listen-off' ? this.#listenOff(user) : this.#toggle(user, context.waiting));
    return tellOutcome(context, clock, obey());
  }

  #toggle(user: string, waiting: Leg): boolean {
    const { calls, mailboxes, configuration, clock, logger } = this.#options;
    const leg = this.#conversation(user, waiting);
    if (leg === undefined) return false;
    const running = this.#running.get(leg);
    if (running !== undefined) {
      running.stop();
      return true;
    }
    const store = mailboxes();
    const { users } = configuration();
    const hasMailbox = Object.hasOwn(users, user) && users[user]?.voicemail.enabled === true;
    if (store === undefined || !hasMailbox || !store.hasRoom(user)) return false;
    const onOver = (): void => {
      this.#running.delete(leg);
    };
    const recording = new CallRecording(leg, user, { calls, store, configuration, clock, logger, onOver });
    // It may be over at once.
    if (recording.isOver) return false;
    this.#running.set(leg, recording);
    return true;
  }

  /** False where nothing of his is recorded. */
  #listenOff(user: string): boolean {
    const { calls, logger } = this.#options;
    const own = new Set(calls.legsOf(user));
    const isHis = (leg: Leg): boolean => {
      const peer = calls.callOf(leg)?.peerOf(leg);
      return own.has(leg) || (peer !== undefined && own.has(peer));
    };
    const his = [...this.#running].filter(([leg]) => isHis(leg));
    for (const [, recording] of his) recording.stop();
    if (his.length > 0) logger.info({ user }, 'recordings ended by who is recorded');
    return his.length > 0;
  }

  /** At the telephone where the code is dialled, which holds it meanwhile; or else at another one of his. */
  #conversation(user: string, waiting: Leg): Leg | undefined {
    const { calls } = this.#options;
    const own = calls.legsOf(user).filter((leg) => leg !== waiting && calls.callOf(leg)?.peerOf(leg) !== undefined);
    const here = own.filter(({ party }) => party.device !== undefined && party.device === waiting.party.device);
    const candidates = here.length > 0 ? here : own;
    return candidates.findLast(({ isHolding }) => isHolding) ?? candidates.at(-1);
  }
}
