/**
 * Every message between the runtime and the media worker, and their validation on arrival.
 *
 * The channel is the IPC channel of the child process; each message is one JSON text of at most MAX_MESSAGE_BYTES.
 *
 *   runtime -> worker   Request    { kind: 'request', id, command }           answered exactly once, in order
 *   runtime -> worker   Ping       { kind: 'ping', id }                        answered once the packet loop was heard
 *   worker  -> runtime  Response   { kind: 'response', id, ok: true, result } or { …, ok: false, error }
 *   worker  -> runtime  Pong       { kind: 'pong', id }
 *   worker  -> runtime  Ready      { kind: 'ready' }                           once, when requests are welcome
 *   worker  -> runtime  Log        { kind: 'log', level, message }
 *
 * Every command is idempotent, so that the runtime may send it again to a new worker after the first one died.
 * The runtime chooses session ids and ports, which therefore outlive a worker.
 */
import { isIP } from 'node:net';

export type AudioCodec = 'PCMU' | 'PCMA' | 'G729';

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
  /** 0 to 127, not `payloadType`; absent: no RFC 4733 events on this leg. Its clock rate is 8000 Hz. */
  readonly telephoneEventPayloadType?: number;
  /** Audio per packet that we send: 10 to 120, a multiple of 10. Any length up to 200 ms is accepted. */
  readonly ptimeMs: number;
  readonly direction: Direction;
  /** G.729 only: the remote takes silence descriptors (RFC 3551 §4.5.6). Absent: no. We decode them always, and send none of our own. */
  readonly annexB?: boolean;
}

/** Why received packets went no further. */
export interface DiscardStatistics {
  /** Not RTP version 2, a length that lies, a payload that is no whole number of frames. */
  readonly malformed: number;
  /** Well formed, of a payload type that was not negotiated (or before any was). */
  readonly payloadType: number;
  /** From an address other than the one that the leg has latched to. */
  readonly source: number;
  /** Out of order, after its place was filled. */
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
  /** Gaps in the received sequence numbers. */
  readonly packetsLost: number;
  /** The operating system would not take them. */
  readonly packetsUnsent: number;
  /** Packets on the RTCP port; received and dropped. */
  readonly rtcpReceived: number;
  /** Milliseconds since the last valid packet from the latched source; absent before the first. */
  readonly lastReceivedMs?: number;
}

export interface LocalEndpoint {
  readonly address: string;
  /** Even; RTCP is bound on the port after it. */
  readonly port: number;
}

export type LegIndex = 0 | 1;

export type Command =
  /** Binds both legs, or neither. Opening an open session again changes nothing. */
  | { readonly method: 'openSession'; readonly session: number; readonly legs: readonly [LocalEndpoint, LocalEndpoint] }
  | {
      readonly method: 'configureLeg';
      readonly session: number;
      readonly leg: LegIndex;
      readonly parameters: LegParameters;
    }
  | { readonly method: 'statistics'; readonly session: number }
  /** Closing an unknown session succeeds. */
  | { readonly method: 'closeSession'; readonly session: number };

export type SessionStatistics = readonly [LegStatistics, LegStatistics];

export type WorkerErrorCode =
  /** `leg` names the one whose port somebody else holds. */
  'MEDIA_PORT_BUSY' | 'MEDIA_ADDRESS' | 'MEDIA_UNKNOWN_SESSION' | 'MEDIA_PARAMETERS' | 'MEDIA_WORKER_FAULT';

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

export type Response =
  | { readonly kind: 'response'; readonly id: number; readonly ok: true; readonly result: SessionStatistics | null }
  | { readonly kind: 'response'; readonly id: number; readonly ok: false; readonly error: WorkerError };

export interface Log {
  readonly kind: 'log';
  readonly level: 'warn' | 'error';
  readonly message: string;
}

export type FromWorker = Response | Log | { readonly kind: 'pong'; readonly id: number } | { readonly kind: 'ready' };

export const MAX_MESSAGE_BYTES = 4096;

