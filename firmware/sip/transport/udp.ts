import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Flow, ListenPoint } from './flow.ts';
import { flowClosed, listenError } from './listen-error.ts';

/** Room for a burst of REGISTERs after a power cut, as far as net.core.rmem_max allows. */
const RECEIVE_BUFFER_BYTES = 1 << 20;

/** One UDP socket. */
export class UdpListener {
  readonly point: ListenPoint;
  readonly #socket: Socket;
  #closed = false;

  private constructor(point: ListenPoint, socket: Socket) {
    this.point = point;
    this.#socket = socket;
  }

  /** Throws a UsageError that names the port and the cure. */
  static async open(point: ListenPoint, onDatagram: (bytes: Buffer, flow: Flow) => void): Promise<UdpListener> {
    const type = isIPv6(point.address) ? 'udp6' : 'udp4';
    const family = type === 'udp6' ? 6 : 4;
    const socket = createSocket({
      type,
      ipv6Only: type === 'udp6',
      recvBufferSize: RECEIVE_BUFFER_BYTES,
      // Destinations are addresses: without this each send would wait a turn for the name service.
      lookup: (hostname, _options, done) => done(null, hostname, family),
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (error) => reject(listenError(point, error)));
      socket.bind({ address: point.address, port: point.port, exclusive: true }, resolve);
    });
    socket.removeAllListeners('error');
    const localPort = socket.address().port;
    const listener = new UdpListener({ ...point, port: localPort }, socket);
    socket.on('error', () => {
      // A failed receive concerns one datagram: what it carried is sent again by its sender.
    });
    socket.on('message', (bytes, peer) => {
      onDatagram(bytes, {
        protocol: 'udp',
        localAddress: point.address,
        localPort,
        remoteAddress: peer.address,
        remotePort: peer.port,
      });
    });
    return listener;
  }

  send(flow: Flow, bytes: Buffer, onFailed: (error: Error) => void): void {
    if (this.#closed) {
      queueMicrotask(() => onFailed(flowClosed(flow)));
      return;
    }
    try {
      this.#socket.send(bytes, flow.remotePort, flow.remoteAddress, (error) => {
        if (error !== null && error !== undefined) onFailed(flowClosed(flow, error));
      });
    } catch (error) {
      // A datagram may come from port 0, where no answer can go: Node throws then, and a timer would have no one above.
      queueMicrotask(() => onFailed(flowClosed(flow, error)));
    }
  }

  /** Idempotent. */
  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }
}
