import type { Codec } from '../encode.ts';
import type { NoteSequence } from '../tones.ts';
import type { DigestAlgorithm } from './digest.ts';
import type { MediaDirection } from './phone-sdp.ts';
import type { DtmfEvent, ReceivedMedia } from './rtp-stream.ts';
import type { PhoneCertificate, TransportName } from './sip-socket.ts';

export interface PhoneOptions {
  /** The extension, and the digest's user name. */
  readonly user: string;
  readonly password: string;
  /** The phone's own address, IPv4 or IPv6; SIP and RTP ports are free ones on it. */
  readonly localAddress: string;
  /** Its port for SIP instead. */
  readonly sipPort?: number;
  /** The box: where REGISTER and new calls go. */
  readonly server: string;
  readonly serverPort: number;
  /** The host of its address of record; the server's address unless given. */
  readonly domain?: string;
  /** Its User-Agent; none unless given, which makes it a desk phone. */
  readonly userAgent?: string;
  /** udp unless given. */
  readonly transport?: TransportName;
  /** Who it is to those that connect to it by TLS. */
  readonly certificate?: PhoneCertificate;
  /** Whether it takes SRTP with keys in SDP, and offers it beside RTP; or takes and offers nothing else. Neither unless given. */
  readonly srtp?: 'offered' | 'required';
  /** What it offers and takes, in order. */
  readonly codecs: readonly Codec[];
  /** What it answers a challenge with, best first; both unless given. */
  readonly algorithms?: readonly DigestAlgorithm[];
  /** Whether it offers and takes RFC 4733 events; true unless given. */
  readonly telephoneEvent?: boolean;
  /**
   * Whether it takes comfort noise and G.729 Annex B, and where they are agreed sends nothing but such a packet every
   * 200 ms as long as it has nothing to say; false unless given.
   */
  readonly pauses?: boolean;
  /** Whether it takes NOTIFYs outside of its call; unless given it knows of no subscription. */
  readonly takesEvents?: boolean;
  /** Whether it answers re-INVITEs, and sends where they say; unless given it is busy with its call. */
  readonly takesOffers?: boolean;
  /** Event packages that it does what they say of in a call, `talk` and `hold`; none unless given. */
  readonly events?: readonly ('talk' | 'hold')[];
  /**
   * What it does with a REFER outside of its calls, which it says that it takes when it registers: makes the call and tells of it, or
   * leaves that to the test, says nothing at all, or refuses with this status. Unless given it knows of no REFER.
   */
  readonly refer?: 'calls' | 'waits' | 'silent' | number;
  /** Whether it says that it takes UPDATE, and answers one without an offer; false unless given. */
  readonly takesUpdate?: boolean;
  /** The P-Asserted-Identity of its answers; none unless given. */
  readonly asserts?: string;
  /** A new call rings until answer() or reject() (the default), is answered at once, or refused with this status. */
  readonly incoming?: 'ring' | 'answer' | number;
  /** Whether it plays the carrier, and takes every REGISTER that it gets; false unless given. */
  readonly isRegistrar?: boolean;
  /** Who may call it: an INVITE without that proof gets 407. Anybody unless given. */
  readonly callers?: { readonly username: string; readonly password: string };
}

export interface Registration {
  /** The final status. */
  readonly status: number;
  /** Every final status on the way, such as 401, 200. */
  readonly statuses: readonly number[];
  /** The algorithms that the challenge offered, in its order. */
  readonly challenged: readonly string[];
  /** The bindings that a 200 lists. */
  readonly contacts: readonly string[];
}

export interface InviteOptions {
  /** The body in place of the phone's own description. */
  readonly sdp?: string;
  /** The phone's own, and before it an address of the other family where nobody is: RFC 4091 or RFC 6947. */
  readonly alternative?: 'ANAT' | 'ALTC';
  /** More headers, such as Replaces. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

export interface CallOutcome {
  /** The final status of the INVITE. */
  readonly status: number;
  readonly reason: string;
  /** Every status on the way, provisional ones and challenges too. */
  readonly statuses: readonly number[];
  /** Of an answered call. */
  readonly codec?: Codec;
  /** Whether the other side's G.729 claims Annex B. */
  readonly annexB?: boolean;
  /** Milliseconds from the first INVITE to the final response. */
  readonly tookMs: number;
}

