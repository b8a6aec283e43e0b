import { isUtf8 } from 'node:buffer';
import type { RawData, WebSocket } from 'ws';
import type { Clock, Timer } from '../../core/clock.ts';
import { parseMessage } from '../message/parser.ts';
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

/** How often the peer must show that it is there; a proxy before it gives an idle connection a minute. */
export const WEB_SOCKET_PING_MS = 30_000;
/** RFC 6455 §7.4.1. */
const GOING_AWAY = 1001;
const PING = '\r\n\r\n';
const PONG = Buffer.from('\r\n');

/** One connection of WebSocket (RFC 7118): each of its messages is one of SIP. */
export class WebSocketConnection implements Connection {
  readonly flow: Flow;
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  readonly #handlers: ConnectionHandlers;
  #timer: Timer | undefined;
  #endTimer: Timer | undefined;
  #stallTimer: Timer | undefined;
  /** Whether a SIP message has come: an open page that never speaks holds no place. */
  #hasSpoken = false;
  #isAlive = true;
  #lastMessageAt: number;
  #closed = false;

  /** `socket` has its handshake done, and "sip" is its subprotocol. */
  constructor(socket: WebSocket, flow: Flow, clock: Clock, handlers: ConnectionHandlers) {
    this.flow = flow;
    this.#socket = socket;
    this.#clock = clock;
    this.#handlers = handlers;
    this.#lastMessageAt = clock.elapsed();
    socket.on('message', (data) => this.#receive(data));
    socket.on('ping', () => {
      this.#showLife();
      this.#handlers.onPing(this.flow);
    });
    socket.on('pong', () => this.#showLife());
    socket.on('error', () => this.close());
    socket.on('close', () => this.close());
    this.#watch();
  }

  get isOpen(): boolean {
    return !this.#closed && this.#socket.readyState === this.#socket.OPEN;
  }

  get lastReceivedAt(): number {
    return this.#lastMessageAt;
  }

  send(bytes: Buffer, onFailed: (error: Error) => void): void {
    if (!this.isOpen || this.#socket.bufferedAmount > MAX_UNSENT_BYTES) {
      this.close();
      queueMicrotask(() => onFailed(flowClosed(this.flow)));
      return;
    }
    // RFC 7118 §4.2 allows both; text must be UTF-8, and browsers read it most easily.
    this.#socket.send(bytes, { binary: !isUtf8(bytes) }, (error) => {
      if (error !== null && error !== undefined) onFailed(flowClosed(this.flow, error));
      else this.#readOn();
    });
    if (this.#socket.bufferedAmount > PAUSE_UNSENT_BYTES) this.#stall();
  }

  end(): void {
    if (this.#closed) return;
    this.#endTimer ??= this.#clock.schedule(MESSAGE_TIMEOUT_MS, () => this.close());
    this.#socket.close(GOING_AWAY);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const timer of [this.#timer, this.#endTimer, this.#stallTimer]) timer?.cancel();
    this.#socket.terminate();
    this.#handlers.onClosed(this);
  }

  #receive(data: RawData): void {
    if (this.#closed) return;
    this.#showLife();
    this.#lastMessageAt = this.#clock.elapsed();
    const bytes = bytesOf(data);
    if (bytes.length <= PING.length && bytes.toString('latin1').trim() === '') {
      this.#handlers.onPing(this.flow);
      // RFC 7118 §6 leaves the choice of keep-alives to the client; a single CRLF is the pong to one of ours.
      if (!this.#closed && bytes.toString('latin1') === PING) this.send(PONG, () => undefined);
      return;
    }
    this.#hasSpoken = true;
    const message = parseMessage(bytes);
    this.#handlers.onFrame(this.#handlers.isTraced() ? { ...message, raw: bytes } : message, this.flow);
  }

  #showLife(): void {
    this.#isAlive = true;
  }

  #stall(): void {
    if (this.#stallTimer !== undefined || this.#closed) return;
    this.#socket.pause();
    this.#stallTimer = this.#clock.schedule(MESSAGE_TIMEOUT_MS, () => this.close());
  }

  #readOn(): void {
    if (this.#stallTimer === undefined || this.#socket.bufferedAmount > PAUSE_UNSENT_BYTES / 2) return;
    this.#stallTimer.cancel();
    this.#stallTimer = undefined;
    this.#socket.resume();
  }

  /** Who sent nothing whole since the last ping, be it half a message byte by byte, is gone or up to no good. */
  #watch(): void {
    this.#timer = this.#clock.schedule(WEB_SOCKET_PING_MS, () => {
      const isIdle = this.#clock.elapsed() - this.#lastMessageAt >= IDLE_TIMEOUT_MS;
      if (!this.#isAlive || !this.#hasSpoken || isIdle || !this.isOpen) {
        this.close();
        return;
      }
      this.#isAlive = false;
      this.#socket.ping();
      this.#watch();
    });
  }
}

function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
