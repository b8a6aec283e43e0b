import type { Clock, Timer } from '../core/clock.ts';
import { LiveMap } from '../core/live-map.ts';
import { errorOf, MediaError, NoWorkerError } from './errors.ts';
import type { Command, Request, Response, Result } from './protocol.ts';

/** Outlasts a hung worker (PING_TIMEOUT_MS, then the standby) and, on most machines, the start of a new one. */
const REQUEST_TIMEOUT_MS = 4000;
const MAX_PENDING_REQUESTS = 2048;
/**
 * Silence of a new worker is counted in steps of this length: after a stand-still of this process one late step is counted and
 * not the time that passed, and the answers that wait unread are read before the next one.
 */
const SILENCE_STEP_MS = 500;
/** A request that so many workers did not survive is not given to another one. */
const MAX_DELIVERIES = 2;

interface Pending {
  readonly id: number;
  readonly command: Command;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: MediaError) => void;
  dueMs: number;
  /** How often it was sent, each time to another worker. */
  deliveries: number;
}

interface Exchange {
  readonly method: Command['method'];
  readonly resolve: (response: Response | undefined) => void;
}

/**
 * Requests on their way to the worker: ids, time-outs, limits. They wait while there is no worker (from the beginning, and
 * from `workerLost` on, until `resume`), and those that a worker did not answer go to the next one.
 */
export class Requests {
  readonly #clock: Clock;
  readonly #send: (request: Request) => void;
  /** The oldest first. */
  readonly #pending = new LiveMap<number, Pending>();
  /** For the oldest, or one that was: a call has a dozen requests, which are answered in a moment. */
  #timer: Timer | undefined;
  /** Answers awaited by the re-opening of sessions, which goes before the waiting requests. */
  readonly #exchanges = new Map<number, Exchange>();
  #silenceTimer: Timer | undefined;
  /** Since the last answer to any of them: a slow machine with a thousand sessions takes its time for all. */
  #silenceMs = 0;
  /** Since the last worker was lost. */
  #exchanged = false;
  #answered = false;
  /** The worker that there is has answered none of what it had to be told. */
  #isMute = false;
  #state: 'waiting' | 'running' | 'closed' = 'waiting';
  #lastId = 0;
  readonly #onIdle: () => void;

  /** `send` hands a request to the worker that there is now. `onIdle` is called when nothing waits for an answer any more. */
  constructor(clock: Clock, send: (request: Request) => void, onIdle: () => void) {
    this.#clock = clock;
    this.#send = send;
    this.#onIdle = onIdle;
  }

  /** Rejects with MEDIA_TIMEOUT, MEDIA_WORKER_LOST, MEDIA_BUSY, MEDIA_CLOSED, and with what the worker refuses. */
  request(command: Command): Promise<Result> {
    if (this.#state === 'closed') return Promise.reject(closed());
    // A session whose end is refused would hold its ports for ever; there are no more ends than sessions.
    if (this.#pending.size >= MAX_PENDING_REQUESTS && command.method !== 'closeSession') {
      return Promise.reject(new MediaError('MEDIA_BUSY', `${this.#pending.size} requests wait already`));
    }
    // What one request learns by waiting the others need not: the next one tries again.
    if (this.#isMute && this.#pending.size > 0 && command.method !== 'closeSession') {
      return Promise.reject(new MediaError('MEDIA_TIMEOUT', mute(command.method)));
    }
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      const dueMs = this.#clock.elapsed() + REQUEST_TIMEOUT_MS;
      const pending: Pending = { id, command, resolve, reject, dueMs, deliveries: 0 };
      this.#pending.set(id, pending);
      this.#timer ??= this.#clock.schedule(REQUEST_TIMEOUT_MS, this.#onTimer);
      // Otherwise it waits, and is sent when the worker is there.
      if (this.#state === 'running') this.#deliver(pending);
    });
  }

  /** Nothing waits for an answer. */
  get isIdle(): boolean {
    return this.#pending.size === 0;
  }

  /**
   * To a new worker, before the waiting requests go. Undefined when it died first; a refusal when it lives, and answers none
   * of them for REQUEST_TIMEOUT_MS. The waiting requests share that time-out: they are given up when the worker has answered
   * nothing at all, and go to it otherwise.
   */
  exchange(command: Command): Promise<Response | undefined> {
    this.#exchanged = true;
    return new Promise((resolve) => {
      const id = ++this.#lastId;
      this.#exchanges.set(id, { method: command.method, resolve });
      this.#silenceTimer ??= this.#clock.schedule(SILENCE_STEP_MS, this.#onSilence);
      this.#send({ kind: 'request', id, command });
    });
  }

