import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
import type { Clock, Timer } from '../core/clock.ts';
import type { Logger, SourceLog } from '../core/logger.ts';
import type { MakePhoneFile, PhoneFile, PhoneFileRequest } from '../phones/phone-file.ts';
import type { RequestLog } from '../phones/request-log.ts';
import { addressText, sourceOf } from './address-text.ts';
import type { RateLimit } from './rate-limit.ts';
import { acceptsGzip, type Representation, Representations } from './representations.ts';

export interface FileServiceOptions {
  /** A name must be asked for letter by letter: nothing is decoded or resolved. */
  readonly makeFile: MakePhoneFile;
  /** Whether whoever names itself so gets a file of this name; everybody unless given. */
  readonly isAdmitted?: (userAgent: string, name: string) => boolean;
  /** The LAN of an address of ours; on neither unless given. */
  readonly lanOf?: (localAddress: string) => PhoneFileRequest['lan'];
  /** From a local address to the one that clients beyond a port forward see. */
  readonly advertise?: ReadonlyMap<string, string>;
  /** Told of every request that could be read. */
  readonly requestLog?: RequestLog;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a server gives to the service that it runs for. */
export interface ServiceLimits {
  readonly rate: RateLimit;
  readonly strangers: SourceLog;
  /** How long a client has for taking an answer. */
  readonly answerTimeoutMs: number;
}

/** What every name has in common: no slash, no per cent, nothing that could be resolved. */
const NAME = /^\/([0-9A-Za-z][0-9A-Za-z._-]{0,63})$/;
/** After so many the connection is closed, so that its place is free for another. */
const MAX_REQUESTS_PER_CONNECTION = 100;
const MAX_LOGGED_CHARACTERS = 120;
const MAX_USER_AGENT_CHARACTERS = 256;

/** An answer as the log tells of it. */
interface Outcome {
  readonly status: number;
  readonly sentBytes: number;
  readonly origin?: PhoneFile['origin'];
  readonly why: string;
}

/** Both ends of a connection, as they are to be written, and what came over it. */
interface Connection {
  readonly source: string;
  readonly localAddress: string;
  readonly isSecure: boolean;
  requests: number;
}

/** GET and HEAD of phone files, and a refusal for everything else: one fastify for all ports. */
export class FileService {
  readonly #options: FileServiceOptions;
  readonly #limits: ServiceLimits;
  readonly #app: FastifyInstance;
  readonly #representations = new Representations();
  readonly #connections = new WeakMap<Socket, Connection>();
  /** For answers that their clients have not taken yet. */
  readonly #slowReaders = new Set<Timer>();

  private constructor(options: FileServiceOptions, limits: ServiceLimits, app: FastifyInstance) {
    this.#options = options;
    this.#limits = limits;
    this.#app = app;
  }

