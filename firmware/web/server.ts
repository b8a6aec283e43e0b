import { createHash } from 'node:crypto';
import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { isIPv6, type Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';
import { RingdownError, UsageError } from '../core/errors.ts';
import { type Logger, SourceLog } from '../core/logger.ts';
import { ConnectionLimit } from './connection-limit.ts';
import { RateLimit } from './rate-limit.ts';

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

/** A file as it is at the moment of the request. */
export interface WebFile {
  readonly contentType: string;
  readonly body: string;
}

/** `localAddress` is the address of ours by which the client asked, or what `advertise` says for it. Undefined: not found. */
export type MakeWebFile = (localAddress: string) => WebFile | undefined;

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
}

/** Room for an office of 384 phones that all start at once behind one address, and each asks for three files. */
const DEFAULT_LIMITS: WebLimits = {
  connections: 512,
  connectionsPerSource: 128,
  requestsPerSecond: 50,
  requestBurst: 1200,
  headerTimeoutMs: 5000,
  idleTimeoutMs: 10_000,
};

const MAX_HEADER_BYTES = 8192;
const MAX_HEADER_FIELDS = 64;
const MAX_REQUESTS_PER_CONNECTION = 100;
const MAX_LOGGED_CHARACTERS = 120;
/** How long requests that are being answered have left when the server closes. */
const CLOSE_GRACE_MS = 500;

export interface WebListenPoints {
  readonly http?: readonly WebListenPoint[];
  /** Needs a certificate, given before. */
  readonly https?: readonly WebListenPoint[];
}

export interface WebServerOptions extends WebListenPoints {
  /** Needed where `https` names a port. */
  readonly certificate?: WebCertificate;
  /** By path, as `/46xxsettings.txt`. A path must be asked for letter by letter: nothing is decoded or resolved. */
  readonly files: ReadonlyMap<string, MakeWebFile>;
  /** From a local address to the one that clients beyond a port forward see. */
  readonly advertise?: ReadonlyMap<string, string>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where it is shared, a source gets one line a second in all. */
  readonly sourceLog?: SourceLog;
  readonly limits?: Partial<WebLimits>;
}

export interface WebAddress extends WebListenPoint {
  readonly protocol: 'http' | 'https';
}

