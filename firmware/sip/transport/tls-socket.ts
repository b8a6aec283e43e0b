import type { StreamSocket } from './stream-socket.ts';

/** The addon's functions for one listener; a connection goes by its number. */
export interface TlsConnections {
  /** How many bytes are unsent now, or -1 where the connection broke. */
  write(connection: number, bytes: Buffer): number;
  pause(connection: number, isPaused: boolean): void;
  keepAlive(connection: number, seconds: number): void;
  end(connection: number): void;
  /** Once; the number may be another connection's at once. */
  close(connection: number): void;
}

/** `secure`: the handshake is done. */
type Event = 'secure' | 'data' | 'drain' | 'error' | 'close';
type Listener = (detail: never) => void;

export interface TlsSocketOptions {
  readonly connections: TlsConnections;
  readonly connection: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

type Written = (error?: Error | null) => void;

/**
 * A connection that a TlsListener accepted. It holds no buffer while nothing is under way. `error` comes before `close`
 * where it broke; both come after the call that was their cause has returned.
 */
export class TlsSocket implements StreamSocket {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly #connections: TlsConnections;
  readonly #connection: number;
  /** Event and listener in turn. An EventEmitter takes half as much again as all the rest of a connection's objects. */
  readonly #listeners: (Event | Listener)[] = [];
  #unsent = 0;
  /** Of writes that wait for room, and of the end that comes after them. */
  #waiting: Written[] | undefined;
  #onEnded: (() => void) | undefined;
  #isEnding = false;
  #destroyed = false;

  constructor(options: TlsSocketOptions) {
    this.localAddress = options.localAddress;
    this.localPort = options.localPort;
    this.remoteAddress = options.remoteAddress;
    this.remotePort = options.remotePort;
    this.#connections = options.connections;
    this.#connection = options.connection;
  }

  on(event: 'data', listener: (bytes: Buffer) => void): void;
  on(event: 'error', listener: (error: Error) => void): void;
  on(event: 'secure' | 'drain' | 'close', listener: () => void): void;
  on(event: Event, listener: Listener): void {
    this.#listeners.push(event, listener);
  }

  /** It comes only once. */
  once(event: 'close', listener: () => void): void {
    this.on(event, listener);
  }

  /** Forgets what listens. */
  off(event: Event): void {
    const listeners = this.#listeners;
    for (let at = listeners.length - 2; at >= 0; at -= 2) if (listeners[at] === event) listeners.splice(at, 2);
  }

  get destroyed(): boolean {
    return this.#destroyed;
  }

  get writable(): boolean {
    return !this.#destroyed && !this.#isEnding;
  }

  get writableLength(): number {
    return this.#unsent;
  }

  /** It is so from the beginning. */
  setNoDelay(): void {}

  setKeepAlive(_isOn: true, delayMs: number): void {
    if (!this.#destroyed) this.#connections.keepAlive(this.#connection, Math.ceil(delayMs / 1000));
  }

  write(bytes: Buffer, onWritten: Written): void {
    const unsent = this.writable ? this.#connections.write(this.#connection, bytes) : -1;
    if (unsent === -1) {
      const error = new Error('the connection is closed');
      queueMicrotask(() => onWritten(error));
      if (this.writable) this.broke('the connection broke');
      return;
    }
    this.#unsent = unsent;
    if (unsent === 0) return;
    this.#waiting ??= [];
    this.#waiting.push(onWritten);
  }

  pause(): void {
    if (!this.#destroyed) this.#connections.pause(this.#connection, true);
  }

  resume(): void {
    if (!this.#destroyed) this.#connections.pause(this.#connection, false);
  }

  end(onEnded: () => void = () => undefined): void {
    if (!this.writable) return;
    this.#isEnding = true;
    this.#onEnded = onEnded;
    if (this.#unsent === 0) this.#ended();
  }

  destroy(error?: Error): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#connections.close(this.#connection);
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    this.#onEnded = undefined;
    process.nextTick(() => {
      if (error !== undefined) this.#tell('error', error);
      for (const onWritten of waiting) onWritten(error ?? new Error('the connection is closed'));
      this.#tell('close');
    });
  }

  /** For the listener: the handshake is done. */
  secured(): void {
    this.#tell('secure');
  }

  /** For the listener: `bytes` are the receiver's to keep. */
  received(bytes: Buffer): void {
    this.#tell('data', bytes);
  }

  /** For the listener: so many bytes are unsent still. */
  sent(unsent: number): void {
    this.#unsent = unsent;
    if (unsent > 0) return;
    this.#waiting = undefined;
    this.#tell('drain');
    if (this.#isEnding && !this.#destroyed) this.#ended();
  }

  /** For the listener: the peer sends nothing more. What is unsent goes out, then it is over. */
  peerEnded(): void {
    const onEnded = this.#onEnded;
    if (this.writable) this.end(() => this.destroy());
    else if (this.#unsent === 0) this.destroy();
    else {
      this.#onEnded = () => {
        onEnded?.();
        this.destroy();
      };
    }
  }

  /** For the listener. */
  broke(reason: string): void {
    this.destroy(new Error(reason));
  }

  #tell(event: Event, detail?: Buffer | Error): void {
    const listeners = this.#listeners;
    for (let at = 0; at < listeners.length; at += 2) {
      if (listeners[at] === event) (listeners[at + 1] as (given: unknown) => void)(detail);
    }
  }

  #ended(): void {
    this.#connections.end(this.#connection);
    const onEnded = this.#onEnded;
    if (onEnded !== undefined) process.nextTick(onEnded);
  }
}