  /** Loads fastify, which takes a while: not before phones can register. */
  static async start(options: FileServiceOptions, limits: ServiceLimits): Promise<FileService> {
    const { fastify } = await import('fastify');
    const app = fastify({
      logger: false,
      // The router sees names and nothing else that strangers write.
      rewriteUrl: ({ url }) => (nameIn(url ?? '') === undefined ? '/' : pathOf(url ?? '')),
      routerOptions: { caseSensitive: true },
      exposeHeadRoutes: false,
      // No route has a schema: what would compile them is not loaded.
      schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    });
    const service = new FileService(options, limits, app);
    app.addHook('onRequest', service.#admit);
    app.route({ method: ['GET', 'HEAD'], url: '/:name', handler: (request, reply) => service.#serve(request, reply) });
    app.setNotFoundHandler((request, reply) => service.#refuse(request, reply, 404, 'no such name'));
    app.setErrorHandler((error, request, reply) => {
      options.logger.error({ err: error, path: shortened(request.originalUrl) }, 'a file could not be made');
      service.#refuse(request, reply, 500, 'the file could not be made');
    });
    await app.ready();
    return service;
  }

  /** For every server that serves these files. */
  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    const connection = this.#connectionOf(request.socket);
    connection.requests += 1;
    // What was sent in one piece with the last one; the connection closes behind its answer.
    if (connection.requests <= MAX_REQUESTS_PER_CONNECTION) this.#app.routing(request, response);
  };

  /** After the servers. Idempotent. */
  async close(): Promise<void> {
    for (const timer of this.#slowReaders) timer.cancel();
    await this.#app.close();
  }

  /** Refuses before a body would be read, and everything that is no request for a file. */
  readonly #admit: onRequestHookHandler = (request, reply, done) => {
    const { headers, method } = request.raw;
    const connection = this.#connectionOf(request.raw.socket);
    // Nothing here takes a body: rather than read one to its end, give the connection up. Node's own limit of requests
    // leaves a connection open and answers 503 for ever.
    const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
    if (hasBody || connection.requests >= MAX_REQUESTS_PER_CONNECTION) reply.header('Connection', 'close');
    if (!this.#limits.rate.take(connection.source)) {
      reply.header('Connection', 'close').header('Retry-After', '1');
      return this.#refuse(request, reply, 429, 'too many requests');
    }
    const name = nameOf(request);
    if (name === undefined) return this.#refuse(request, reply, 404, 'no such name');
    if (this.#options.isAdmitted?.(userAgentOf(request), name) === false) {
      return this.#refuse(request, reply, 403, 'not the user agent of a phone');
    }
    if (method === 'GET' || method === 'HEAD') return done();
    if (this.#make(request, name) === undefined) return this.#refuse(request, reply, 404, 'no such file');
    reply.header('Allow', 'GET, HEAD');
    return this.#refuse(request, reply, 405, 'not GET or HEAD');
  };

  #serve(request: FastifyRequest, reply: FastifyReply): void | Promise<void> {
    const file = this.#make(request, nameOf(request) ?? '');
    if (file === undefined) return this.#refuse(request, reply, 404, 'no such file');
    const { headers } = request.raw;
    const represented = this.#representations.of(file);
    // The file may change with the next edit: ask each time, and take 304 for an answer.
    reply.header('Cache-Control', 'no-cache');
    if (represented.isCompressible) reply.header('Vary', 'Accept-Encoding');
    const known = represented.matched(headers['if-none-match']);
    if (known !== undefined) {
      reply.code(304).header('ETag', known).send();
      this.#note(request, { status: 304, sentBytes: 0, origin: file.origin, why: file.why });
      return;
    }
    if (represented.isCompressible && acceptsGzip(headers['accept-encoding'])) {
      return represented.compressed().then((compressed) => this.#send(request, reply, file, compressed));
    }
    this.#send(request, reply, file, represented.identity);
  }

  #send(
    request: FastifyRequest,
    reply: FastifyReply,
    { contentType, origin, why }: PhoneFile,
    { entityTag, body, encoding }: Representation,
  ): void {
    reply.header('Content-Type', contentType).header('Content-Length', body.length).header('ETag', entityTag);
    reply.header('X-Content-Type-Options', 'nosniff');
    if (encoding === 'gzip') reply.header('Content-Encoding', 'gzip');
    const isHead = request.raw.method === 'HEAD';
    reply.code(200).send(isHead ? undefined : body);
    this.#note(request, { status: 200, sentBytes: isHead ? 0 : body.length, origin, why });
    this.#limitSlowReader(reply, request.raw.socket);
  }

  /** Without a body: what was asked for does not come back, and nobody learns why. */
  #refuse(request: FastifyRequest, reply: FastifyReply, status: number, why: string): void {
    reply.code(status).header('Content-Length', '0').send();
    this.#note(request, { status, sentBytes: 0, why });
  }

  #make(request: FastifyRequest, name: string): PhoneFile | undefined {
    const { makeFile, advertise, lanOf } = this.#options;
    const { localAddress, source, isSecure } = this.#connectionOf(request.raw.socket);
    return makeFile({
      name,
      localAddress: advertise?.get(localAddress) ?? localAddress,
      lan: lanOf?.(localAddress),
      remoteAddress: source,
      isSecure,
      userAgent: userAgentOf(request),
    });
  }

  #note(request: FastifyRequest, { status, sentBytes, origin, why }: Outcome): void {
    const { logger, lanOf, requestLog } = this.#options;
    const { source, localAddress, isSecure } = this.#connectionOf(request.raw.socket);
    const method = request.raw.method ?? '';
    const path = pathOf(request.originalUrl);
    const userAgent = userAgentOf(request);
    requestLog?.add({
      name: shortened(path.replace(/^\//, '')),
      lan: lanOf?.(localAddress),
      remoteAddress: source,
      isSecure,
      userAgent,
      method,
      status,
      sentBytes,
      origin,
      why,
    });
    const fields = {
      method,
      path: shortened(path),
      status,
      ...(userAgent === '' ? {} : { userAgent: shortened(userAgent) }),
    };
    // Whoever is told that nothing changed got nothing: the log of requests has it.
    if (status === 304) return;
    if (status < 400) logger.info({ source, ...fields }, 'served');
    else this.#limits.strangers.warn(source, fields, 'web request refused');
  }

  #connectionOf(socket: Socket): Connection {
    let connection = this.#connections.get(socket);
    if (connection === undefined) {
      const localAddress = addressText(socket.localAddress);
      connection = { source: sourceOf(socket), localAddress, isSecure: 'encrypted' in socket, requests: 0 };
      this.#connections.set(socket, connection);
    }
    return connection;
  }

  /** Whoever takes an answer a byte at a time holds a connection, which others may need. */
  #limitSlowReader({ raw: response }: FastifyReply, socket: Socket): void {
    // An answer without a socket waits behind the one before it.
    if (response.socket !== null && socket.writableLength === 0) return;
    const timer = this.#options.clock.schedule(this.#limits.answerTimeoutMs, () => {
      this.#limits.strangers.warn(sourceOf(socket), { reason: 'the answer was not taken' }, 'web request cut off');
      socket.destroy();
    });
    this.#slowReaders.add(timer);
    response.once('close', () => {
      timer.cancel();
      this.#slowReaders.delete(timer);
    });
  }
}

function noSchemas(): never {
  throw new Error('no route of ours has a schema');
}

/** The name that is asked for; undefined where it cannot be one. */
function nameOf(request: FastifyRequest): string | undefined {
  return nameIn(request.originalUrl);
}

function nameIn(target: string): string | undefined {
  return NAME.exec(pathOf(target))?.[1];
}

/** Without the query; of the absolute form, which every server takes (RFC 9112 §3.2.2), the part after the authority. */
function pathOf(target: string): string {
  const relative = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?#]*/i, '');
  const query = relative.indexOf('?');
  return query === -1 ? relative : relative.slice(0, query);
}

function userAgentOf({ raw: { headers } }: FastifyRequest): string {
  return (headers['user-agent'] ?? '').slice(0, MAX_USER_AGENT_CHARACTERS);
}

function shortened(text: string): string {
  return text.length <= MAX_LOGGED_CHARACTERS ? text : `${text.slice(0, MAX_LOGGED_CHARACTERS)}…`;
}
