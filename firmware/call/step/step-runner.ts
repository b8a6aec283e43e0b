import type { HeaderField } from '../../sip/stack.ts';
import type { CallService } from '../history/call-event.ts';
import type { Leg } from '../leg/leg.ts';
import type { RefusedParty } from '../leg/waiting.ts';
import type { Caller, ShownIdentity, Step } from '../routing/plan.ts';

/** A step that goes on, for one party that waits. */
export interface RunningStep {
  /**
   * Whoever waited is gone, or has somebody: ends all that the step has begun. `elsewhere`: no device may show a missed call;
   * `reason`: what whoever waited said (RFC 3326). Called at most once, and not after the step said that it is over.
   */
  stop(how: { readonly elsewhere: boolean; readonly reason?: string }): void;
}

/** Runs the steps of one kind: features, groups and the mailbox have one each. */
export interface StepRunner<S extends Step = Step> {
  /** Begins, and says through `context` what becomes of it, at once or later. Must not throw: `context.fail` is there. */
  run(step: S, context: StepContext): RunningStep;
}

/** A step of one's own, which no plan has: for `Call.run`, such as a park slot. */
export type StepRun = (context: StepContext) => RunningStep;

/** The call, as the step that it runs sees it. What is said after the step is over is not heard. */
export interface StepContext {
  /** The id of the call, as in its events. */
  readonly call: string;
  /** Who waits; the step may have it hear something, and answer it (`answer`). The owner of it stays the call. */
  readonly waiting: Leg;
  readonly caller: Caller;
  /** How the caller is shown to those who are called. */
  readonly shown: ShownIdentity;
  readonly dialled: string;
  /** Of the INVITE, less one: of those that come of it (RFC 3261 §16.6). */
  readonly maxForwards: number;
  /** Referred-By (RFC 3892) of who transferred the party, for those who are called. */
  readonly referredBy?: string;
  /** `leg` is being called. For the history; may be called again. */
  calls(leg: Leg): void;
  /** `leg` is out, and the call goes on. `why`: its final response, or that somebody else has the call. */
  released(leg: Leg, why?: number | 'answered-elsewhere'): void;
  /** Somebody rings: who waits is told, with these headers in its 180. */
  ringing(shown?: readonly HeaderField[]): void;
  /** Who waits hears what `leg` sends already. */
  earlyMedia(leg: Leg, sdp: string): void;
  /** `leg` is up, and for who waits: both are joined. The step is over. */
  answered(leg: Leg): void;
  /** Answers who waits, for the box itself. False where it is gone, or nothing could be agreed on: then the step is over. */
  answer(service: CallService): Promise<boolean>;
  /** The step is over: on with the next one, or, where there is none, who waits is refused. */
  goOn(next: Step | undefined, otherwise: RefusedParty): void;
  /** The step is over, and all is said: hangs up. A caller without an answer gets 480. */
  hangUp(reason?: string): void;
  /** Something went wrong that ends the call: 503 where the media worker did it, else 500. */
  fail(error: unknown): void;
  /** Runs work whose rejection fails the call. */
  run(work: Promise<unknown>): void;
}

type Kind = Step['kind'];
export type StepOf<K extends Kind> = Extract<Step, { readonly kind: K }>;

/** Who runs what. A kind, or a feature, that nobody runs is refused with 501. */
export class StepRunners {
  readonly #kinds = new Map<Kind, StepRunner<never>>();
  readonly #features = new Map<string, StepRunner<StepOf<'feature'>>>();

  /** One for each kind; a later one takes the place of an earlier. */
  register<K extends Exclude<Kind, 'feature'>>(kind: K, runner: StepRunner<StepOf<K>>): void {
    this.#kinds.set(kind, runner);
  }

  registerFeature(feature: StepOf<'feature'>['feature'], runner: StepRunner<StepOf<'feature'>>): void {
    this.#features.set(feature, runner);
  }

  /** Undefined where nobody runs it. */
  runnerOf(step: Step): StepRun | undefined {
    const runner: StepRunner<never> | undefined =
      step.kind === 'feature' ? this.#features.get(step.feature) : this.#kinds.get(step.kind);
    return runner === undefined ? undefined : (context) => runner.run(step as never, context);
  }
}
