import type { LocalContact } from '../dialog/contact-header.ts';
import type { CredentialsFor } from '../digest-client.ts';
import type { HeaderField } from '../message/headers.ts';
import type { NameAddr } from '../message/name-addr.ts';
import type { PrivacyValue } from '../message/privacy.ts';
import type { SipRequest } from '../message/request.ts';
import type { ResponseOptions, SipResponse } from '../message/response.ts';
import type { IncomingRequest } from '../transaction/pending-request.ts';
import type { Flow } from '../transport/flow.ts';

/** What the layer above the stack takes. Each returns whether it took the request; the stack answers what nobody took. */
export interface SipHandlers {
  /** Any request but INVITE, ACK, CANCEL and what belongs to a session. */
  onRequest(request: IncomingRequest): boolean;
  /** An INVITE that opens a session. 100 Trying goes out by itself where there is no answer within 200 ms. */
  onInvite(invite: IncomingInvite): boolean;
  /** A REFER, in a session or outside. Without it REFER is not allowed (405); what it does not take gets 603. */
  readonly onRefer?: (refer: IncomingRefer) => boolean;
}

export interface DialogInfo {
  readonly callId: string;
  readonly localTag: string;
  /** Empty until the peer gave one. */
  readonly remoteTag: string;
}

/** How a session ended. */
export type EndCause =
  /** The caller gave up before the answer. */
  | 'cancelled'
  /** A final response that is no 2xx. */
  | 'rejected'
  | 'bye-received'
  | 'bye-sent'
  /** Nobody acknowledged our 2xx (RFC 3261 §13.3.1.4). */
  | 'no-ack'
  /** The peer does not answer any more, or knows of no session: RFC 4028 §10, RFC 3261 §12.2.1.2. */
  | 'vanished'
  /** The stack was closed. */
  | 'closed';

/** `{ sdp }` accepts the re-INVITE with an answer (or, to one without an offer, with ours); `{ status }` refuses it. */
export type ReinviteAnswer =
  | { readonly sdp: string }
  | { readonly status: number; readonly reason?: string; readonly headers?: readonly HeaderField[] };

/** What came of an offer of ours. `status` is the final one; 408 and 503 stand for no answer and no way, too. */
export interface RenegotiationResult {
  readonly status: number;
  /** The answer; undefined when it was refused, or has none. */
  readonly sdp: string | undefined;
}

/** Events of an established session, the same on both sides. */
export interface SessionHandlers {
  /** BYE came and was answered. */
  readonly onBye?: (request: SipRequest) => void;
  /**
   * A re-INVITE or an UPDATE with an offer came, or an offer in PRACK; undefined for a re-INVITE without one, then its
   * answer comes in onAck. Without a handler: 488.
   */
  readonly onReinvite?: (offer: string | undefined) => ReinviteAnswer | Promise<ReinviteAnswer>;
  /** A re-INVITE or an UPDATE of the peer was answered with 2xx: what it says beside its offer holds (RFC 4916 §4.4). */
  readonly onChanged?: (request: SipRequest) => void;
  /** The ACK to a 2xx of ours, with its SDP if it has one. */
  readonly onAck?: (sdp: string | undefined) => void;
  /** A refresh of the session by the box brought another description of the peer than before. */
  readonly onRefreshed?: (sdp: string) => void;
  /** An INFO in the dialog; without a handler, or when it returns false: 469 or 405. */
  readonly onInfo?: (request: IncomingRequest) => boolean;
  /** Called exactly once, last of all, whatever ended the session. */
  readonly onEnded?: (cause: EndCause) => void;
}

export interface IncomingInviteHandlers extends SessionHandlers {
  /** CANCEL came; it was answered with 200 and the INVITE with 487. `reason`: its Reason (RFC 3326). */
  readonly onCancel?: (reason: string | undefined) => void;
  /** The answer in PRACK to an offer of ours in a reliable provisional response (RFC 3262 §5). */
  readonly onPrack?: (sdp: string) => void;
}

export interface OutgoingInviteHandlers extends SessionHandlers {
  /** The first word of whoever was called: 100, which says no more than that the INVITE is there. */
  readonly onTrying?: () => void;
  /**
   * 101 to 199, with the SDP of an early answer if it has one. Several devices behind one address (forks) tell by the To
   * tag of the response which of them speaks, and 199 that one of them is out.
   */
  readonly onProvisional?: (status: number, sdp: string | undefined, response: SipResponse) => void;
  /** 2xx came and was acknowledged; the answer is in it, or in an earlier response that was sent reliably. */
  readonly onAnswered?: (sdp: string, response: SipResponse) => void;
  /** 300 to 699 came; or 408 for no answer in time, 503 for no way there, without a response. */
  readonly onRejected?: (status: number, reason: string, response: SipResponse | undefined) => void;
}

