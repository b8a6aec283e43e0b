import type { Logger } from '../../core/logger.ts';
import type { Leg } from '../leg/leg.ts';
import type { RunningStep, StepContext, StepRun } from './step-runner.ts';

/** `failed`: nobody took it, and the plan goes on. `over`: somebody else has the call, or nobody any more. */
export type BesideOutcome = 'answered' | 'failed' | 'over';

/** A step that runs beside that of the plan, for the same party that waits. */
export class BesideStep {
  /** Never rejects. */
  readonly outcome: Promise<BesideOutcome>;
  readonly #logger: Logger;
  readonly #resolve: (outcome: BesideOutcome) => void;
  #running: RunningStep | undefined;
  #isOver = false;
  #deferred: (() => void) | undefined;

  constructor(logger: Logger, onOver: () => void) {
    const { promise, resolve } = Promise.withResolvers<BesideOutcome>();
    this.outcome = promise;
    this.#resolve = (outcome) => {
      this.#isOver = true;
      onOver();
      resolve(outcome);
    };
    this.#logger = logger;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** `answered`: joins who took it with who waits. */
  start(step: StepRun, context: StepContext, answered: (leg: Leg) => void): void {
    const failed = (): void => {
      if (this.#isOver) return;
      this.#resolve('failed');
      this.#deferred?.();
    };
    const fail = (error: unknown): void => {
      this.#logger.error({ err: error }, 'what ran beside the plan of a call failed');
      failed();
    };
    try {
      this.#running = step({
        ...context,
        answered: (leg) => {
          if (this.#isOver) {
            leg.close();
            return;
          }
          this.#resolve('answered');
          answered(leg);
        },
        goOn: failed,
        hangUp: failed,
        fail,
      });
    } catch (error) {
      fail(error);
    }
  }

  /** The plan would go on: it waits until this has failed. */
  defer(work: () => void): void {
    this.#deferred = work;
  }

  stop(how: Parameters<RunningStep['stop']>[0]): void {
    if (this.#isOver) return;
    this.#resolve('over');
    this.#running?.stop(how);
  }
}
