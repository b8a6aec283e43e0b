/** What the media worker tells by itself. Each kind but `lost` has its C side in native/session/report.h. */
import { isIP } from 'node:net';
import { isCount, isId, isInteger, isLegIndex, isRecord, type JsonRecord } from './protocol-values.ts';

export type LegIndex = 0 | 1;

/** A leg is now heard from, and sent to, another address than before: where a packet showed that its remote is. */
export interface LatchedEvent {
  readonly kind: 'latched';
  readonly session: number;
  readonly leg: LegIndex;
  readonly address: string;
  readonly port: number;
}

/** A key that the party of a leg pressed, once it was released. */
export interface DigitEvent {
  readonly kind: 'digit';
  readonly session: number;
  /** Of whoever pressed it. */
  readonly leg: LegIndex;
  /** '0' to '9', '*', '#', 'A' to 'D'. */
  readonly digit: string;
  readonly durationMs: number;
  /** By an RFC 4733 event, or by tones in the audio (`detectDigits`). */
  readonly how: 'event' | 'audio';
}

/** In the order of `enum record_end` in native/record/file.h. */
const RECORDING_ENDS = [
  undefined,
  'stopped',
  /** Its session was closed. */
  'session-closed',
  /** The file has `maxBytes`. */
  'quota',
  /** All files of the folder have `maxFolderBytes`. */
  'folder-quota',
  /** Or fewer than `keepFreeBytes` are left, or the system allows no longer file. */
  'disk-full',
  /** It did not take the audio as fast as it was said. */
  'disk-slow',
  /** The folder is not there, or must not be written to; or the file was removed. */
  'folder',
  /** Another error of the file, such as that its name is taken. */
  'file',
] as const;

export type RecordingEnd = Exclude<(typeof RECORDING_ENDS)[number], undefined>;

/** A recording is over, and its file closed: it can be played, whatever the reason. */
export interface RecordingEndedEvent {
  readonly kind: 'recordingEnded';
  readonly session: number;
  readonly recording: number;
  readonly reason: RecordingEnd;
  /** Of what is in the file. */
  readonly durationMs: number;
  /** Of the file; 0 when it could not be opened. */
  readonly sizeBytes: number;
  /** The system's words; empty where there are none. */
  readonly error: string;
}

/** What was played to a party came to its end. What is stopped or replaced ends untold. */
export interface PlaybackEndedEvent {
  readonly kind: 'playbackEnded';
  readonly session: number;
  readonly leg: LegIndex;
  readonly playback: number;
}

/** A leg that should receive had no packet for its `silenceMs`; or has one again. */
export interface SilenceEvent {
  readonly kind: 'silent' | 'heard';
  readonly session: number;
  readonly leg: LegIndex;
  /** How long it was silent. */
  readonly durationMs: number;
}

/**
 * A new worker could not open the session again: nothing of it is heard any more, and closing it is all that is left. Told
 * by the client, for a worker that does so no more.
 */
export interface LostEvent {
  readonly kind: 'lost';
  readonly session: number;
  /** For the log. */
  readonly reason: string;
}

/** Who has been the loudest in a conference for a while. */
export interface ActiveSpeakerEvent {
  readonly kind: 'activeSpeaker';
  readonly conference: number;
  /** Absent: he has left or was muted, and nobody has spoken since. */
  readonly speaker?: { readonly session: number; readonly leg: LegIndex };
}

export type MediaEvent =
  | LatchedEvent
  | DigitEvent
  | RecordingEndedEvent
  | PlaybackEndedEvent
  | SilenceEvent
  | LostEvent
  | ActiveSpeakerEvent;

/** As the addon gives every event (native/addon/event.c): what a kind does not need is 0 or empty. */
export interface NativeEvent {
  readonly kind: string;
  readonly session: number;
  /** Absent where an event is not about a leg. */
  readonly leg?: number;
  readonly object: number;
  readonly value: number;
  readonly durationMs: number;
  readonly text: string;
}

