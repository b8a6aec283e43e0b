import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import { type TlsOptions, Server as TlsServer } from 'node:tls';
import type { WebSocket } from 'ws';
import type { Clock, Timer } from '../../core/clock.ts';
import { UsageError } from '../../core/errors.ts';
import type { ConnectionSlots, Slot } from './connection-slots.ts';
import type { ListenPoint, TlsIdentity } from './flow.ts';
import { listenError } from './listen-error.ts';
import { sourceOf } from './source.ts';
import type { StreamSocket } from './stream-socket.ts';
import { TlsListener } from './tls-listener.ts';
import type { TlsSocket } from './tls-socket.ts';

/** The oldest version that is spoken, by listeners and outwards. */
export const MIN_TLS_VERSION = 'TLSv1.2';
/** From the connection to the end of the handshakes of TLS and WebSocket. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;
/** A phone that comes back within it goes on with the keys of before, which costs a tenth of a handshake. */
const SESSION_SECONDS = 24 * 3600;
/** Connections that the kernel holds for us while we are busy. */
const BACKLOG = 511;

export interface StreamListenerHandlers {
  /** Asked before anything else. */
  refuses(remoteAddress: string, localAddress: string): boolean;
  /** All connections are taken: true where one of them is being closed. */
  makesRoom(): boolean;
  /** There are too many connections, of this source or in all. */
  onRefused(remoteAddress: string): void;
  onConnection(socket: StreamSocket): void;
  /** `connection` is what carries it. */
  onWebSocket(socket: WebSocket, connection: StreamSocket): void;
  onHandshakeFailed(remoteAddress: string, error: Error): void;
}

/** Makes of an accepted connection what the listener is for; a server that listens nowhere. */
type Upgrade = Pick<Server, 'emit'>;

interface Handshake {
  readonly socket: StreamSocket;
  readonly release: () => void;
  readonly timer: Timer;
}

/** Accepts connections of TCP, and those of TLS and WebSocket once their handshakes are done. */
export class StreamListener {
  #point: ListenPoint;
  /** Of TCP and WebSocket. */
  readonly #server = createServer((socket) => this.#acceptPlain(socket));
  #tls: TlsListener | undefined;
  readonly #slots: ConnectionSlots;
  readonly #clock: Clock;
  readonly #handlers: StreamListenerHandlers;
  /** Of WebSocket: makes one of an accepted connection. */
  #upgrade: Upgrade | undefined;
  /** By peer, the oldest first. */
  readonly #handshakes = new Map<string, Handshake>();
  #closing: Promise<void> | undefined;

  private constructor(point: ListenPoint, slots: ConnectionSlots, clock: Clock, handlers: StreamListenerHandlers) {
    this.#point = point;
    this.#slots = slots;
    this.#clock = clock;
    this.#handlers = handlers;
  }

  get point(): ListenPoint {
    return this.#point;
  }

  /** Throws a UsageError that names the port and the cure. */
  static async open(
    point: ListenPoint,
    slots: ConnectionSlots,
    clock: Clock,
    handlers: StreamListenerHandlers,
  ): Promise<StreamListener> {
    const listener = new StreamListener(point, slots, clock, handlers);
    await listener.#open();
    return listener;
  }

