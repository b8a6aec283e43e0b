import type { Clock } from '../core/clock.ts';
import type { PhoneFile, PhoneFileRequest } from './phone-file.ts';

/** A request for a phone file and what came of it. Texts of strangers are bounded by whoever adds it. */
export interface AnsweredRequest extends Omit<PhoneFileRequest, 'localAddress'> {
  /** As the request was written; empty where it could not be read. */
  readonly method: string;
  /** As in the answer (RFC 9110 §15); undefined where none could be given, as after a TLS handshake that failed. */
  readonly status: number | undefined;
  /** Of the body, as sent: 0 for HEAD and for 304. */
  readonly sentBytes: number;
  /** Undefined where nothing was served. */
  readonly origin: PhoneFile['origin'] | undefined;
  /** Which rule made the file, or why the request was refused. */
  readonly why: string;
}

export interface LoggedRequest extends AnsweredRequest {
  /** The last one, in milliseconds since the Unix epoch. */
  readonly atMs: number;
  /** More than 1 where the same source was refused the same several times in a row. */
  readonly times: number;
}

/** How many requests are remembered: every phone of a full office with what it fetches at its start. */
export const MAX_LOGGED_REQUESTS = 1000;

/** The last requests for phone files, in memory: whoever sets up a phone wants to see what it asked for and got. */
export class RequestLog {
  readonly #clock: Pick<Clock, 'now'>;
  /** A ring, written at `#next`. */
  readonly #requests: LoggedRequest[] = [];
  #next = 0;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** A refusal like the last entry is counted there, so that who knocks again and again pushes nobody out. */
  add(request: AnsweredRequest): void {
    const lastIndex = (this.#next + MAX_LOGGED_REQUESTS - 1) % MAX_LOGGED_REQUESTS;
    const last = this.#requests[lastIndex];
    const atMs = this.#clock.now();
    if (last !== undefined && isSameRefusal(last, request)) {
      this.#requests[lastIndex] = { ...request, atMs, times: last.times + 1 };
      return;
    }
    this.#requests[this.#next] = { ...request, atMs, times: 1 };
    this.#next = (this.#next + 1) % MAX_LOGGED_REQUESTS;
  }

  /** The last `limit`, the newest first. */
  latest(limit: number = MAX_LOGGED_REQUESTS): readonly LoggedRequest[] {
    const ordered = [...this.#requests.slice(this.#next), ...this.#requests.slice(0, this.#next)];
    return ordered.reverse().slice(0, limit);
  }
}

function isSameRefusal(last: LoggedRequest, { status, why, remoteAddress, name }: AnsweredRequest): boolean {
  return (
    (status === undefined || status >= 400) &&
    last.status === status &&
    last.why === why &&
    last.remoteAddress === remoteAddress &&
    last.name === name
  );
}
