import type { Clock, Timer } from '../../core/clock.ts';
import {
  type Connection,
  type ConnectionHandlers,
  IDLE_TIMEOUT_MS,
  MAX_UNSENT_BYTES,
  MESSAGE_TIMEOUT_MS,
  PAUSE_UNSENT_BYTES,
} from './connection.ts';
import type { Flow } from './flow.ts';
import { flowClosed } from './listen-error.ts';
import { StreamFramer } from './stream-framer.ts';
import type { StreamSocket } from './stream-socket.ts';

const KEEP_ALIVE_MS = 60_000;
const PONG = Buffer.from('\r\n');

/** One connection of TCP or TLS: both are the same from here on. */
export class StreamConnection implements Connection {
  readonly flow: Flow;
  readonly #socket: StreamSocket;
  readonly #clock: Clock;
  readonly #handlers: ConnectionHandlers;
  readonly #framer = new StreamFramer();
  /** Runs while a message is awaited or incomplete. */
  #messageTimer: Timer | undefined;
  /** Runs while the peer does not read what we sent. */
  #stallTimer: Timer | undefined;
  #idleTimer: Timer | undefined;
  #lastReceivedAt: number;
  #closed = false;

  /** `socket` is connected, and its handshake done. */
  constructor(socket: StreamSocket, flow: Flow, clock: Clock, handlers: ConnectionHandlers) {
    this.flow = flow;
    this.#socket = socket;
    this.#clock = clock;
    this.#handlers = handlers;
    this.#lastReceivedAt = clock.elapsed();
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    socket.on('drain', () => this.#readOn());
    socket.on('error', () => this.close());
    socket.on('close', () => this.close());
    this.#messageTimer = clock.schedule(MESSAGE_TIMEOUT_MS, () => this.close());
    this.#watchIdle(IDLE_TIMEOUT_MS);
  }

  get isOpen(): boolean {
    return !this.#closed && !this.#socket.destroyed && this.#socket.writable;
  }

  get lastReceivedAt(): number {
    return this.#lastReceivedAt;
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
    if (this.#socket.writableLength > PAUSE_UNSENT_BYTES) this.#stall();
  }

  end(): void {
    if (this.#closed) return;
    this.#messageTimer ??= this.#clock.schedule(MESSAGE_TIMEOUT_MS, () => this.close());
    this.#socket.end(() => this.close());
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#messageTimer?.cancel();
    this.#stallTimer?.cancel();
    this.#idleTimer?.cancel();
    this.#socket.destroy();
    this.#handlers.onClosed(this);
  }

  #receive(bytes: Buffer): void {
    this.#lastReceivedAt = this.#clock.elapsed();
    for (const frame of this.#framer.push(bytes, this.#handlers.isTraced())) {
      if (this.#closed) return;
      if (frame.kind === 'ping') {
        this.#handlers.onPing(this.flow);
        if (!this.#closed) this.send(PONG, () => undefined);
      } else {
        this.#stopMessageTimer();
        this.#handlers.onFrame(frame, this.flow);
      }
    }
    if (!this.#closed && this.#framer.isWithinMessage) {
      this.#messageTimer ??= this.#clock.schedule(MESSAGE_TIMEOUT_MS, () => this.close());
    }
  }

  #stopMessageTimer(): void {
    this.#messageTimer?.cancel();
    this.#messageTimer = undefined;
  }

  #stall(): void {
    if (this.#stallTimer !== undefined || this.#closed) return;
    this.#socket.pause();
    this.#stallTimer = this.#clock.schedule(MESSAGE_TIMEOUT_MS, () => this.close());
  }

  #readOn(): void {
    if (this.#stallTimer === undefined) return;
    this.#stallTimer.cancel();
    this.#stallTimer = undefined;
    this.#socket.resume();
  }

  /** One timer for hours, not one for each byte. */
  #watchIdle(delayMs: number): void {
    this.#idleTimer = this.#clock.schedule(delayMs, () => {
      const remainingMs = this.#lastReceivedAt + IDLE_TIMEOUT_MS - this.#clock.elapsed();
      if (remainingMs <= 0) this.close();
      else this.#watchIdle(remainingMs);
    });
  }
}
