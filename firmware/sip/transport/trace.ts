import type { Clock } from '../../core/clock.ts';
import type { Refusal } from './admission.ts';
import type { Flow } from './flow.ts';

/** What became of a message that came in and got no further. */
export type TraceMark = 'malformed' | Refusal;

/** A message as it was on the wire, or inside TLS and WebSocket. */
export interface TracedMessage {
  readonly direction: 'received' | 'sent';
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;
  readonly flow: Flow;
  /** Not masked, and not to be kept: they may be those of a buffer that is used again. */
  readonly bytes: Buffer;
  readonly mark: TraceMark | undefined;
}

type Tap = (direction: 'received' | 'sent', bytes: Buffer, flow: Flow, mark: TraceMark | undefined) => void;

/** Shows every message to those who asked for them. Costs one look at `tap` while nobody does. */
export class MessageTrace {
  readonly #clock: Clock;
  readonly #watchers = new Set<(message: TracedMessage) => void>();
  /** Undefined while nobody watches. */
  tap: Tap | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `watcher`, which must not throw, for each message until the returned function is called. */
  watch(watcher: (message: TracedMessage) => void): () => void {
    this.#watchers.add(watcher);
    this.tap = (direction, bytes, flow, mark) => {
      const message = { direction, atMs: this.#clock.now(), flow, bytes, mark };
      for (const each of [...this.#watchers]) each(message);
    };
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) this.tap = undefined;
    };
  }
}
