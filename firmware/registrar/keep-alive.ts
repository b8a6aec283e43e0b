import type { Clock, Timer } from '../core/clock.ts';
import type { Binding } from './binding.ts';
import type { LocationService } from './location.ts';

export interface KeepAliveOptions {
  readonly location: Pick<LocationService, 'entries'>;
  /** Sends a request that the device answers, and resolves when it has, or has not for so long that it never will. */
  readonly ask: (extension: string, binding: Binding) => Promise<unknown>;
  readonly clock: Clock;
}

/** NATs forget a way over UDP after 30 s of silence; each device is asked once in so many turns. */
const TURNS = 25;
const TURN_MS = 1000;
/** Devices that are asked and have not answered: those that are gone hold their place for 32 s. */
const MAX_WAITING = 1024;

/**
 * Keeps the way open to devices behind a NAT that do not do it themselves. A packet of ours alone would not do: many NATs
 * count only what comes from inside, so each is sent a request, and its answer counts.
 */
export class KeepAlive {
  readonly #options: KeepAliveOptions;
  readonly #waiting = new Set<string>();
  #turn = 0;
  #timer: Timer;

  constructor(options: KeepAliveOptions) {
    this.#options = options;
    this.#timer = options.clock.schedule(TURN_MS, () => this.#next());
  }

  /** Idempotent. */
  close(): void {
    this.#timer.cancel();
  }

  #next(): void {
    const { location, clock } = this.#options;
    this.#timer = clock.schedule(TURN_MS, () => this.#next());
    this.#turn = (this.#turn + 1) % TURNS;
    for (const [extension, bindings] of location.entries()) {
      for (const binding of bindings) {
        // By the port, so that they spread over the turns and each keeps its own.
        if (binding.needsKeepAlive === true && binding.flow.remotePort % TURNS === this.#turn) {
          this.#ask(extension, binding);
        }
      }
    }
  }

  #ask(extension: string, binding: Binding): void {
    const key = `${binding.flow.remoteAddress} ${binding.flow.remotePort} ${binding.contact}`;
    if (this.#waiting.has(key) || this.#waiting.size >= MAX_WAITING) return;
    this.#waiting.add(key);
    const done = (): boolean => this.#waiting.delete(key);
    // An answer of any kind is as good, and who does not answer is found out by the next call.
    this.#options.ask(extension, binding).then(done, done);
  }
}
