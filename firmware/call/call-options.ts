import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Flow } from '../sip/stack.ts';
import type { CallDirection, CallEvent } from './history/call-event.ts';
import type { Leg } from './leg/leg.ts';
import type { Caller, ShownIdentity } from './routing/plan.ts';
import type { StepRunners } from './step/step-runner.ts';

export interface CallOptions {
  /** Who waits for somebody; belongs to the call from now on. */
  readonly waiting: Leg;
  readonly caller: Caller;
  /** How the caller is shown to those who are called. */
  readonly shown: ShownIdentity;
  readonly dialled: string;
  readonly direction: CallDirection;
  readonly isEmergency?: boolean;
  /** The call that this one came of. */
  readonly follows?: string;
  /** Of the INVITE that came, less one. */
  readonly maxForwards: number;
  readonly runners: StepRunners;
  /** Whether media may go past the box between these two, as configured now. */
  readonly mayBeDirect: (flows: readonly [Flow, Flow]) => boolean;
  readonly emit: (event: CallEvent) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called once, when nothing of the call is left. */
  readonly onEnded: () => void;
}
