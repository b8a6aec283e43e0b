import type { HuntStep, RingStep, Step } from './plan.ts';

type After<Of extends HuntStep | RingStep> = { -readonly [Outcome in keyof Of['after']]: Step };

/**
 * The plan of a call that goes to `instead` wherever it would end with nobody: refused, busy, not reached, not answered in time. A
 * mailbox takes it; whom the call has rung already does not ring again as the fallback, whose number is `number`.
 */
export function fallingBack(step: Step, instead: Step, number: string): Step {
  switch (step.kind) {
    case 'refuse':
      return instead;
    case 'ring': {
      if (step.party.number === number) return step;
      const next = (of: Step | undefined): Step => (of === undefined ? instead : fallingBack(of, instead, number));
      const { busy, noAnswer, unreachable, declined } = step.after;
      const after: After<RingStep> = { busy: next(busy), noAnswer: next(noAnswer), unreachable: next(unreachable) };
      // Who declines with 603 wants the caller to be told so.
      if (declined === busy && step.declineStatus === 486 && after.busy !== undefined) after.declined = after.busy;
      else if (declined !== undefined) after.declined = next(declined);
      return { ...step, after };
    }
    case 'hunt': {
      if (step.group === number) return step;
      const next = (of: Step | undefined): Step => (of === undefined ? instead : fallingBack(of, instead, number));
      const { busy, noAnswer, unreachable } = step.after;
      const after: After<HuntStep> = { busy: next(busy), unreachable: next(unreachable) };
      // A group that leads on when it is full, and at no time, has its callers wait.
      if (noAnswer !== undefined || busy === undefined) after.noAnswer = next(noAnswer);
      return { ...step, after };
    }
    case 'line':
      return step.after.unreachable === undefined ? { ...step, after: { unreachable: instead } } : step;
    case 'mailbox':
    case 'feature':
    case 'conference':
      return step;
  }
}
