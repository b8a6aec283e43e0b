import type { Clock, Timer } from '../../core/clock.ts';
import { Delayed, DelayList } from './delay-list.ts';
import { LONG_MS, T2_MS, T4_MS, type TimerName, timerDelayMs } from './timers.ts';

/** What happens to a transaction: responses by class, timers by letter. */
export type Input =
  | 'request'
  | 'ack'
  | 'provisional'
  | 'success'
  | 'failure'
  | 'transport-error'
  | `timer-${TimerName}`;

/** Effects that are carried out by the transaction itself. */
export type OwnEffect =
  /** Send the request of a client transaction, the latest response of a server transaction. */
  | 'send'
  /** Send the ACK to a final response that is no 2xx. */
  | 'send-ack'
  /** Send 100 Trying, since the user of the transaction has not answered yet. */
  | 'send-trying'
  /** Hand the message to the user of the transaction. */
  | 'deliver'
  | 'report-timeout'
  | 'report-transport-error';

export type Effect =
  | OwnEffect
  | `start-${TimerName}`
  /** Timer E in Proceeding: T2 at once (RFC 3261 §17.1.2.2). */
  | 'start-e-at-t2'
  /** Stops the timers that repeat or wait for the first response: A, E, G, `trying`, `late`. */
  | 'stop-repeat'
  /** Stops the timer at the end of which the transaction ends: all others, of which only one runs at a time. */
  | 'stop-end';

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

/** The waits that all transactions of a layer share. */
export class TransactionTimers {
  readonly clock: Clock;
  /** Waits of 64*T1 for what may still come or has to come. */
  readonly long: DelayList;
  /** Those of server transactions that have their final response: only retransmissions would find them. Oldest first. */
  readonly settled: DelayList;
  readonly short: DelayList;

  constructor(clock: Clock) {
    this.clock = clock;
    this.long = new DelayList(clock, LONG_MS);
    this.settled = new DelayList(clock, LONG_MS);
    this.short = new DelayList(clock, T4_MS);
  }
}

/** Runs a machine: keeps its state and two timers, and leaves every other effect to the transaction that extends it. */
export abstract class MachineRun<State extends string = string> extends Delayed {
  protected readonly timers: TransactionTimers;
  readonly #machine: Machine<State>;
  readonly #reliable: boolean;
  #state: State;
  #repeat: Timer | undefined;
  #firings = 0;
  #endTimer: TimerName | undefined;
  #terminated = false;

  constructor(machine: Machine<State>, timers: TransactionTimers, reliable: boolean) {
    super();
    this.#machine = machine;
    this.timers = timers;
    this.#reliable = reliable;
    this.#state = machine.begin.state;
  }

  protected abstract perform(effect: OwnEffect): void;

  /** Called once, when it has ended. */
  protected abstract onTerminated(): void;

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
  protected input(input: Input): void {
    if (!this.#terminated) this.#take(this.#machine.next(this.#state, input));
  }

  /** Ends without effects. Idempotent. */
  terminate(): void {
    if (this.#terminated) return;
    this.#terminated = true;
    this.#repeat?.cancel();
    this.#repeat = undefined;
    this.list?.remove(this);
    this.onTerminated();
  }

  onDue(): void {
    if (this.#endTimer !== undefined) this.input(`timer-${this.#endTimer}`);
  }

  #take(step: Step<State>): void {
    this.#state = step.state;
    if (step.state === 'terminated') this.terminate();
    let over: TimerName | undefined;
    for (const effect of step.effects) over = this.#run(effect) ?? over;
    // Over a reliable transport nothing is waited for: the timer of 0 s has fired once the step is done.
    if (over !== undefined) this.input(`timer-${over}`);
  }

  /** Returns the timer that fires at once. */
  #run(effect: Effect): TimerName | undefined {
    switch (effect) {
      case 'send':
      case 'send-ack':
      case 'send-trying':
      case 'deliver':
      case 'report-timeout':
      case 'report-transport-error':
        this.perform(effect);
        return undefined;
      case 'stop-repeat':
        this.#repeat?.cancel();
        this.#repeat = undefined;
        return undefined;
      case 'stop-end':
        this.list?.remove(this);
        return undefined;
      case 'start-e-at-t2':
        this.#startRepeat('e', T2_MS);
        return undefined;
      case 'start-a':
      case 'start-e':
      case 'start-g': {
        const name = REPEATING[effect];
        this.#startRepeat(name, timerDelayMs(name, this.#reliable, this.#firings));
        this.#firings += 1;
        return undefined;
      }
      case 'start-trying':
      case 'start-late': {
        const name = REPEATING[effect];
        this.#startRepeat(name, timerDelayMs(name, this.#reliable, 0));
        return undefined;
      }
      default:
        return this.#startEnd(ENDING[effect]);
    }
  }

  #startRepeat(name: TimerName, delayMs: number | undefined): void {
    if (delayMs === undefined || this.#terminated) return;
    this.#repeat?.cancel();
    this.#repeat = this.timers.clock.schedule(delayMs, () => this.input(`timer-${name}`));
  }

  #startEnd(name: TimerName): TimerName | undefined {
    if (this.#terminated) return undefined;
    const delayMs = timerDelayMs(name, this.#reliable, 0);
    if (delayMs === 0) return name;
    this.#endTimer = name;
    if (delayMs === T4_MS) this.timers.short.add(this);
    else if (name === 'j' || name === 'h') this.timers.settled.add(this);
    else this.timers.long.add(this);
    return undefined;
  }
}

const REPEATING = {
  'start-a': 'a',
  'start-e': 'e',
  'start-g': 'g',
  'start-trying': 'trying',
  'start-late': 'late',
} as const;

const ENDING = {
  'start-b': 'b',
  'start-d': 'd',
  'start-f': 'f',
  'start-h': 'h',
  'start-i': 'i',
  'start-j': 'j',
  'start-k': 'k',
  'start-l': 'l',
  'start-m': 'm',
  'start-lapse': 'lapse',
} as const;
