import { type ChildProcess, spawn } from 'node:child_process';
import { entryPath } from '../core/assets.ts';
import { MessageBatch, textsOf } from './message-batch.ts';
import { encodeMessage, type FromWorker, type ToWorker } from './protocol.ts';
import { decodeFromWorker } from './protocol-check.ts';

export interface WorkerHandlers {
  message(message: FromWorker): void;
  /** A line on the worker's standard error (a crash, a warning of Node), or something that is no message. */
  complaint(text: string): void;
  /** Called once, when the process is gone. */
  exit(reason: string): void;
}

const STOP_GRACE_MS = 1000;
const MAX_COMPLAINT_CHARACTERS = 2000;

/** One life of the worker process: its channel, its standard error and its end. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #handlers: WorkerHandlers;
  readonly #exited: Promise<void>;
  readonly #batch = new MessageBatch((batch) => {
    if (!this.#gone && this.#child.connected) this.#child.send(batch, () => {});
  });
  #gone = false;

  /** `threads` move packets, 1 to 16; `sounds` is a folder whose sounds go before the worker's own. */
  constructor(
    handlers: WorkerHandlers,
    threads: number,
    sounds: string | undefined,
    entry = entryPath('media-worker.cjs', 'firmware/media/worker/main.ts'),
  ) {
    this.#handlers = handlers;
    // Nothing of the runtime's environment concerns the worker. Its own standard input stays shut.
    this.#child = spawn(process.execPath, [entry, String(threads), ...(sounds === undefined ? [] : [sounds])], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: {},
    });
    this.#exited = new Promise((resolve) => {
      const end = (reason: string): void => {
        if (this.#gone) return;
        this.#gone = true;
        resolve();
        handlers.exit(reason);
      };
      this.#child.once('exit', (code, signal) => end(signal === null ? `exit status ${code}` : `signal ${signal}`));
      this.#child.once('error', (error) => {
        // Also raised for a failed send, when the process still lives.
        if (this.#child.pid === undefined) end(error.message);
      });
    });
    this.#child.on('error', () => {});
    this.#child.on('message', (raw: unknown) => this.#receive(raw));
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      handlers.complaint(chunk.toString('utf8', 0, MAX_COMPLAINT_CHARACTERS).trimEnd());
    });
  }

  /** Undefined when the process could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** A message that the worker does not live to read is lost; `exit` tells. */
  send(message: ToWorker): void {
    if (!this.#gone && this.#child.connected) this.#batch.add(encodeMessage(message));
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Closes the channel, at which the worker ends itself; kills it when it does not. Idempotent. */
  async stop(): Promise<void> {
    if (this.#gone) return;
    this.#batch.flush();
    if (this.#child.connected) this.#child.disconnect();
    const grace = setTimeout(() => this.kill(), STOP_GRACE_MS);
    await this.#exited;
    clearTimeout(grace);
  }

  #receive(raw: unknown): void {
    for (const text of textsOf(raw)) {
      if (this.#gone) return;
      const message = decodeFromWorker(text);
      if (message === undefined) this.#handlers.complaint('a message that is not of the protocol');
      else this.#handlers.message(message);
    }
  }
}
