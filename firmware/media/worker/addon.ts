import { createRequire } from 'node:module';
import { assetPath } from '../../core/assets.ts';
import type { NativeEvent } from '../event.ts';
import type {
  LegIndex,
  LocalEndpoint,
  OneOrTwo,
  RecordingParameters,
  SendDigits,
  SessionStatistics,
} from '../protocol.ts';
import type { TonePattern } from '../tones.ts';

/** What a leg is configured with: `enum codec` of native/codec/codec.h instead of a name, two flags for the direction. */
export interface LegSettings {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly codec: number;
  readonly payloadType: number;
  readonly telephoneEventPayloadType?: number;
  readonly telephoneEventReceivedType?: number;
  readonly detectDigits?: boolean;
  readonly digitsBySignalling?: boolean;
  readonly ptimeMs: number;
  readonly receives: boolean;
  readonly sends: boolean;
  readonly annexB?: boolean;
  readonly maxPlaybackRate?: number;
  readonly maxBitrate?: number;
  readonly fec?: boolean;
  readonly constantRate?: boolean;
  readonly discontinuous?: boolean;
  readonly comfortNoisePayloadType?: number;
  readonly srtp?: SrtpSettings;
  readonly rtcpMux?: boolean;
  readonly rtcpAddress?: string;
  readonly rtcpPort?: number;
  readonly dscp?: number;
  readonly silenceMs?: number;
}

/** Keys as bytes, so that whoever made them can overwrite them. */
export interface SrtpSettings {
  readonly suite: number;
  readonly receiveKey: Uint8Array;
  readonly sendKey: Uint8Array;
  readonly unencryptedSrtcp: boolean;
}

/** Two flags for whose voices. */
export type RecordingSettings = Omit<RecordingParameters, 'who'> & {
  readonly first: boolean;
  readonly second: boolean;
};

/** What to play: a tone, files, or neither for silence. */
export interface SoundSettings {
  readonly playback: number;
  readonly tone?: TonePattern;
  /** Of the tone: 8000 or 16000. */
  readonly sampleRate?: number;
  readonly paths?: readonly string[];
  readonly repeated?: boolean;
  readonly offsetMs: number;
}

/**
 * The packet loops in C, each with a thread of its own. A call is carried out here while that thread waits for packets; else it waits
 * until the thread has seen to it, a batch of packets at most.
 *
 * What it throws is an Error with the `code` of a WorkerErrorCode, and `leg` where one leg is to blame.
 */
export interface Addon {
  /** Starts the loops; once, before anything else. 1 to 16 threads. `onEvent` is called for whatever they report. */
  start(options: { readonly threads: number; readonly onEvent: (event: NativeEvent) => void }): void;
  /** Returns when every loop has turned; never, when one hangs. */
  awaitLoops(): void;
  /** Binds RTP on each port and RTCP on the one after it. `session` is for its events. Returns a handle. */
  open(options: {
    readonly session: number;
    readonly legs: OneOrTwo<LocalEndpoint>;
    /** One place of snapshot(). */
    readonly resume?: { readonly place: Uint8Array; readonly ageMs: number; readonly resumptions: number };
  }): number;
  /** False when the handle is not open. */
  configure(handle: number, leg: LegIndex, settings: LegSettings): boolean;
  /** Both hear each other, on one thread from now on. False when a handle is not open. Throws MEDIA_PARAMETERS. */
  join(one: number, leg: LegIndex, other: number, otherLeg: LegIndex): boolean;
  /** It hears nobody. False when the handle is not open. Throws MEDIA_PARAMETERS. */
  part(handle: number, leg: LegIndex): boolean;
  statistics(handle: number): SessionStatistics | undefined;
  /** Reads files before it returns. False when the handle is not open. Throws MEDIA_SOUND. */
  play(handle: number, leg: LegIndex, sound: SoundSettings): boolean;
  /** `playback` alone, or whatever plays. */
  stopPlaying(handle: number, leg: LegIndex, options: { readonly playback?: number }): void;
  /** Of some sessions, as protocol.ts has it. */
  snapshot(from: number): { readonly places: Buffer; readonly next: number };
  /** Its last statistics; undefined where nobody was heard, or the handle is not open. */
  close(handle: number): SessionStatistics | undefined;
  /** Returns a handle of its own kind. Throws MEDIA_CONFERENCE_FULL. */
  createConference(options: {
    readonly conference: number;
    readonly speakers: number;
    readonly entryTone?: TonePattern;
    readonly exitTone?: TonePattern;
  }): number;
  /** False when the session is not open. Throws MEDIA_CONFERENCE_FULL, MEDIA_PARAMETERS. */
  joinConference(
    conference: number,
    session: number,
    leg: LegIndex,
    options: { readonly muted: boolean; readonly announced: boolean },
  ): boolean;
  leaveConference(conference: number, session: number, leg: LegIndex): void;
  setParty(conference: number, session: number, leg: LegIndex, options: { readonly muted: boolean }): void;
  closeConference(conference: number): void;
  /** Throws MEDIA_BUSY when they do not fit behind those that wait, or the leg may not send. */
  sendDigits(handle: number, keys: Pick<SendDigits, 'leg' | 'digits' | 'durationMs' | 'pauseMs'>): boolean;
  /** What becomes of it is reported, since the disk is not waited for. */
  startRecording(handle: number, recording: RecordingSettings): boolean;
  pauseRecording(handle: number, recording: { readonly recording: number; readonly paused: boolean }): boolean;
  stopRecording(handle: number, recording: { readonly recording: number }): boolean;
}

/** `enum codec` in native/codec/codec.h. */
export const CODEC_NUMBERS = { PCMU: 0, PCMA: 1, G729: 2, G722: 3, G726: 4, OPUS: 5 } as const;

/** Throws what the loader throws when the addon is missing or not for this machine. */
export function loadAddon(): Addon {
  return createRequire(import.meta.url)(assetPath('media.node')) as Addon;
}
