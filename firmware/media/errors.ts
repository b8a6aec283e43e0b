import { RingdownError } from '../core/errors.ts';
import type { Command, LegIndex, WorkerError } from './protocol.ts';

/** Every error that the media client rejects with, and its cure. */
const CURES = {
  MEDIA_TIMEOUT: 'Look in the log for what the media worker was doing; the request may be made again.',
  MEDIA_NO_PORTS: 'Widen --media-ports, or stop what else holds UDP ports in that range.',
  MEDIA_PORT_BUSY: 'Another port is tried by itself; nothing to do.',
  MEDIA_PORT_RANGE:
    'Give --media-ports LOW-HIGH with 1024 <= LOW < HIGH <= 65535 and room for an even port and the odd one after it.',
  MEDIA_ADDRESS: 'Use an address that this machine has, and a remote address of the same family.',
  MEDIA_PARAMETERS: 'Report this with the log: the negotiated media cannot be handled.',
  MEDIA_SOUND:
    'Use a sound that is there: a WAV file with one channel of 16-bit PCM, A-law or mu-law at 8 or 16 kHz, of 8 MB at most.',
  MEDIA_CONFERENCE_FULL: 'Wait until somebody leaves: 64 parties fit in a conference, and 128 in all together.',
  MEDIA_UNKNOWN_SESSION: 'The session is closed, or was lost with its ports in a restart of the worker: end the call.',
  MEDIA_WORKER_LOST: 'The worker is being restarted; look in the log for why it died.',
  MEDIA_WORKER_FAULT: 'Look in the log; often a limit on open files.',
  MEDIA_BUSY: 'Too many requests wait for the media worker: try again later.',
  MEDIA_START: 'Build the addon with scripts/build-native, or look at the message for what is missing.',
  MEDIA_CLOSED: 'The media client is closed: the program is ending.',
} as const;

export type MediaErrorCode = keyof typeof CURES;

export class MediaError extends RingdownError {
  constructor(code: MediaErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, CURES[code], options);
  }
}

/** The port of one leg is somebody else's. */
export class PortBusyError extends MediaError {
  readonly leg: LegIndex;

  constructor(message: string, leg: LegIndex) {
    super('MEDIA_PORT_BUSY', message);
    this.leg = leg;
  }
}

/** There was no worker for as long as the request waited: none has been given it. */
export class NoWorkerError extends MediaError {
  constructor(message: string) {
    super('MEDIA_WORKER_LOST', message);
  }
}

/** What the worker refused, as the client throws it. */
export function errorOf(error: WorkerError): MediaError {
  if (error.code === 'MEDIA_PORT_BUSY') return new PortBusyError(error.message, error.leg ?? 0);
  return new MediaError(error.code, error.message);
}

const NOT_RESTORED: Readonly<Partial<Record<Command['method'], string>>> = {
  join: 'media sessions not joined again: neither hears the other',
  createConference: 'conference not restored: its parties hear nobody until it is set up anew',
  joinConference: 'party not back in its conference: it hears nobody there, and nobody hears it',
};

/** For the log: what it means that a new worker refused such a command. */
export function meaningOfRefusal(method: Command['method']): string {
  return NOT_RESTORED[method] ?? `${method} refused by the new media worker`;
}
