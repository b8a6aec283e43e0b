import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingMessage,
  STATUS_CODES,
} from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { isIPv6, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Logger, SourceLog } from '../core/logger.ts';
import { addressText, sourceOf } from './address-text.ts';
import { ConnectionLimit } from './connection-limit.ts';
import { FileService, type FileServiceOptions, type ServiceLimits } from './file-service.ts';
import { listenError } from './listen-error.ts';
import { RateLimit } from './rate-limit.ts';
import { refuseUpgrade } from './upgrade-refusal.ts';

export interface WebListenPoint {
  /** An IPv4 or IPv6 address of this machine; `::` takes IPv6 alone, so that it goes with `0.0.0.0`. */
  readonly address: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

/** PEM. */
export interface WebCertificate {
  readonly key: string;
  readonly cert: string;
}

export interface WebLimits {
  /** Connections at once, over all ports. */
  readonly connections: number;
  readonly connectionsPerSource: number;
  /** Requests of one source: in the long run, and at once after a pause. */
  readonly requestsPerSecond: number;
  readonly requestBurst: number;
  /** From the first byte to the end of the header; a TLS handshake has as long. */
  readonly headerTimeoutMs: number;
  /** Without a byte either way. */
  readonly idleTimeoutMs: number;
  /** From the answer to the moment when the client has taken it. */
  readonly answerTimeoutMs: number;
}

/** Room for an office of 384 phones that all start at once behind one address, and each asks for three files. */
const DEFAULT_LIMITS: WebLimits = {
  connections: 512,
  connectionsPerSource: 128,
  requestsPerSecond: 50,
  requestBurst: 1200,
  headerTimeoutMs: 5000,
  idleTimeoutMs: 10_000,
  answerTimeoutMs: 60_000,
};

const MAX_HEADER_BYTES = 8192;
const MAX_HEADER_FIELDS = 64;
const MAX_REASON_CHARACTERS = 120;
/** How long requests that are being answered have left when the server closes. */
const CLOSE_GRACE_MS = 500;

export interface WebListenPoints {
  readonly http?: readonly WebListenPoint[];
  /** Needs a certificate, given before. */
  readonly https?: readonly WebListenPoint[];
}

/** What takes connections over from HTTPS, such as WebSockets. */
export interface UpgradeHandler {
  /** Whether the request asks for it; anything else is a request for a file. */
  wants(request: IncomingMessage): boolean;
  /**
   * The connection is the handler's from now on; it is cut off when its port closes. False where the handler has refused it: it
   * bounds those that it takes itself, which are none of the server's any more.
   */
  take(request: IncomingMessage, stream: Duplex, head: Buffer): boolean;
}

export interface WebServerOptions extends WebListenPoints, FileServiceOptions {
  /** None unless given. */
  readonly upgrade?: UpgradeHandler;
  /** Needed where `https` names a port. */
  readonly certificate?: WebCertificate;
  /** Where it is shared, a source gets one line a second in all. */
  readonly sourceLog?: SourceLog;
  readonly limits?: Partial<WebLimits>;
}

export interface WebAddress extends WebListenPoint {
  readonly protocol: 'http' | 'https';
}

/** The ports of the file service, with what bounds the strangers who come to them. */
export class WebServer {
  readonly #options: WebServerOptions;
  readonly #limits: WebLimits;
  readonly #logger: Logger;
  readonly #strangers: SourceLog;
  readonly #serviceLimits: ServiceLimits;
  readonly #connections: ConnectionLimit;
  readonly #servers = new Map<HttpServer | HttpsServer, WebAddress>();
  /** Connections that are HTTP no more: their server does not know them. */
  readonly #upgraded = new WeakMap<HttpServer | HttpsServer, Set<Duplex>>();
  #certificate: WebCertificate | undefined;
  /** Started for the first port. */
  #service: Promise<FileService> | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: WebServerOptions) {
    this.#options = options;
    this.#certificate = options.certificate;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#logger = options.logger;
    this.#strangers = options.sourceLog ?? new SourceLog(options.logger, options.clock);
    this.#serviceLimits = {
      rate: new RateLimit(this.#limits.requestsPerSecond, this.#limits.requestBurst, options.clock),
      strangers: this.#strangers,
      answerTimeoutMs: this.#limits.answerTimeoutMs,
    };
    this.#connections = new ConnectionLimit(this.#limits.connections, this.#limits.connectionsPerSource);
  }

  /**
   * Resolves when every port listens; when one cannot, none does. Throws UsageError WEB_PORT_IN_USE,
   * WEB_PORT_FORBIDDEN, WEB_ADDRESS_UNKNOWN.
   */
  static async open(options: WebServerOptions): Promise<WebServer> {
    const web = new WebServer(options);
    await web.listen(options);
    return web;
  }

