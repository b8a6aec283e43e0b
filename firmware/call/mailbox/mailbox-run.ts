import { join } from 'node:path';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { Recording, RecordingOptions, RecordingResult, Sound } from '../../media/client.ts';
import type { PinVerdict } from '../pin-guard.ts';
import { beginCollecting, type CollectState, nextCollecting } from './collect-dialogue.ts';
import type { DialogueEffect, DialogueInput, RecordingWhy, Spoken } from './dialogue.ts';
import { beginLeaving, type LeaveState, lastWords, nextLeaving } from './leave-dialogue.ts';
import type { Draft } from './message.ts';
import type { MessageStore } from './message-store.ts';
import { QuietWatch } from './quiet-watch.ts';
import { soundsOf } from './spoken.ts';

/** The media of the one party that the mailbox speaks with. */
export interface MailboxMedia {
  /** Plays a sound that ends. True when it was heard to its end, false when something else was played, or it could not be. */
  announce(sound: Sound): Promise<boolean>;
  /** No sound any more. */
  stop(): void;
  /** Records what the party says. Rejects as MediaSession does. */
  record(options: Omit<RecordingOptions, 'who' | 'channels'>): Promise<Recording>;
}

export interface MailboxRunOptions {
  readonly purpose: 'leave' | 'collect';
  /** Whose mailbox it is. */
  readonly user: string;
  readonly caller: { readonly number: string; readonly name: string };
  /** He calls himself, by a telephone of his. */
  readonly isOwnPhone: boolean;
  /** Whether the PIN is asked for. */
  readonly needsPin: boolean;
  readonly locale: string;
  readonly timeZone: string;
  readonly media: MailboxMedia;
  readonly store: MessageStore;
  readonly pins: {
    verify(user: string, pin: string, isOwnPhone: boolean): Promise<PinVerdict>;
    change(user: string, pin: string): Promise<boolean>;
  };
  readonly clock: Clock;
  readonly logger: Logger;
  /** A caller was told that there is no room. */
  readonly onFull?: () => void;
  /** The box has nothing more to say: hangs up, or calls this number. Called once, and not after `hungUp`. */
  readonly onOver: (callBack: string | undefined) => void;
}

/** A call to a mailbox ends by itself after an hour, whatever is pressed. */
const MAX_RUN_MS = 3_600_000;
/** Keys that are pressed ahead. */
const MAX_AHEAD = 16;
/** Sounds that the media worker plays one after the other by itself. */
const MAX_SOUNDS = 16;
const BEEP: Sound = {
  kind: 'tone',
  tone: { steps: [{ durationMs: 400, frequencies: [{ hz: 1000, dbm0: -13 }] }] },
};

type Dialogue =
  | { readonly purpose: 'leave'; readonly state: LeaveState }
  | { readonly purpose: 'collect'; readonly state: CollectState };

interface Recorded {
  readonly draft: Draft;
  readonly durationMs: number;
  readonly sizeBytes: number;
}

/** One call to a mailbox: carries out what the dialogue wants, and tells it what happens. */
export class MailboxRun {
  readonly #options: MailboxRunOptions;
  readonly #limit: Timer;
  #dialogue: Dialogue | undefined;
  #wait: Timer | undefined;
  /** Of what is played; what ends with an older one is not told. */
  #playing = 0;
  #recorded: Recorded | undefined;
  #recording: { stop(why: RecordingWhy): void } | undefined;
  /** A recording is being ended, or something is being done that `done` will tell of. */
  #isBusy = false;
  #ahead: string[] = [];
  #isOver = false;

  constructor(options: MailboxRunOptions) {
    this.#options = options;
    this.#limit = options.clock.schedule(MAX_RUN_MS, () => this.#over(undefined));
  }

  /** The party is there, and can hear. */
  start(): void {
    const { purpose, user, store, needsPin, timeZone, clock } = this.#options;
    if (purpose === 'leave') {
      const hasRoom = store.hasRoom(user);
      if (!hasRoom) this.#options.onFull?.();
      const { state, effects } = beginLeaving(store.greetingOf(user), hasRoom);
      this.#enter({ purpose, state }, effects);
      return;
    }
    const messages = store.list(user);
    const isFull = !store.hasRoom(user);
    const { state, effects } = beginCollecting({ messages, needsPin, isFull, nowMs: clock.now(), timeZone });
    this.#enter({ purpose, state }, effects);
  }

