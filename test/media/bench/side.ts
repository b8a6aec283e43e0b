import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { atExit } from '../../support/cleanup.ts';

/** Of the loopback, and of nobody else here: thousands of ports in a row are free on it. */
export const ADDRESS = '127.0.0.77';
export const LOWEST_PORT = 10_000;

/** A-law on both legs, or G.729 on the second one. */
export type Work = 'relay' | 'transcode';

/** The UDP ports of the first and of the second party of a call. */
export type PortPair = readonly [number, number];

export interface Load {
  readonly work: Work;
  readonly calls: number;
  /** Where all first and all second parties hear and speak. */
  readonly parties: PortPair;
}

/** Something that moves the packets of calls, and is measured at it. */
export interface Side {
  readonly name: string;
  readonly pid: number;
  /** Where the parties of each call send to. */
  readonly ports: readonly PortPair[];
  close(): Promise<void>;
}

export type StartSide = (load: Load) => Promise<Side>;

/** A program that is talked to in lines; killed at the latest when this process ends. */
export class LineProgram {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<unknown>;
  readonly #name: string;

  constructor(program: string, args: readonly string[]) {
    this.#name = program;
    this.#child = spawn(program, args);
    this.#child.stderr.pipe(process.stderr);
    this.#ended = once(this.#child, 'close');
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    const kill = atExit(() => this.#child.kill('SIGKILL'));
    void this.#ended.then(kill, kill);
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.#name} was not started`);
    return this.#child.pid;
  }

  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`${this.#name} ended early`);
    return value;
  }

  write(text: string): void {
    this.#child.stdin.write(text);
  }

  /** Ends its standard input and waits for its end. */
  async finish(): Promise<void> {
    this.#child.stdin.end();
    await this.#ended;
  }
}