  answer(response: Response): void {
    this.#answered = true;
    this.#isMute = false;
    const exchange = this.#exchanges.get(response.id);
    if (exchange !== undefined) {
      this.#exchanges.delete(response.id);
      this.#silenceMs = 0;
      if (this.#exchanges.size === 0) this.#endSilence();
      exchange.resolve(response);
      return;
    }
    const pending = this.#pending.get(response.id);
    if (pending === undefined) return;
    this.#settle(pending);
    if (response.ok) pending.resolve(response.result);
    else pending.reject(errorOf(response.error));
  }

  /** The worker is ready, and knows what it needs: the waiting requests go. */
  resume(): void {
    if (this.#state === 'closed') return;
    this.#state = 'running';
    const waiting = [...this.#pending.values()];
    // Those that waited for what it had to be told begin anew.
    if (this.#exchanged) {
      const dueMs = this.#clock.elapsed() + REQUEST_TIMEOUT_MS;
      for (const pending of waiting) pending.dueMs = dueMs;
      this.#exchanged = false;
      this.#awaitDue();
    }
    for (const pending of waiting) this.#deliver(pending);
  }

  workerLost(): void {
    if (this.#state === 'running') this.#state = 'waiting';
    this.#abandonExchanges();
    this.#exchanged = false;
    this.#answered = false;
    this.#isMute = false;
    this.#awaitDue();
    for (const pending of [...this.#pending.values()]) {
      const { command, deliveries } = pending;
      if (deliveries < (command.method === 'sendDigits' ? 1 : MAX_DELIVERIES)) continue;
      this.#settle(pending)?.reject(
        new MediaError('MEDIA_WORKER_LOST', `${command.method}: ${deliveries} media workers were lost over it`),
      );
    }
  }

  /** Whatever waits is rejected with MEDIA_CLOSED. Idempotent. */
  close(): void {
    this.#state = 'closed';
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const pending of [...this.#pending.values()]) this.#settle(pending)?.reject(closed());
    this.#abandonExchanges();
  }

  #deliver(pending: Pending): void {
    pending.deliveries += 1;
    this.#send({ kind: 'request', id: pending.id, command: pending.command });
  }

  #awaitDue(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const [oldest] = this.#pending.values();
    if (oldest === undefined) return;
    const delayMs = Math.max(0, Math.ceil(oldest.dueMs - this.#clock.elapsed()));
    this.#timer = this.#clock.schedule(delayMs, this.#onTimer);
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    // While the worker is being told, its silence is the time-out.
    if (this.#exchanges.size > 0) return;
    const now = this.#clock.elapsed();
    for (const pending of this.#pending.values()) {
      if (pending.dueMs > now) {
        this.#timer ??= this.#clock.schedule(Math.ceil(pending.dueMs - now), this.#onTimer);
        return;
      }
      this.#timeOut(pending);
    }
  };

  #timeOut(pending: Pending): void {
    const { command } = pending;
    const { method } = command;
    const running = this.#state === 'running';
    this.#settle(pending)?.reject(
      running
        ? new MediaError('MEDIA_TIMEOUT', noAnswer(method))
        : new NoWorkerError(`${method}: no media worker for ${REQUEST_TIMEOUT_MS} ms`),
    );
    const ending = running ? endOf(command) : undefined;
    if (ending !== undefined) this.#send({ kind: 'request', id: ++this.#lastId, command: ending });
  }

  #settle(pending: Pending): Pending | undefined {
    if (!this.#pending.delete(pending.id)) return undefined;
    if (this.isIdle) this.#onIdle();
    return pending;
  }

  readonly #onSilence = (): void => {
    this.#silenceMs += SILENCE_STEP_MS;
    if (this.#silenceMs < REQUEST_TIMEOUT_MS) {
      this.#silenceTimer = this.#clock.schedule(SILENCE_STEP_MS, this.#onSilence);
      return;
    }
    const unanswered = [...this.#exchanges];
    this.#endSilence();
    this.#exchanges.clear();
    if (!this.#answered) this.#fallMute();
    for (const [id, { method, resolve }] of unanswered) {
      const error = { code: 'MEDIA_WORKER_FAULT', message: noAnswer(method) } as const;
      resolve({ kind: 'response', id, ok: false, error });
    }
  };

  /** What ends is told to it all the same, or it would hold ports for ever once it wakes up. */
  #fallMute(): void {
    this.#isMute = true;
    for (const pending of [...this.#pending.values()]) {
      const { method } = pending.command;
      if (method !== 'closeSession') this.#settle(pending)?.reject(new MediaError('MEDIA_TIMEOUT', mute(method)));
    }
  }

  #endSilence(): void {
    this.#silenceTimer?.cancel();
    this.#silenceTimer = undefined;
    this.#silenceMs = 0;
  }

  #abandonExchanges(): void {
    this.#endSilence();
    for (const { resolve } of this.#exchanges.values()) resolve(undefined);
    this.#exchanges.clear();
  }
}

/** What a worker that answers late begins nobody would know of: how it is ended, behind the request. */
function endOf(command: Command): Command | undefined {
  switch (command.method) {
    case 'openSession':
      return { method: 'closeSession', session: command.session };
    case 'createConference':
      return { method: 'closeConference', conference: command.conference };
    case 'startRecording':
      return { method: 'stopRecording', session: command.session, recording: command.recording };
    case 'play':
      return { method: 'stopPlaying', session: command.session, leg: command.leg, playback: command.playback };
    default:
      return undefined;
  }
}

function mute(method: Command['method']): string {
  return `${method}: the media worker has answered nothing since it was started`;
}

function noAnswer(method: Command['method']): string {
  return `${method}: no answer from the media worker in ${REQUEST_TIMEOUT_MS} ms`;
}

function closed(): MediaError {
  return new MediaError('MEDIA_CLOSED', 'the media client is closed');
}
