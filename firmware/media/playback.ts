import type { Clock } from '../core/clock.ts';
import { MediaError, NoWorkerError } from './errors.ts';
import type { Command, LegIndex, MediaEvent } from './protocol.ts';
import { faultOfSound, MAX_OFFSET_MS, type Sound } from './sound.ts';

type PlayCommand = Extract<Command, { readonly method: 'play' }>;

interface Playing {
  readonly playback: number;
  readonly sound: Sound;
  readonly offsetMs: number;
  /** By the clock's `elapsed`. */
  readonly startedMs: number;
}

let lastPlayback = 0;

/** What is played to the parties of one session, so that a new worker can go on with it. */
export class Playbacks {
  readonly #session: number;
  readonly #clock: Clock;
  readonly #request: (command: Command) => Promise<unknown>;
  readonly #playing: [Playing | undefined, Playing | undefined] = [undefined, undefined];

  constructor(session: number, clock: Clock, request: (command: Command) => Promise<unknown>) {
    this.#session = session;
    this.#clock = clock;
    this.#request = request;
  }

  /** Throws MEDIA_PARAMETERS, and what the request throws: what found no worker is played by the next one all the same. */
  async play(leg: LegIndex, sound: Sound, offsetMs: number): Promise<number> {
    const fault = faultOfSound(sound);
    if (fault !== undefined) throw new MediaError('MEDIA_PARAMETERS', fault);
    if (!(Number.isInteger(offsetMs) && offsetMs >= 0 && offsetMs <= MAX_OFFSET_MS)) {
      throw new MediaError('MEDIA_PARAMETERS', `offsetMs is not 0 to ${MAX_OFFSET_MS}`);
    }
    const playback = ++lastPlayback;
    const before = this.#playing[leg];
    const playing = { playback, sound, offsetMs, startedMs: this.#clock.elapsed() };
    this.#playing[leg] = playing;
    try {
      await this.#request({ method: 'play', session: this.#session, leg, playback, sound, offsetMs });
    } catch (error) {
      // What could not begin has replaced nothing. Where there was no worker nothing is heard that it could have replaced.
      if (!(error instanceof NoWorkerError) && this.#playing[leg] === playing) this.#playing[leg] = before;
      throw error;
    }
    return playback;
  }

  async stop(leg: LegIndex, playback: number | undefined): Promise<void> {
    if (playback === undefined || this.#playing[leg]?.playback === playback) this.#playing[leg] = undefined;
    const which = playback === undefined ? {} : { playback };
    await this.#request({ method: 'stopPlaying', session: this.#session, leg, ...which });
  }

  noteEvent(event: MediaEvent): void {
    if (event.kind !== 'playbackEnded' || this.#playing[event.leg]?.playback !== event.playback) return;
    this.#playing[event.leg] = undefined;
  }

  /** What brings every sound back, as far on as it would be by now. */
  replay(): readonly PlayCommand[] {
    return ([0, 1] as const).flatMap((leg): readonly PlayCommand[] => {
      const playing = this.#playing[leg];
      if (playing === undefined) return [];
      const { playback, sound, startedMs } = playing;
      const offsetMs = Math.min(MAX_OFFSET_MS, Math.round(playing.offsetMs + this.#clock.elapsed() - startedMs));
      return [{ method: 'play', session: this.#session, leg, playback, sound, offsetMs }];
    });
  }
}