/** Answers GET and HEAD for a fixed set of files that are made at the moment of the request. Nothing else is there. */
export class WebServer {
  readonly #options: WebServerOptions;
  readonly #limits: WebLimits;
  readonly #logger: Logger;
  readonly #strangers: SourceLog;
  readonly #rate: RateLimit;
  readonly #connections: ConnectionLimit;
  readonly #servers = new Map<HttpServer | HttpsServer, WebAddress>();
  #certificate: WebCertificate | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: WebServerOptions) {
    this.#options = options;
    this.#certificate = options.certificate;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#logger = options.logger;
    this.#strangers = options.sourceLog ?? new SourceLog(options.logger, options.clock);
    this.#rate = new RateLimit(this.#limits.requestsPerSecond, this.#limits.requestBurst, options.clock);
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
    const opened: (HttpServer | HttpsServer)[] = [];
    try {
      for (const point of http) opened.push(await this.#listen('http', point));
      for (const point of https) opened.push(await this.#listen('https', point));
    } catch (error) {
      await this.#closeServers(opened);
      throw error;
    }
    // One that was bound while everything was being closed must not stay behind.
    if (this.#closing !== undefined) await this.#closeServers(opened);
  }

  /** Closes the ports of these addresses, given as they were to `listen`; answers under way have half a second. */
  async unlisten(addresses: readonly string[]): Promise<void> {
    const ofThese = [...this.#servers].filter(([, { address }]) => addresses.includes(address));
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
    this.#closing ??= this.#closeServers([...this.#servers.keys()]);
    return this.#closing;
  }

  async #closeServers(servers: readonly (HttpServer | HttpsServer)[]): Promise<void> {
    for (const server of servers) this.#servers.delete(server);
    await Promise.all(servers.map((server) => this.#closeServer(server)));
  }

  async #closeServer(server: HttpServer | HttpsServer): Promise<void> {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    const timer = this.#options.clock.schedule(CLOSE_GRACE_MS, () => server.closeAllConnections());
    await closed;
    timer.cancel();
  }

  async #listen(
    protocol: WebAddress['protocol'],
    { address, port }: WebListenPoint,
  ): Promise<HttpServer | HttpsServer> {
    const server = this.#createServer(protocol);
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

  #createServer(protocol: WebAddress['protocol']): HttpServer | HttpsServer {
    const { headerTimeoutMs, idleTimeoutMs } = this.#limits;
    const settings = {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: headerTimeoutMs,
      requestTimeout: headerTimeoutMs,
      keepAliveTimeout: idleTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, headerTimeoutMs),
      keepAlive: true,
    };
    const answer = (request: IncomingMessage, response: ServerResponse) => this.#answer(request, response);
    const certificate = this.#certificate;
    let server: HttpServer | HttpsServer;
    if (protocol === 'http') {
      server = createHttpServer(settings, answer);
    } else {
      if (certificate === undefined) throw new Error('HTTPS without a certificate');
      const { key, cert } = certificate;
      server = createHttpsServer(
        { ...settings, key, cert, minVersion: 'TLSv1.2', handshakeTimeout: headerTimeoutMs },
        answer,
      );
      server.on('tlsClientError', (error, socket) => this.#logStranger(sourceOf(socket), { reason: error.message }));
    }
    server.maxHeadersCount = MAX_HEADER_FIELDS;
    server.maxRequestsPerSocket = MAX_REQUESTS_PER_CONNECTION;
    server.setTimeout(idleTimeoutMs);
    server.on('connection', (socket: Socket) => {
      const source = sourceOf(socket);
      if (this.#connections.admit(source, socket)) return;
      this.#logStranger(source, { reason: 'too many connections' });
      socket.destroy();
    });
    server.on('clientError', (error, socket) => {
      this.#logStranger(addressText((socket as Partial<Socket>).remoteAddress), { reason: error.message });
      refuse(error, socket);
    });
    return server;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const source = sourceOf(request.socket);
    const path = pathOf(request.url ?? '');
    const status = this.#respond(request, response, source, path);
    const fields = {
      method: request.method,
      path: shortened(path),
      status,
      userAgent: shortened(request.headers['user-agent']),
    };
    if (status < 400) this.#logger.info({ source, ...fields }, 'served');
    else this.#logStranger(source, fields);
  }

  /** Sends the whole answer and returns its status. */
  #respond(request: IncomingMessage, response: ServerResponse, source: string, path: string): number {
    // Nothing here takes a body: rather than read one to its end, give the connection up.
    if (request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined) {
      response.setHeader('Connection', 'close');
    }
    if (!this.#rate.take(source)) {
      response.setHeader('Connection', 'close');
      response.setHeader('Retry-After', '1');
      return sendError(request, response, 429, 'Too many requests');
    }
    const make = this.#options.files.get(path);
    if (make === undefined) return sendError(request, response, 404, 'Not found');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      return sendError(request, response, 405, 'Method not allowed');
    }
    let file: WebFile | undefined;
    try {
      const local = addressText(request.socket.localAddress);
      file = make(this.#options.advertise?.get(local) ?? local);
    } catch (error) {
      this.#logger.error({ err: error, path }, 'a file could not be made');
      return sendError(request, response, 500, 'Internal error');
    }
    if (file === undefined) return sendError(request, response, 404, 'Not found');
    const entityTag = `"${createHash('sha256').update(file.body).digest('base64url').slice(0, 27)}"`;
    response.setHeader('ETag', entityTag);
    // The file may change with the next edit: ask each time, and take 304 for an answer.
    response.setHeader('Cache-Control', 'no-cache');
    if (matches(request.headers['if-none-match'], entityTag)) {
      response.writeHead(304).end();
      return 304;
    }
    return send(request, response, 200, file);
  }

  #logStranger(source: string, fields: Record<string, unknown>): void {
    this.#strangers.warn(source, fields, 'web request refused');
  }
}

function send(request: IncomingMessage, response: ServerResponse, status: number, file: WebFile): number {
  const body = Buffer.from(file.body, 'utf8');
  response.writeHead(status, {
    'Content-Type': file.contentType,
    'Content-Length': body.length,
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
  return status;
}

function sendError(request: IncomingMessage, response: ServerResponse, status: number, text: string): number {
  return send(request, response, status, { contentType: 'text/plain; charset=us-ascii', body: `${text}\n` });
}

/** RFC 9110 §13.1.2: a list, compared weakly; `*` fits any file that is there. */
function matches(header: string | undefined, entityTag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === entityTag);
}

/** Without the query; of the absolute form, which every server takes (RFC 9112 §3.2.2), the part after the authority. */
function pathOf(target: string): string {
  const relative = target.replace(/^https?:\/\/[^/?#]*/i, '');
  return relative.split('?', 1)[0] ?? '';
}

/** An answer to what the HTTP parser refused, where one can still be written. */
function refuse(error: Error, socket: { writable: boolean; destroy(): void; end(text: string): void }): void {
  const code = 'code' in error ? error.code : undefined;
  if (!socket.writable || code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status =
    code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function sourceOf(socket: Socket): string {
  return addressText(socket.remoteAddress);
}

/** An IPv4 address as such also where it came in on an IPv6 socket; an IPv6 address without its zone. */
function addressText(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
}

function shortened(text: string | undefined): string | undefined {
  return text === undefined || text.length <= MAX_LOGGED_CHARACTERS ? text : `${text.slice(0, MAX_LOGGED_CHARACTERS)}…`;
}

function listenError(error: NodeJS.ErrnoException, address: string, port: number): RingdownError {
  const where = `port ${port} of ${address}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return new UsageError(
        'WEB_PORT_IN_USE',
        `${where} is in use`,
        'Stop the program that uses it (ss -ltnp shows which), or choose others with --http-port and --https-port.',
        { cause: error },
      );
    case 'EACCES':
      return new UsageError(
        'WEB_PORT_FORBIDDEN',
        `this user may not listen on ${where}`,
        'Choose ports above 1023 with --http-port and --https-port, or give the program the right to low ports.',
        { cause: error },
      );
    case 'EADDRNOTAVAIL':
    case 'EINVAL':
    case 'ENOTFOUND':
      return new UsageError(
        'WEB_ADDRESS_UNKNOWN',
        `${address} is no address of this machine`,
        'Give an address of this machine with --listen (ip address shows them).',
        { cause: error },
      );
    default:
      return new RingdownError(
        'WEB_LISTEN_FAILED',
        `cannot listen on ${where}: ${error.message}`,
        'Report this with the log.',
        {
          cause: error,
        },
      );
  }
}
