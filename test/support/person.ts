import type { IPty } from 'node-pty';

/** A person at a terminal: a real pseudo-terminal with the real program on it. */
export class Person {
  readonly #terminal: IPty;
  #unread = '';
  #all = '';
  #wake: () => void = () => {};
  readonly exited: Promise<number>;

  constructor(terminal: IPty) {
    this.#terminal = terminal;
    terminal.onData((text) => {
      this.#unread += text;
      this.#all += text;
      this.#wake();
    });
    this.exited = new Promise((resolve) => terminal.onExit(({ exitCode }) => resolve(exitCode)));
  }

  get transcript(): string {
    return this.#all;
  }

  type(line: string): void {
    this.#terminal.write(`${line}\r`);
  }

  press(key: string): void {
    this.#terminal.write(key);
  }

  /** Waits until the text appears after what was read before; returns what stood before it. */
  async sees(text: string, timeoutMs = 20_000): Promise<string> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const at = this.#unread.indexOf(text);
      if (at >= 0) {
        const before = this.#unread.slice(0, at);
        this.#unread = this.#unread.slice(at + text.length);
        return before;
      }
      if (performance.now() > deadline) throw new Error(`${JSON.stringify(text)} did not appear in:\n${this.#all}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1000);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  leave(): void {
    this.#terminal.kill();
  }
}
