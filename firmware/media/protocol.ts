/**
 * Every message between the runtime and the media worker. Their validation on arrival is protocol-check.ts's.
 *
 * The channel is a pair of sockets (channel.ts); each message is one JSON text of at most MAX_MESSAGE_BYTES on a line of its
 * own, and those of one turn go together (message-batch.ts).
 *
 *   runtime -> worker   Request    { kind: 'request', id, command }           answered exactly once, in order
 *   runtime -> worker   Ping       { kind: 'ping', id }                        answered once the packet loop was heard
 *   worker  -> runtime  Response   { kind: 'response', id, ok: true, result } or { …, ok: false, error }
 *   worker  -> runtime  Done       { kind: 'done', ids }                       the response { …, ok: true, result: null } to each
 *   worker  -> runtime  Pong       { kind: 'pong', id }
 *   worker  -> runtime  Ready      { kind: 'ready' }                           once, when requests are welcome
 *   worker  -> runtime  Log        { kind: 'log', level, message }
 *   worker  -> runtime  Event      { kind: 'event', event }                    what nobody asked for: event.ts
 *
 * Every command is idempotent, so that the runtime may send it again to a new worker after the first one died.
 * The runtime chooses session ids and ports, which therefore outlive a worker.
 */
import type { LegIndex, MediaEvent } from './event.ts';
import type { Sound } from './sound.ts';
import type { SrtpParameters } from './srtp.ts';
import type { TonePattern } from './tones.ts';

export type { LegIndex, MediaEvent } from './event.ts';
export type { SrtpParameters, SrtpSuite } from './srtp.ts';

/** G726 is that at 32 kbit/s, packed as RFC 3551 §4.5.4 has it. */
export type AudioCodec = 'PCMU' | 'PCMA' | 'G729' | 'G722' | 'G726' | 'OPUS';

/** What the remote says of Opus that it receives (RFC 7587 §6.1). */
export interface OpusWishes {
  /** Samples a second that it plays, 8000 to 48000. Absent: all. */
  readonly maxPlaybackRate?: number;
  /** Bit/s, 6000 to 510000. Absent: 20000, or 26000 with error correction, and we send no more than 40000. */
  readonly maxBitrate?: number;
  /** Uses forward error correction. Absent: no. */
  readonly fec?: boolean;
  /** Absent: no. */
  readonly constantRate?: boolean;
  /** Prefers that silence is not sent. Absent: no. */
  readonly discontinuous?: boolean;
}

/** As the box sees it: `sendonly` sends to the remote and ignores what it sends. */
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** What offer and answer agreed on for one leg; holds for receiving and for sending. */
export interface LegParameters {
  /** IPv4 or IPv6 literal of the family of the leg's local address; where to send until a packet shows better. */
  readonly remoteAddress: string;
  /** 1 to 65535. */
  readonly remotePort: number;
  readonly codec: AudioCodec;
  /** 0 to 127. */
  readonly payloadType: number;
  /** 0 to 127, not `payloadType`; absent: no RFC 4733 events on this leg. Its clock rate is that of the codec. */
  readonly telephoneEventPayloadType?: number;
  /** 0 to 127: the number of our own description where it is another one. Events that come under either are taken (RFC 3264 §5.1). */
  readonly telephoneEventReceivedType?: number;
  /** The party's digits are in its audio: they are heard there and, where the other leg has events, taken out and sent as such. */
  readonly detectDigits?: boolean;
  /** The runtime tells the party of digits by signalling: neither events nor tones are sent to it. */
  readonly digitsBySignalling?: boolean;
  /** Audio per packet that we send: 10 to 120, a multiple of 10. Any length up to 200 ms is accepted. */
  readonly ptimeMs: number;
  readonly direction: Direction;
  /** G.729 only: the remote takes silence descriptors (RFC 3551 §4.5.6). Absent: no. With it, what we encode pauses too. */
  readonly annexB?: boolean;
  /** OPUS only. */
  readonly opus?: OpusWishes;
  /** 0 to 127, not another one's; absent: no comfort noise (RFC 3389) on this leg, which then hears noise as audio. */
  readonly comfortNoisePayloadType?: number;
  /**
   * Absent: plain RTP, and SRTP is taken for garbage; otherwise plain RTP is. Other keys than before are a change of keys:
   * ours from the next packet on, the remote's former one for 5 more seconds beside its new one.
   */
  readonly srtp?: SrtpParameters;
  /** RTP and RTCP on one port (RFC 5761). Absent: no. */
  readonly rtcpMux?: boolean;
  /** Where RTCP goes (RFC 3605, a=rtcp), of no use with `rtcpMux`. Absent: `remoteAddress`, and the port after `remotePort`. */
  readonly rtcpAddress?: string;
  readonly rtcpPort?: number;
  /** Code point of what we send (RFC 2474), 0 to 63. Absent: 46, expedited forwarding. */
  readonly dscp?: number;
  /**
   * Without a packet for so long a leg that should receive is told as `silent`, 1 to 86,400,000. Absent: never. With comfort noise or
   * `annexB` reports (RTCP) count as packets: the party pauses while nobody speaks.
   */
  readonly silenceMs?: number;
}

