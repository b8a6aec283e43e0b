import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { entryPath } from '../core/assets.ts';
import { CHANNEL_FD, Channel } from './channel.ts';
import { type Done, encodeMessage, type FromWorker, MAX_SNAPSHOT_BYTES, type ToWorker } from './protocol.ts';
import { decodeFromWorker } from './protocol-check.ts';

export interface WorkerHandlers {
  message(message: Exclude<FromWorker, Done>): void;
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
  /** Undefined when the process could not be started. */
  readonly #channel: Channel | undefined;
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
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
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
    // No file, and no standard stream: it goes both ways. Without descriptors for it there are no streams at all.
    const streams: ChildProcess['stdio'] | undefined = this.#child.stdio;
    const stream = streams?.[CHANNEL_FD] as Duplex | null | undefined;
    if (stream) {
      this.#channel = new Channel(stream, MAX_SNAPSHOT_BYTES, { text: (text) => this.#receive(text), end: () => {} });
    }
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
    if (!this.#gone) this.#channel?.send(encodeMessage(message));
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Closes the channel, at which the worker ends itself; kills it when it does not. Idempotent. */
  async stop(): Promise<void> {
    if (this.#gone) return;
    this.#channel?.close();
    const grace = setTimeout(() => this.kill(), STOP_GRACE_MS);
    await this.#exited;
    clearTimeout(grace);
  }

  #receive(text: string | undefined): void {
    if (this.#gone) return;
    const message = decodeFromWorker(text);
    if (message === undefined) this.#handlers.complaint('a message that is not of the protocol');
    else if (message.kind !== 'done') this.#handlers.message(message);
    else for (const id of message.ids) this.#handlers.message({ kind: 'response', id, ok: true, result: null });
  }
}
