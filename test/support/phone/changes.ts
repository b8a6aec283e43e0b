/** Tells waiters that something may have become true. Whoever changes state calls `notify`. */
export class Changes {
  readonly #waiting = new Set<() => void>();
  #closed = false;

  notify(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** Whoever waits is told that it is over. */
  close(): void {
    this.#closed = true;
    this.notify();
  }

  /**
   * Resolves with the first value that `probe` returns, looking now and after each change. Rejects after
   * `timeoutMs`, with `what` and with what `state` says then, or with what `probe` throws.
   */
  until<T>(probe: () => T | undefined, timeoutMs: number, what: string, state: () => string = () => ''): Promise<T> {
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
      };
      const look = (): void => {
        try {
          if (this.#closed) throw new Error(`${what}: closed while waiting`);
          const value = probe();
          if (value === undefined) return;
          finish();
          resolve(value);
        } catch (error) {
          finish();
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      const timer = setTimeout(() => {
        finish();
        reject(new Error(`${what}: not within ${timeoutMs} ms${state() === '' ? '' : `\n${state()}`}`));
      }, timeoutMs);
      this.#waiting.add(look);
      look();
    });
  }
}
