import { DatagramSocket } from './datagram-socket.ts';
import type { Flow, ListenPoint } from './flow.ts';
import { flowClosed, listenError } from './listen-error.ts';

/** Room for a burst of REGISTERs after a power cut, as far as net.core.rmem_max allows. */
const RECEIVE_BUFFER_BYTES = 1 << 20;

/** One UDP socket. */
export class UdpListener {
  readonly point: ListenPoint;
  readonly #socket: DatagramSocket;
  #closed = false;

  private constructor(point: ListenPoint, socket: DatagramSocket) {
    this.point = point;
    this.#socket = socket;
  }

  /** Throws a UsageError that names the port and the cure. */
  static async open(point: ListenPoint, onDatagram: (bytes: Buffer, flow: Flow) => void): Promise<UdpListener> {
    const { address: localAddress, port } = point;
    try {
      const socket: DatagramSocket = new DatagramSocket({
        address: localAddress,
        port,
        receiveBufferBytes: RECEIVE_BUFFER_BYTES,
        onDatagram: (bytes, remoteAddress, remotePort) => {
          onDatagram(bytes, { protocol: 'udp', localAddress, localPort: socket.port, remoteAddress, remotePort });
        },
      });
      return new UdpListener({ ...point, port: socket.port }, socket);
    } catch (error) {
      throw listenError(point, error);
    }
  }

  send(flow: Flow, bytes: Buffer, onFailed: (error: Error) => void): void {
    if (this.#closed) queueMicrotask(() => onFailed(flowClosed(flow)));
    else this.#socket.send(bytes, flow.remoteAddress, flow.remotePort, (error) => onFailed(flowClosed(flow, error)));
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closed = true;
    this.#socket.close();
    return Promise.resolve();
  }
}
