/** The validation of messages on arrival (protocol.ts), on either side. */
import { isIP } from 'node:net';
import { checkEvent } from './event.ts';
import type {
  AudioCodec,
  Command,
  Direction,
  DiscardStatistics,
  FromWorker,
  LegParameters,
  LegStatistics,
  LocalEndpoint,
  OneOrTwo,
  Party,
  RecordingParameters,
  RemoteStatistics,
  Response,
  Resumption,
  Snapshot,
  ToWorker,
  WorkerErrorCode,
} from './protocol.ts';
import { MAX_DONE, MAX_MESSAGE_BYTES, MAX_SNAPSHOT_BYTES } from './protocol.ts';
import { isCount, isId, isInteger, isLegIndex, isRecord, type JsonRecord } from './protocol-values.ts';
import { faultOfSound, isTone, MAX_OFFSET_MS, type Sound } from './sound.ts';
import { faultOfSrtp } from './srtp.ts';

const CODECS: readonly AudioCodec[] = ['PCMU', 'PCMA', 'G729', 'G722', 'G726', 'OPUS'];
const DIRECTIONS: readonly Direction[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive'];
const ERROR_CODES: readonly WorkerErrorCode[] = [
  'MEDIA_PORT_BUSY',
  'MEDIA_BUSY',
  'MEDIA_ADDRESS',
  'MEDIA_UNKNOWN_SESSION',
  'MEDIA_PARAMETERS',
  'MEDIA_SOUND',
  'MEDIA_CONFERENCE_FULL',
  'MEDIA_WORKER_FAULT',
];
const MIN_PTIME_MS = 10;
const MAX_PTIME_MS = 120;
const MAX_SILENCE_MS = 86_400_000;
const MAX_PLACE_CHARACTERS = 1024;
/** ENGINE_MAX_SESSIONS in native/session/engine.h. */
const MAX_SESSIONS = 8192;
const MAX_RESUMPTIONS = 2;

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
  const message = decodeJson(raw, MAX_SNAPSHOT_BYTES);
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
    case 'event': {
      const event = checkEvent(message.event);
      return event === undefined ? undefined : { kind: 'event', event };
    }
    case 'response':
      return checkResponse(message);
    case 'done': {
      const { ids } = message;
      if (!Array.isArray(ids) || ids.length === 0 || ids.length > MAX_DONE || !ids.every(isId)) return undefined;
      return { kind: 'done', ids };
    }
    default:
      return undefined;
  }
}

/** Why these parameters cannot be used; undefined when they can. */
export function faultOfParameters(value: unknown): string | undefined {
  if (!isRecord(value)) return 'no parameters';
  const { remoteAddress, remotePort, codec, payloadType, telephoneEventPayloadType, ptimeMs, direction, annexB, srtp } =
    value;
  const { comfortNoisePayloadType } = value;
  if (typeof remoteAddress !== 'string' || isIP(remoteAddress) === 0) return 'remoteAddress is no IP address';
  if (!isInteger(remotePort, 1, 65535)) return 'remotePort is not 1 to 65535';
  if (!CODECS.some((known) => known === codec)) return 'codec is unknown';
  if (!isInteger(payloadType, 0, 127)) return 'payloadType is not 0 to 127';
  if (telephoneEventPayloadType !== undefined && !isInteger(telephoneEventPayloadType, 0, 127)) {
    return 'telephoneEventPayloadType is not 0 to 127';
  }
  const { telephoneEventReceivedType, detectDigits, digitsBySignalling } = value;
  if (telephoneEventReceivedType !== undefined && !isInteger(telephoneEventReceivedType, 0, 127)) {
    return 'telephoneEventReceivedType is not 0 to 127';
  }
  if (detectDigits !== undefined && typeof detectDigits !== 'boolean') return 'detectDigits is no boolean';
  if (digitsBySignalling !== undefined && typeof digitsBySignalling !== 'boolean') {
    return 'digitsBySignalling is no boolean';
  }
  if (comfortNoisePayloadType !== undefined && !isInteger(comfortNoisePayloadType, 0, 127)) {
    return 'comfortNoisePayloadType is not 0 to 127';
  }
  if (comfortNoisePayloadType === payloadType) return 'one payload type for audio and comfort noise';
  if (telephoneEventPayloadType === payloadType) return 'one payload type for audio and telephone events';
  if (!isInteger(ptimeMs, MIN_PTIME_MS, MAX_PTIME_MS) || ptimeMs % 10 !== 0) {
    return `ptimeMs is not a multiple of 10 from ${MIN_PTIME_MS} to ${MAX_PTIME_MS}`;
  }
  if (!DIRECTIONS.some((known) => known === direction)) return 'direction is unknown';
  if (annexB !== undefined && typeof annexB !== 'boolean') return 'annexB is no boolean';
  return faultOfOpus(value.opus) ?? faultOfTransport(value) ?? (srtp === undefined ? undefined : faultOfSrtp(srtp));
}