/** Why received packets went no further. */
export interface DiscardStatistics {
  /** Not RTP version 2, a length that lies, a payload that is no whole number of frames. */
  readonly malformed: number;
  /** SRTP that does not authenticate under the leg's keys, or more SSRCs than one party has under one of them. */
  readonly unauthenticated: number;
  /** SRTP that was there before, or is older than the last 128 packets. */
  readonly replayed: number;
  /** Well formed, of a payload type that was not negotiated (or before any was). */
  readonly payloadType: number;
  /** From an address other than the one that the leg has latched to. */
  readonly source: number;
  /** Out of order, after its place was filled, or twice. */
  readonly late: number;
  /**
   * Nothing wrong with it, but nowhere to go: direction, other leg not configured or without telephone events. Or far
   * more audio than its time can hold.
   */
  readonly unforwarded: number;
}

/** Counted since the session was opened, or since the worker last restarted. */
export interface LegStatistics {
  /** Valid RTP packets from the latched source. */
  readonly packetsReceived: number;
  readonly packetsSent: number;
  /** UDP payload: RTP header and payload. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** The sum of `discards`. */
  readonly packetsDiscarded: number;
  readonly discards: DiscardStatistics;
  /** Sequence numbers that were left out, and did not come later, by up to 63 packets. */
  readonly packetsLost: number;
  /** The operating system would not take them. */
  readonly packetsUnsent: number;
  /** Compound RTCP packets of the party that were read. */
  readonly rtcpReceived: number;
  readonly rtcpSent: number;
  /** RTCP that is malformed, does not authenticate, or comes from elsewhere. */
  readonly rtcpDiscarded: number;
  /** Interarrival jitter of what is received (RFC 3550 §6.4.1), milliseconds; absent before the first packet. */
  readonly jitterMs?: number;
  /** What a person would think of what is heard from the party: R of ITU-T G.107, 0 to 100. Absent with `jitterMs`. */
  readonly rating?: number;
  /** The mean opinion score that goes with `rating`, 1 to 4.5. */
  readonly opinion?: number;
  /** What the party reports of our stream; absent before its first report. */
  readonly remote?: RemoteStatistics;
  /** Milliseconds since the last valid packet from the latched source; absent before the first. */
  readonly lastReceivedMs?: number;
}

/** From the reports of the party about what it hears of us. */
export interface RemoteStatistics {
  /** Of our packets between its last two reports, 0 to 1. */
  readonly lossRatio?: number;
  readonly packetsLost?: number;
  readonly jitterMs?: number;
  /** From our sender report to its answer, less the time that it lay there (RFC 3550 §6.4.1). */
  readonly roundTripMs?: number;
  /** RTCP-XR (RFC 3611 §4.7): as the party says it. A score that it does not have is absent. */
  readonly metrics?: {
    readonly lossRatio: number;
    /** Came too late, or too early, to be played. */
    readonly discardRatio: number;
    readonly roundTripMs: number;
    readonly endSystemMs: number;
    readonly jitterBufferMs: number;
    readonly rating?: number;
    readonly listeningOpinion?: number;
    readonly conversationalOpinion?: number;
  };
}

export interface LocalEndpoint {
  readonly address: string;
  /** Even; RTCP is bound on the port after it. */
  readonly port: number;
}

