import type { Clock, Timer } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Event, Log, MediaEvent, Request, Response } from './protocol.ts';
import { RestartDelay } from './restart-delay.ts';
import { type Launch, SupervisedWorker } from './supervised-worker.ts';

export interface Loss {
  readonly reason: string;
  /** Who follows: the standby at once, or a process that is started first, after `delayMs`. */
  readonly successor: 'standby' | 'new';
  readonly delayMs: number;
}

export interface WorkerPairHandlers {
  /** The active worker takes requests and has no session: after the start, and again after each loss. */
  ready(): void;
  /** A standby that `renew` asked for is there. */
  renewed(): void;
  response(response: Response): void;
  event(event: MediaEvent): void;
  lost(loss: Loss): void;
  /** The first worker did not come up. There is none, and none will be started. */
  failed(reason: string): void;
}

export interface WorkerPairOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly launch: Launch;
  readonly handlers: WorkerPairHandlers;
}

/** No request for so long, and the machine has time to start a process that nobody waits for. */
export const STANDBY_IDLE_MS = 5000;
/** Where requests never pause that long, the standby is started all the same. */
export const STANDBY_PATIENCE_MS = 60_000;
/** A standby that is killed for the memory it takes must not be started again in the same moment. */
const STANDBY_PACE = { firstDelayMs: 5000, maxDelayMs: 300_000, healthyMs: 60_000 };

/**
 * The active worker and its standby: a second process, ready, without sessions and sockets, that takes over at once
 * when the active one is gone, since starting a process takes seconds on a slow machine.
 */
export class WorkerPair {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #launch: Launch;
  readonly #handlers: WorkerPairHandlers;
  readonly #restartDelay: RestartDelay;
  readonly #standbyDelay: RestartDelay;
  #active: SupervisedWorker | undefined;
  #standby: SupervisedWorker | undefined;
  #restartTimer: Timer | undefined;
  /** What the next standby waits for: a delay, then idleness or the end of patience. */
  #delayTimer: Timer | undefined;
  #idleTimer: Timer | undefined;
  #patienceTimer: Timer | undefined;
  #wasReady = false;
  /** The active worker is to make room for the next standby. */
  #isOutdated = false;
  /** Former workers that end. */
  #retiring: Promise<void> = Promise.resolve();
  #closed = false;
  #lastComplaint = '';

  constructor(options: WorkerPairOptions) {
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#launch = options.launch;
    this.#handlers = options.handlers;
    this.#restartDelay = new RestartDelay(options.clock);
    this.#standbyDelay = new RestartDelay(options.clock, STANDBY_PACE);
  }

  /** Call once. Answered by `ready` or `failed`. */
  start(): void {
    this.#active = this.#spawn();
  }

  /** The process id of the active worker, while there is one. */
  get activePid(): number | undefined {
    return this.#active?.pid;
  }

  /** The process id of the standby, while it is ready to take over. */
  get standbyPid(): number | undefined {
    return this.#standby?.isReady === true ? this.#standby.pid : undefined;
  }

