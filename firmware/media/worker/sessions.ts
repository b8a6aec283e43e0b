import type {
  Command,
  LegIndex,
  LegParameters,
  LocalEndpoint,
  OneOrTwo,
  Party,
  Result,
  Resumption,
  SrtpParameters,
  WorkerError,
} from '../protocol.ts';
import type { Sound } from '../sound.ts';
import { suiteNumber } from '../srtp.ts';
import { type Addon, CODEC_NUMBERS, type SoundSettings, type SrtpSettings } from './addon.ts';
import { Conferences } from './conferences.ts';
import type { SoundFiles } from './sound-files.ts';

export type Outcome =
  | { readonly ok: true; readonly result: Result }
  | { readonly ok: false; readonly error: WorkerError };

/** Samples a second of what a leg is played; a leg without parameters is played it at 8000. */
type SoundRate = Parameters<SoundFiles['find']>[1];

function soundRate(codec: LegParameters['codec'] | undefined): SoundRate {
  return codec === 'G722' || codec === 'OPUS' ? 16_000 : 8000;
}

interface OpenSession {
  readonly handle: number;
  /** Of each leg, once it has parameters. */
  readonly codecs: [LegParameters['codec']?, LegParameters['codec']?];
}

const DONE: Outcome = { ok: true, result: null };

/** The open sessions by the ids that the runtime gave them. */
export class Sessions {
  readonly #addon: Addon;
  readonly #files: SoundFiles;
  readonly #conferences: Conferences;
  readonly #sessions = new Map<number, OpenSession>();

  constructor(addon: Addon, files: SoundFiles) {
    this.#addon = addon;
    this.#files = files;
    this.#conferences = new Conferences(addon);
  }

  /** Never throws: what the addon throws becomes an outcome. */
  execute(command: Command): Outcome {
    try {
      switch (command.method) {
        case 'openSession':
          return this.#open(command.session, command.legs, command.resume);
        case 'configureLeg':
          return this.#configure(command.session, command.leg, command.parameters);
        case 'join':
          return this.#join(...command.parties);
        case 'part': {
          const handle = this.#handle(command.session);
          if (handle !== undefined) this.#addon.part(handle, command.leg);
          return DONE;
        }
        case 'statistics':
          return this.#statistics(command.session);
        case 'sendDigits':
          return this.#on(command.session, (handle) => this.#addon.sendDigits(handle, command));
        case 'startRecording':
          return this.#on(command.session, (handle) => {
            const { who } = command;
            return this.#addon.startRecording(handle, { ...command, first: who !== 1, second: who !== 0 });
          });
        case 'pauseRecording':
          return this.#on(command.session, (handle) => this.#addon.pauseRecording(handle, command));
        case 'stopRecording':
          return this.#on(command.session, (handle) => this.#addon.stopRecording(handle, command));
        case 'play':
          return this.#play(command);
        case 'stopPlaying':
          return this.#stopPlaying(command);
        case 'snapshot':
          return this.#snapshot(command.from);
        case 'createConference':
        case 'joinConference':
        case 'leaveConference':
        case 'setParty':
        case 'closeConference': {
          const known = this.#conferences.execute(command, (session) => this.#handle(session));
          return known || !('session' in command) ? DONE : unknown(command.session);
        }
        case 'closeSession':
          return this.#close(command.session);
      }
    } catch (error) {
      return { ok: false, error: errorOf(error) };
    }
  }

  #open(session: number, legs: OneOrTwo<LocalEndpoint>, resume: Resumption | undefined): Outcome {
    if (!this.#sessions.has(session)) {
      const resumed = resume === undefined ? {} : { resume: { ...resume, place: Buffer.from(resume.place, 'base64') } };
      this.#sessions.set(session, { handle: this.#addon.open({ session, legs, ...resumed }), codecs: [] });
    }
    return DONE;
  }

  #handle(session: number): number | undefined {
    return this.#sessions.get(session)?.handle;
  }

  #configure(session: number, leg: LegIndex, parameters: LegParameters): Outcome {
    const open = this.#sessions.get(session);
    if (open === undefined) return unknown(session);
    const { direction, codec, srtp, opus, ...rest } = parameters;
    const keys = srtp === undefined ? undefined : srtpSettings(srtp);
    try {
      const known = this.#addon.configure(open.handle, leg, {
        ...rest,
        ...opus,
        ...(keys === undefined ? {} : { srtp: keys }),
        codec: CODEC_NUMBERS[codec],
        receives: direction === 'sendrecv' || direction === 'recvonly',
        sends: direction === 'sendrecv' || direction === 'sendonly',
      });
      if (known) open.codecs[leg] = codec;
      return known ? DONE : unknown(session);
    } finally {
      keys?.receiveKey.fill(0);
      keys?.sendKey.fill(0);
    }
  }

  #join(one: Party, other: Party): Outcome {
    const first = this.#handle(one.session);
    const second = this.#handle(other.session);
    if (first === undefined) return unknown(one.session);
    if (second === undefined) return unknown(other.session);
    return this.#addon.join(first, one.leg, second, other.leg) ? DONE : unknown(one.session);
  }

  #on(session: number, run: (handle: number) => boolean): Outcome {
    const handle = this.#handle(session);
    return handle !== undefined && run(handle) ? DONE : unknown(session);
  }

  #statistics(session: number): Outcome {
    const handle = this.#handle(session);
    const result = handle === undefined ? undefined : this.#addon.statistics(handle);
    return result === undefined ? unknown(session) : { ok: true, result };
  }

  #play({ session, leg, playback, sound, offsetMs }: Command & { readonly method: 'play' }): Outcome {
    const open = this.#sessions.get(session);
    if (open === undefined) return unknown(session);
    const settings = this.#settingsOf(sound, soundRate(open.codecs[leg]));
    const known = this.#addon.play(open.handle, leg, { ...settings, playback, offsetMs });
    return known ? DONE : unknown(session);
  }

  #settingsOf(sound: Sound, sampleRate: SoundRate): Omit<SoundSettings, 'playback' | 'offsetMs'> {
    switch (sound.kind) {
      case 'tone':
        return { tone: sound.tone, sampleRate };
      case 'files':
        return {
          paths: sound.names.map((name) => this.#files.find(name, sampleRate)),
          repeated: sound.repeated ?? false,
        };
      case 'silence':
        return {};
    }
  }

  #stopPlaying({ session, leg, playback }: Command & { readonly method: 'stopPlaying' }): Outcome {
    const handle = this.#handle(session);
    if (handle !== undefined) this.#addon.stopPlaying(handle, leg, playback === undefined ? {} : { playback });
    return DONE;
  }

  #snapshot(from: number): Outcome {
    const { places, next } = this.#addon.snapshot(from);
    return { ok: true, result: { places: places.toString('base64'), next } };
  }

  #close(session: number): Outcome {
    const handle = this.#handle(session);
    const result = handle === undefined ? undefined : this.#addon.close(handle);
    this.#sessions.delete(session);
    return result === undefined ? DONE : { ok: true, result };
  }
}

