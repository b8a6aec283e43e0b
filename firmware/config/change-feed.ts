import type { Change } from './changes.ts';
import type { Configuration } from './schema/configuration.ts';

/** What an edit did, to the parts that act on the configuration. */
export interface ConfigurationChange {
  readonly revision: number;
  readonly before: Configuration;
  readonly after: Configuration;
  /** Masked. */
  readonly changes: readonly Change[];
}

export type Unsubscribe = () => void;

/**
 * Tells every part of an edit at once, after it is on the disk. A part that fails is reported and does not keep the
 * others from hearing of it; nobody can take an edit back that was answered.
 */
export class ChangeFeed {
  readonly #listeners = new Set<(change: ConfigurationChange) => void>();
  readonly #report: (error: unknown) => void;

  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  subscribe(listener: (change: ConfigurationChange) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Calls `apply` whenever what `select` takes from the configuration has changed. Parts that did not change keep their
   * identity over an edit, so `select` should return one of them: `(c) => c.system.media`.
   */
  watch<Part>(
    select: (configuration: Configuration) => Part,
    apply: (part: Part, before: Part, change: ConfigurationChange) => void,
  ): Unsubscribe {
    return this.subscribe((change) => {
      const before = select(change.before);
      const after = select(change.after);
      if (after !== before) apply(after, before, change);
    });
  }

  emit(change: ConfigurationChange): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(change);
      } catch (error) {
        this.#report(error);
      }
    }
  }
}
