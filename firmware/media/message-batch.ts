/*
 * What one side of the media channel says within a turn of the event loop goes at once, one text a line: a call has a dozen of
 * them, and each costs both processes a system call and a wake-up.
 */

/** Texts without line ends, on their way. */
export class MessageBatch {
  readonly #send: (batch: string) => void;
  readonly #flush = (): void => this.flush();
  #batch = '';

  constructor(send: (batch: string) => void) {
    this.#send = send;
  }

  /** Goes with whatever else is added before this turn ends, in this order. */
  add(text: string): void {
    if (this.#batch === '') setImmediate(this.#flush);
    this.#batch += this.#batch === '' ? text : `\n${text}`;
  }

  /** At once. Nothing where nothing waits. */
  flush(): void {
    if (this.#batch === '') return;
    const batch = this.#batch;
    this.#batch = '';
    this.#send(batch);
  }
}