/** For each leg of a session. */
export type OneOrTwo<Value> = readonly [Value] | readonly [Value, Value];

/** The party of one leg. */
export interface Party {
  readonly session: number;
  readonly leg: LegIndex;
}

/** Presses keys for the party of a leg: by events, or by tones where the leg has none. Those that wait go first. */
export interface SendDigits {
  readonly method: 'sendDigits';
  readonly session: number;
  readonly leg: LegIndex;
  /** 1 to 64 of '0' to '9', '*', '#', 'A' to 'D'. */
  readonly digits: string;
  /** 40 to 20000. */
  readonly durationMs: number;
  /** 40 to 20000, after each. */
  readonly pauseMs: number;
}

export interface RecordingParameters {
  readonly recording: number;
  /** An absolute path, made by the runtime. */
  readonly folder: string;
  /** Letters, digits, '.', '-' and '_', no '.' first; at most 127. */
  readonly name: string;
  /** Whose voices: of one leg (1 in a session of one leg: its peer's), or of leg 0 and of whoever is its peer at the time. */
  readonly who: LegIndex | 'both';
  /** 2: each leg of both has a channel of its own, the first the left one. 1: mixed. */
  readonly channels: 1 | 2;
  readonly sampleRate: 8000 | 16000;
  readonly paused: boolean;
  /** Goes on with the file that is there, if it is one of ours; else a name that is taken is an error. */
  readonly append: boolean;
  readonly maxBytes: number;
  /** Of all files in the folder. */
  readonly maxFolderBytes: number;
  /** On the disk. */
  readonly keepFreeBytes: number;
}

export type Command =
  /** Binds every leg, or none. Opening an open session again changes nothing. */
  | {
      readonly method: 'openSession';
      readonly session: number;
      readonly legs: OneOrTwo<LocalEndpoint>;
      /** Its streams go on where those of another worker ended; absent: it is a new one. */
      readonly resume?: Resumption;
    }
  | {
      readonly method: 'configureLeg';
      readonly session: number;
      readonly leg: LegIndex;
      readonly parameters: LegParameters;
    }
  /**
   * Both hear each other from now on, of one session or of two; whoever was joined with either is alone. The legs of a session
   * that has two are joined when it is opened. An error of the worker's own leaves them alone.
   */
  | { readonly method: 'join'; readonly parties: readonly [Party, Party] }
  /** It hears nobody, but what is played to it and its conference. One that is alone, or not open, succeeds. */
  | { readonly method: 'part'; readonly session: number; readonly leg: LegIndex }
  | { readonly method: 'statistics'; readonly session: number }
  /** Where the streams of some open sessions are: the first ones for 0, and the next ones for `next` of the answer. */
  | { readonly method: 'snapshot'; readonly from: number }
  | SendDigits
  /** One that runs already goes on as it is. */
  | ({ readonly method: 'startRecording'; readonly session: number } & RecordingParameters)
  /** A recording that has ended does nothing, in both. */
  | {
      readonly method: 'pauseRecording';
      readonly session: number;
      readonly recording: number;
      readonly paused: boolean;
    }
  | { readonly method: 'stopRecording'; readonly session: number; readonly recording: number }
  /** Instead of what is played to that party now. What has this id already goes on as it is. */
  | {
      readonly method: 'play';
      readonly session: number;
      readonly leg: LegIndex;
      /** Of this playing of it, for its end; no other of the session has it. */
      readonly playback: number;
      readonly sound: Sound;
      /** Where it begins; 0 to MAX_OFFSET_MS. */
      readonly offsetMs: number;
    }
  /** Nothing is played, or something else: succeeds. */
  | {
      readonly method: 'stopPlaying';
      readonly session: number;
      readonly leg: LegIndex;
      /** Absent: whatever is played. */
      readonly playback?: number;
    }
  /** Creating one that is open changes nothing. */
  | {
      readonly method: 'createConference';
      readonly conference: number;
      /** 1 to 8. */
      readonly speakers: number;
      readonly entryTone?: TonePattern;
      readonly exitTone?: TonePattern;
    }
  /** A party that is in already is muted or not as told. One that is in another conference leaves that. */
  | {
      readonly method: 'joinConference';
      readonly conference: number;
      readonly session: number;
      readonly leg: LegIndex;
      readonly muted: boolean;
      /** By the entry tone. */
      readonly announced: boolean;
    }
  /** One that is not in succeeds. */
  | {
      readonly method: 'leaveConference';
      readonly conference: number;
      readonly session: number;
      readonly leg: LegIndex;
    }
  | {
      readonly method: 'setParty';
      readonly conference: number;
      readonly session: number;
      readonly leg: LegIndex;
      readonly muted: boolean;
    }
  | { readonly method: 'closeConference'; readonly conference: number }
  /** Closing an unknown session succeeds. */
  | { readonly method: 'closeSession'; readonly session: number };

