import type { Leg } from '../leg/leg.ts';
import type { FeatureStep } from '../routing/plan.ts';
import type { RunningStep, StepContext, StepRunner } from '../step/step-runner.ts';
import { NOTHING_RUNS, type PickUpOptions, pickUpOr, ringingCall } from './pick-up.ts';
import { dialsHimself, mayTalk } from './who-dials.ts';

/**
 * Acquires a call: what the user has on another device of his goes on here, or what rings there; of another extension what rings.
 * A conversation of somebody else is his.
 */
export class Steal implements StepRunner<FeatureStep> {
  readonly #options: PickUpOptions;

  constructor(options: PickUpOptions) {
    this.#options = options;
  }

  register(): void {
    this.#options.calls.runners.registerFeature('call-steal', this);
  }

  run(step: FeatureStep, context: StepContext): RunningStep {
    const { calls, configuration, logger } = this.#options;
    const { user, argument } = step;
    const { waiting } = context;
    if (user === undefined || !dialsHimself(waiting, user)) {
      context.goOn(undefined, { status: 403 });
      return NOTHING_RUNS;
    }
    const { extensions } = configuration();
    const wanted = argument === '' ? user : argument;
    const owner = Object.hasOwn(extensions, wanted) ? (extensions[wanted]?.user ?? wanted) : wanted;
    const isWanted = ({ party }: Leg): boolean =>
      wanted === user ? party.user === user : party.extension === wanted || party.user === wanted;
    if (owner === user) {
      const talking = calls
        .legsOf(user)
        .filter((leg) => leg !== waiting && isWanted(leg) && calls.callOf(leg)?.peerOf(leg) !== undefined)
        .filter(({ party }) => party.device === undefined || party.device !== waiting.party.device);
      // The one that he talks on, rather than one on hold; of several the newest.
      const old = talking.findLast(({ isHolding }) => !isHolding) ?? talking.at(-1);
      const peer = old === undefined ? undefined : calls.callOf(old)?.peerOf(old);
      if (old !== undefined && peer !== undefined) {
        if (!mayTalk(configuration(), waiting, peer)) {
          context.goOn(undefined, { status: 403 });
          return NOTHING_RUNS;
        }
        logger.info({ user, from: old.party.extension, to: waiting.party.extension }, 'call stolen');
        const by = { number: waiting.party.number, name: waiting.party.name, user };
        context.run(calls.replaceLeg(old, waiting, { how: 'steal', by }));
        return NOTHING_RUNS;
      }
    }
    const rings = ringingCall(calls, waiting, isWanted);
    if (rings === undefined && owner !== user) {
      context.goOn(undefined, { status: 403 });
      return NOTHING_RUNS;
    }
    return pickUpOr(this.#options, step, context, rings);
  }
}
