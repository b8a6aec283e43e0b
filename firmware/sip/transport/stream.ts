import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Flow } from './flow.ts';
import { flowClosed } from './listen-error.ts';
import { type Frame, StreamFramer } from './stream-framer.ts';

/** From the first byte of a message to its last; also from the connection to its first message. */
export const MESSAGE_TIMEOUT_MS = 30_000;
/** Without a byte received: longer than the longest registration without keep-alives. */
export const IDLE_TIMEOUT_MS = 2 * 60 * 60 * 1000;
/** What a peer that does not read may leave with us. */
export const MAX_UNSENT_BYTES = 1 << 20;
const KEEP_ALIVE_MS = 60_000;
const PONG = Buffer.from('\r\n');

export type MessageFrame = Exclude<Frame, { kind: 'ping' }>;

export interface StreamHandlers {
  /** Whether somebody wants to see messages as they came. */
  isTraced?(): boolean;
  onFrame(frame: MessageFrame, flow: Flow): void;
  onClosed(connection: StreamConnection): void;
}

/** One connection of TCP or TLS: both are the same from here on. */
export class StreamConnection {
  readonly flow: Flow;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #handlers: StreamHandlers;
  readonly #framer = new StreamFramer();
  #messageTimer: Timer | undefined;
  #idleTimer: Timer | undefined;
  #lastReceivedAt: number;
  #closed = false;

  /** `socket` is connected, and its handshake done. */
  constructor(socket: Socket, flow: Flow, clock: Clock, handlers: StreamHandlers) {
    this.flow = flow;
    this.#socket = socket;
    this.#clock = clock;
    this.#handlers = handlers;
    this.#lastReceivedAt = clock.now();
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    socket.on('error', () => this.close());
    socket.on('close', () => this.close());
    this.#messageTimer = clock.schedule(MESSAGE_TIMEOUT_MS, () => this.close());
    this.#watchIdle(IDLE_TIMEOUT_MS);
  }

  get isOpen(): boolean {
    return !this.#closed && !this.#socket.destroyed && this.#socket.writable;
  }

  send(bytes: Buffer, onFailed: (error: Error) => void): void {
    if (!this.isOpen || this.#socket.writableLength > MAX_UNSENT_BYTES) {
      this.close();
      queueMicrotask(() => onFailed(flowClosed(this.flow)));
      return;
    }
    this.#socket.write(bytes, (error) => {
      if (error !== null && error !== undefined) onFailed(flowClosed(this.flow, error));
    });
  }

  /** Sends what is still in the buffer, then closes. */
  end(): void {
    if (this.#closed) return;
    this.#messageTimer ??= this.#clock.schedule(MESSAGE_TIMEOUT_MS, () => this.close());
    this.#socket.end(() => this.close());
  }

  /** Cuts the connection at once. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#messageTimer?.cancel();
    this.#idleTimer?.cancel();
    this.#socket.destroy();
    this.#handlers.onClosed(this);
  }

  #receive(bytes: Buffer): void {
    this.#lastReceivedAt = this.#clock.now();
    const frames = this.#framer.push(bytes, this.#handlers.isTraced?.());
    if (frames.length > 0) this.#stopMessageTimer();
    for (const frame of frames) {
      if (this.#closed) return;
      if (frame.kind === 'ping') this.send(PONG, () => undefined);
      else this.#handlers.onFrame(frame, this.flow);
    }
    if (!this.#closed && this.#framer.isWithinMessage) {
      this.#messageTimer ??= this.#clock.schedule(MESSAGE_TIMEOUT_MS, () => this.close());
    }
  }

  #stopMessageTimer(): void {
    this.#messageTimer?.cancel();
    this.#messageTimer = undefined;
  }

  /** One timer for hours, not one for each byte. */
  #watchIdle(delayMs: number): void {
    this.#idleTimer = this.#clock.schedule(delayMs, () => {
      const remainingMs = this.#lastReceivedAt + IDLE_TIMEOUT_MS - this.#clock.now();
      if (remainingMs <= 0) this.close();
      else this.#watchIdle(remainingMs);
    });
  }
}
