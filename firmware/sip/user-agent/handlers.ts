import type { HeaderField } from '../message/headers.ts';
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
  /** The stack was closed. */
  | 'closed';

/** `{ sdp }` accepts the re-INVITE with an answer (or, to one without an offer, with ours); `{ status }` refuses it. */
export type ReinviteAnswer = { readonly sdp: string } | { readonly status: number; readonly reason?: string };

/** Events of an established session, the same on both sides. */
export interface SessionHandlers {
  /** BYE came and was answered. */
  readonly onBye?: (request: SipRequest) => void;
  /** A re-INVITE came; undefined when it has no offer, then its answer comes in onAck. Without a handler: 488. */
  readonly onReinvite?: (offer: string | undefined) => ReinviteAnswer | Promise<ReinviteAnswer>;
  /** The ACK to a 2xx of ours, with its SDP if it has one. */
  readonly onAck?: (sdp: string | undefined) => void;
  /** An INFO in the dialog; without a handler, or when it returns false: 469 or 405. */
  readonly onInfo?: (request: IncomingRequest) => boolean;
  /** Called exactly once, last of all, whatever ended the session. */
  readonly onEnded?: (cause: EndCause) => void;
}

export interface IncomingInviteHandlers extends SessionHandlers {
  /** CANCEL came; it was answered with 200 and the INVITE with 487. */
  readonly onCancel?: () => void;
}

export interface OutgoingInviteHandlers extends SessionHandlers {
  /** 101 to 199, with the SDP of an early answer if it has one. */
  readonly onProvisional?: (status: number, sdp: string | undefined, response: SipResponse) => void;
  /** 2xx came with the answer and was acknowledged. */
  readonly onAnswered?: (sdp: string, response: SipResponse) => void;
  /** 300 to 699 came; or 408 for no answer in time, 503 for no way there, without a response. */
  readonly onRejected?: (status: number, reason: string, response: SipResponse | undefined) => void;
}

interface InviteSession {
  readonly dialog: DialogInfo;
  /** False from the moment that the session has ended. */
  readonly established: boolean;
  readonly ended: boolean;
  /** Ends an established session, or gives up one that is not (CANCEL, 480). Idempotent; resolves when it is over. */
  bye(reason?: string): Promise<void>;
}

/** The session of an INVITE that came in (UAS). */
export interface IncomingInvite extends InviteSession {
  readonly message: SipRequest;
  readonly flow: Flow;
  /** The SDP of the INVITE; undefined when the caller wants ours. */
  readonly offer: string | undefined;
  handlers: IncomingInviteHandlers;
  /** 101 to 199. Ignored once there is a final response. */
  provisional(status: number, options?: { readonly sdp?: string; readonly headers?: readonly HeaderField[] }): void;
  /** 200 with the answer (or offer). Returns false when it is too late: cancelled, rejected or accepted before. */
  accept(options: { readonly sdp: string; readonly headers?: readonly HeaderField[] }): boolean;
  /** 300 to 699. Ignored once there is a final response. */
  reject(status: number, options?: ResponseOptions): void;
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
  readonly headers?: readonly HeaderField[];
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
  readonly body?: string;
  readonly contentType?: string;
}