  /** To the active worker. Lost with it: the sender keeps what must arrive. */
  send(request: Request): void {
    this.#active?.send(request);
    // What is asked each second of a call is no work that a starting process could disturb.
    if (this.#idleTimer !== undefined && request.command.method !== 'snapshot') this.#awaitIdleness();
  }

  /**
   * Workers are to be launched in another way from now on: there is another standby soon (`renewed`). The active one stays as
   * it is until it is lost or `replaceActive` is called.
   */
  renew(): void {
    this.#isOutdated = true;
    const old = this.#standby;
    this.#standby = undefined;
    if (old !== undefined) this.#retire(old);
    if (this.#active?.isReady === true) this.#startStandby();
  }

  /**
   * After `renew`: the new standby takes the place of the active worker, which must have no session and no request, and
   * nothing more is told. False: there is no such standby yet, or the active worker is new itself.
   */
  replaceActive(): boolean {
    const old = this.#active;
    const standby = this.#standby;
    if (!this.#isOutdated || old === undefined || standby?.isReady !== true) return false;
    this.#isOutdated = false;
    this.#active = standby;
    this.#standby = undefined;
    this.#retire(old);
    this.#planStandby(0);
    return true;
  }

  #retire(worker: SupervisedWorker): void {
    this.#retiring = Promise.all([this.#retiring, worker.stop()]).then(() => undefined);
  }

  /** Ends both processes and waits for their end. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#restartTimer?.cancel();
    this.#cancelStandby();
    await Promise.all([this.#active?.stop(), this.#standby?.stop(), this.#retiring]);
  }

  #spawn(): SupervisedWorker {
    const worker: SupervisedWorker = new SupervisedWorker(this.#clock, this.#launch, {
      ready: () => this.#becameReady(worker),
      message: (message) => this.#receive(worker, message),
      complaint: (text) => {
        this.#lastComplaint = text;
        this.#logger.warn({ stderr: text }, 'media worker');
      },
      exit: (reason) => this.#exited(worker, reason),
    });
    return worker;
  }

  #becameReady(worker: SupervisedWorker): void {
    if (this.#closed) return;
    if (worker === this.#standby && this.#isOutdated) this.#handlers.renewed();
    // A standby just waits.
    if (worker !== this.#active) return;
    this.#wasReady = true;
    // It was on its way when another one was asked for.
    if (this.#isOutdated) this.#startStandby();
    else this.#planStandby(0);
    this.#handlers.ready();
  }

  #receive(worker: SupervisedWorker, message: Response | Log | Event): void {
    if (message.kind === 'log') this.#logger[message.level](`media worker: ${message.message}`);
    else if (worker !== this.#active) return;
    else if (message.kind === 'event') this.#handlers.event(message.event);
    else this.#handlers.response(message);
  }

  #exited(worker: SupervisedWorker, reason: string): void {
    if (this.#closed) return;
    if (worker === this.#active) this.#activeExited(reason);
    else if (worker === this.#standby) this.#standbyExited(reason);
  }

  #activeExited(reason: string): void {
    this.#active = undefined;
    this.#isOutdated = false;
    if (!this.#wasReady) {
      this.#handlers.failed(this.#lastComplaint === '' ? reason : `${reason}: ${this.#lastComplaint}`);
      return;
    }
    this.#cancelStandby();
    const delayMs = this.#restartDelay.next();
    const standby = this.#standby;
    if (standby === undefined) {
      this.#handlers.lost({ reason, successor: 'new', delayMs });
      if (delayMs === 0) this.start();
      else this.#restartTimer = this.#clock.schedule(delayMs, () => this.start());
      return;
    }
    // One that is still starting is nearer to its goal than a new one.
    this.#standby = undefined;
    this.#active = standby;
    this.#handlers.lost({ reason, successor: 'standby', delayMs: 0 });
    if (!standby.isReady) return;
    this.#planStandby(delayMs);
    this.#handlers.ready();
  }

  #standbyExited(reason: string): void {
    this.#standby = undefined;
    const delayMs = this.#standbyDelay.next();
    this.#logger.warn({ reason, delayMs }, 'standby media worker lost');
    this.#planStandby(delayMs);
  }

  #planStandby(delayMs: number): void {
    this.#cancelStandby();
    if (delayMs > 0) this.#delayTimer = this.#clock.schedule(delayMs, () => this.#planStandby(0));
    else {
      this.#awaitIdleness();
      this.#patienceTimer = this.#clock.schedule(STANDBY_PATIENCE_MS, () => this.#startStandby());
    }
  }

  #awaitIdleness(): void {
    this.#idleTimer?.cancel();
    this.#idleTimer = this.#clock.schedule(STANDBY_IDLE_MS, () => this.#startStandby());
  }

  #startStandby(): void {
    this.#cancelStandby();
    this.#standby = this.#spawn();
  }

  #cancelStandby(): void {
    for (const timer of [this.#delayTimer, this.#idleTimer, this.#patienceTimer]) timer?.cancel();
    this.#delayTimer = undefined;
    this.#idleTimer = undefined;
    this.#patienceTimer = undefined;
  }
}
