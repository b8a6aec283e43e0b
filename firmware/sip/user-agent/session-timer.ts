import type { Clock, Timer } from '../../core/clock.ts';
import type { HeaderField } from '../message/headers.ts';
import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import {
  type Agreement,
  type AskedInterval,
  agreeAsClient,
  agreeAsServer,
  type SessionInterval,
  type SessionTimerOptions,
} from './session-interval.ts';

/** After a refresh that found no way it is tried again so soon. */
const RETRY_MS = 15_000;
/** The longest that a timer of Node waits; what shall wait longer fires at once. */
const MAX_WAIT_MS = 2 ** 31 - 1;

export interface SessionTimerEvents {
  /** Refresh the session now; `done` says what came of it. */
  readonly refresh: (done: (outcome: 'refreshed' | 'alive' | 'no-way' | 'gone') => void) => void;
  /** Nobody is there any more. */
  readonly expired: () => void;
}

/** Keeps a session alive, and ends it when the peer has vanished (RFC 4028 §10). */
export class SessionTimer {
  readonly #clock: Clock;
  readonly #options: SessionTimerOptions;
  readonly #events: SessionTimerEvents;
  readonly #asked: AskedInterval;
  #interval: SessionInterval | undefined;
  #refresh: Timer | undefined;
  #deadline: Timer | undefined;
  #stopped = false;

  constructor(clock: Clock, options: SessionTimerOptions, asked: AskedInterval, events: SessionTimerEvents) {
    this.#clock = clock;
    this.#options = options;
    this.#events = events;
    this.#asked = asked;
  }

  /** Headers of an INVITE or UPDATE of ours. Within a session it says who refreshes, so that the roles stay (§7.4). */
  requestHeaders(): readonly HeaderField[] {
    return this.#asked.headers(this.#interval);
  }

  /** A 422 came (RFC 4028 §7.4). False when it asks for nothing that was not asked for already. */
  raise(response: SipResponse): boolean {
    return this.#asked.raise(response);
  }

  /** What the answer to an INVITE or UPDATE of the peer says; `start` is for when that answer was a 2xx. */
  answerTo(request: SipRequest): Agreement {
    return agreeAsServer(request, this.#options);
  }

  /** A 2xx to INVITE or UPDATE of ours came. */
  receive(response: SipResponse): void {
    this.start(agreeAsClient(response, this.#asked.seconds));
  }

  /** Begins the interval anew. */
  start(interval: SessionInterval): void {
    if (this.#stopped) return;
    this.#interval = interval;
    this.#refresh?.cancel();
    this.#deadline?.cancel();
    const expiresMs = Math.min(interval.expiresSeconds * 1000, MAX_WAIT_MS);
    // RFC 4028 §10: a little before the end, so that the BYE comes before a proxy forgets the call.
    const deadlineMs = expiresMs - Math.min(32_000, expiresMs / 3);
    this.#deadline = this.#clock.schedule(deadlineMs, () => this.#events.expired());
    if (interval.refresher === 'us') this.#waitToRefresh(expiresMs / 2);
  }

  /** Idempotent. */
  stop(): void {
    this.#stopped = true;
    this.#refresh?.cancel();
    this.#deadline?.cancel();
  }

  #waitToRefresh(delayMs: number): void {
    this.#refresh = this.#clock.schedule(delayMs, () => {
      this.#events.refresh((outcome) => {
        if (this.#stopped || this.#interval === undefined) return;
        switch (outcome) {
          case 'refreshed':
            // The 2xx has begun the next interval.
            break;
          case 'alive':
            this.start(this.#interval);
            break;
          case 'no-way':
            this.#waitToRefresh(RETRY_MS);
            break;
          case 'gone':
            this.#events.expired();
            break;
        }
      });
    });
  }
}
