import { createServer, type IncomingMessage, type Server, type ServerOptions } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { type WebSocket, WebSocketServer } from 'ws';
import { MAX_MESSAGE_BYTES } from '../message/parser.ts';

/** RFC 7118 §4.1. */
const SUBPROTOCOL = 'sip';
/** A message of a browser comes in one piece. */
const MAX_FRAGMENTS = 64;
const MAX_BUFFERED_CHUNKS = 4096;
/** Cookies of other services on this host come along. */
const MAX_HEADER_BYTES = 16_384;

export type WebSocketHandler = (socket: WebSocket, connection: Socket) => void;

/**
 * A server that listens nowhere: connections are handed to it by `emit('connection')`. It makes WebSockets of those that
 * ask for SIP (RFC 7118 §4.1) and has nothing else to say. Where a page came from (Origin) is not asked: who it is, digest
 * authentication finds out. Alone in its file so that a box without such listeners loads none of it.
 */
export function webSocketServer(tls: TlsOptions | undefined, onWebSocket: WebSocketHandler): Server {
  const options: ServerOptions = { maxHeaderSize: MAX_HEADER_BYTES, keepAliveTimeout: 1 };
  const server = tls === undefined ? createServer(options) : createSecureServer({ ...options, ...tls });
  const limits = { maxFragments: MAX_FRAGMENTS, maxBufferedChunks: MAX_BUFFERED_CHUNKS };
  const handshakes = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    handleProtocols: () => SUBPROTOCOL,
    ...limits,
  });
  server.on('request', (_request, response) => {
    // RFC 9110 §15.5.22.
    response.writeHead(426, { Upgrade: 'websocket', Connection: 'close', 'Content-Length': 0 }).end();
  });
  server.on('upgrade', (request: IncomingMessage, stream, head) => {
    stream.on('error', () => stream.destroy());
    if (!offersSip(request)) {
      stream.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    handshakes.handleUpgrade(request, stream, head, (socket) => onWebSocket(socket, request.socket));
  });
  server.on('clientError', (_error, stream) => stream.destroy());
  return server;
}

/** RFC 7118 §4.1: the value "sip" must be among the subprotocols that the client offers. */
function offersSip(request: IncomingMessage): boolean {
  const offered = request.headers['sec-websocket-protocol'] ?? '';
  return offered.split(',').some((name) => name.trim() === SUBPROTOCOL);
}
