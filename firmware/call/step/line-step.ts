import type { LineStep } from '../routing/plan.ts';
import { LineDialling, type LineDiallingOptions } from './line-dialling.ts';
import type { RunningStep, StepContext, StepRunner } from './step-runner.ts';

export interface LineRunnerOptions extends Pick<LineDiallingOptions, 'lines' | 'settings'> {
  readonly services: () => LineDiallingOptions['services'];
}

/** Calls somebody outside. */
export class LineRunner implements StepRunner<LineStep> {
  readonly #options: LineRunnerOptions;

  constructor(options: LineRunnerOptions) {
    this.#options = options;
  }

  run({ call, diversions, after }: LineStep, context: StepContext): RunningStep {
    const { services, lines, settings } = this.#options;
    const { caller, waiting, maxForwards } = context;
    context.run(waiting.media.open());
    const dialling = new LineDialling(
      {
        services: services(),
        lines,
        settings,
        call,
        user: caller.kind === 'user' ? caller.user : diversions.at(-1)?.from,
        diversions,
        maxForwards,
        speech: () => waiting.media.speech,
      },
      {
        calls: (leg) => context.calls(leg),
        ringing: () => context.ringing(),
        earlyMedia: (leg, sdp) => context.earlyMedia(leg, sdp),
        answered: (leg) => context.answered(leg),
        rejected: (status, leg) => {
          if (leg !== undefined) context.released(leg, status);
          // What the called party said is for the caller; a line that could not take the call is not.
          const couldNot = status >= 500 && status < 600;
          context.goOn(couldNot ? after.unreachable : undefined, { status });
        },
        gone: (leg) => {
          context.released(leg);
          context.goOn(after.unreachable, { status: 503 });
        },
        failed: (error) => context.fail(error),
      },
    );
    dialling.start();
    return { stop: ({ reason }) => dialling.stop(reason) };
  }
}
