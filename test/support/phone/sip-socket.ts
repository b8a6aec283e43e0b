import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, connect as netConnect, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { parseSip, type SipMessage } from './sip-message.ts';

export type TransportName = 'udp' | 'tcp' | 'tls';

/** What a phone shows to who connects to it by TLS, both in PEM. */
export interface PhoneCertificate {
  readonly key: string;
  readonly cert: string;
}

/** Sends towards whoever a message came from. */
export type Reply = (text: string) => void;

/** What the phone hears: whole messages, or text that is none. */
export interface SipListener {
  received(message: SipMessage, reply: Reply): void;
  unreadable(text: string): void;
}

/** A port of the phone's own for SIP. */
export interface SipSocket {
  readonly transport: TransportName;
  readonly port: number;
  send(text: string, host: string, port: number): void;
  close(): Promise<void>;
}

/** Port 0: a free one. */
export interface SipAddress {
  readonly address: string;
  readonly port: number;
}

export async function openSipSocket(
  transport: TransportName,
  at: SipAddress,
  listener: SipListener,
  certificate?: PhoneCertificate,
): Promise<SipSocket> {
  if (transport === 'udp') return openUdp(at, listener);
  if (transport === 'tcp') return openStream(createServer(), 'tcp', at, listener);
  if (certificate === undefined) throw new Error('a phone that is spoken to by TLS needs a certificate');
  return openStream(createTlsServer({ ...certificate }), 'tls', at, listener);
}

async function openUdp({ address, port: wanted }: SipAddress, listener: SipListener): Promise<SipSocket> {
  const socket: DatagramSocket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  let closed = false;
  const send = (text: string, host: string, port: number): void => {
    if (!closed) socket.send(text, port, host);
  };
  // An ICMP refusal shows as a time-out of the request, as on a phone.
  socket.on('error', () => undefined);
  socket.on('message', (data, from) => {
    const text = data.toString('utf8');
    if (text.trim() === '') return;
    const message = parseSip(text);
    if (message === undefined) listener.unreadable(text);
    else listener.received(message, (reply) => send(reply, from.address, from.port));
  });
  const listening = once(socket, 'listening');
  socket.bind(wanted, address);
  await listening;
  const { port } = socket.address();
  return {
    transport: 'udp',
    port,
    send,
    close: () => {
      closed = true;
      return new Promise((resolve) => socket.close(() => resolve()));
    },
  };
}

/** By TLS it takes connections and opens none: what it sends goes over the one that the box opened last. */
async function openStream(
  server: Server,
  transport: 'tcp' | 'tls',
  { address, port: wanted }: SipAddress,
  listener: SipListener,
): Promise<SipSocket> {
  const open = new Set<Socket>();
  const outgoing = new Map<string, Socket>();
  const take = (socket: Socket): void => {
    open.add(socket);
    let pending: Buffer = Buffer.alloc(0);
    socket.on('data', (data: Buffer) => {
      pending = readStream(Buffer.concat([pending, data]), listener, (reply) => socket.write(reply));
    });
    socket.on('error', () => undefined);
    socket.on('close', () => open.delete(socket));
  };
  server.on(transport === 'tls' ? 'secureConnection' : 'connection', take);
  // Whoever does not trust the certificate leaves in the handshake.
  server.on('tlsClientError', () => undefined);
  server.listen(wanted, address);
  await once(server, 'listening');
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('no TCP port');
  return {
    transport,
    port: bound.port,
    send(text, host, port) {
      if (transport === 'tls') {
        [...open].at(-1)?.write(text);
        return;
      }
      const key = `${host} ${port}`;
      let socket = outgoing.get(key);
      if (socket === undefined || socket.destroyed) {
        socket = netConnect({ host, port, localAddress: address });
        outgoing.set(key, socket);
        take(socket);
      }
      socket.write(text);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

/** Hands on each whole message of a stream (RFC 3261 §18.3) and returns the rest. */
function readStream(bytes: Buffer, listener: SipListener, reply: Reply): Buffer {
  let rest = bytes;
  for (;;) {
    while (rest[0] === 13 || rest[0] === 10) rest = rest.subarray(1);
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) return rest;
    const head = rest.subarray(0, end + 4).toString('utf8');
    const length = Number(/^(?:content-length|l)\s*:\s*([0-9]+)/im.exec(head)?.[1] ?? 0);
    const total = end + 4 + length;
    if (rest.length < total) return rest;
    const text = rest.subarray(0, total).toString('utf8');
    rest = rest.subarray(total);
    const message = parseSip(text);
    if (message === undefined) listener.unreadable(text);
    else listener.received(message, reply);
  }
}
