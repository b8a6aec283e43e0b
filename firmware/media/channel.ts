/*
 * The channel between the runtime and a media worker: texts, one a line, over a pair of sockets. Node's own channel for
 * child processes would make JSON of the JSON that they are, and read it twice.
 */
import type { Duplex } from 'node:stream';
import { MessageBatch } from './message-batch.ts';

/** The worker's end, by its number. */
export const CHANNEL_FD = 3;
/** The other side reads nothing any more: it hangs, and whoever watches it will end it. */
const MAX_WAITING_BYTES = 2 ** 24;
const LINE_END = 0x0a;

export interface ChannelHandlers {
  /** What arrived, to be checked; undefined for a line that was too long. */
  text(text: string | undefined): void;
  /** All that arrived so far was told. */
  pause?(): void;
  /** Called once, when nothing more can arrive. */
  end(): void;
}

export class Channel {
  readonly #stream: Duplex;
  readonly #maxBytes: number;
  readonly #handlers: ChannelHandlers;
  readonly #batch = new MessageBatch((batch) => this.#write(batch));
  /** The beginning of a line whose end has not come yet. */
  #begun: Buffer[] = [];
  #begunBytes = 0;
  /** That line is too long, and what is still to come of it is dropped. */
  #isTooLong = false;
  #ended = false;

  /** A line that arrives has at most `maxBytes`. */
  constructor(stream: Duplex, maxBytes: number, handlers: ChannelHandlers) {
    this.#stream = stream;
    this.#maxBytes = maxBytes;
    this.#handlers = handlers;
    stream.on('data', (chunk: Buffer) => {
      this.#receive(chunk);
      handlers.pause?.();
    });
    stream.once('end', () => this.#end());
    stream.once('close', () => this.#end());
    // `close` follows.
    stream.on('error', () => {});
  }

  /** A text without line ends, which goes with all others of this turn. Lost where the other side is gone. */
  send(text: string): void {
    this.#batch.add(text);
  }

  /** Sends what waits, at which the other side's channel ends too. Idempotent. */
  close(): void {
    this.#batch.flush();
    this.#stream.end();
  }

  #write(batch: string): void {
    if (!this.#stream.writable) return;
    this.#stream.write(`${batch}\n`);
    if (this.#stream.writableLength > MAX_WAITING_BYTES) this.#stream.destroy();
  }

  #receive(chunk: Buffer): void {
    let from = 0;
    if (this.#begunBytes > 0 || this.#isTooLong) {
      from = chunk.indexOf(LINE_END) + 1;
      if (from === 0) {
        this.#begin(chunk);
        return;
      }
      this.#begin(chunk.subarray(0, from - 1));
      this.#tell(this.#isTooLong ? undefined : Buffer.concat(this.#begun).toString());
      this.#begun = [];
      this.#begunBytes = 0;
      this.#isTooLong = false;
    }
    const to = chunk.lastIndexOf(LINE_END);
    if (to >= from) {
      for (const text of chunk.toString('utf8', from, to).split('\n')) {
        this.#tell(text.length > this.#maxBytes ? undefined : text);
      }
      from = to + 1;
    }
    if (from < chunk.length) this.#begin(chunk.subarray(from));
  }

  #begin(part: Buffer): void {
    this.#begunBytes += part.length;
    if (this.#begunBytes > this.#maxBytes) {
      this.#isTooLong = true;
      this.#begun = [];
    } else if (part.length > 0) {
      this.#begun.push(part);
    }
  }

  #tell(text: string | undefined): void {
    if (!this.#ended) this.#handlers.text(text);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#handlers.end();
  }
}
