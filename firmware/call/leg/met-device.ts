/** What a device has said of itself in the messages of one call. */
export class MetDevice {
  #events: ReadonlySet<string> = new Set();
  #isMet = false;
  readonly #waiting: (() => void)[] = [];

  /** Reads a message of the device. */
  meet(headers: { all(name: string): readonly string[] }): void {
    const names = headers.all('Allow-Events').flatMap((field) => field.split(','));
    if (names.length > 0) this.#events = new Set(names.map((name) => name.trim().toLowerCase()));
    this.settle();
  }

  /** Nothing more is to be expected of it. */
  settle(): void {
    this.#isMet = true;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Resolves once it has said something, or is not to. */
  whenMet(): Promise<void> {
    return this.#isMet ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** It takes a NOTIFY of this event package in a call, such as `talk` (Allow-Events, RFC 6665 §8.2.2). */
  knows(event: string): boolean {
    return this.#events.has(event);
  }
}
