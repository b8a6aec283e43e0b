/** Why the box does not do what a client asks; stable, for programs. */
export type ControlFault =
  /** The mode of the client does not have it, or the profile of the user not the mode. */
  | 'not-in-this-mode'
  | 'not-licensed'
  /** The user has no such call, or it is at another device than the mode directs. */
  | 'no-such-call'
  /** The call is not where that can be done. */
  | 'wrong-state'
  /** No device that the mode directs is registered. */
  | 'no-device'
  /** His class of service, or another rule, does not allow it, or it leads nowhere: `status` says what a phone would have got. */
  | 'refused'
  /** A telephone did not do it. */
  | 'failed';

/** What came of what a client asked. */
export type ControlOutcome =
  | { readonly ok: true; readonly call?: string }
  | { readonly ok: false; readonly error: ControlFault; readonly reason: string; readonly status?: number };

export const DONE: ControlOutcome = { ok: true };

export function fault(error: ControlFault, reason: string, status?: number): ControlOutcome {
  return { ok: false, error, reason, ...(status === undefined ? {} : { status }) };
}
