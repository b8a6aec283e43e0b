import type { OutgoingLeg } from '../leg/outgoing-leg.ts';
import type { LineCall, LineStep } from '../routing/plan.ts';
import { LineDialling, type LineDiallingOptions } from './line-dialling.ts';
import type { RunningStep, StepContext, StepRunner } from './step-runner.ts';

export interface LineRunnerOptions extends Pick<LineDiallingOptions, 'lines' | 'settings'> {
  readonly services: () => LineDiallingOptions['services'];
  /** Told of each call for help, by whatever way it came here. */
  readonly onEmergency: (call: LineCall) => void;
}

/**
 * A carrier may play a queue before it answers, and each of its provisional responses begins the time of RFC 3261 §16.7 anew: a call
 * that is not answered by then never is.
 */
const MAX_SETUP_MS = 10 * 60_000;

/** Calls somebody outside. */
export class LineRunner implements StepRunner<LineStep> {
  readonly #options: LineRunnerOptions;

  constructor(options: LineRunnerOptions) {
    this.#options = options;
  }

  run({ call, diversions, after }: LineStep, context: StepContext): RunningStep {
    const { services, lines, settings, onEmergency } = this.#options;
    const { caller, shown, waiting, maxForwards } = context;
    context.run(waiting.media.open());
    let tried: OutgoingLeg | undefined;
    const timer = services().clock.schedule(MAX_SETUP_MS, () => {
      dialling.stop();
      if (tried !== undefined) context.released(tried, 408);
      context.goOn(after.unreachable, { status: 480 });
    });
    const dialling = new LineDialling(
      {
        services: services(),
        lines,
        settings,
        call,
        user: caller.kind === 'user' ? caller.user : diversions.at(-1)?.from,
        diversions,
        maxForwards,
        shown,
        speech: () => waiting.media.speech,
      },
      {
        calls: (leg) => {
          tried = leg;
          context.calls(leg);
        },
        ringing: () => context.ringing(),
        earlyMedia: (leg, sdp) => context.earlyMedia(leg, sdp),
        answered: (leg) => {
          timer.cancel();
          context.answered(leg);
        },
        rejected: (status, leg) => {
          timer.cancel();
          if (leg !== undefined) context.released(leg, status);
          // What the called party said is for the caller; a line that could not take the call is not.
          const couldNot = status >= 500 && status < 600;
          context.goOn(couldNot ? after.unreachable : undefined, { status });
        },
        ignored: (leg) => {
          timer.cancel();
          context.released(leg, 480);
          context.goOn(undefined, { status: 480 });
        },
        gone: (leg) => {
          timer.cancel();
          context.released(leg);
          context.goOn(after.unreachable, { status: 503 });
        },
        failed: (error) => {
          timer.cancel();
          context.fail(error);
        },
      },
    );
    dialling.start();
    // After it: who is told must not keep who calls from anything.
    if (call.emergency !== undefined) onEmergency(call);
    return {
      stop: ({ reason }) => {
        timer.cancel();
        dialling.stop(reason);
      },
    };
  }
}