/** Undefined for a kind that is not known here. */
export function eventOf(native: NativeEvent): MediaEvent | undefined {
  switch (native.kind) {
    case 'latched':
      return checkEvent({
        kind: 'latched',
        session: native.session,
        leg: native.leg,
        address: native.text,
        port: native.value,
      });
    case 'digit':
      return checkEvent({
        kind: 'digit',
        session: native.session,
        leg: native.leg,
        digit: native.text,
        durationMs: native.durationMs,
        how: native.value === 0 ? 'event' : 'audio',
      });
    case 'recordingEnded': {
      // The size and the system's words.
      const space = native.text.indexOf(' ');
      return checkEvent({
        kind: 'recordingEnded',
        session: native.session,
        recording: native.object,
        reason: RECORDING_ENDS[native.value],
        durationMs: native.durationMs,
        sizeBytes: Number(native.text.slice(0, space)),
        error: native.text.slice(space + 1),
      });
    }
    case 'activeSpeaker': {
      const speaker = { session: native.object, leg: native.leg };
      const conference = native.session;
      return checkEvent({ kind: 'activeSpeaker', conference, ...(native.leg === undefined ? {} : { speaker }) });
    }
    case 'playbackEnded':
      return checkEvent({
        kind: 'playbackEnded',
        session: native.session,
        leg: native.leg,
        playback: native.object,
      });
    case 'silent':
    case 'heard': {
      const { kind, session, leg, durationMs } = native;
      return checkEvent({ kind, session, leg, durationMs });
    }
    default:
      return undefined;
  }
}

/** What arrived at the runtime; undefined unless it is a well-formed event. */
export function checkEvent(value: unknown): MediaEvent | undefined {
  if (!isRecord(value)) return undefined;
  if (value.kind === 'activeSpeaker') return checkActiveSpeaker(value);
  if (!isId(value.session)) return undefined;
  const session = value.session;
  switch (value.kind) {
    case 'latched': {
      const { leg, address, port } = value;
      if (!isLegIndex(leg) || typeof address !== 'string' || isIP(address) === 0) return undefined;
      if (!isInteger(port, 0, 65535)) return undefined;
      return { kind: 'latched', session, leg, address, port };
    }
    case 'digit': {
      const { leg, digit, durationMs, how } = value;
      if (!isLegIndex(leg) || typeof digit !== 'string' || !/^[0-9*#A-D]$/.test(digit)) return undefined;
      if (!isCount(durationMs) || (how !== 'event' && how !== 'audio')) return undefined;
      return { kind: 'digit', session, leg, digit, durationMs, how };
    }
    case 'recordingEnded': {
      const { recording, durationMs, sizeBytes, error } = value;
      const reason = RECORDING_ENDS.find((known) => known === value.reason);
      if (reason === undefined || !isId(recording) || typeof error !== 'string') return undefined;
      if (!isCount(durationMs) || !isCount(sizeBytes)) return undefined;
      return { kind: 'recordingEnded', session, recording, reason, durationMs, sizeBytes, error };
    }
    case 'playbackEnded': {
      const { leg, playback } = value;
      return isLegIndex(leg) && isId(playback) ? { kind: 'playbackEnded', session, leg, playback } : undefined;
    }
    case 'silent':
    case 'heard': {
      const { kind, leg, durationMs } = value;
      return isLegIndex(leg) && isCount(durationMs) ? { kind, session, leg, durationMs } : undefined;
    }
    default:
      return undefined;
  }
}

function checkActiveSpeaker({ conference, speaker }: JsonRecord): ActiveSpeakerEvent | undefined {
  if (!isId(conference)) return undefined;
  if (speaker === undefined) return { kind: 'activeSpeaker', conference };
  if (!isRecord(speaker)) return undefined;
  const { session, leg } = speaker;
  return isId(session) && isLegIndex(leg)
    ? { kind: 'activeSpeaker', conference, speaker: { session, leg } }
    : undefined;
}