  /**
   * More ports. When one cannot be opened, none of these is, and those that were there before stay. Throws as `open`
   * does.
   */
  async listen({ http = [], https = [] }: WebListenPoints): Promise<void> {
    if (http.length + https.length === 0) return;
    this.#service ??= FileService.start(this.#options, this.#serviceLimits);
    const service = await this.#service;
    const opened: (HttpServer | HttpsServer)[] = [];
    try {
      for (const point of http) opened.push(await this.#listen('http', point, service));
      for (const point of https) opened.push(await this.#listen('https', point, service));
    } catch (error) {
      await this.#closeServers(opened);
      throw error;
    }
    // One that was bound while everything was being closed must not stay behind.
    if (this.#closing !== undefined) await this.#closeServers(opened);
  }

  /**
   * Closes the ports of these addresses, given as they were to `listen`, or one port of each; answers under way have
   * half a second.
   */
  async unlisten(addresses: readonly string[], port?: number): Promise<void> {
    const ofThese = [...this.#servers].filter(
      ([, listening]) => addresses.includes(listening.address) && (port === undefined || listening.port === port),
    );
    await this.#closeServers(ofThese.map(([server]) => server));
  }

  /** Where it listens, with the ports that the system chose. */
  get addresses(): readonly WebAddress[] {
    return [...this.#servers.values()];
  }

  /** New connections get this certificate; those that are open keep theirs. */
  useCertificate(certificate: WebCertificate): void {
    const { key, cert } = certificate;
    for (const server of this.#servers.keys()) {
      if ('setSecureContext' in server) server.setSecureContext({ key, cert, minVersion: 'TLSv1.2' });
    }
    this.#certificate = certificate;
  }

  /** Lets answers that are under way finish for half a second. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#closeServers([...this.#servers.keys()]);
    const service = await this.#service?.catch(() => undefined);
    await service?.close();
  }

  async #closeServers(servers: readonly (HttpServer | HttpsServer)[]): Promise<void> {
    for (const server of servers) this.#servers.delete(server);
    await Promise.all(servers.map((server) => this.#closeServer(server)));
  }

  async #closeServer(server: HttpServer | HttpsServer): Promise<void> {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    const timer = this.#options.clock.schedule(CLOSE_GRACE_MS, () => {
      server.closeAllConnections();
      for (const stream of this.#upgraded.get(server) ?? []) stream.destroy();
    });
    await closed;
    timer.cancel();
  }

  async #listen(
    protocol: WebAddress['protocol'],
    { address, port }: WebListenPoint,
    service: FileService,
  ): Promise<HttpServer | HttpsServer> {
    const server = this.#createServer(protocol, service);
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(listenError(error, address, port)));
      server.listen({ host: address, port, ipv6Only: isIPv6(address) }, resolve);
    });
    server.removeAllListeners('error');
    server.on('error', (error) => this.#logger.error({ err: error, address, port }, 'the web server failed'));
    const bound = server.address();
    const boundPort = bound !== null && typeof bound === 'object' ? bound.port : port;
    this.#servers.set(server, { protocol, address, port: boundPort });
    return server;
  }

  #createServer(protocol: WebAddress['protocol'], { handle }: FileService): HttpServer | HttpsServer {
    const { headerTimeoutMs, idleTimeoutMs } = this.#limits;
    const settings = {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: headerTimeoutMs,
      requestTimeout: headerTimeoutMs,
      keepAliveTimeout: idleTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, headerTimeoutMs),
      keepAlive: true,
    };
    const certificate = this.#certificate;
    let server: HttpServer | HttpsServer;
    if (protocol === 'http') {
      server = createHttpServer(settings, handle);
    } else {
      if (certificate === undefined) throw new Error('HTTPS without a certificate');
      const { key, cert } = certificate;
      server = createHttpsServer(
        {
          ...settings,
          key,
          cert,
          minVersion: 'TLSv1.2',
          handshakeTimeout: headerTimeoutMs,
          shouldUpgradeCallback: (request) => this.#options.upgrade?.wants(request) === true,
        },
        handle,
      );
      const { upgrade } = this.#options;
      if (upgrade !== undefined) this.#offerUpgrade(server, upgrade);
      server.on('tlsClientError', (error, socket) => this.#refused(socket, error.message));
    }
    server.maxHeadersCount = MAX_HEADER_FIELDS;
    server.setTimeout(idleTimeoutMs);
    server.on('connection', (socket: Socket) => {
      if (this.#connections.admit(sourceOf(socket), socket)) return;
      this.#refused(socket, 'too many connections');
      socket.destroy();
    });
    server.on('clientError', (error, socket) => {
      this.#refused(socket, error.message, refuse(error, socket));
    });
    return server;
  }

  #offerUpgrade(server: HttpServer | HttpsServer, upgrade: UpgradeHandler): void {
    const upgraded = new Set<Duplex>();
    this.#upgraded.set(server, upgraded);
    server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
      if (!this.#serviceLimits.rate.take(sourceOf(request.socket))) {
        refuseUpgrade(stream, 429);
        return;
      }
      // From here on the handler says who is idle.
      request.socket.setTimeout(0);
      upgraded.add(stream);
      stream.once('close', () => upgraded.delete(stream));
      // Whoever holds many of these keeps nobody from a file.
      if (upgrade.take(request, stream, head)) this.#connections.release(request.socket);
    });
  }

  /** What never became a request. */
  #refused(socket: Partial<Socket>, reason: string, status?: number): void {
    const source = addressText(socket.remoteAddress);
    this.#strangers.warn(source, { reason }, 'web request refused');
    this.#options.requestLog?.add({
      name: '',
      lan: this.#options.lanOf?.(addressText(socket.localAddress)),
      remoteAddress: source,
      isSecure: 'encrypted' in socket,
      userAgent: '',
      method: '',
      status,
      sentBytes: 0,
      origin: undefined,
      why: reason.slice(0, MAX_REASON_CHARACTERS),
    });
  }
}

/** The status of the answer to what the HTTP parser refused, where one can still be written. */
function refuse(
  error: Error,
  socket: { writable: boolean; destroy(): void; end(text: string): void },
): number | undefined {
  const code = 'code' in error ? error.code : undefined;
  if (!socket.writable || code === 'ECONNRESET') {
    socket.destroy();
    return undefined;
  }
  const status = code === 'HPE_HEADER_OVERFLOW' ? 431 : code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  return status;
}
