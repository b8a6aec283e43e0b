import type { Clock, Timer } from '../../core/clock.ts';
import { T2_MS, type TimerName, timerDelayMs } from './timers.ts';

/** What happens to a transaction: responses by class, timers by letter. */
export type Input =
  | 'request'
  | 'ack'
  | 'provisional'
  | 'success'
  | 'failure'
  | 'transport-error'
  | `timer-${TimerName}`;

export type Effect =
  /** Send the request of a client transaction, the latest response of a server transaction. */
  | 'send'
  /** Send the ACK to a final response that is no 2xx. */
  | 'send-ack'
  /** Hand the message to the user of the transaction. */
  | 'deliver'
  | 'report-timeout'
  | 'report-transport-error'
  | `start-${TimerName}`
  | `stop-${TimerName}`
  /** Timer E in Proceeding: T2 at once (RFC 3261 §17.1.2.2). */
  | 'start-e-at-t2';

export interface Step<State extends string> {
  readonly state: State;
  /** In this order: timers, then sending, then delivery, since delivery may bring the next input. */
  readonly effects: readonly Effect[];
}

export interface Machine<State extends string> {
  readonly name: string;
  readonly begin: Step<State>;
  /** Pure. Throws IllegalTransitionError for what only our own mistake can bring about. */
  next(state: State, input: Input): Step<State>;
}

export interface MachineRunOptions {
  readonly clock: Clock;
  readonly reliable: boolean;
  readonly perform: (effect: 'send' | 'send-ack' | 'deliver' | 'report-timeout' | 'report-transport-error') => void;
  readonly onTerminated: () => void;
}

/** Runs a machine: keeps its state and timers, hands every other effect to `perform`. */
export class MachineRun<State extends string> {
  readonly #machine: Machine<State>;
  readonly #options: MachineRunOptions;
  readonly #timers = new Map<TimerName, Timer>();
  readonly #firings = new Map<TimerName, number>();
  #state: State;
  #terminated = false;

  constructor(machine: Machine<State>, options: MachineRunOptions) {
    this.#machine = machine;
    this.#options = options;
    this.#state = machine.begin.state;
  }

  get state(): State {
    return this.#state;
  }

  get isTerminated(): boolean {
    return this.#terminated;
  }

  begin(): void {
    this.#take(this.#machine.begin);
  }

  /** Inputs after the end are ignored: they were on their way when it ended. */
  input(input: Input): void {
    if (!this.#terminated) this.#take(this.#machine.next(this.#state, input));
  }

  /** Ends without effects. Idempotent. */
  terminate(): void {
    if (this.#terminated) return;
    this.#terminated = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    this.#options.onTerminated();
  }

  #take(step: Step<State>): void {
    this.#state = step.state;
    if (step.state === 'terminated') this.terminate();
    for (const effect of step.effects) this.#run(effect);
  }

  #run(effect: Effect): void {
    if (effect === 'start-e-at-t2') {
      this.#start('e', T2_MS);
    } else if (effect.startsWith('start-')) {
      const name = effect.slice('start-'.length) as TimerName;
      const firing = this.#firings.get(name) ?? 0;
      this.#firings.set(name, firing + 1);
      this.#start(name, timerDelayMs(name, this.#options.reliable, firing));
    } else if (effect.startsWith('stop-')) {
      const name = effect.slice('stop-'.length) as TimerName;
      this.#timers.get(name)?.cancel();
      this.#timers.delete(name);
    } else {
      this.#options.perform(effect as Parameters<MachineRunOptions['perform']>[0]);
    }
  }

  #start(name: TimerName, delayMs: number | undefined): void {
    if (delayMs === undefined || this.#terminated) return;
    this.#timers.get(name)?.cancel();
    const timer = this.#options.clock.schedule(delayMs, () => {
      this.#timers.delete(name);
      this.input(`timer-${name}`);
    });
    this.#timers.set(name, timer);
  }
}
