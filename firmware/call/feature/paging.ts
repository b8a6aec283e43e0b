import type { Configuration } from '../../config/schema/configuration.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { CallServer } from '../call-server.ts';
import type { FeatureStep, RingStep } from '../routing/plan.ts';
import { mayAnswerByItself } from '../routing/planning.ts';
import type { RunningStep, StepContext, StepRunner } from '../step/step-runner.ts';
import type { Conferences } from './conference.ts';
import type { ConferenceCalls } from './conference-calls.ts';
import { NOTHING_RUNS } from './pick-up.ts';
import { ringBack } from './ring-back.ts';
import { dialsHimself } from './who-dials.ts';

export interface PagingOptions {
  readonly calls: CallServer;
  readonly conferences: Pick<Conferences, 'open'>;
  readonly outgoing: ConferenceCalls;
  readonly configuration: () => Configuration;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A telephone that does not answer by itself rings for as long. */
const RING_SECONDS = 10;
/** Longer than anybody has to say: a telephone that lies beside its hook keeps nobody listening, and hears nobody itself. */
const MAX_PAGE_MS = 600_000;
/** Telephones that one call speaks to. */
const MAX_PAGED = 32;

/**
 * Speaks to telephones that answer by themselves: those of a user, or of all members of a hunt group, who are free and want to be
 * disturbed. They hear, and are not heard; it ends when who speaks hangs up, or after ten minutes.
 */
export class Paging implements StepRunner<FeatureStep> {
  readonly #options: PagingOptions;

  constructor(options: PagingOptions) {
    this.#options = options;
  }

  register(): void {
    this.#options.calls.runners.registerFeature('dial-paging', this);
  }

  run({ user, argument }: FeatureStep, context: StepContext): RunningStep {
    const { conferences, outgoing, clock, logger } = this.#options;
    const { waiting } = context;
    if (user === undefined || !dialsHimself(waiting, user)) return refuse(context, 403);
    const paged = this.#membersOf(argument);
    if (paged === undefined) return refuse(context, 404);
    const steps = paged
      .filter((member) => member !== user)
      .flatMap((member) => this.#ring(member) ?? [])
      .slice(0, MAX_PAGED);
    if (steps.length === 0) return refuse(context, 480);
    const room = conferences.open(user);
    if (room === undefined) return refuse(context, 486);
    logger.info({ user, number: argument, telephones: steps.length }, 'paging');
    const arrived = room.expect();
    const running = room.enter(context, 'focus-owner');
    const longest = clock.schedule(MAX_PAGE_MS, () => room.end());
    room.addWork(waiting, () => longest.cancel());
    const begin = async (): Promise<void> => {
      try {
        if (!(await running.joined)) return;
        const all = steps.map(
          (step) =>
            new Promise<void>((resolve) => {
              const tell = (status: number): void => {
                if (status >= 200) resolve();
              };
              outgoing.call({ room, leg: waiting, context, step, number: step.party.number, tell, isMuted: true });
            }),
        );
        await Promise.all(all);
      } finally {
        // Where nobody came, that is its end.
        arrived();
      }
    };
    context.run(begin());
    return running;
  }

  /** Undefined where it is no number of anybody here. */
  #membersOf(number: string): readonly string[] | undefined {
    const { users, extensions, huntGroups } = this.#options.configuration();
    if (Object.hasOwn(huntGroups, number)) {
      return huntGroups[number]?.members.filter(({ enabled }) => enabled).map((member) => member.user);
    }
    if (Object.hasOwn(users, number)) return [number];
    const user = Object.hasOwn(extensions, number) ? extensions[number]?.user : undefined;
    return user === undefined ? undefined : [user];
  }

  #ring(member: string): RingStep | undefined {
    const { calls, configuration } = this.#options;
    const current = configuration();
    if (current.users[member]?.doNotDisturb.enabled !== false || calls.callsOf(member).length > 0) return undefined;
    const step = ringBack(calls, current, member);
    if (step === undefined) return undefined;
    const targets = step.targets.map((target) =>
      target.kind === 'line' || mayAnswerByItself(current, target.extension)
        ? target
        : { ...target, onlyRings: true as const },
    );
    return { ...step, targets, noAnswerSeconds: RING_SECONDS, alert: 'internal', autoAnswer: true };
  }
}

function refuse(context: StepContext, status: number): RunningStep {
  context.goOn(undefined, { status });
  return NOTHING_RUNS;
}
