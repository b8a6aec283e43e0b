import type { SentRequest } from './client-requests.ts';
import type { CallOutcome, IncomingCall } from './phone.ts';
import type { LocalAudio } from './phone-sdp.ts';
import type { RtpStream } from './rtp-stream.ts';
import type { SipMessage } from './sip-message.ts';
import type { Reply } from './sip-socket.ts';

/** The one call of a phone, whoever began it. */
export interface PhoneCall {
  readonly callId: string;
  readonly localTag: string;
  /** From of our requests: with our tag. */
  readonly localHeader: string;
  /** To of our requests; gains the other side's tag when that is known. */
  remoteHeader: string;
  remoteTarget: string;
  routeSet: readonly string[];
  cseq: number;
  readonly stream: RtpStream;
  /** Of a call that we began. */
  sentInvite?: SentRequest;
  readonly statuses: number[];
  outcome?: CallOutcome;
  failure?: Error;
  ack?: SipMessage;
  /** Of a call that came in. */
  incoming?: IncomingCall;
  receivedInvite?: { readonly request: SipMessage; readonly reply: Reply };
  acknowledged: boolean;
  /** What both sides agreed on last. */
  agreed?: {
    readonly codec: LocalAudio['codecs'][number];
    readonly telephoneEvent: number | undefined;
    /** Where it sends: address and port. */
    readonly target: string;
  };
  /** Descriptions that were sent. */
  version: number;
  state: 'calling' | 'ringing' | 'established' | 'ended';
  endedBy?: 'us' | 'them';
}
