import type { Clock } from '../../core/clock.ts';
import type { Sound } from '../../media/client.ts';
import type { RunningStep, StepContext } from '../step/step-runner.ts';

const LEVEL_DBM0 = -13;
/** A tone that was not heard to its end by then is not waited for. */
const MAX_TONE_MS = 5000;

const beeps = (count: number, hz: number, onMs: number, offMs: number): Sound => ({
  kind: 'tone',
  tone: {
    steps: Array.from({ length: 2 * count }, (_each, index) =>
      index % 2 === 0
        ? { durationMs: onMs, frequencies: [{ hz, dbm0: LEVEL_DBM0 }] }
        : { durationMs: offMs, frequencies: [] },
    ),
  },
});

/** Three short high beeps: done. */
export const DONE: Sound = beeps(3, 1400, 100, 100);
/** Four low ones: it was not. */
export const NOT_DONE: Sound = beeps(4, 425, 250, 250);

/** Answers who dialled a code, says by a tone whether it was obeyed, and hangs up. */
export function tellOutcome(context: StepContext, clock: Clock, isDone: boolean): RunningStep {
  const { waiting } = context;
  let isOver = false;
  const finish = (): void => {
    if (isOver) return;
    isOver = true;
    timer.cancel();
    context.hangUp();
  };
  const timer = clock.schedule(MAX_TONE_MS, finish);
  const tell = async (): Promise<void> => {
    if (!(await context.answer('feature')) || isOver) return;
    await waiting.media.announce(isDone ? DONE : NOT_DONE);
    finish();
  };
  context.run(tell());
  return {
    stop: () => {
      isOver = true;
      timer.cancel();
      waiting.media.stop();
    },
  };
}