  /** What is pressed while the box is busy with the key before it counts afterwards. */
  pressed(digit: string): void {
    if (!this.#isBusy) this.#take({ kind: 'digit', digit });
    else if (this.#ahead.length < MAX_AHEAD) this.#ahead.push(digit);
  }

  /** The party is gone. What it said is kept. Idempotent. */
  hungUp(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#take({ kind: 'hung-up' });
    this.#quiet();
  }

  #take(input: DialogueInput): void {
    const dialogue = this.#dialogue;
    if (dialogue === undefined) return;
    try {
      if (dialogue.purpose === 'leave') {
        const { state, effects } = nextLeaving(dialogue.state, input);
        this.#enter({ purpose: 'leave', state }, effects);
      } else {
        const { state, effects } = nextCollecting(dialogue.state, input);
        this.#enter({ purpose: 'collect', state }, effects);
      }
    } catch (error) {
      this.#options.logger.error({ err: error }, 'the mailbox came to a stop');
      this.#over(undefined);
    }
  }

  #enter(dialogue: Dialogue, effects: readonly DialogueEffect[]): void {
    this.#dialogue = dialogue;
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: DialogueEffect): void {
    const { media, store, user, clock, pins, isOwnPhone } = this.#options;
    switch (effect.kind) {
      case 'play':
        void this.#play(effect.what);
        break;
      case 'stop-playing':
        this.#playing += 1;
        media.stop();
        break;
      case 'wait':
        this.#wait?.cancel();
        this.#wait = clock.schedule(effect.ms, () => this.#take({ kind: 'waited' }));
        break;
      case 'stop-waiting':
        this.#wait?.cancel();
        break;
      case 'record':
        void this.#record();
        break;
      case 'stop-recording':
        this.#isBusy = this.#recording !== undefined;
        this.#recording?.stop('stopped');
        break;
      case 'keep':
        this.#done(this.#keep());
        break;
      case 'keep-greeting': {
        const recorded = this.#recorded;
        this.#recorded = undefined;
        this.#done(
          recorded === undefined ? Promise.reject(new Error('no greeting')) : store.keepGreeting(recorded.draft),
        );
        break;
      }
      case 'remove-greeting':
        store.removeGreeting(user);
        break;
      case 'drop':
        if (this.#recorded !== undefined) store.drop(this.#recorded.draft);
        this.#recorded = undefined;
        break;
      case 'mark-old':
        store.markOld(effect.id);
        break;
      case 'delete':
        store.delete(effect.id);
        break;
      case 'verify-pin':
        this.#isBusy = true;
        void pins.verify(user, effect.pin, isOwnPhone).then((verdict) => this.#finished({ kind: 'verified', verdict }));
        break;
      case 'change-pin':
        this.#isBusy = true;
        void pins.change(user, effect.pin).then((ok) => this.#finished({ kind: 'done', ok }));
        break;
      case 'call-back':
        this.#over(effect.number);
        break;
      case 'hang-up':
        this.#over(undefined);
        break;
    }
  }

  /** `done` tells what became of it. */
  #done(work: Promise<unknown>): void {
    this.#isBusy = true;
    work.then(
      () => this.#finished({ kind: 'done', ok: true }),
      (error: unknown) => {
        this.#options.logger.error({ err: error, user: this.#options.user }, 'a voice message was not kept');
        this.#finished({ kind: 'done', ok: false });
      },
    );
  }

  #finished(input: DialogueInput): void {
    this.#isBusy = false;
    this.#take(input);
    for (const digit of this.#ahead.splice(0)) this.pressed(digit);
  }

  async #play(what: readonly Spoken[]): Promise<void> {
    const playing = ++this.#playing;
    for (const sound of this.#sounds(what)) {
      const heard = await this.#options.media.announce(sound);
      if (playing !== this.#playing) return;
      if (!heard) {
        this.#take({ kind: 'played', heard: false });
        return;
      }
    }
    this.#take({ kind: 'played', heard: true });
  }

  #sounds(what: readonly Spoken[]): readonly Sound[] {
    const { locale, user } = this.#options;
    const sounds: Sound[] = [];
    let names: string[] = [];
    const finish = (): void => {
      if (names.length > 0) sounds.push({ kind: 'files', names });
      names = [];
    };
    for (const each of what) {
      if (each.kind === 'beep') {
        finish();
        sounds.push(BEEP);
        continue;
      }
      // A message by itself: what cannot be played of the words around it must not keep it from being heard.
      if (each.kind === 'file') finish();
      for (const name of soundsOf([each], locale, user, this.#recorded?.draft.id)) {
        names.push(name);
        if (names.length === MAX_SOUNDS) finish();
      }
    }
    finish();
    return sounds;
  }

  async #record(): Promise<void> {
    const { media, store, user, clock, logger } = this.#options;
    const draft = store.begin(user);
    if (draft === undefined) {
      this.#finished({ kind: 'recorded', why: 'full', durationMs: 0 });
      return;
    }
    let why: RecordingWhy = 'stopped';
    let recording: Recording | undefined;
    let isStopping = false;
    const stop = (reason: RecordingWhy): void => {
      if (isStopping) return;
      isStopping = true;
      why = reason;
      // One that is only beginning is stopped as soon as it has begun.
      recording?.stop().catch((error: unknown) => logger.warn({ err: error }, 'a recording could not be stopped'));
    };
    const longest = clock.schedule(draft.maxMs, () => stop('longest'));
    const quiet = new QuietWatch(join(draft.folder, draft.name), clock, () => stop('quiet'));
    let isEnded = false;
    const end = (ended: Recorded, reason: RecordingWhy): void => {
      // One that ended may still refuse to be stopped.
      if (isEnded) return;
      isEnded = true;
      longest.cancel();
      quiet.close();
      this.#recording = undefined;
      this.#ended(ended, reason);
    };
    this.#recording = { stop };
    try {
      recording = await media.record({
        folder: draft.folder,
        name: draft.name,
        maxBytes: draft.maxBytes,
        maxFolderBytes: draft.maxFolderBytes,
        keepFreeBytes: draft.keepFreeBytes,
        onEnded: (result) => end({ draft, ...result }, whyOf(result, why)),
      });
      if (isStopping) await recording.stop();
    } catch (error) {
      logger.error({ err: error, user }, 'a voice message could not be recorded');
      end({ draft, durationMs: 0, sizeBytes: 0 }, 'lost');
    }
  }

