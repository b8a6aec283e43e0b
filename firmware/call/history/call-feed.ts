import type { CallEvent } from './call-event.ts';

export type CallListener = (event: CallEvent) => void;

/**
 * Tells every part what becomes of calls, in the order in which it happens. A part that fails is reported; it keeps neither the
 * call nor the other parts from going on.
 */
export class CallFeed {
  readonly #listeners = new Set<CallListener>();
  readonly #report: (error: unknown) => void;

  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  /** The returned function ends it. */
  subscribe(listener: CallListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(event: CallEvent): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        this.#report(error);
      }
    }
  }
}
