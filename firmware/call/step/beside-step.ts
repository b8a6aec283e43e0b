import type { Logger } from '../../core/logger.ts';
import type { Leg } from '../leg/leg.ts';
import { outcomeOf } from './ring-state.ts';
import type { RunningStep, StepContext, StepRun } from './step-runner.ts';

/** `failed`: nobody took it, and the plan goes on. `over`: somebody else has the call, or nobody any more. */
export type BesideOutcome = 'answered' | 'failed' | 'over';

export interface BesideListener {
  /** Joins who took it with who waits. */
  readonly answered: (leg: Leg) => void;
  /** Who was rung does not want the call at all: true where the plan has been told, and does not go on where it was. */
  readonly declined: () => boolean;
}

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

  start(step: StepRun, context: StepContext, { answered, declined }: BesideListener): void {
    const failed = (status?: number): void => {
      if (this.#isOver) return;
      this.#resolve('failed');
      if (status !== undefined && outcomeOf(status) === 'declined' && declined()) return;
      this.#deferred?.();
    };
    const fail = (error: unknown): void => {
      if (this.#isOver) return;
      this.#logger.error({ err: error }, 'what ran beside the plan of a call failed');
      // What it has begun rings for nobody.
      this.#running?.stop({ elsewhere: false });
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
        goOn: (_next, { status }) => failed(status),
        hangUp: () => failed(),
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

  /** Nobody wants it to go on, and the plan does. */
  giveUp(): void {
    if (this.#isOver) return;
    this.#resolve('failed');
    this.#running?.stop({ elsewhere: true });
    this.#deferred?.();
  }

  stop(how: Parameters<RunningStep['stop']>[0]): void {
    if (this.#isOver) return;
    this.#resolve('over');
    this.#running?.stop(how);
  }
}
