import {
  type ConferenceOptions,
  type LegParameters,
  type MediaClient,
  MediaError,
  type MediaEvent,
  type Recording,
  type RecordingOptions,
  type RecordingResult,
  type Sound,
} from '../../firmware/media/client.ts';
import { settle } from './settle.ts';

/** One that runs for 5 s, whatever the clock says. */
export class FakeRecording implements Recording {
  readonly id = 1;
  readonly options: RecordingOptions;
  isEnded = false;

  constructor(options: RecordingOptions) {
    this.options = options;
  }

  async pause(): Promise<void> {}

  async resume(): Promise<void> {}

  async stop(): Promise<void> {
    this.end('stopped');
  }

  end(reason: RecordingResult['reason'], durationMs = 5000): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.options.onEnded({ reason, durationMs, sizeBytes: 80_044, error: '' });
  }
}

/** One session of the worker, and what it was told. */
export class FakeSession {
  readonly id: number;
  readonly ports: readonly [number];
  readonly configured: LegParameters[] = [];
  readonly listeners: ((event: MediaEvent) => void)[] = [];
  readonly recordings: FakeRecording[] = [];
  sound: Sound | undefined;
  peer: FakeSession | undefined;
  closed = false;
  readonly #media: FakeMedia;

  constructor(id: number, media: FakeMedia) {
    this.id = id;
    this.ports = [4000 + 2 * (id - 1)];
    this.#media = media;
  }

  async configure(_leg: number, parameters: LegParameters): Promise<void> {
    this.configured.push(parameters);
    await this.#media.work();
  }

  async join(other: FakeSession): Promise<void> {
    await this.part();
    await other.part();
    this.peer = other;
    other.peer = this;
  }

  async part(): Promise<void> {
    if (this.peer !== undefined) this.peer.peer = undefined;
    this.peer = undefined;
  }

  onEvent(listener: (event: MediaEvent) => void): void {
    this.listeners.push(listener);
  }

  tell(event: { readonly kind: string } & Readonly<Record<string, unknown>>): void {
    for (const listener of this.listeners) listener({ session: this.id, leg: 0, ...event } as MediaEvent);
  }

  async play(_leg: number, sound: Sound): Promise<number> {
    this.sound = sound;
    return 1;
  }

  async stopPlaying(): Promise<void> {
    this.sound = undefined;
  }

  /** What was played has come to its end. */
  endSound(): void {
    this.sound = undefined;
    this.tell({ kind: 'playbackEnded', playback: 1 });
  }

  async sendDigits(_leg: number, digits: string): Promise<void> {
    this.#media.pressed.push(`${digits} on ${this.id}`);
  }

  async record(options: RecordingOptions): Promise<Recording> {
    const recording = new FakeRecording(options);
    this.recordings.push(recording);
    return recording;
  }

  async close(): Promise<void> {
    await this.part();
    this.closed = true;
    for (const recording of this.recordings) recording.end('session-closed');
  }

  /** What the party hears. */
  get hears(): string {
    const { sound } = this;
    if (sound !== undefined) return sound.kind === 'files' ? sound.names.join(' ') : sound.kind;
    return this.peer === undefined ? 'nothing' : `session ${this.peer.id}`;
  }
}

/** Who is in it, by session. */
export class FakeConference {
  readonly parties = new Set<number>();
  readonly muted = new Set<number>();
  closed = false;
  readonly #limit: number;
  readonly options: ConferenceOptions;

  constructor(limit: number, options: ConferenceOptions = {}) {
    this.#limit = limit;
    this.options = options;
  }

  /** Who is the loudest. */
  tellSpeaker(session: number | undefined): void {
    this.options.onActiveSpeaker?.(session === undefined ? undefined : { session, leg: 0 });
  }

  async join({ session }: { readonly session: number }, { muted = false } = {}): Promise<void> {
    if (this.parties.size >= this.#limit) throw new MediaError('MEDIA_CONFERENCE_FULL', 'it is full');
    this.parties.add(session);
    if (muted) this.muted.add(session);
  }

  async leave({ session }: { readonly session: number }): Promise<void> {
    this.parties.delete(session);
    this.muted.delete(session);
  }

  async setParty({ session }: { readonly session: number }, { muted }: { readonly muted: boolean }): Promise<void> {
    if (muted) this.muted.add(session);
    else this.muted.delete(session);
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

export class FakeMedia {
  readonly conferences: FakeConference[] = [];
  conferenceLimit = 64;
  readonly sessions: FakeSession[] = [];
  readonly pressed: string[] = [];
  /** Set: what is configured waits until it is called, with an error or without. */
  readonly waiting: ((error?: Error) => void)[] = [];
  isSlow = false;
  /** What opening a session is refused with. */
  refusal: Error | undefined;

  get client(): MediaClient {
    return {
      openSession: async () => {
        if (this.refusal !== undefined) throw this.refusal;
        const session = new FakeSession(this.sessions.length + 1, this);
        this.sessions.push(session);
        return session;
      },
      createConference: async (options: ConferenceOptions) => {
        const conference = new FakeConference(this.conferenceLimit, options);
        this.conferences.push(conference);
        return conference;
      },
    } as unknown as MediaClient;
  }

  async work(): Promise<void> {
    if (!this.isSlow) return;
    await new Promise<void>((resolve, reject) => {
      this.waiting.push((error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  /** Lets the worker do all that it was asked. */
  async finish(): Promise<void> {
    await settle();
    while (this.waiting.length > 0) {
      this.waiting.shift()?.();
      await settle();
    }
  }

  /** Those that are open. */
  get open(): readonly FakeSession[] {
    return this.sessions.filter(({ closed }) => !closed);
  }
}
