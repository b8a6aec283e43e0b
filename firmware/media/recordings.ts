/** The recordings that run, as the client keeps them: they outlive a worker, and their ends outlive their sessions. */

import { MediaError } from './errors.ts';
import type { LegIndex, RecordingEnd, RecordingEndedEvent } from './event.ts';
import type { Command, LegParameters, RecordingParameters } from './protocol.ts';
import { faultOfRecording } from './protocol-check.ts';

/** How a recording ended; `worker-lost`: with its worker, while its last words were being written. */
export interface RecordingResult {
  readonly reason: RecordingEnd | 'worker-lost';
  /** Of what this worker wrote, or found in the file. */
  readonly durationMs: number;
  readonly sizeBytes: number;
  readonly error: string;
}

export interface RecordingOptions {
  /** An absolute path. The file in it is readable by its owner alone. */
  readonly folder: string;
  /** Letters, digits, '.', '-' and '_', no '.' first, at most 127. A name that is taken ends the recording. */
  readonly name: string;
  /**
   * `both`: the party of leg 0, and whoever is its peer at the time. In a session of one leg 0 is its party alone, and 1 its
   * peer alone.
   */
  readonly who: LegIndex | 'both';
  /** 2: a channel for each of both, leg 0 the left one. 1: mixed. */
  readonly channels: 1 | 2;
  /** Of the file, and of all files in its folder. */
  readonly maxBytes: number;
  readonly maxFolderBytes: number;
  /** So much of the disk stays free; 0 unless given. */
  readonly keepFreeBytes?: number;
  /** Called once, when the file is closed. It must not throw. */
  readonly onEnded: (result: RecordingResult) => void;
}

/** What is said is in a WAV file of 16 bit PCM, 16 kHz where a leg is wideband when it begins, else 8 kHz. */
export interface Recording {
  readonly id: number;
  /** What is said in a pause is left out of the file, as if no time had passed. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** `onEnded` tells when the file is closed. */
  stop(): Promise<void>;
}

interface LiveRecording {
  readonly session: number;
  parameters: RecordingParameters;
  readonly onEnded: (result: RecordingResult) => void;
  /** It runs no more, and its end is on its way. */
  isEnding: boolean;
}

const WIDEBAND: ReadonlySet<string> = new Set(['G722', 'OPUS']);

/** Of one client. */
export class Recordings {
  readonly #request: (command: Command) => Promise<unknown>;
  readonly #recordings = new Map<number, LiveRecording>();
  #lastId = 0;

  /** `request`: gives a command to the worker, and rejects as those of the client do. */
  constructor(request: (command: Command) => Promise<unknown>) {
    this.#request = request;
  }

  /** Begins a recording of a session with these legs. Throws MEDIA_PARAMETERS, and what `request` does. */
  async start(
    session: number,
    options: RecordingOptions,
    legs: readonly (LegParameters | undefined)[],
  ): Promise<Recording> {
    const parameters = this.#add(session, options, legs);
    const { recording } = parameters;
    try {
      const fault = faultOfRecording(parameters);
      if (fault !== undefined) throw new MediaError('MEDIA_PARAMETERS', fault);
      await this.#request({ method: 'startRecording', session, ...parameters });
    } catch (error) {
      this.#recordings.delete(recording);
      throw error;
    }
    return {
      id: recording,
      pause: () => this.#pause(session, recording, true),
      resume: () => this.#pause(session, recording, false),
      stop: async () => {
        const live = this.#recordings.get(recording);
        if (live === undefined) return;
        live.isEnding = true;
        await this.#request({ method: 'stopRecording', session, recording });
      },
    };
  }

  #add(
    session: number,
    { onEnded, keepFreeBytes = 0, ...options }: RecordingOptions,
    legs: readonly (LegParameters | undefined)[],
  ): RecordingParameters {
    const isWideband = legs.some((leg) => leg !== undefined && WIDEBAND.has(leg.codec));
    const recording = ++this.#lastId;
    const sampleRate = isWideband ? 16_000 : 8000;
    const parameters = { ...options, keepFreeBytes, recording, sampleRate, paused: false, append: false } as const;
    this.#recordings.set(recording, { session, parameters, onEnded, isEnding: false });
    return parameters;
  }

  async #pause(session: number, recording: number, paused: boolean): Promise<void> {
    const live = this.#recordings.get(recording);
    if (live === undefined) return;
    await this.#request({ method: 'pauseRecording', session, recording, paused });
    live.parameters = { ...live.parameters, paused };
  }

  sessionClosed(session: number): void {
    for (const live of this.#recordings.values()) if (live.session === session) live.isEnding = true;
  }

  ended({ recording, reason, durationMs, sizeBytes, error }: RecordingEndedEvent): void {
    const live = this.#recordings.get(recording);
    this.#recordings.delete(recording);
    live?.onEnded({ reason, durationMs, sizeBytes, error });
  }

  /** The worker is gone: those that were ending have ended with it. The others go on in their files. */
  workerLost(): void {
    for (const [recording, live] of this.#recordings) {
      if (live.isEnding) this.#lose(recording, live);
    }
  }

  /** What takes the recordings of a session up again in a new worker. */
  restoring(session: number): readonly Command[] {
    return [...this.#recordings.values()]
      .filter((live) => live.session === session)
      .map(({ parameters }) => ({ method: 'startRecording', session, ...parameters, append: true }));
  }

  /** Nothing more comes of any of a session, or of all. */
  abandon(session?: number): void {
    for (const [recording, live] of this.#recordings) {
      if (session === undefined || live.session === session) this.#lose(recording, live);
    }
  }

  #lose(recording: number, live: LiveRecording): void {
    this.#recordings.delete(recording);
    live.onEnded({ reason: 'worker-lost', durationMs: 0, sizeBytes: 0, error: '' });
  }
}
