import type { Configuration } from '../../config/schema/configuration.ts';
import type { Logger } from '../../core/logger.ts';
import type { CallServer } from '../call-server.ts';
import type { FeatureStep } from '../routing/plan.ts';
import type { RunningStep, StepContext, StepRunner } from '../step/step-runner.ts';
import { NOTHING_RUNS } from './pick-up.ts';
import { dialsHimself, mayTalk } from './who-dials.ts';

export interface ToggleOptions {
  readonly calls: CallServer;
  readonly configuration: () => Configuration;
  readonly logger: Logger;
}

/**
 * Goes round the calls that its user has on hold at the telephone that he dials at: the one that has been held for the longest time goes
 * on there. What he has just talked in his telephone has put on hold, in order to dial.
 */
export class ToggleCalls implements StepRunner<FeatureStep> {
  readonly #options: ToggleOptions;

  constructor(options: ToggleOptions) {
    this.#options = options;
  }

  register(): void {
    this.#options.calls.runners.registerFeature('toggle-calls', this);
  }

  run({ user }: FeatureStep, context: StepContext): RunningStep {
    const { calls, configuration, logger } = this.#options;
    const { waiting } = context;
    if (user === undefined || !dialsHimself(waiting, user)) {
      context.goOn(undefined, { status: 403 });
      return NOTHING_RUNS;
    }
    const { device } = waiting.party;
    const [old] = calls
      .legsOf(user)
      .filter((leg) => leg !== waiting && leg.isHolding && calls.callOf(leg)?.peerOf(leg) !== undefined)
      .filter(({ party }) => device === undefined || party.device === undefined || party.device === device)
      .sort((a, b) => a.heldSinceMs - b.heldSinceMs);
    const peer = old === undefined ? undefined : calls.callOf(old)?.peerOf(old);
    if (old === undefined || peer === undefined || !mayTalk(configuration(), waiting, peer)) {
      context.goOn(undefined, { status: 480 });
      return NOTHING_RUNS;
    }
    logger.info({ user, call: calls.callOf(old)?.id }, 'calls toggled');
    const { number, name } = waiting.party;
    context.run(calls.replaceLeg(old, waiting, { how: 'steal', by: { number, name, user } }));
    return NOTHING_RUNS;
  }
}
