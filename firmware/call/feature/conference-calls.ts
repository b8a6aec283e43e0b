import type { Logger } from '../../core/logger.ts';
import type { CallServer } from '../call-server.ts';
import type { Leg } from '../leg/leg.ts';
import type { Step } from '../routing/plan.ts';
import type { RunningStep, StepContext } from '../step/step-runner.ts';
import type { ConferenceRoom } from './conference-room.ts';
import { runNested } from './nested-step.ts';

export interface ConferenceCallsOptions {
  readonly calls: CallServer;
  readonly logger: Logger;
}

export interface ConferenceCall {
  readonly room: ConferenceRoom;
  /** Who is in the room already and has it call, and the call that he is in. */
  readonly leg: Leg;
  readonly context: StepContext;
  /** What rings telephones, and nothing else. */
  readonly step: Step;
  readonly number: string;
  /** 180; then 200 once the party is in, or the status that it failed with. */
  readonly tell: (status: number) => void;
  /** The party is heard by nobody. */
  readonly isMuted?: boolean;
}

/** Calls that a conference makes in the name of somebody who is in it. */
export class ConferenceCalls {
  readonly #options: ConferenceCallsOptions;
  /** How many are being called, by conference. */
  readonly #calling = new WeakMap<ConferenceRoom, number>();

  constructor(options: ConferenceCallsOptions) {
    this.#options = options;
  }

  /** How many calls of a room are under way. */
  callingFor(room: ConferenceRoom): number {
    return this.#calling.get(room) ?? 0;
  }

  /** Rings, and brings in who answers. Whoever calls and leaves gives them up. */
  call({ room, leg, context, step, number, tell, isMuted = false }: ConferenceCall): void {
    const { calls } = this.#options;
    const arrived = room.expect();
    this.#calling.set(room, (this.#calling.get(room) ?? 0) + 1);
    let isOver = false;
    const over = (status: number): void => {
      if (isOver) return;
      isOver = true;
      this.#calling.set(room, (this.#calling.get(room) ?? 1) - 1);
      forget();
      // The step that ran in his name had them.
      room.listen(leg);
      tell(status);
      arrived();
    };
    let nested: RunningStep | undefined;
    const stop = (): void => {
      const running = nested;
      nested = undefined;
      running?.stop({ elsewhere: false });
    };
    const forget = room.addWork(leg, () => {
      stop();
      over(487);
    });
    nested = runNested(
      calls.runners,
      step,
      this.#quiet(room, leg, context, () => over(480)),
      {
        ringing: () => {
          if (!isOver) tell(180);
        },
        answered: (other) => {
          nested = undefined;
          // Its former owner has nothing to say any more.
          other.owner = {};
          const enter = (moved: StepContext): RunningStep => {
            const running = room.enter(moved, 'dialed-out');
            if (isMuted) room.mute(moved.waiting, true);
            running.joined.then(
              (isIn) => over(isIn ? 200 : 480),
              () => over(500),
            );
            return running;
          };
          const { caller, shown } = context;
          calls.giveNewPlan(other, enter, { caller, shown, dialled: number }).then(
            (call) => {
              if (call === undefined) over(480);
            },
            (error: unknown) => {
              this.#options.logger.error({ err: error, room: room.name }, 'nobody could be called into a conference');
              other.close();
              over(500);
            },
          );
        },
        answeredByBox: () => undefined,
        failed: ({ status }) => {
          nested = undefined;
          over(status);
        },
        hungUp: () => {
          nested = undefined;
          over(480);
        },
      },
    );
  }

  /** Who refers hears the conference, whatever becomes of those who are called; and what he presses is for the conference. */
  #quiet(room: ConferenceRoom, leg: Leg, context: StepContext, failed: () => void): StepContext {
    return {
      ...context,
      waiting: leg,
      calls: () => undefined,
      released: () => undefined,
      ringing: () => undefined,
      earlyMedia: () => undefined,
      answer: async () => false,
      fail: (error) => {
        this.#options.logger.error({ err: error, room: room.name }, 'nobody could be called into a conference');
        failed();
      },
      run: (work) => {
        work.catch((error: unknown) => {
          this.#options.logger.error({ err: error, room: room.name }, 'nobody could be called into a conference');
          failed();
        });
      },
    };
  }
}