/** What else is other than before in an offer during a call. */
export interface OfferChanges {
  /** In place of the one in use; what the answer takes of them is spoken from then on. */
  readonly codecs?: readonly Codec[];
  /** With a key of its own that was never there before: it sends under that one. */
  readonly rekeys?: boolean;
}

/** What became of an offer during a call. */
export interface OfferOutcome {
  /** The final status. */
  readonly status: number;
  /** Address and port that the phone sends to from then on, and the codec that it speaks. */
  readonly target: string;
  readonly codec: Codec;
}

export interface DialogNames {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
}

export interface IncomingCall {
  readonly fromUri: string;
  readonly fromName: string;
  readonly requestUri: string;
  /** The codecs of the offer that the phone knows, in the offer's order. */
  readonly offered: readonly Codec[];
  readonly sdp: string;
}

/** One call at a time. Every method rejects after its time-out with what it waited for and what came instead. */
export interface Phone {
  register(options?: { readonly password?: string; readonly expiresSeconds?: number }): Promise<Registration>;
  /**
   * Sends a REGISTER five times a second until it is answered, for a box that may not be up yet; the final status. For
   * measuring: a refusal is an answer too.
   */
  registerWhenReachable(timeoutMs?: number): Promise<number>;
  /** The status of an OPTIONS to the server. */
  options(): Promise<number>;
  /** Sends an INVITE; `target` is a number, or a whole URI. */
  invite(target: string, options?: InviteOptions): Promise<void>;
  /** The first provisional status above 100 of the call that invite() began. */
  ringing(timeoutMs?: number): Promise<number>;
  /** How the INVITE ended, answered or not. */
  answered(timeoutMs?: number): Promise<CallOutcome>;
  /** invite() and answered(). */
  call(target: string, options?: InviteOptions): Promise<CallOutcome>;
  /** Cancels the INVITE and says how it ended. */
  cancel(timeoutMs?: number): Promise<CallOutcome>;
  /** The call that rings, or was answered at once. */
  incomingCall(timeoutMs?: number): Promise<IncomingCall>;
  /** Resolves when the ACK is there. */
  answer(timeoutMs?: number): Promise<void>;
  reject(status: number): Promise<void>;
  /** Plays notes into the call; resolves when the last one is sent. */
  play(sequence: NoteSequence): Promise<void>;
  /** Presses a key for 160 ms, by RFC 4733 or, where that is not agreed, by tones; resolves when its last packet is sent. */
  pressKey(digit: string): Promise<void>;
  /** Waits until the sequence sounds in what was received since the call began. */
  hears(sequence: NoteSequence, timeoutMs?: number): Promise<ReceivedMedia>;
  /** What was received since the call began. */
  heard(): Promise<ReceivedMedia>;
  /** Waits for the end of a key press. */
  receivesKey(digit: string, timeoutMs?: number): Promise<DtmfEvent>;
  /** Offers its media anew, by re-INVITE. */
  offerAgain(direction: MediaDirection, changes?: OfferChanges): Promise<OfferOutcome>;
  /** Transfers the other side of its call by REFER, with this Refer-To; the status of the answer. */
  refer(referTo: string): Promise<number>;
  /** Waits until NOTIFYs have told this status of a REFER; all that were told so far. */
  notified(status: number, timeoutMs?: number): Promise<readonly number[]>;
  /** What names its call in Replaces. */
  dialogNames(): Promise<DialogNames>;
  /** Hangs up; the status of the BYE. */
  bye(): Promise<number>;
  /** Waits until the other side has ended the call. */
  ended(timeoutMs?: number): Promise<void>;
  /** Every SIP message sent and received, the newest last. */
  transcript(): Promise<string>;
  /** Frees the ports. A call is not ended, as if the plug was pulled. */
  close(): Promise<void>;
}
