import type { Leg } from '../leg/leg.ts';
import type { RefusedParty } from '../leg/waiting.ts';
import type { Step } from '../routing/plan.ts';
import type { RunningStep, StepContext, StepRunners } from '../step/step-runner.ts';

/** What becomes of a step that runs within another; nothing after `answered`, `failed` and `hungUp`. */
export interface NestedOutcome {
  ringing(): void;
  /** `leg` is up, and the outer step's to join. */
  answered(leg: Leg): void;
  /** The box itself has answered, as a mailbox does. The step goes on. */
  answeredByBox(): void;
  /** It and all its branches are at their end. */
  failed(refused: RefusedParty): void;
  /** All is said: who waits is to be ended. */
  hungUp(reason: string | undefined): void;
}

/**
 * Runs a step with its branches for who waits in `context`, within a step that decides itself what comes of the outcome: a
 * transfer that goes back where it fails, a parked call that reminds of itself. `stop` ends it as it ends any step.
 */
export function runNested(runners: StepRunners, step: Step, context: StepContext, outcome: NestedOutcome): RunningStep {
  let current: { running: RunningStep | undefined } | undefined;
  const begin = (next: Step): void => {
    const token: { running: RunningStep | undefined } = { running: undefined };
    current = token;
    const isCurrent = (): boolean => current === token;
    const finish = (): boolean => {
      if (!isCurrent()) return false;
      current = undefined;
      context.waiting.whenPressed = undefined;
      return true;
    };
    const run = next.kind === 'refuse' ? undefined : runners.runnerOf(next);
    if (run === undefined) {
      finish();
      outcome.failed({ status: next.kind === 'refuse' ? next.status : 501 });
      return;
    }
    const nested: StepContext = {
      ...context,
      ringing: () => {
        if (isCurrent()) outcome.ringing();
      },
      earlyMedia: (leg, sdp) => {
        if (isCurrent()) context.earlyMedia(leg, sdp);
      },
      answered: (leg) => {
        if (finish()) outcome.answered(leg);
        else leg.close();
      },
      answer: async (service) => {
        if (!isCurrent()) return false;
        const isAnswered = await context.answer(service);
        if (isAnswered && isCurrent()) outcome.answeredByBox();
        return isAnswered;
      },
      goOn: (after, otherwise) => {
        if (!finish()) return;
        if (after === undefined) outcome.failed(otherwise);
        else begin(after);
      },
      hangUp: (reason) => {
        if (finish()) outcome.hungUp(reason);
      },
      fail: (error) => {
        if (isCurrent()) context.fail(error);
      },
    };
    try {
      token.running = run(nested);
    } catch (error) {
      // Not before the call has the outer step, which has people to tell that it is over.
      queueMicrotask(() => nested.fail(error));
    }
  };
  begin(step);
  return {
    stop: (how) => {
      const token = current;
      current = undefined;
      token?.running?.stop(how);
    },
  };
}