/** What a session is to whoever has it, in both directions. */
export interface InviteSession {
  readonly dialog: DialogInfo;
  /** What our Contact says from the next message on that has one; undefined: whom the peer called. Set it once there is a dialog. */
  contact: LocalContact | undefined;
  /** False from the moment that the session has ended. */
  readonly established: boolean;
  readonly ended: boolean;
  /** Ends an established session, or gives up one that is not (CANCEL, 480). Idempotent; resolves when it is over. */
  bye(reason?: string): Promise<void>;
  /** Offers another description by re-INVITE; collisions are waited out. Never rejects. Not before it is established. */
  reinvite(sdp: string): Promise<RenegotiationResult>;
  /** UPDATE, with an offer or without, and `headers` beside its own: works before the answer too. 405 where the peer is not known to take it. */
  update(sdp?: string, headers?: readonly HeaderField[]): Promise<RenegotiationResult>;
  /** Another request in the dialog: INFO, OPTIONS, MESSAGE. 408 and 503 of our own making as in SipStack.request. */
  request(
    method: string,
    content?: { readonly headers?: readonly HeaderField[]; readonly body?: string; readonly contentType?: string },
  ): Promise<SipResponse>;
  /** Sends REFER in the dialog. */
  refer(options: ReferOptions): Promise<SipResponse>;
}

export interface ReferOptions {
  /** The value of Refer-To, with Replaces in the URI where that is wanted. */
  readonly referTo: string;
  readonly referredBy?: string;
  readonly headers?: readonly HeaderField[];
  /** The status line of each NOTIFY. Without it no NOTIFYs are asked for (RFC 4488). */
  readonly onProgress?: (status: number, reason: string, isOver: boolean) => void;
}

/** A REFER that came in (RFC 3515). */
export interface IncomingRefer {
  readonly message: SipRequest;
  readonly flow: Flow;
  /** That of the session which it came in; undefined outside. */
  readonly dialog: DialogInfo | undefined;
  readonly referTo: NameAddr;
  /** The value of Referred-By (RFC 3892), to be passed on as it is. */
  readonly referredBy: string | undefined;
  /** False: no NOTIFYs are wanted (RFC 4488), and `notify` sends none. */
  readonly wantsProgress: boolean;
  /** 202, and a NOTIFY of 100 Trying; 503 where there are too many subscriptions. */
  accept(): ReferProgress;
  /** 300 to 699. */
  reject(status: number, options?: ResponseOptions): void;
}

export interface ReferProgress {
  /** False where it got 503 after all: then nothing is to be done. */
  readonly isAccepted: boolean;
  /** Tells the status of what was referred to; a final one ends it. */
  notify(status: number, reason?: string): void;
}

export interface ProvisionalOptions {
  readonly sdp?: string;
  readonly headers?: readonly HeaderField[];
  readonly reliable?: boolean;
}

/** The session of an INVITE that came in (UAS). */
export interface IncomingInvite extends InviteSession {
  readonly message: SipRequest;
  readonly flow: Flow;
  /** The SDP of the INVITE; undefined when the caller wants ours. */
  readonly offer: string | undefined;
  /**
   * The session that this one shall take the place of (RFC 3891); only where `replaces` is among the supported option tags.
   * Whoever accepts ends it with `bye`.
   */
  readonly replaces: IncomingInvite | OutgoingInvite | undefined;
  handlers: IncomingInviteHandlers;
  /**
   * 101 to 199. Ignored once there is a final response. Sent until it is acknowledged (RFC 3262) where the caller requires
   * that, or where it is `reliable` and the caller can.
   */
  provisional(status: number, options?: ProvisionalOptions): void;
  /**
   * 200 with the answer (or offer). Returns false when it is too late: cancelled, rejected or accepted before. It waits
   * for the PRACK that is due.
   */
  accept(options: { readonly sdp: string; readonly headers?: readonly HeaderField[] }): boolean;
  /** 300 to 699. Ignored once there is a final response. */
  reject(status: number, options?: ResponseOptions): void;
  /** The same, sent once and forgotten, where nothing is known of who calls: the address may be forged. */
  refuse(status: number, options?: ResponseOptions): void;
}

/** The session of an INVITE that we sent (UAC). */
export interface OutgoingInvite extends InviteSession {
  handlers: OutgoingInviteHandlers;
  /** Gives up before the answer (RFC 3261 §9.1); an answer that crosses it gets ACK and BYE. Idempotent. */
  cancel(reason?: string): void;
}

export interface Party {
  readonly displayName?: string;
  readonly uri: string;
}

interface Destination {
  /** Where to send it, as a binding keeps it. Without it the way follows `target`, else `requestUri`. */
  readonly flow?: Flow;
  /** A URI whose host is an IP address or `localhost`: an outbound proxy. */
  readonly target?: string;
  readonly requestUri: string;
  /** A tag is added. */
  readonly from: Party;
  readonly to: Party;
  readonly callId?: string;
  /** 1 to 70, default 70: a B2BUA passes on the received value less one. */
  readonly maxForwards?: number;
  /** P-Asserted-Identity, Diversion, History-Info and the like: passed on as they are. */
  readonly headers?: readonly HeaderField[];
  /** For Privacy (RFC 3323); `id`, `user` and `header` make From anonymous. */
  readonly privacy?: readonly PrivacyValue[];
  /** Answers challenges of this realm; those of the stack unless given. */
  readonly credentials?: CredentialsFor;
}

export interface InviteOptions extends Destination {
  readonly offer: string;
  readonly handlers: OutgoingInviteHandlers;
  /** Gives up when the peer rings longer than this after its last provisional response; default 180. */
  readonly ringSeconds?: number;
}

/** A request outside a dialog, other than INVITE, ACK and CANCEL. */
export interface RequestOptions extends Destination {
  readonly method: string;
  /** Of the first try; each answer to a challenge has the next one. 1 unless given: for REGISTER it must rise (RFC 3261 §10.2). */
  readonly firstCseq?: number;
  readonly body?: string;
  readonly contentType?: string;
}
