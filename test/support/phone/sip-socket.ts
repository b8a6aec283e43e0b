import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, connect as netConnect, type Server, type Socket } from 'node:net';
import { parseSip, type SipMessage } from './sip-message.ts';

export type TransportName = 'udp' | 'tcp';

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

export async function openSipSocket(
  transport: TransportName,
  address: string,
  listener: SipListener,
): Promise<SipSocket> {
  return transport === 'udp' ? openUdp(address, listener) : openTcp(address, listener);
}

async function openUdp(address: string, listener: SipListener): Promise<SipSocket> {
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
  socket.bind(0, address);
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

async function openTcp(address: string, listener: SipListener): Promise<SipSocket> {
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
  const server: Server = createServer(take);
  server.listen(0, address);
  await once(server, 'listening');
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('no TCP port');
  return {
    transport: 'tcp',
    port: bound.port,
    send(text, host, port) {
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
