import type { Leg } from './leg.ts';
import type { LegEnd } from './leg-end.ts';

/** Whoever a leg belongs to: a call, or a step of its plan. Each is told of once it has happened. */
export interface LegOwner {
  /** Over for good, whoever ended it; told once. A leg that never was up and was refused has `onRejected` before. */
  readonly onEnded?: (leg: Leg, end: LegEnd) => void;
  /** A device of ours that is being called rings. */
  readonly onRinging?: (leg: Leg) => void;
  /** It sends media already. */
  readonly onEarlyMedia?: (leg: Leg, sdp: string) => void;
  /** It has answered: the leg is up. `prepare` takes its answer. */
  readonly onAnswered?: (leg: Leg) => void;
  /** 300 to 699, or 408 and 503 of our own making. */
  readonly onRejected?: (leg: Leg, status: number) => void;
  /** Its user does not want it to ring here: ignored, others ring on and the caller waits; declined as the device itself would. */
  readonly onUnwanted?: (leg: Leg, how: 'ignored' | 'declined') => void;
  /** The party has put the box on hold, or taken it back. */
  readonly onHeld?: (leg: Leg, isHolding: boolean) => void;
}
