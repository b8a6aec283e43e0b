import type { Configuration } from '../../config/schema/configuration.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import { promptSound, type Recording, type RecordingResult, type Sound, toneOf } from '../../media/client.ts';
import type { Call } from '../call.ts';
import type { CallServer } from '../call-server.ts';
import type { Leg } from '../leg/leg.ts';
import { type Draft, mailboxSound } from '../mailbox/message.ts';
import type { MessageStore } from '../mailbox/message-store.ts';

export interface CallRecordingOptions {
  readonly calls: Pick<CallServer, 'callOf'>;
  readonly store: Pick<MessageStore, 'begin' | 'keep' | 'drop'>;
  readonly configuration: () => Configuration;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onOver: () => void;
}

/** Nobody tells of hold and retrieval, or of somebody else in the call, but to the call. */
export const LOOK_MS = 500;
/** Less is no recording. */
const MIN_PART_MS = 1000;

/**
 * The conversation of a leg is being recorded, into messages of its user's mailbox: each as long as a message may be, one after the
 * other, within what he may keep. It begins when neither side holds, so that both hear that it does, and stands still while either
 * does: whoever hears music believes himself alone. It is of those two alone: it ends where either goes on with somebody else, who has
 * not heard of it.
 */
export class CallRecording {
  readonly #leg: Leg;
  readonly #user: string;
  readonly #options: CallRecordingOptions;
  readonly #limit: Timer;
  #look: Timer | undefined;
  #part: Timer | undefined;
  #tone: Timer | undefined;
  #release: (() => void) | undefined;
  #recording: Recording | undefined;
  /** From the moment that a message is begun until it is kept. */
  #isRecording = false;
  /** One of the two holds. */
  #isPaused = false;
  /** Whom he talks to; empty where that one does not want to be known. */
  #with = { number: '', name: '' };
  #isStopped = false;

  constructor(leg: Leg, user: string, options: CallRecordingOptions) {
    this.#leg = leg;
    this.#user = user;
    this.#options = options;
    const { configuration, clock } = options;
    this.#limit = clock.schedule(configuration().system.recording.maxMinutes * 60_000, () => this.stop());
    leg.whenOver(() => this.stop());
    this.#begin();
  }

  get isOver(): boolean {
    return this.#isStopped;
  }

  /** What was said until then is kept. Idempotent. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    for (const timer of [this.#limit, this.#look, this.#part, this.#tone]) timer?.cancel();
    this.#release?.();
    this.#stopPart();
    this.#options.onOver();
  }

  #begin(): void {
    const { calls, clock, logger } = this.#options;
    if (this.#isStopped) return;
    const call = calls.callOf(this.#leg);
    const peer = call?.peerOf(this.#leg);
    if (call === undefined || peer === undefined) {
      this.stop();
      return;
    }
    if (this.#isOnHold(call, peer)) {
      this.#look = clock.schedule(LOOK_MS, () => this.#begin());
      return;
    }
    logger.info({ user: this.#user, call: call.id }, 'a call is being recorded');
    this.#release = call.needMedia();
    const { number, name, isPrivate } = peer.party;
    if (isPrivate !== true) this.#with = { number, name };
    this.#warn();
    peer.whenOver(() => this.stop());
    this.#watch(call, peer);
    if (this.#isStopped) return;
    void this.#record((name) => call.recorded(name));
  }

  #watch(call: Call, peer: Leg): void {
    const { calls, clock } = this.#options;
    if (this.#isStopped) return;
    if (calls.callOf(this.#leg) !== call || call.peerOf(this.#leg) !== peer) {
      this.stop();
      return;
    }
    this.#look = clock.schedule(LOOK_MS, () => this.#watch(call, peer));
    const isOnHold = this.#isOnHold(call, peer);
    if (isOnHold === this.#isPaused) return;
    this.#isPaused = isOnHold;
    if (isOnHold) this.#stopPart();
    else if (!this.#isRecording) void this.#record();
  }

  /** By a phone, or by the box in the name of one. */
  #isOnHold(call: Call, peer: Leg): boolean {
    return [this.#leg, peer].some((leg) => leg.isHolding || call.isHeldFor(leg));
  }

  /** Both sides hear of it, as the box is configured. */
  #warn(): void {
    const { locale, recording } = this.#options.configuration().system;
    if (recording.warning === 'words') {
      this.#play({ kind: 'files', names: [promptSound(locale, 'recording-started')] });
      return;
    }
    if (recording.warning === 'none') return;
    const { steps, repeatFrom = 0 } = toneOf(locale, 'recordingWarning');
    const beep = steps.find(({ frequencies }) => frequencies.length > 0);
    const periodMs = steps.slice(repeatFrom).reduce((sum, { durationMs }) => sum + durationMs, 0);
    const again = (): void => {
      if (beep !== undefined) this.#play({ kind: 'tone', tone: { steps: [beep] } });
      this.#tone = this.#options.clock.schedule(periodMs, again);
    };
    again();
  }

  #play(sound: Sound): void {
    const call = this.#options.calls.callOf(this.#leg);
    const peer = call?.peerOf(this.#leg);
    // Whoever is held hears music, and is not recorded.
    if (call === undefined || peer === undefined || this.#isOnHold(call, peer)) return;
    for (const leg of [this.#leg, peer]) void leg.media.announce(sound);
  }

  async #record(onName?: (name: string) => void): Promise<void> {
    const { store, clock, logger } = this.#options;
    const draft = store.begin(this.#user);
    if (draft === undefined) {
      logger.warn({ user: this.#user }, 'no room to record a call');
      this.stop();
      return;
    }
    onName?.(mailboxSound(this.#user, draft.id));
    this.#isRecording = true;
    try {
      const session = await this.#leg.media.session();
      this.#recording = await session.record({
        ...{ folder: draft.folder, name: draft.name, who: 'both', channels: 1 },
        ...{ maxBytes: draft.maxBytes, maxFolderBytes: draft.maxFolderBytes, keepFreeBytes: draft.keepFreeBytes },
        onEnded: (result) => this.#ended(draft, result),
      });
      if (this.#isStopped || this.#isPaused) this.#stopPart();
      else this.#part = clock.schedule(draft.maxMs, () => this.#stopPart());
    } catch (error) {
      store.drop(draft);
      // A call that ended meanwhile has no session any more.
      if (!this.#isStopped) logger.error({ err: error, user: this.#user }, 'a call could not be recorded');
      this.stop();
    }
  }

  #stopPart(): void {
    this.#part?.cancel();
    const recording = this.#recording;
    this.#recording = undefined;
    recording?.stop().catch((error: unknown) => {
      this.#options.logger.warn({ err: error }, 'a recording could not be stopped');
    });
  }

  #ended(draft: Draft, { reason, durationMs, sizeBytes }: RecordingResult): void {
    const { store, logger, calls } = this.#options;
    this.#part?.cancel();
    this.#recording = undefined;
    this.#isRecording = false;
    if (durationMs < MIN_PART_MS) store.drop(draft);
    else {
      store.keep(draft, { ...this.#with, durationMs, sizeBytes }).catch((error: unknown) => {
        logger.error({ err: error, user: this.#user }, 'the recording of a call was not kept');
      });
    }
    // Where there is no room for a moment more, trying again would have no end.
    const goesOn = reason === 'stopped' || (reason === 'quota' && durationMs >= MIN_PART_MS);
    if (this.#isStopped || !goesOn || calls.callOf(this.#leg) === undefined) this.stop();
    else if (!this.#isPaused) void this.#record();
  }
}
