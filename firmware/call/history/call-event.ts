/*
 * What is told of calls while they run, as plain data: call records, the users' logs, lamps and presence are made of it. The
 * events of one call come in their order, `started` first and `ended` last; `ended` ends every leg that is left. What its media were
 * like is known a little later: `measured`.
 */

/** Seen from the box: between two of its users, from a line, to a line. */
export type CallDirection = 'internal' | 'incoming' | 'outgoing';

/** Who somebody is, to those who may know. */
export interface CallParty {
  /** An extension or an outside number; empty where it is not known. */
  readonly number: string;
  readonly name?: string;
  /** The number of the user whose device it is; absent for somebody outside. */
  readonly user?: string;
  /** Wants no identity shown (RFC 3323): it is kept in the record and shown to no watcher. */
  readonly isPrivate?: boolean;
}

/** The dialog that a device of a user has with the box, as the device sees it. */
export interface ObservedDialog {
  readonly callId: string;
  /** That of the device; absent until it has answered with one. */
  readonly localTag?: string;
  readonly remoteTag?: string;
  /** The Contact of the device. */
  readonly target?: string;
}

/** One party's part in a call. */
export interface CallLeg {
  /** Unique within its call, from 0; the caller's is the first. */
  readonly leg: number;
  readonly party: CallParty;
  readonly dialog?: ObservedDialog;
  /** The line that it goes over. */
  readonly line?: string;
  /** The hunt group that it rings for. */
  readonly huntGroup?: string;
}

/** Why a call, or one leg of it, came to its end. */
export const CALL_CAUSES = [
  /** Somebody hung up after the answer. */
  'normal',
  /** The caller gave up before it. */
  'cancelled',
  /** Another device of the user, or another user that rang too, has the call. */
  'answered-elsewhere',
  'busy',
  'no-answer',
  'declined',
  /** Nothing is registered, or no answer of it came. */
  'unreachable',
  'unknown-number',
  /** Barred, or not allowed to this caller. */
  'forbidden',
  /** No line or channel was free. */
  'no-line',
  /** It went on to somebody else: a transfer. */
  'transferred',
  /** Nothing came from a device any more, or its connection is gone. */
  'device-lost',
  'shut-down',
  'failed',
  /** The box stopped without a word: a power cut. */
  'interrupted',
] as const;
export type CallCause = (typeof CALL_CAUSES)[number];

/** How a party was heard here. */
export interface Heard {
  /** Of the packets that the party sent us, as a ratio of 0 to 1; absent where nothing came. */
  readonly lossRatio?: number;
  /** Mean opinion score of ITU-T G.107, 1 to 4.5. */
  readonly meanOpinionScore?: number;
}

/** How well a leg was heard, at its end. */
export interface LegQuality extends Heard {
  readonly leg: number;
  readonly codec: string;
}

/** What answers a call that no device answers. */
export type CallService = 'mailbox' | 'announcement' | 'conference' | 'park' | 'queue' | 'feature';

interface Common {
  /** Unique over restarts of the box; the id of its record. */
  readonly call: string;
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;
}

export interface CallStarted extends Common {
  readonly kind: 'started';
  readonly direction: CallDirection;
  readonly caller: CallLeg;
  /** As it was dialled, before any short code or rule. */
  readonly dialled: string;
  readonly isEmergency?: boolean;
  /** The call that this one came of: a transfer, a twin, a call back. */
  readonly follows?: string;
}

/** A device of a user, or somebody outside, rings. */
export interface CallRinging extends Common {
  readonly kind: 'ringing';
  readonly leg: CallLeg;
}

/** A leg that is there already has another dialog, or the tag of it is known by now. */
export interface CallDialogKnown extends Common {
  readonly kind: 'dialog';
  readonly leg: number;
  readonly dialog: ObservedDialog;
}

/** The caller talks to this leg; without one to a service of the box. */
export interface CallAnswered extends Common {
  readonly kind: 'answered';
  readonly leg?: number;
  readonly service?: CallService;
}

/** A leg is out of the call, which goes on. */
export interface CallReleased extends Common {
  readonly kind: 'released';
  readonly leg: number;
  readonly cause: CallCause;
}

/** By whom. */
export interface CallHeld extends Common {
  readonly kind: 'held' | 'retrieved';
  readonly leg: number;
}

/** Somebody is in the conversation in place of the leg that he `replaces`: after a transfer, a pick-up, a steal, an unpark. */
export interface CallJoined extends Common {
  readonly kind: 'joined';
  readonly leg: CallLeg;
  readonly replaces: number;
  readonly how: 'transfer' | 'pick-up' | 'steal' | 'unpark';
  /** Who did it. */
  readonly by?: CallParty;
  /** The call that he comes from, which ends with the cause `transferred`. */
  readonly from?: string;
}

export interface CallRecorded extends Common {
  readonly kind: 'recorded';
  /** The name of the file. */
  readonly recording: string;
}

export interface CallEnded extends Common {
  readonly kind: 'ended';
  readonly cause: CallCause;
  /** The SIP status that the caller got, for a call that was not answered. */
  readonly status?: number;
  readonly by: 'caller' | 'connected' | 'box';
  /** Of the caller's leg and of the connected one. */
  readonly quality?: readonly LegQuality[];
}

/** The media of an ended call are closed. Not told of one whose media did not come here, as where nobody spoke. */
export interface CallMeasured extends Common {
  readonly kind: 'measured';
  readonly caller?: Heard;
  readonly connected?: Heard;
}

export type CallEvent =
  | CallStarted
  | CallRinging
  | CallDialogKnown
  | CallAnswered
  | CallReleased
  | CallHeld
  | CallJoined
  | CallRecorded
  | CallEnded
  | CallMeasured;