/** What a worker needs to go on with a session. Base64 of native/session/place.h's `struct leg_place`, one for each leg. */
export interface Resumption {
  readonly place: string;
  /** Since the snapshot was asked for. */
  readonly ageMs: number;
  /** How often the session was opened again since, this time included: 1 or 2. */
  readonly resumptions: number;
}

/** The places of some sessions (continuity.ts reads them), and where the next snapshot goes on: 0 when there is none left. */
export interface Snapshot {
  /**
   * Base64. Of each session, one behind the other, its id (a double), the bytes of its place (32 bits), 32 bits unused, all little
   * endian; then the place, as in Resumption.
   */
  readonly places: string;
  readonly next: number;
}

export type SessionStatistics = OneOrTwo<LegStatistics>;

export type WorkerErrorCode =
  /** `leg` names the one whose port somebody else holds. */
  | 'MEDIA_PORT_BUSY'
  | 'MEDIA_BUSY'
  | 'MEDIA_ADDRESS'
  | 'MEDIA_UNKNOWN_SESSION'
  | 'MEDIA_PARAMETERS'
  | 'MEDIA_SOUND'
  | 'MEDIA_CONFERENCE_FULL'
  | 'MEDIA_WORKER_FAULT';

export interface WorkerError {
  readonly code: WorkerErrorCode;
  readonly message: string;
  readonly leg?: LegIndex;
}

export interface Request {
  readonly kind: 'request';
  readonly id: number;
  readonly command: Command;
}

export type ToWorker = Request | { readonly kind: 'ping'; readonly id: number };

/** Of a statistics command, and of closeSession where somebody was heard; of a snapshot; of all others. */
export type Result = SessionStatistics | Snapshot | null;

export type Response =
  | { readonly kind: 'response'; readonly id: number; readonly ok: true; readonly result: Result }
  | { readonly kind: 'response'; readonly id: number; readonly ok: false; readonly error: WorkerError };

/** Requests that ended well and without a result, in their order. */
export interface Done {
  readonly kind: 'done';
  /** 1 to MAX_DONE. */
  readonly ids: readonly number[];
}

export interface Log {
  readonly kind: 'log';
  readonly level: 'warn' | 'error';
  readonly message: string;
}

export interface Event {
  readonly kind: 'event';
  readonly event: MediaEvent;
}

export type FromWorker =
  | Response
  | Log
  | Event
  | Done
  | { readonly kind: 'pong'; readonly id: number }
  | { readonly kind: 'ready' };

export const MAX_MESSAGE_BYTES = 4096;
/** An id has 16 digits at most. */
export const MAX_DONE = 200;
/** How many sessions a snapshot is of at most (SNAPSHOT_SESSIONS in native/addon/transport.h). */
export const SNAPSHOT_SESSIONS = 128;
/** What the response with it takes. */
export const MAX_SNAPSHOT_BYTES = 2 ** 18;

/** Throws a RangeError for a message that the channel does not carry: our own mistake. */
export function encodeMessage(message: ToWorker | FromWorker): string {
  const text = JSON.stringify(message);
  // Three bytes are the most that one character takes.
  if (text.length <= MAX_MESSAGE_BYTES / 3) return text;
  const isSnapshot = message.kind === 'response' && message.ok && message.result !== null && 'places' in message.result;
  if (Buffer.byteLength(text) > (isSnapshot ? MAX_SNAPSHOT_BYTES : MAX_MESSAGE_BYTES)) {
    throw new RangeError(`media protocol: a ${message.kind} of ${Buffer.byteLength(text)} bytes is too long`);
  }
  return text;
}