const CODECS: readonly AudioCodec[] = ['PCMU', 'PCMA', 'G729'];
const DIRECTIONS: readonly Direction[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive'];
const ERROR_CODES: readonly WorkerErrorCode[] = [
  'MEDIA_PORT_BUSY',
  'MEDIA_ADDRESS',
  'MEDIA_UNKNOWN_SESSION',
  'MEDIA_PARAMETERS',
  'MEDIA_WORKER_FAULT',
];
const MIN_PTIME_MS = 10;
const MAX_PTIME_MS = 120;

/** Throws a RangeError for a message that the channel does not carry: our own mistake. */
export function encodeMessage(message: ToWorker | FromWorker): string {
  const text = JSON.stringify(message);
  if (Buffer.byteLength(text) > MAX_MESSAGE_BYTES) {
    throw new RangeError(`media protocol: a ${message.kind} of ${Buffer.byteLength(text)} bytes is too long`);
  }
  return text;
}

/** What arrived at the worker; undefined unless it is a well-formed message. */
export function decodeToWorker(raw: unknown): ToWorker | undefined {
  const message = decodeJson(raw);
  if (message === undefined || !isId(message.id)) return undefined;
  if (message.kind === 'ping') return { kind: 'ping', id: message.id };
  if (message.kind !== 'request') return undefined;
  const command = checkCommand(message.command);
  return command === undefined ? undefined : { kind: 'request', id: message.id, command };
}

/** What arrived at the runtime; undefined unless it is a well-formed message. */
export function decodeFromWorker(raw: unknown): FromWorker | undefined {
  const message = decodeJson(raw);
  if (message === undefined) return undefined;
  switch (message.kind) {
    case 'ready':
      return { kind: 'ready' };
    case 'pong':
      return isId(message.id) ? { kind: 'pong', id: message.id } : undefined;
    case 'log': {
      const { level, message: text } = message;
      if ((level !== 'warn' && level !== 'error') || typeof text !== 'string') return undefined;
      return { kind: 'log', level, message: text };
    }
    case 'response':
      return checkResponse(message);
    default:
      return undefined;
  }
}

/** Why these parameters cannot be used; undefined when they can. */
export function faultOfParameters(value: unknown): string | undefined {
  if (!isRecord(value)) return 'no parameters';
  const { remoteAddress, remotePort, codec, payloadType, telephoneEventPayloadType, ptimeMs, direction, annexB } =
    value;
  if (typeof remoteAddress !== 'string' || isIP(remoteAddress) === 0) return 'remoteAddress is no IP address';
  if (!isInteger(remotePort, 1, 65535)) return 'remotePort is not 1 to 65535';
  if (!CODECS.some((known) => known === codec)) return 'codec is unknown';
  if (!isInteger(payloadType, 0, 127)) return 'payloadType is not 0 to 127';
  if (telephoneEventPayloadType !== undefined && !isInteger(telephoneEventPayloadType, 0, 127)) {
    return 'telephoneEventPayloadType is not 0 to 127';
  }
  if (telephoneEventPayloadType === payloadType) return 'one payload type for audio and telephone events';
  if (!isInteger(ptimeMs, MIN_PTIME_MS, MAX_PTIME_MS) || ptimeMs % 10 !== 0) {
    return `ptimeMs is not a multiple of 10 from ${MIN_PTIME_MS} to ${MAX_PTIME_MS}`;
  }
  if (!DIRECTIONS.some((known) => known === direction)) return 'direction is unknown';
  if (annexB !== undefined && typeof annexB !== 'boolean') return 'annexB is no boolean';
  return undefined;
}

type JsonRecord = Readonly<Record<string, unknown>>;

function decodeJson(raw: unknown): JsonRecord | undefined {
  if (typeof raw !== 'string' || raw.length > MAX_MESSAGE_BYTES) return undefined;
  try {
    const value: unknown = JSON.parse(raw);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isInteger(value: unknown, low: number, high: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high;
}

function isId(value: unknown): value is number {
  return isInteger(value, 1, Number.MAX_SAFE_INTEGER);
}

function isEndpoint(value: unknown): value is LocalEndpoint {
  if (!isRecord(value)) return false;
  const { address, port } = value;
  return typeof address === 'string' && isIP(address) !== 0 && isInteger(port, 1024, 65534) && port % 2 === 0;
}

function isLegIndex(value: unknown): value is LegIndex {
  return value === 0 || value === 1;
}

function checkCommand(value: unknown): Command | undefined {
  if (!isRecord(value) || !isId(value.session)) return undefined;
  const session = value.session;
  switch (value.method) {
    case 'openSession': {
      const legs: unknown = value.legs;
      if (!Array.isArray(legs) || legs.length !== 2) return undefined;
      const [first, second]: unknown[] = legs;
      if (!isEndpoint(first) || !isEndpoint(second)) return undefined;
      return { method: 'openSession', session, legs: [first, second] };
    }
    case 'configureLeg': {
      const { leg, parameters } = value;
      if (!isLegIndex(leg) || faultOfParameters(parameters) !== undefined) return undefined;
      return { method: 'configureLeg', session, leg, parameters: parameters as LegParameters };
    }
    case 'statistics':
      return { method: 'statistics', session };
    case 'closeSession':
      return { method: 'closeSession', session };
    default:
      return undefined;
  }
}

function checkResponse(message: JsonRecord): Response | undefined {
  const { id, ok, result, error } = message;
  if (!isId(id)) return undefined;
  if (ok === true) {
    if (result === null) return { kind: 'response', id, ok, result };
    if (!Array.isArray(result) || result.length !== 2) return undefined;
    const [first, second]: unknown[] = result;
    if (!isStatistics(first) || !isStatistics(second)) return undefined;
    return { kind: 'response', id, ok, result: [first, second] };
  }
  if (ok !== false || !isRecord(error)) return undefined;
  const code = ERROR_CODES.find((known) => known === error.code);
  const { message: text, leg } = error;
  if (code === undefined || typeof text !== 'string') return undefined;
  return { kind: 'response', id, ok, error: isLegIndex(leg) ? { code, message: text, leg } : { code, message: text } };
}

const COUNTERS = [
  'packetsReceived',
  'packetsSent',
  'bytesReceived',
  'bytesSent',
  'packetsDiscarded',
  'packetsLost',
  'packetsUnsent',
  'rtcpReceived',
] as const satisfies readonly (keyof LegStatistics)[];
const DISCARDS = [
  'malformed',
  'payloadType',
  'source',
  'late',
  'unforwarded',
] as const satisfies readonly (keyof DiscardStatistics)[];

function isStatistics(value: unknown): value is LegStatistics {
  if (!isRecord(value)) return false;
  const { discards, lastReceivedMs } = value;
  return (
    isRecord(discards) &&
    COUNTERS.every((name) => isCount(value[name])) &&
    DISCARDS.every((name) => isCount(discards[name])) &&
    (lastReceivedMs === undefined || isCount(lastReceivedMs))
  );
}

function isCount(value: unknown): value is number {
  return isInteger(value, 0, Number.MAX_SAFE_INTEGER);
}
