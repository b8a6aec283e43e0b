/** What the client gives for each session: its surface, client.ts has the body. */
import type { LegIndex, LegParameters, LegStatistics, MediaEvent, OneOrTwo } from './protocol.ts';
import type { Recording, RecordingOptions } from './recordings.ts';
import type { Sound } from './sound.ts';

/** Of this machine, a literal for each leg. */
export type LocalAddresses = OneOrTwo<string>;

/** A value for each of them. */
export type PerLeg<Addresses extends LocalAddresses, Value> = { readonly [Leg in keyof Addresses]: Value };

/**
 * One leg, which is joined with that of another session and parted from it at any time; or two whose media meet from the
 * beginning. A leg that is alone hears what is played to it and its conference. Nothing is sent to a leg before it is configured. The session outlives a restart of the worker, with a gap in the media and counters that begin again.
 */
export interface MediaSession<Addresses extends LocalAddresses = readonly [string, string]> {
  readonly id: number;
  /** The RTP ports of leg 0 and leg 1; RTCP is one higher. */
  readonly ports: PerLeg<Addresses, number>;
  /** What is told of this session from now on, beside what earlier listeners are told. It must not throw. */
  onEvent(listener: (event: MediaEvent) => void): void;
  /**
   * Sets what a leg receives and sends, again at any time. A new remote address forgets the one latched to.
   * Throws MEDIA_PARAMETERS, MEDIA_ADDRESS, MEDIA_UNKNOWN_SESSION, and as every request MEDIA_TIMEOUT,
   * MEDIA_WORKER_LOST, MEDIA_BUSY, MEDIA_CLOSED.
   */
  configure(leg: LegIndex, parameters: LegParameters): Promise<void>;
  /**
   * The parties of two sessions of one leg hear each other from now on, as soon as nothing is played to them and they are in no
   * conference. Whoever was joined with either is alone. Neither party notices: what it is sent keeps its SSRC, and its numbers
   * and its time go on. Joined already: nothing happens. Throws MEDIA_PARAMETERS, MEDIA_UNKNOWN_SESSION and what `configure`
   * throws; when the worker could not do it, both are alone.
   */
  join(this: MediaSession<readonly [string]>, other: MediaSession<readonly [string]>): Promise<void>;
  /** Its party is alone from now on; so is whoever was joined with it. Alone already: nothing happens. Throws as `join`. */
  part(this: MediaSession<readonly [string]>): Promise<void>;
  statistics(): Promise<PerLeg<Addresses, LegStatistics>>;
  /**
   * Presses keys for the party of a leg, 1 to 64 of '0' to '9', '*', '#', 'A' to 'D', after those that wait: each for
   * 40 to 20000 ms, with a pause of as much; 100 ms unless given. Resolves when they wait. Throws MEDIA_PARAMETERS,
   * MEDIA_BUSY when too many do or the leg may not send, MEDIA_WORKER_LOST rather than press a key twice.
   */
  sendDigits(
    leg: LegIndex,
    digits: string,
    press?: { readonly durationMs?: number; readonly pauseMs?: number },
  ): Promise<void>;
  /**
   * Records until it is stopped, the session is closed, or a limit is reached; a restart of the worker leaves a gap.
   * Trouble with the disk ends the recording and never the call. Throws MEDIA_PARAMETERS, MEDIA_BUSY when too many run.
   */
  record(options: RecordingOptions): Promise<Recording>;
  /**
   * Plays to a party, instead of what is played to it now; it does not hear its peer meanwhile. Its id, for `stopPlaying`
   * and for the event `playbackEnded`, which also comes where it could not go on after a restart of the worker. Goes on where it would be
   * after one; so does what was rejected because there was no worker. Throws MEDIA_PARAMETERS, MEDIA_SOUND, and what `statistics` throws.
   */
  play(leg: LegIndex, sound: Sound, options?: { readonly offsetMs?: number }): Promise<number>;
  /** Whatever is played to a party, or what has this id alone. What has ended is stopped already. */
  stopPlaying(leg: LegIndex, playback?: number): Promise<void>;
  /** Idempotent; never rejects. Its last statistics where anybody was heard. The ports go back to the pool, into quarantine. */
  close(): Promise<PerLeg<Addresses, LegStatistics> | undefined>;
}
