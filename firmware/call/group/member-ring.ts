import type { Leg } from '../leg/leg.ts';
import type { Step } from '../routing/plan.ts';
import type { RunningStep, StepContext, StepRunners } from '../step/step-runner.ts';

export interface MemberRingOptions {
  /** Of the call that hunts. */
  readonly context: StepContext;
  readonly runners: Pick<StepRunners, 'runnerOf'>;
  /** The number of the group. */
  readonly group: string;
  /** A device of the member is called. */
  readonly onLeg: (leg: Leg) => void;
  readonly onRinging: () => void;
  /** The leg is whoever hears this one's. */
  readonly onAnswered: (leg: Leg) => void;
  /** Busy after all, declined, or not to be reached: nobody of his rings any more. */
  readonly onRefused: () => void;
}

/** One member rings for one call of the group, on whatever of his the plan says. */
export class MemberRing {
  readonly #options: MemberRingOptions;
  readonly #legs = new Set<Leg>();
  /** The step of his plan that runs; what another one says is not heard. */
  #step: { running: RunningStep | undefined } | undefined;

  constructor(options: MemberRingOptions) {
    this.#options = options;
  }

  /** Begins. May be refused at once. */
  run(step: Step): void {
    // Nobody of a group is reached through another group's queue, nor through a mailbox.
    const runner = step.kind === 'ring' || step.kind === 'line' ? this.#options.runners.runnerOf(step) : undefined;
    if (runner === undefined) {
      this.#options.onRefused();
      return;
    }
    const token: { running: RunningStep | undefined } = { running: undefined };
    this.#step = token;
    token.running = runner(this.#contextOf(token));
  }

  /** Ends it. `answered`: somebody else of the group has the call, so no phone shows a missed one. Idempotent. */
  stop(answered: boolean, reason?: string): void {
    const step = this.#step;
    this.#step = undefined;
    step?.running?.stop({ elsewhere: answered, ...(reason === undefined ? {} : { reason }) });
    // A call may wait for long, and must not keep what rang for it.
    for (const leg of this.#legs) this.#options.context.released(leg, answered ? 'answered-elsewhere' : 408);
    this.#legs.clear();
  }

  #contextOf(token: object): StepContext {
    const { context, group, onLeg, onRinging, onAnswered, onRefused } = this.#options;
    const isCurrent = () => this.#step === token;
    const finish = (): boolean => {
      if (!isCurrent()) return false;
      this.#step = undefined;
      return true;
    };
    const refuse = () => {
      if (finish()) onRefused();
    };
    return {
      ...context,
      calls: (leg) => {
        leg.party = { ...leg.party, huntGroup: group };
        this.#legs.add(leg);
        onLeg(leg);
        context.calls(leg);
      },
      released: (leg, why) => {
        if (this.#legs.delete(leg)) context.released(leg, why);
      },
      ringing: () => {
        if (isCurrent()) onRinging();
      },
      // Several may ring, and the caller may hear music already: nobody is heard before he answers.
      earlyMedia: () => {
        if (isCurrent()) onRinging();
      },
      answered: (leg) => {
        this.#legs.delete(leg);
        if (!finish()) {
          leg.close();
          return;
        }
        // His other devices.
        this.stop(true);
        onAnswered(leg);
      },
      answer: () => {
        refuse();
        return Promise.resolve(false);
      },
      goOn: (next) => {
        if (!finish()) return;
        if (next === undefined) onRefused();
        else this.run(next);
      },
      hangUp: refuse,
      fail: (error) => {
        if (isCurrent()) context.fail(error);
      },
    };
  }
}