function faultOfOpus(wishes: unknown): string | undefined {
  if (wishes === undefined) return undefined;
  if (!isRecord(wishes)) return 'opus is no record';
  const { maxPlaybackRate, maxBitrate, fec, constantRate, discontinuous } = wishes;
  if (maxPlaybackRate !== undefined && !isInteger(maxPlaybackRate, 8000, 48_000)) {
    return 'maxPlaybackRate is not 8000 to 48000';
  }
  if (maxBitrate !== undefined && !isInteger(maxBitrate, 6000, 510_000)) return 'maxBitrate is not 6000 to 510000';
  const areFlags = [fec, constantRate, discontinuous].every((flag) => flag === undefined || typeof flag === 'boolean');
  return areFlags ? undefined : 'a wish of opus is no boolean';
}

const MIN_PRESS_MS = 40;
const MAX_PRESS_MS = 20_000;

/** Why these keys cannot be pressed; undefined when they can. */
export function faultOfDigits(digits: unknown, durationMs: unknown, pauseMs: unknown): string | undefined {
  if (typeof digits !== 'string' || !/^[0-9*#A-D]{1,64}$/.test(digits)) return 'digits are not 1 to 64 of 0-9*#A-D';
  if (!isInteger(durationMs, MIN_PRESS_MS, MAX_PRESS_MS) || !isInteger(pauseMs, MIN_PRESS_MS, MAX_PRESS_MS)) {
    return `a key is pressed, and released, for ${MIN_PRESS_MS} to ${MAX_PRESS_MS} ms`;
  }
  return undefined;
}

/** FILE_PATH_BYTES in native/record/file.h, which counts a NUL too. */
const MAX_FOLDER_BYTES = 511;

/** Why this cannot be recorded; undefined when it can. */
export function faultOfRecording(value: unknown): string | undefined {
  if (!isRecord(value)) return 'no parameters';
  const { recording, folder, name, who, channels, sampleRate, paused, append } = value;
  if (!isId(recording)) return 'recording is no id';
  if (typeof folder !== 'string' || !folder.startsWith('/') || folder.includes('\0'))
    return 'folder is no absolute path';
  if (Buffer.byteLength(folder) > MAX_FOLDER_BYTES) return `folder is longer than ${MAX_FOLDER_BYTES} bytes`;
  if (typeof name !== 'string' || !/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,126}$/.test(name)) {
    return 'name is not 1 to 127 of letters, digits, ".", "-" and "_"';
  }
  if (!isLegIndex(who) && who !== 'both') return 'who is no leg, nor both';
  if (channels !== 1 && channels !== 2) return 'channels is not 1 or 2';
  if (channels === 2 && who !== 'both') return 'two channels of one party';
  if (sampleRate !== 8000 && sampleRate !== 16_000) return 'sampleRate is not 8000 or 16000';
  if (typeof paused !== 'boolean' || typeof append !== 'boolean') return 'a flag is no boolean';
  const { maxBytes, maxFolderBytes, keepFreeBytes } = value;
  return isCount(maxBytes) && isCount(maxFolderBytes) && isCount(keepFreeBytes) ? undefined : 'a limit is no count';
}

function checkRecording(value: JsonRecord): RecordingParameters | undefined {
  if (faultOfRecording(value) !== undefined) return undefined;
  const { recording, folder, name, who, channels, sampleRate, paused, append } =
    value as unknown as RecordingParameters;
  const { maxBytes, maxFolderBytes, keepFreeBytes } = value as unknown as RecordingParameters;
  return {
    recording,
    folder,
    name,
    who,
    channels,
    sampleRate,
    paused,
    append,
    maxBytes,
    maxFolderBytes,
    keepFreeBytes,
  };
}

function faultOfTransport({ rtcpMux, rtcpAddress, rtcpPort, dscp, silenceMs }: JsonRecord): string | undefined {
  if (rtcpMux !== undefined && typeof rtcpMux !== 'boolean') return 'rtcpMux is no boolean';
  if (rtcpAddress !== undefined && (typeof rtcpAddress !== 'string' || isIP(rtcpAddress) === 0)) {
    return 'rtcpAddress is no IP address';
  }
  if (rtcpPort !== undefined && !isInteger(rtcpPort, 1, 65535)) return 'rtcpPort is not 1 to 65535';
  if (dscp !== undefined && !isInteger(dscp, 0, 63)) return 'dscp is not 0 to 63';
  if (silenceMs !== undefined && !isInteger(silenceMs, 1, MAX_SILENCE_MS))
    return `silenceMs is not 1 to ${MAX_SILENCE_MS}`;
  return undefined;
}

function decodeJson(raw: unknown, maxBytes = MAX_MESSAGE_BYTES): JsonRecord | undefined {
  if (typeof raw !== 'string' || raw.length > maxBytes) return undefined;
  try {
    const value: unknown = JSON.parse(raw);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isOneOrTwo<Value>(value: unknown, is: (part: unknown) => part is Value): value is OneOrTwo<Value> {
  return Array.isArray(value) && (value.length === 1 || value.length === 2) && value.every(is);
}

function isEndpoint(value: unknown): value is LocalEndpoint {
  if (!isRecord(value)) return false;
  const { address, port } = value;
  return typeof address === 'string' && isIP(address) !== 0 && isInteger(port, 1024, 65534) && port % 2 === 0;
}

function isPlace(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_PLACE_CHARACTERS && /^[A-Za-z0-9+/]+=*$/.test(value);
}

function isResumption(value: unknown): value is Resumption {
  if (!isRecord(value)) return false;
  return isPlace(value.place) && isCount(value.ageMs) && isInteger(value.resumptions, 1, MAX_RESUMPTIONS);
}

function isSnapshot(value: JsonRecord): value is JsonRecord & Snapshot {
  const { places, next } = value;
  return typeof places === 'string' && /^[A-Za-z0-9+/]*=*$/.test(places) && isInteger(next, 0, MAX_SESSIONS - 1);
}

function checkConference(value: JsonRecord): Command | undefined {
  const { method, conference, session, leg, muted, announced } = value;
  if (!isId(conference)) return undefined;
  if (method === 'closeConference') return { method, conference };
  if (method === 'createConference') {
    const { speakers, entryTone, exitTone } = value;
    if (!isInteger(speakers, 1, 8)) return undefined;
    if ((entryTone !== undefined && !isTone(entryTone)) || (exitTone !== undefined && !isTone(exitTone)))
      return undefined;
    const entry = entryTone === undefined ? {} : { entryTone };
    return { method, conference, speakers, ...entry, ...(exitTone === undefined ? {} : { exitTone }) };
  }
  if (!isId(session) || !isLegIndex(leg)) return undefined;
  if (method === 'leaveConference') return { method, conference, session, leg };
  if (typeof muted !== 'boolean') return undefined;
  if (method === 'setParty') return { method, conference, session, leg, muted };
  if (method !== 'joinConference' || typeof announced !== 'boolean') return undefined;
  return { method, conference, session, leg, muted, announced };
}

function isParty(value: unknown): value is Party {
  return isRecord(value) && isId(value.session) && isLegIndex(value.leg);
}

function checkJoin({ parties }: JsonRecord): Command | undefined {
  if (!Array.isArray(parties) || parties.length !== 2) return undefined;
  const [one, other] = parties.map((party: unknown) =>
    isParty(party) ? { session: party.session, leg: party.leg } : undefined,
  );
  return one === undefined || other === undefined ? undefined : { method: 'join', parties: [one, other] };
}

function checkCommand(value: unknown): Command | undefined {
  if (!isRecord(value)) return undefined;
  if (value.method === 'snapshot') {
    return isInteger(value.from, 0, MAX_SESSIONS - 1) ? { method: 'snapshot', from: value.from } : undefined;
  }
  if (value.method === 'join') return checkJoin(value);
  if (value.conference !== undefined) return checkConference(value);
  if (!isId(value.session)) return undefined;
  const session = value.session;
  switch (value.method) {
    case 'openSession': {
      const { legs, resume } = value;
      if (!isOneOrTwo(legs, isEndpoint)) return undefined;
      if (resume === undefined) return { method: 'openSession', session, legs };
      return isResumption(resume) ? { method: 'openSession', session, legs, resume } : undefined;
    }
    case 'configureLeg': {
      const { leg, parameters } = value;
      if (!isLegIndex(leg) || faultOfParameters(parameters) !== undefined) return undefined;
      return { method: 'configureLeg', session, leg, parameters: parameters as LegParameters };
    }
    case 'part':
      return isLegIndex(value.leg) ? { method: 'part', session, leg: value.leg } : undefined;
    case 'statistics':
      return { method: 'statistics', session };
    case 'sendDigits': {
      const { leg, digits, durationMs, pauseMs } = value;
      if (!isLegIndex(leg) || faultOfDigits(digits, durationMs, pauseMs) !== undefined) return undefined;
      return {
        method: 'sendDigits',
        session,
        leg,
        digits: String(digits),
        durationMs: Number(durationMs),
        pauseMs: Number(pauseMs),
      };
    }
    case 'startRecording': {
      const parameters = checkRecording(value);
      return parameters === undefined ? undefined : { method: 'startRecording', session, ...parameters };
    }
    case 'pauseRecording': {
      const { recording, paused } = value;
      if (!isId(recording) || typeof paused !== 'boolean') return undefined;
      return { method: 'pauseRecording', session, recording, paused };
    }
    case 'stopRecording':
      return isId(value.recording) ? { method: 'stopRecording', session, recording: value.recording } : undefined;
    case 'play': {
      const { leg, playback, sound, offsetMs } = value;
      if (!isLegIndex(leg) || !isId(playback) || !isInteger(offsetMs, 0, MAX_OFFSET_MS)) return undefined;
      if (faultOfSound(sound) !== undefined) return undefined;
      return { method: 'play', session, leg, playback, sound: sound as Sound, offsetMs };
    }
    case 'stopPlaying': {
      const { leg, playback } = value;
      if (!isLegIndex(leg)) return undefined;
      if (playback === undefined) return { method: 'stopPlaying', session, leg };
      return isId(playback) ? { method: 'stopPlaying', session, leg, playback } : undefined;
    }
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
    if (isRecord(result)) {
      if (!isSnapshot(result)) return undefined;
      return { kind: 'response', id, ok, result: { places: result.places, next: result.next } };
    }
    return isOneOrTwo(result, isStatistics) ? { kind: 'response', id, ok, result } : undefined;
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
  'rtcpSent',
  'rtcpDiscarded',
] as const satisfies readonly (keyof LegStatistics)[];
const DISCARDS = [
  'malformed',
  'unauthenticated',
  'replayed',
  'payloadType',
  'source',
  'late',
  'unforwarded',
] as const satisfies readonly (keyof DiscardStatistics)[];

const MEASURES = ['jitterMs', 'rating', 'opinion'] as const satisfies readonly (keyof LegStatistics)[];
const REMOTE_MEASURES = [
  'lossRatio',
  'packetsLost',
  'jitterMs',
  'roundTripMs',
] as const satisfies readonly (keyof RemoteStatistics)[];

function isMeasure(value: unknown): boolean {
  return value === undefined || (typeof value === 'number' && value >= 0);
}

function isRemote(value: unknown): value is RemoteStatistics {
  if (!isRecord(value) || !REMOTE_MEASURES.every((name) => isMeasure(value[name]))) return false;
  const { metrics } = value;
  return metrics === undefined || (isRecord(metrics) && Object.values(metrics).every(isMeasure));
}

function isStatistics(value: unknown): value is LegStatistics {
  if (!isRecord(value)) return false;
  const { discards, lastReceivedMs, remote } = value;
  return (
    isRecord(discards) &&
    COUNTERS.every((name) => isCount(value[name])) &&
    DISCARDS.every((name) => isCount(discards[name])) &&
    (lastReceivedMs === undefined || isCount(lastReceivedMs)) &&
    MEASURES.every((name) => isMeasure(value[name])) &&
    (remote === undefined || isRemote(remote))
  );
}
