import type { AudioCodec } from '../sdp/codec.ts';
import type {
  HeaderField,
  Headers,
  IncomingInvite,
  InviteOptions,
  ResponseOptions,
  SipResponse,
} from '../sip/stack.ts';
import type { Diversion, LineAttempt, LineState } from './routing/plan.ts';

/*
 * The lines to the outside as calls see them. trunk/ has them, and signalling.ts brings both together: neither imports the
 * other.
 */
export interface OutsideLines {
  /** For routing. Answers for any text, without side effects. */
  state(line: string): LineState;
  /**
   * Whether an INVITE comes from a line, and then a channel for it. To be asked before any challenge: carriers do not
   * answer one. `drop` ends the call where help needs its channel; it may be called until `ended` is.
   */
  receive(invite: Pick<IncomingInvite, 'message' | 'flow'>, drop: () => void): ReceivedCall;
  /** Finds a way over one line, and takes a channel of it. Never rejects; takes 5 s at the most where a name is looked up. */
  place(call: OutsideCall): Promise<PlacedCall | RefusedCall>;
}

/** What one call may use of a line. */
export interface LineAbilities {
  /** In order of preference; undefined: those of the system. */
  readonly codecs: readonly AudioCodec[] | undefined;
  readonly security: 'system' | 'disabled' | 'preferred' | 'enforced';
  readonly dtmf: 'automatic' | 'telephone-event' | 'info' | 'in-band';
}

/** What is told of a call that has a channel. */
interface ChannelHolder {
  /** To be told once the call is answered: short calls are what toll fraud is known by. */
  answered(): void;
  /** Frees the channel. Idempotent; a call of which this is not told holds its channel for ever. */
  ended(): void;
  /** How the peer is told who it talks to now; nothing where it is not. */
  shows(party: ConnectedParty): readonly HeaderField[];
  /** Who speaks at the other end, as its answer, re-INVITE or UPDATE says; undefined where that is not believed, or not said. */
  names(headers: Headers): NamedParty | undefined;
}

/** Somebody at the other end of a line, as a peer that is trusted says. */
export interface NamedParty {
  /** As dialled here; empty where he wants none shown. */
  readonly number: string;
  readonly name: string;
  readonly isPrivate: boolean;
}

/** Somebody whom the other end of a line talks to. */
export interface ConnectedParty {
  /** An extension, or a number outside; empty where it is not known. */
  readonly number: string;
  readonly name?: string;
  /** A key of `configuration.users`. */
  readonly user?: string;
  /** Wants his number shown to nobody. */
  readonly isPrivate?: boolean;
}

export type ReceivedCall =
  /** No line: an extension, or nobody. */
  | { readonly kind: 'stranger' }
  /** Answer with `status`. The reason is for the log. */
  | { readonly kind: 'refused'; readonly status: number; readonly options: ResponseOptions; readonly why: string }
  | (ChannelHolder & {
      readonly kind: 'call';
      readonly line: string;
      /** As the carrier gave it, in the format that the line is to get; for `RoutingRequest.dialled`. */
      readonly calledNumber: string;
      /** Left out where it is withheld or unknown. */
      readonly callerNumber?: string;
      readonly callerName?: string;
      readonly isWithheld: boolean;
      /** Who passed the call on outside, the last one first. */
      readonly diversions: readonly { readonly number: string; readonly reason: string }[];
      readonly abilities: LineAbilities;
    });

export interface OutsideCall {
  readonly attempt: LineAttempt;
  /** Who answers for the call: a key of `configuration.users`. */
  readonly user: string | undefined;
  /** Users whom the call was for before, the first one first. */
  readonly diversions: readonly Diversion[];
  /** Takes the channel of the youngest other call where none is free, and is never taken for fraud. */
  readonly isEmergency: boolean;
  /** What came with the call, less one; 70 where it began here. */
  readonly maxForwards: number;
  /** As for `receive`; the same function for every attempt of one call. */
  readonly drop: () => void;
}

export interface PlacedCall extends ChannelHolder {
  readonly kind: 'placed';
  /** For SipStack.invite; `flow` is there, so that media ports can be opened on its address of ours. */
  readonly invite: Omit<InviteOptions, 'offer' | 'handlers'> & Required<Pick<InviteOptions, 'flow'>>;
  readonly abilities: LineAbilities;
  /** Cancel and tell `rejected(408)` when no response at all has come within this time. */
  readonly answerWithinMs: number;
  /**
   * To be told of a final status that is no 2xx (408 and 503 of our own making too), with the response where there is one.
   * The channel is freed. `again`: the line has another server, so place the same call once more; `next`: the next attempt;
   * `final`: the caller gets this status.
   */
  rejected(status: number, response: SipResponse | undefined): 'again' | 'next' | 'final';
}

/** Nothing was sent. `isFinal`: no other line would take it either. */
export interface RefusedCall {
  readonly kind: 'refused';
  readonly status: number;
  readonly why: string;
  readonly isFinal: boolean;
}

/** A box without lines. */
export const NO_LINES: OutsideLines = {
  state: () => ({ isInService: false, channelsInUse: 0, hasCallToDrop: false }),
  receive: () => ({ kind: 'stranger' }),
  place: async () => ({ kind: 'refused', status: 503, why: 'no lines', isFinal: true }),
};
