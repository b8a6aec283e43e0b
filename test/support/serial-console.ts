import type { Readable, Writable } from 'node:stream';
import { Changes } from './phone/changes.ts';

/** A serial line with a person's patience: waits for texts, types lines, keeps everything that was shown. */
export class SerialConsole {
  readonly #input: Writable;
  readonly #changes = new Changes();
  #raw = '';
  /** How much of the text was already waited for. */
  #seen = 0;
  #ended = false;

  /** `output` is what the box shows, `input` what is typed. */
  constructor(output: Readable, input: Writable) {
    this.#input = input;
    input.on('error', () => undefined);
    output.on('data', (data: Buffer) => {
      this.#raw += data.toString('latin1');
      this.#changes.notify();
    });
    output.on('close', () => {
      this.#ended = true;
      this.#changes.notify();
    });
  }

  /** All that was shown, without the escape sequences that move the cursor. */
  get transcript(): string {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
    return this.#raw.replace(/\u001b(?:\[[0-9;?]*[A-Za-z]|[78=>])/g, '').replace(/\r+\n/g, '\n');
  }

  /** The end of the transcript, for failure messages. */
  get tail(): string {
    return this.transcript.slice(-6000);
  }

  /**
   * Waits for a text that was not waited for before and returns the match; what came before it counts as seen. Rejects
   * after `timeoutMs`, and when the line ends, with the end of the transcript.
   */
  async waitFor(pattern: RegExp | string, timeoutMs: number): Promise<RegExpExecArray> {
    const expression = typeof pattern === 'string' ? new RegExp(escapeRegExp(pattern)) : pattern;
    return this.#changes.until(
      () => {
        const match = expression.exec(this.transcript.slice(this.#seen));
        if (match !== null) {
          this.#seen += match.index + match[0].length;
          return match;
        }
        if (this.#ended) throw new Error(`the serial line ended before ${expression}\n${this.tail}`);
        return undefined;
      },
      timeoutMs,
      `${expression} on the serial line`,
      () => this.tail,
    );
  }

  /** Types a line. */
  send(line: string): void {
    this.#input.write(`${line}\r`);
  }

  /** Types a line, waits for the next prompt (at the beginning of a line), and returns what stands in between. */
  async command(line: string, prompt: string, timeoutMs: number): Promise<string> {
    this.#seen = this.transcript.length;
    const start = this.#seen;
    this.send(line);
    const match = await this.waitFor(new RegExp(`\\n([^]*\\n)?${escapeRegExp(prompt)}$`), timeoutMs);
    return this.transcript.slice(start + match.index, this.#seen - prompt.length).trim();
  }
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