/** Longer than the key and salt of any suite. */
const MAX_KEY_BYTES = 64;
/*
 * Keys are here while a leg is configured. Of their own they would be pieces of Node's shared buffers of 64 KB, which old sessions
 * leave behind until V8 collects all of its garbage.
 */
const receiveRoom = Buffer.alloc(MAX_KEY_BYTES);
const sendRoom = Buffer.alloc(MAX_KEY_BYTES);

function srtpSettings({ suite, receiveKey, sendKey, unencryptedSrtcp }: SrtpParameters): SrtpSettings {
  return {
    suite: suiteNumber(suite),
    receiveKey: decoded(receiveKey, receiveRoom),
    sendKey: decoded(sendKey, sendRoom),
    unencryptedSrtcp: unencryptedSrtcp ?? false,
  };
}

function decoded(key: string, room: Buffer): Buffer {
  return room.subarray(0, room.write(key, 'base64'));
}

function unknown(session: number): Outcome {
  return { ok: false, error: { code: 'MEDIA_UNKNOWN_SESSION', message: `media session ${session} is not open` } };
}

function errorOf(error: unknown): WorkerError {
  const message = error instanceof Error ? error.message : String(error);
  const { code, leg } = error as { readonly code?: unknown; readonly leg?: unknown };
  switch (code) {
    case 'MEDIA_PORT_BUSY':
    case 'MEDIA_BUSY':
    case 'MEDIA_ADDRESS':
    case 'MEDIA_PARAMETERS':
    case 'MEDIA_SOUND':
    case 'MEDIA_CONFERENCE_FULL':
      return leg === 0 || leg === 1 ? { code, message, leg } : { code, message };
    default:
      return { code: 'MEDIA_WORKER_FAULT', message };
  }
}