  #ended(recorded: Recorded, why: RecordingWhy): void {
    this.#recorded = recorded;
    const { durationMs } = recorded;
    if (why === 'full' && this.#options.purpose === 'leave') this.#options.onFull?.();
    if (!this.#isOver) {
      this.#finished({ kind: 'recorded', why, durationMs });
      if (why === 'lost') this.#carryOut({ kind: 'drop' });
      return;
    }
    this.#carryOut(this.#options.purpose === 'leave' && why !== 'lost' ? lastWords(durationMs) : { kind: 'drop' });
  }

  async #keep(): Promise<void> {
    const { store, caller } = this.#options;
    const recorded = this.#recorded;
    this.#recorded = undefined;
    if (recorded === undefined) throw new Error('nothing was recorded');
    const { draft, durationMs, sizeBytes } = recorded;
    await store.keep(draft, { ...caller, durationMs, sizeBytes });
  }

  #over(callBack: string | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#take({ kind: 'hung-up' });
    this.#quiet();
    this.#options.onOver(callBack);
  }

  #quiet(): void {
    this.#limit.cancel();
    this.#wait?.cancel();
    this.#playing += 1;
  }
}

function whyOf({ reason, durationMs }: RecordingResult, why: RecordingWhy): RecordingWhy {
  switch (reason) {
    case 'stopped':
    case 'session-closed':
      return why;
    case 'quota':
      return 'longest';
    case 'folder-quota':
    case 'disk-full':
      return 'full';
    default:
      // What was written can be played, whatever ended it.
      return durationMs > 0 ? 'stopped' : 'lost';
  }
}
