import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { CallServer } from '../call-server.ts';
import type { FeatureStep } from '../routing/plan.ts';
import type { RunningStep, StepContext, StepRunner } from '../step/step-runner.ts';
import { tellOutcome } from './confirmation.ts';
import { dialsHimself } from './who-dials.ts';

export interface ClearCallOptions {
  readonly calls: Pick<CallServer, 'runners' | 'legsOf' | 'callOf'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Ends the call that its user put on hold last at the telephone where he dials: on some, hanging up would transfer it. */
export class ClearCall implements StepRunner<FeatureStep> {
  readonly #options: ClearCallOptions;

  constructor(options: ClearCallOptions) {
    this.#options = options;
  }

  register(): void {
    this.#options.calls.runners.registerFeature('clear-call', this);
  }

  run({ user }: FeatureStep, context: StepContext): RunningStep {
    const { waiting } = context;
    const isDone = user !== undefined && dialsHimself(waiting, user) && this.#clear(user, context);
    return tellOutcome(context, this.#options.clock, isDone);
  }

  #clear(user: string, { waiting }: StepContext): boolean {
    const { calls, logger } = this.#options;
    const { device } = waiting.party;
    const held = calls
      .legsOf(user)
      .filter((leg) => leg !== waiting && leg.isHolding)
      .filter(({ party }) => device === undefined || party.device === undefined || party.device === device)
      .sort((a, b) => a.heldSinceMs - b.heldSinceMs)
      .at(-1);
    const call = held === undefined ? undefined : calls.callOf(held);
    if (call === undefined) return false;
    logger.info({ user, call: call.id }, 'a call on hold was cleared');
    call.hangUp(held);
    return true;
  }
}
