/** Conferences as the client keeps them: who is in them outlives a worker. */
import { MediaError } from './errors.ts';
import type { ActiveSpeakerEvent, LegIndex } from './event.ts';
import type { Command } from './protocol.ts';
import { isTone } from './sound.ts';
import type { TonePattern } from './tones.ts';

export interface ConferenceOptions {
  /** How many are mixed at a time, the loudest: 1 to MAX_SPEAKERS; 3 unless given. */
  readonly speakers?: number;
  /** Heard by all when somebody comes, and when somebody goes (`toneOf`); absent: none. */
  readonly entryTone?: TonePattern;
  readonly exitTone?: TonePattern;
  /** Called with who has been the loudest for a while, or `undefined` when he has left. It must not throw. */
  readonly onActiveSpeaker?: (speaker: ConferenceParty | undefined) => void;
}

export interface ConferenceParty {
  /** Its id. */
  readonly session: number;
  readonly leg: LegIndex;
}

/** Those of native/audio/mixer.h and native/session/conference.h. */
export const MAX_SPEAKERS = 8;
export const MAX_PARTIES = 64;
export const MAX_PARTIES_OF_ALL = 128;
const DEFAULT_SPEAKERS = 3;

/** What a conference needs of the client. */
export interface ConferencePort {
  /** Gives a command to the worker, and rejects as those of the client do. */
  request(command: Command): Promise<unknown>;
  /** It has left whatever conference it was in before. */
  joined(party: ConferenceParty, conference: MediaConference): void;
  closed(conference: MediaConference): void;
}

/**
 * Parties who all hear one another: whoever is in it hears it instead of his peer. It outlives a restart of the worker. A
 * session that is closed leaves by itself. At most MAX_PARTIES in one, MAX_PARTIES_OF_ALL in all.
 *
 * What is requested throws, as every request, MEDIA_TIMEOUT, MEDIA_WORKER_LOST, MEDIA_BUSY, MEDIA_CLOSED.
 */
export class MediaConference {
  readonly id: number;
  readonly #port: ConferencePort;
  readonly #options: ConferenceOptions;
  /** By session and leg. */
  readonly #parties = new Map<string, ConferenceParty & { readonly muted: boolean }>();
  #closing: Promise<void> | undefined;

  /** For the client. Throws MEDIA_PARAMETERS. */
  constructor(id: number, options: ConferenceOptions, port: ConferencePort) {
    this.id = id;
    this.#options = options;
    this.#port = port;
    const { speakers = DEFAULT_SPEAKERS, entryTone, exitTone } = options;
    if (!(Number.isInteger(speakers) && speakers >= 1 && speakers <= MAX_SPEAKERS)) {
      throw new MediaError('MEDIA_PARAMETERS', `speakers is not 1 to ${MAX_SPEAKERS}`);
    }
    for (const tone of [entryTone, exitTone]) {
      if (tone !== undefined && !isTone(tone)) throw new MediaError('MEDIA_PARAMETERS', 'a tone that is none');
    }
  }

  get parties(): readonly ConferenceParty[] {
    return [...this.#parties.values()].map(({ session, leg }) => ({ session, leg }));
  }

  /** For the client: what makes it in a worker. */
  creation(): Command {
    const { speakers = DEFAULT_SPEAKERS, entryTone, exitTone } = this.#options;
    return {
      method: 'createConference',
      conference: this.id,
      speakers,
      ...(entryTone === undefined ? {} : { entryTone }),
      ...(exitTone === undefined ? {} : { exitTone }),
    };
  }

  /** For the client: what brings it back in a new worker. */
  restoration(): readonly Command[] {
    return [this.creation(), ...[...this.#parties.values()].map((party) => this.#joining(party, false))];
  }

  /**
   * The party of a session's leg comes in; one that is in another conference leaves that. One that is in already stays,
   * muted or not as told. Throws MEDIA_CONFERENCE_FULL, MEDIA_UNKNOWN_SESSION, MEDIA_PARAMETERS for a leg that the session
   * does not have or whose other leg is in another conference.
   */
  async join(party: ConferenceParty, options?: { readonly muted?: boolean }): Promise<void> {
    this.#assertOpen();
    const joined = { session: party.session, leg: party.leg, muted: options?.muted ?? false };
    await this.#port.request(this.#joining(joined, true));
    this.#parties.set(keyOf(party), joined);
    this.#port.joined(party, this);
  }

  /** It hears its peer again, or nothing. One that is not in succeeds. */
  async leave({ session, leg }: ConferenceParty): Promise<void> {
    this.#assertOpen();
    this.#parties.delete(keyOf({ session, leg }));
    await this.#port.request({ method: 'leaveConference', conference: this.id, session, leg });
  }

  /** A muted party hears, and is not heard. Throws MEDIA_PARAMETERS when it is not in. */
  async setParty(party: ConferenceParty, { muted }: { readonly muted: boolean }): Promise<void> {
    this.#assertOpen();
    const { session, leg } = party;
    if (!this.#parties.has(keyOf(party)))
      throw new MediaError('MEDIA_PARAMETERS', 'the party is not in the conference');
    this.#parties.set(keyOf(party), { session, leg, muted });
    await this.#port.request({ method: 'setParty', conference: this.id, session, leg, muted });
  }

  /** Everybody leaves. Idempotent; never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** For the client: the session is closed, or its party has joined another conference. */
  forget(session: number, leg?: LegIndex): void {
    for (const which of leg === undefined ? ([0, 1] as const) : [leg])
      this.#parties.delete(keyOf({ session, leg: which }));
  }

  /** For the client. */
  noteEvent(event: ActiveSpeakerEvent): void {
    this.#options.onActiveSpeaker?.(event.speaker);
  }

  async #close(): Promise<void> {
    this.#parties.clear();
    this.#port.closed(this);
    // Whether the worker did it or died: it is gone.
    await this.#port.request({ method: 'closeConference', conference: this.id }).catch(() => {});
  }

  #joining({ session, leg, muted }: ConferenceParty & { readonly muted: boolean }, announced: boolean): Command {
    return { method: 'joinConference', conference: this.id, session, leg, muted, announced };
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new MediaError('MEDIA_PARAMETERS', 'the conference is closed');
  }
}

function keyOf({ session, leg }: ConferenceParty): string {
  return `${session}/${leg}`;
}
