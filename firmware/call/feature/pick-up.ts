import type { Configuration } from '../../config/schema/configuration.ts';
import type { Logger } from '../../core/logger.ts';
import type { Call } from '../call.ts';
import type { CallServer } from '../call-server.ts';
import type { Leg } from '../leg/leg.ts';
import type { FeatureStep } from '../routing/plan.ts';
import type { RunningStep, StepContext, StepRunner } from '../step/step-runner.ts';
import { dialsHimself, mayTalk } from './who-dials.ts';

export interface PickUpOptions {
  readonly calls: CallServer;
  readonly configuration: () => Configuration;
  readonly logger: Logger;
}

/** Nothing to be ended: what begins here belongs to other calls. */
export const NOTHING_RUNS: RunningStep = { stop: () => undefined };

/** Whoever dials it gets the caller of a call that rings at somebody else's: the oldest one that fits. */
export class PickUp implements StepRunner<FeatureStep> {
  readonly #options: PickUpOptions;

  constructor(options: PickUpOptions) {
    this.#options = options;
  }

  register(): void {
    const { runners } = this.#options.calls;
    for (const feature of [
      'call-pickup-any',
      'call-pickup-group',
      'call-pickup-extension',
      'call-pickup-members',
    ] as const) {
      runners.registerFeature(feature, this);
    }
  }

  run(step: FeatureStep, context: StepContext): RunningStep {
    const fits = this.#rule(step);
    const call = fits === undefined ? undefined : ringingCall(this.#options.calls, context.waiting, fits);
    return pickUpOr(this.#options, step, context, call);
  }

  /** Whose ringing phone it may be; undefined where that is nobody's. */
  #rule({ feature, argument, user }: FeatureStep): ((leg: Leg) => boolean) | undefined {
    const { extensions, huntGroups } = this.#options.configuration();
    switch (feature) {
      case 'call-pickup-extension': {
        const owner = Object.hasOwn(extensions, argument) ? (extensions[argument]?.user ?? argument) : argument;
        return ({ party }) => party.extension === argument || party.user === owner;
      }
      case 'call-pickup-group':
      case 'call-pickup-members': {
        // A group by its number; the groups of whoever dials where none is named.
        const groups = Object.entries(huntGroups).filter(([number, { members }]) =>
          argument === ''
            ? members.some((member) => member.user === user)
            : number === argument &&
              (feature === 'call-pickup-members' || members.some((member) => member.user === user)),
        );
        const members = new Set(groups.flatMap(([, group]) => group.members.map((member) => member.user)));
        return members.size === 0 ? undefined : ({ party }) => party.user !== undefined && members.has(party.user);
      }
      default:
        return () => true;
    }
  }
}

/** The oldest call that rings a device here which fits; not one that the picker makes himself, nor a call for help. */
export function ringingCall(
  calls: Pick<CallServer, 'calls'>,
  picker: Leg,
  fits: (leg: Leg) => boolean,
): Call | undefined {
  return [...calls.calls].find(
    ({ phase, waiting, legs }) =>
      (phase === 'starting' || phase === 'ringing') &&
      waiting !== picker &&
      waiting.party.isEmergency !== true &&
      (waiting.party.user === undefined || waiting.party.user !== picker.party.user) &&
      [...legs].some((leg) => leg !== waiting && leg.party.extension !== undefined && !leg.isEnded && fits(leg)),
  );
}

/** Picks that call up; 480 where there is none, 403 where both would be outside. */
export function pickUpOr(
  { calls, configuration, logger }: PickUpOptions,
  { user, feature }: FeatureStep,
  context: StepContext,
  call: Call | undefined,
): RunningStep {
  const { waiting } = context;
  if (call === undefined || !dialsHimself(waiting, user)) return refuse(context, 480);
  if (!mayTalk(configuration(), waiting, call.waiting)) return refuse(context, 403);
  logger.info({ user, feature, call: call.id }, 'picked up');
  context.run(calls.pickUp(call, waiting));
  return NOTHING_RUNS;
}

function refuse(context: StepContext, status: number): RunningStep {
  context.goOn(undefined, { status });
  return NOTHING_RUNS;
}
