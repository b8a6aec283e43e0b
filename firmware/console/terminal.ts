import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';

/** The longest line that is read; what a stuck key sends beyond it ends the session. */
const MAX_LINE_LENGTH = 4096;

/** The person left: end of input, or nothing typed for too long. */
export class TerminalClosed extends Error {}

/** Line input from a person on a terminal, with hidden input for passwords. Works on a pipe too. */
export class Terminal {
  readonly #input: NodeJS.ReadStream;
  readonly #output: NodeJS.WriteStream;
  readonly #lines: Interface;
  readonly #idleMs: number;
  #hidden = false;
  #closed = false;

  /** `idleMs`: how long a prompt waits for the next line before it counts as left. */
  constructor(input: NodeJS.ReadStream, output: NodeJS.WriteStream, idleMs: number) {
    this.#input = input;
    this.#output = output;
    this.#idleMs = idleMs;
    // readline echoes what is typed into this stream: hidden input is what it then does not pass on.
    const echo = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        if (!this.#hidden) output.write(chunk);
        done();
      },
    });
    this.#lines = createInterface({ input, output: echo, terminal: input.isTTY === true, historySize: 0 });
    this.#lines.on('close', () => {
      this.#closed = true;
    });
  }

  write(text: string): void {
    this.#output.write(text);
  }

  /**
   * Reads one line. Rejects with TerminalClosed at the end of input, after `idleMs` without a line, and on a line of
   * more than 4096 characters. Ctrl-C gives an empty line.
   */
  ask(prompt: string, options: { readonly hidden?: boolean } = {}): Promise<string> {
    if (this.#closed) return Promise.reject(new TerminalClosed());
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        clearTimeout(idle);
        this.#hidden = false;
        this.#lines.off('close', onClose).off('SIGINT', onInterrupt);
        settle();
      };
      const onClose = () => finish(() => reject(new TerminalClosed()));
      const onInterrupt = () => {
        // The question stays pending inside readline until a line ends it.
        this.#lines.write(null, { ctrl: true, name: 'u' });
        this.#lines.write('\n');
      };
      const idle = setTimeout(() => this.close(), this.#idleMs);
      this.#lines.once('close', onClose).on('SIGINT', onInterrupt);
      this.#lines.question(prompt, (line) =>
        finish(() => {
          if (options.hidden === true) this.#output.write('\n');
          if (line.length > MAX_LINE_LENGTH) {
            this.close();
            reject(new TerminalClosed());
          } else resolve(line);
        }),
      );
      this.#hidden = options.hidden === true;
    });
  }

  /**
   * Reads what is pasted, up to a line that is `end`: its lines come faster than one could ask for each. Undefined after
   * Ctrl-C, and where there is more than `maxCharacters` of it, once all of that was read. Rejects with TerminalClosed as
   * ask().
   */
  paste(end: string, maxCharacters: number): Promise<string | undefined> {
    if (this.#closed) return Promise.reject(new TerminalClosed());
    return new Promise((resolve, reject) => {
      let lines: string[] = [];
      let length = 0;
      const finish = (settle: () => void) => {
        clearTimeout(idle);
        this.#lines.off('line', onLine).off('close', onClose).off('SIGINT', onInterrupt);
        settle();
      };
      const onLine = (line: string) => {
        idle.refresh();
        if (line === end) {
          finish(() => resolve(length > maxCharacters ? undefined : lines.map((each) => `${each}\n`).join('')));
          return;
        }
        length += line.length + 1;
        if (length > maxCharacters) lines = [];
        else lines.push(line);
      };
      const onClose = () => finish(() => reject(new TerminalClosed()));
      const onInterrupt = () => finish(() => resolve(undefined));
      const idle = setTimeout(() => this.close(), this.#idleMs);
      this.#lines.on('line', onLine).once('close', onClose).on('SIGINT', onInterrupt);
    });
  }

  /**
   * Waits for any key, or a line where no keys come; also ends after `idleMs`, when the person leaves, and when `given` is
   * aborted. What was typed is not shown and answers no later question. Never rejects.
   */
  async anyKey(given: AbortSignal): Promise<void> {
    if (this.#closed || given.aborted) return;
    this.#hidden = true;
    await new Promise<void>((resolve) => {
      const finish = () => {
        clearTimeout(idle);
        this.#input.off('keypress', finish);
        this.#lines.off('line', finish).off('SIGINT', finish).off('close', finish);
        given.removeEventListener('abort', finish);
        resolve();
      };
      const idle = setTimeout(finish, this.#idleMs);
      this.#input.on('keypress', finish);
      this.#lines.on('line', finish).on('SIGINT', finish).on('close', finish);
      given.addEventListener('abort', finish);
      // A question that has its answer leaves the input paused.
      this.#lines.resume();
    });
    if (!this.#closed) this.#lines.write(null, { ctrl: true, name: 'u' });
    this.#hidden = false;
  }

  /** What is written there is shown; it waits for a slow line. */
  get screen(): Writable {
    return this.#output;
  }

  close(): void {
    if (this.#closed) return;
    this.#lines.close();
    this.#input.pause();
  }
}
