import type { CallParty } from '../history/call-event.ts';

/** Who is at the other end of a leg, and by which device or line. */
export interface LegParty extends CallParty {
  /** What others see; the number where there is no name. */
  readonly name: string;
  /** The extension that the device registered as; undefined for somebody outside. */
  readonly extension?: string;
  /** The device, by `DeviceState.id` of routing. */
  readonly device?: string;
  /** The line that the leg goes over; undefined for a device of ours. */
  readonly line?: string;
  /** Of an emergency call: it never makes way for another one. */
  readonly isEmergency?: boolean;
  /** The hunt group that the leg rings for, or has rung for. */
  readonly huntGroup?: string;
}