  /** New connections get this certificate; those that stand keep theirs. Without TLS nothing happens. */
  useCertificate(tls: TlsIdentity): void {
    try {
      if (this.#tls !== undefined) this.#tls.useCertificate(tls);
      else if (this.#upgrade instanceof TlsServer) {
        // Clients that come back with a ticket of before go on as they would have.
        const ticketKeys = this.#upgrade.getTicketKeys();
        this.#upgrade.setSecureContext({ ...tlsOptions(tls), ticketKeys });
      } else return;
    } catch (cause) {
      throw certificateError(cause);
    }
    this.#point = { ...this.#point, tls };
  }

  /**
   * Takes no more connections at once and cuts those in a handshake; resolves when the last one, which is its owner's to
   * close, is gone. Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      if (this.#tls === undefined) this.#server.close(() => resolve());
      else this.#tls.stop(resolve);
    });
    for (const { socket } of this.#handshakes.values()) socket.destroy();
    return this.#closing;
  }

  async #open(): Promise<void> {
    const { address, port, protocol } = this.#point;
    if (protocol === 'tls') {
      this.#tls = this.#openTls(identityOf(this.#point));
      this.#point = { ...this.#point, port: this.#tls.port };
      return;
    }
    if (protocol === 'ws') this.#upgrade = await this.#webSocketServer(undefined);
    if (protocol === 'wss') this.#upgrade = await this.#secureWebSocketServer(identityOf(this.#point));
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) => reject(listenError(this.#point, error)));
      const exact = { exclusive: true, ipv6Only: isIPv6(address), backlog: BACKLOG };
      this.#server.listen({ host: address, port, ...exact }, resolve);
    });
    this.#server.removeAllListeners('error');
    this.#server.on('error', () => {
      // Accepting failed (no file descriptor left): the next one is tried anyway.
    });
    const bound = this.#server.address();
    if (bound !== null && typeof bound === 'object') this.#point = { ...this.#point, port: bound.port };
  }

  #openTls(identity: TlsIdentity): TlsListener {
    const { address, port } = this.#point;
    const onConnection = (socket: TlsSocket): void => this.#acceptTls(socket);
    try {
      return new TlsListener({ address, port, identity, onConnection });
    } catch (cause) {
      const isOfSystem = cause instanceof Error && 'code' in cause && cause.code !== 'ERR_TLS';
      throw isOfSystem ? listenError(this.#point, cause) : certificateError(cause);
    }
  }

  async #secureWebSocketServer(identity: TlsIdentity): Promise<Server> {
    try {
      const server = await this.#webSocketServer(tlsOptions(identity));
      server.on('tlsClientError', (error: Error, socket: Socket) => {
        this.#handlers.onHandshakeFailed(socket.remoteAddress ?? 'unknown', error);
        socket.destroy();
      });
      return server;
    } catch (cause) {
      throw certificateError(cause);
    }
  }

  async #webSocketServer(tls: TlsOptions | undefined): Promise<Server> {
    const { webSocketServer } = await import('./web-socket-server.ts');
    return webSocketServer(tls, (socket, connection) =>
      this.#ready(connection, () => this.#handlers.onWebSocket(socket, connection)),
    );
  }

  #acceptPlain(socket: Socket): void {
    const release = this.#admit(socket);
    if (release === undefined) return;
    if (this.#upgrade === undefined) {
      this.#handlers.onConnection(socket);
      return;
    }
    this.#beginHandshake(socket, release);
    socket.on('error', () => socket.destroy());
    this.#upgrade.emit('connection', socket);
  }

  #acceptTls(socket: TlsSocket): void {
    const release = this.#admit(socket);
    if (release === undefined) return;
    this.#beginHandshake(socket, release);
    socket.on('error', (error) => this.#handlers.onHandshakeFailed(socket.remoteAddress, error));
    socket.on('secure', () => {
      // From here on errors are its owner's.
      socket.off('secure');
      socket.off('error');
      this.#ready(socket, () => this.#handlers.onConnection(socket));
    });
  }

  /** Gives the connection its slot, until it closes; undefined, and it is gone, where it may not have one. */
  #admit(socket: StreamSocket): (() => void) | undefined {
    const { remoteAddress, localAddress } = socket;
    const isGone = remoteAddress === undefined || localAddress === undefined;
    if (isGone || this.#closing !== undefined || this.#handlers.refuses(remoteAddress, localAddress)) {
      socket.destroy();
      return undefined;
    }
    const slot = this.#takeSlot(sourceOf(remoteAddress, localAddress));
    if (slot.kind !== 'slot') {
      this.#handlers.onRefused(remoteAddress);
      socket.destroy();
      return undefined;
    }
    socket.once('close', slot.release);
    return slot.release;
  }

  #beginHandshake(socket: StreamSocket, release: () => void): void {
    const peer = peerOf(socket);
    const timer = this.#clock.schedule(HANDSHAKE_TIMEOUT_MS, () => socket.destroy());
    this.#handshakes.set(peer, { socket, release, timer });
    socket.once('close', () => {
      // The peer may have come again from the same port by now.
      if (this.#handshakes.get(peer)?.socket === socket) this.#endHandshake(peer);
    });
  }

  /** Where all are taken, the oldest handshake gives up its own: who is in no hurry makes room for who came after. */
  #takeSlot(source: string): Slot {
    return this.#slots.take(source, () => {
      const [oldest] = this.#handshakes.values();
      if (oldest === undefined) return this.#handlers.makesRoom();
      oldest.release();
      oldest.socket.destroy();
      return true;
    });
  }

  #ready(socket: StreamSocket, use: () => void): void {
    if (!this.#endHandshake(peerOf(socket))) socket.destroy();
    else use();
  }

  #endHandshake(peer: string): boolean {
    this.#handshakes.get(peer)?.timer.cancel();
    return this.#handshakes.delete(peer);
  }
}

function peerOf({ remoteAddress, remotePort }: StreamSocket): string {
  return `${remoteAddress}|${remotePort}`;
}

function identityOf({ protocol, tls }: ListenPoint): TlsIdentity {
  if (tls !== undefined) return tls;
  const name = protocol === 'tls' ? 'TLS' : 'secure WebSocket';
  throw new UsageError('SIP_CERTIFICATE', `SIP over ${name} has no certificate`, 'Give a key and a certificate.');
}

function tlsOptions({ key, cert }: TlsIdentity): TlsOptions {
  return { key, cert, minVersion: MIN_TLS_VERSION, sessionTimeout: SESSION_SECONDS };
}

function certificateError(cause: unknown): UsageError {
  return new UsageError(
    'SIP_CERTIFICATE',
    'SIP over TLS cannot use its key and certificate',
    'Give both as PEM, and of the same pair.',
    { cause },
  );
}
