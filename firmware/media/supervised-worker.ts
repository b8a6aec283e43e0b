import type { Clock, Timer } from '../core/clock.ts';
import type { Event, Log, Request, Response, ToWorker } from './protocol.ts';
import type { WorkerHandlers } from './worker-process.ts';

/** A process that can be talked to: WorkerProcess. */
export interface Worker {
  readonly pid: number | undefined;
  send(message: ToWorker): void;
  kill(): void;
  stop(): Promise<void>;
}

export type Launch = (handlers: WorkerHandlers) => Worker;

export interface SupervisedHandlers {
  /** Called once, when requests are welcome. */
  ready(): void;
  message(message: Response | Log | Event): void;
  complaint(text: string): void;
  /** Called once, when the process is gone and its sockets with it. */
  exit(reason: string): void;
}

/** Longer than the slowest machine takes to start Node with cold caches. */
export const START_TIMEOUT_MS = 15_000;
/** Between an answer and the next ping. */
export const PING_INTERVAL_MS = 3000;
/** Between a request and the ping that follows it, and those of the same moment: a call has a dozen. */
export const PING_DELAY_MS = 50;
/** Silence after which a worker is taken for hung. */
export const PING_TIMEOUT_MS = 2000;
/**
 * The silence is counted in steps of this length: when this process itself, or the whole machine, stood still, one
 * late step is counted and not the time that passed, and the answer that waits unread is read before the next one.
 */
const PING_STEP_MS = 500;

/**
 * One worker under a watchdog: killed when it does not get ready, or does not answer a ping. A hung worker holds its
 * sockets until it is gone, so nothing but its exit is told to the outside.
 */
export class SupervisedWorker {
  readonly #clock: Clock;
  readonly #handlers: SupervisedHandlers;
  readonly #worker: Worker | undefined;
  #timer: Timer | undefined;
  #state: 'starting' | 'ready' | 'killed' | 'gone' = 'starting';
  #killReason: string | undefined;
  #lastPingId = 0;
  #answered = true;
  #pingsSoon = false;

  constructor(clock: Clock, launch: Launch, handlers: SupervisedHandlers) {
    this.#clock = clock;
    this.#handlers = handlers;
    this.#timer = clock.schedule(START_TIMEOUT_MS, () => this.#kill(`not ready after ${START_TIMEOUT_MS} ms`));
    try {
      this.#worker = launch({
        message: (message) => this.#receive(message),
        complaint: (text) => handlers.complaint(text),
        exit: (reason) => this.#exit(reason),
      });
    } catch (error) {
      // Out of memory for another process, say: a start that failed, and nothing that concerns who waits for it.
      queueMicrotask(() => this.#exit(error instanceof Error ? error.message : String(error)));
    }
  }

  get pid(): number | undefined {
    return this.#worker?.pid;
  }

  get isReady(): boolean {
    return this.#state === 'ready';
  }

  /** A ping follows the request: what hangs is known soon after PING_TIMEOUT_MS, however long ago the last ping was. */
  send(request: Request): void {
    this.#worker?.send(request);
    if (this.#state !== 'ready' || !this.#answered || this.#pingsSoon) return;
    this.#pingsSoon = true;
    this.#pingAfter(PING_DELAY_MS);
  }

  /** Ends the process and waits for its end. Idempotent. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    if (this.#state !== 'gone') this.#state = 'killed';
    await this.#worker?.stop();
  }

  #receive(message: Parameters<WorkerHandlers['message']>[0]): void {
    switch (message.kind) {
      case 'ready':
        if (this.#state !== 'starting') return;
        this.#state = 'ready';
        this.#pingAfter(PING_INTERVAL_MS);
        this.#handlers.ready();
        return;
      case 'pong':
        if (this.#state !== 'ready' || message.id !== this.#lastPingId) return;
        this.#answered = true;
        this.#pingAfter(PING_INTERVAL_MS);
        return;
      default:
        this.#handlers.message(message);
    }
  }

  #pingAfter(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.schedule(delayMs, () => this.#ping());
  }

  #ping(): void {
    this.#answered = false;
    this.#pingsSoon = false;
    this.#lastPingId += 1;
    this.#awaitAnswer(PING_TIMEOUT_MS);
    this.#worker?.send({ kind: 'ping', id: this.#lastPingId });
  }

  #awaitAnswer(remainingMs: number): void {
    this.#timer?.cancel();
    if (remainingMs <= 0) this.#kill(`no answer for ${PING_TIMEOUT_MS} ms`);
    else this.#timer = this.#clock.schedule(PING_STEP_MS, () => this.#awaitAnswer(remainingMs - PING_STEP_MS));
  }

  #kill(reason: string): void {
    this.#timer?.cancel();
    this.#state = 'killed';
    this.#killReason = reason;
    this.#worker?.kill();
  }

  #exit(reason: string): void {
    this.#timer?.cancel();
    this.#state = 'gone';
    this.#handlers.exit(this.#killReason ?? reason);
  }
}
