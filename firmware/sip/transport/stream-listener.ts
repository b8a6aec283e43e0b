import { connect as connectTcp, createServer, isIPv6, type Server, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket, Server as TlsServer } from 'node:tls';
import { UsageError } from '../../core/errors.ts';
import type { ListenPoint, TlsIdentity } from './flow.ts';
import { listenError, noRoute } from './listen-error.ts';

const MIN_VERSION = 'TLSv1.2';
const HANDSHAKE_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** Connections that the kernel holds for us while we are busy. */
const BACKLOG = 511;

export interface StreamListenerHandlers {
  onConnection(socket: Socket): void;
  onHandshakeFailed(remoteAddress: string, error: Error): void;
}

/** Accepts connections of TCP, or of TLS with the handshake done. */
export class StreamListener {
  #point: ListenPoint;
  readonly #server: Server;
  #closing: Promise<void> | undefined;

  private constructor(point: ListenPoint, server: Server) {
    this.#point = point;
    this.#server = server;
  }

  get point(): ListenPoint {
    return this.#point;
  }

  /** Throws a UsageError that names the port and the cure. */
  static async open(
    point: ListenPoint,
    maxConnections: number,
    handlers: StreamListenerHandlers,
  ): Promise<StreamListener> {
    const server = point.protocol === 'tls' ? tlsServer(point, handlers) : createServer(handlers.onConnection);
    server.maxConnections = maxConnections;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(listenError(point, error)));
      const { address, port } = point;
      server.listen({ host: address, port, exclusive: true, ipv6Only: isIPv6(address), backlog: BACKLOG }, resolve);
    });
    server.removeAllListeners('error');
    server.on('error', () => {
      // Accepting failed (no file descriptor left): the next one is tried anyway.
    });
    const bound = server.address();
    const port = bound !== null && typeof bound === 'object' ? bound.port : point.port;
    return new StreamListener({ ...point, port }, server);
  }

  /** New connections get this certificate; those that stand keep theirs. Without TLS nothing happens. */
  useCertificate(tls: TlsIdentity): void {
    if (!(this.#server instanceof TlsServer)) return;
    const { key, cert } = tls;
    try {
      this.#server.setSecureContext({ key, cert, minVersion: MIN_VERSION });
    } catch (cause) {
      throw certificateError(cause);
    }
    this.#point = { ...this.#point, tls };
  }

  /** Takes no more connections at once; resolves when the last one, which is its owner's to close, is gone. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => this.#server.close(() => resolve()));
    return this.#closing;
  }
}

function tlsServer(point: ListenPoint, handlers: StreamListenerHandlers): Server {
  if (point.tls === undefined) {
    throw new UsageError('SIP_CERTIFICATE', 'SIP over TLS has no certificate', 'Give a key and a certificate.');
  }
  try {
    const { key, cert } = point.tls;
    const options = { key, cert, minVersion: MIN_VERSION, handshakeTimeout: HANDSHAKE_TIMEOUT_MS } as const;
    const server = createTlsServer(options, handlers.onConnection);
    server.on('tlsClientError', (error, socket) => {
      handlers.onHandshakeFailed(socket.remoteAddress ?? 'unknown', error);
      socket.destroy();
    });
    return server;
  } catch (cause) {
    throw certificateError(cause);
  }
}

function certificateError(cause: unknown): UsageError {
  return new UsageError(
    'SIP_CERTIFICATE',
    'SIP over TLS cannot use its key and certificate',
    'Give both as PEM, and of the same pair.',
    { cause },
  );
}

/** Connects to an address; rejects with SIP_NO_ROUTE after 5 s at the latest. */
export function connectStream(
  protocol: 'tcp' | 'tls',
  host: string,
  port: number,
  point: ListenPoint,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const ca = point.tls?.ca;
    const socket: Socket | TLSSocket =
      protocol === 'tls'
        ? connectTls({ host, port, minVersion: MIN_VERSION, ...(ca === undefined ? {} : { ca }) })
        : connectTcp({ host, port });
    const fail = (cause?: Error): void => {
      socket.destroy();
      reject(noRoute(`no connection to ${host} port ${port} over ${protocol}`, cause));
    };
    socket.setTimeout(CONNECT_TIMEOUT_MS, fail);
    socket.once('error', fail);
    socket.once(protocol === 'tls' ? 'secureConnect' : 'connect', () => {
      socket.setTimeout(0);
      socket.removeListener('timeout', fail);
      socket.removeListener('error', fail);
      resolve(socket);
    });
  });
}
