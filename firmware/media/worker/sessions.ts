import type { Command, LegIndex, LegParameters, LocalEndpoint, SessionStatistics, WorkerError } from '../protocol.ts';
import { type Addon, CODEC_NUMBERS, NO_HANDLE, NO_PAYLOAD_TYPE } from './addon.ts';

export type Outcome =
  | { readonly ok: true; readonly result: SessionStatistics | null }
  | { readonly ok: false; readonly error: WorkerError };

const DONE: Outcome = { ok: true, result: null };

/** The open sessions by the ids that the runtime gave them. */
export class Sessions {
  readonly #addon: Addon;
  readonly #handles = new Map<number, number>();

  constructor(addon: Addon) {
    this.#addon = addon;
  }

  /** Never throws: what the addon throws becomes an outcome. */
  execute(command: Command): Outcome {
    try {
      switch (command.method) {
        case 'openSession':
          return this.#open(command.session, command.legs);
        case 'configureLeg':
          return this.#configure(command.session, command.leg, command.parameters);
        case 'statistics':
          return this.#statistics(command.session);
        case 'closeSession':
          return this.#close(command.session);
      }
    } catch (error) {
      return { ok: false, error: errorOf(error) };
    }
  }

  /** Returns when the packet loop has turned; never, when it hangs. */
  awaitLoop(): void {
    this.#addon.statistics(NO_HANDLE);
  }

  #open(session: number, [first, second]: readonly [LocalEndpoint, LocalEndpoint]): Outcome {
    if (!this.#handles.has(session)) {
      this.#handles.set(session, this.#addon.open(first.address, first.port, second.address, second.port));
    }
    return DONE;
  }

  #configure(session: number, leg: LegIndex, parameters: LegParameters): Outcome {
    const handle = this.#handles.get(session);
    if (handle === undefined) return unknown(session);
    const { direction } = parameters;
    const known = this.#addon.configure(
      handle,
      leg,
      parameters.remoteAddress,
      parameters.remotePort,
      CODEC_NUMBERS[parameters.codec],
      parameters.payloadType,
      parameters.telephoneEventPayloadType ?? NO_PAYLOAD_TYPE,
      parameters.ptimeMs,
      direction === 'sendrecv' || direction === 'recvonly',
      direction === 'sendrecv' || direction === 'sendonly',
      parameters.annexB ?? false,
    );
    return known ? DONE : unknown(session);
  }

  #statistics(session: number): Outcome {
    const handle = this.#handles.get(session);
    const result = handle === undefined ? undefined : this.#addon.statistics(handle);
    return result === undefined ? unknown(session) : { ok: true, result };
  }

  #close(session: number): Outcome {
    const handle = this.#handles.get(session);
    if (handle !== undefined) this.#addon.close(handle);
    this.#handles.delete(session);
    return DONE;
  }
}

function unknown(session: number): Outcome {
  return { ok: false, error: { code: 'MEDIA_UNKNOWN_SESSION', message: `media session ${session} is not open` } };
}

function errorOf(error: unknown): WorkerError {
  const message = error instanceof Error ? error.message : String(error);
  const { code, leg } = error as { readonly code?: unknown; readonly leg?: unknown };
  switch (code) {
    case 'MEDIA_PORT_BUSY':
    case 'MEDIA_ADDRESS':
    case 'MEDIA_PARAMETERS':
      return leg === 0 || leg === 1 ? { code, message, leg } : { code, message };
    default:
      return { code: 'MEDIA_WORKER_FAULT', message };
  }
}
