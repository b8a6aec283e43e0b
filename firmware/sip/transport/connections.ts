import type { WebSocket } from 'ws';
import type { Clock } from '../../core/clock.ts';
import type { Connection, ConnectionHandlers, MessageFrame } from './connection.ts';
import type { Flow, StreamProtocol } from './flow.ts';
import { StreamConnection } from './stream.ts';
import type { StreamSocket } from './stream-socket.ts';
import { WebSocketConnection } from './web-socket.ts';

export interface ConnectionsOptions {
  readonly clock: Clock;
  /** Whether somebody wants to see messages as they came. */
  readonly isTraced: () => boolean;
  readonly onFrame: (frame: MessageFrame, flow: Flow) => void;
  readonly onPing: (flow: Flow) => void;
}

/** How a connection of ours came about. */
interface Origin {
  /** We opened it, to this name where the peer proved it with a certificate. */
  readonly connectedTo: string | undefined;
}

interface Entry {
  readonly connection: Connection;
  readonly origin: Origin | undefined;
  /** The port at which the peer takes connections of this protocol as well (RFC 5923 §5). */
  aliasPort: number | undefined;
}

/** Every connection that stands, by the serial number in its flow. How many there may be, ConnectionSlots says. */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #handlers: ConnectionHandlers;
  readonly #entries = new Map<number, Entry>();
  #serial = 0;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#handlers = {
      isTraced: options.isTraced,
      onFrame: options.onFrame,
      onPing: options.onPing,
      onClosed: ({ flow }) => this.#remove(flow),
    };
  }

  /** Undefined, and the socket destroyed, where the peer was gone before we looked. `connectedTo` as for `find`. */
  adopt(
    socket: StreamSocket,
    protocol: 'tcp' | 'tls',
    origin?: { readonly connectedTo: string | undefined },
  ): Connection | undefined {
    const flow = this.#flowOf(socket, protocol);
    if (flow === undefined) {
      socket.destroy();
      return undefined;
    }
    const connection = new StreamConnection(socket, flow, this.#options.clock, this.#handlers);
    this.#add(connection, origin);
    return connection;
  }

  /** The same for a WebSocket, which `carrier` carries. */
  adoptWebSocket(socket: WebSocket, carrier: StreamSocket, protocol: 'ws' | 'wss'): Connection | undefined {
    const flow = this.#flowOf(carrier, protocol);
    if (flow === undefined) {
      socket.terminate();
      return undefined;
    }
    const connection = new WebSocketConnection(socket, flow, this.#options.clock, this.#handlers);
    this.#add(connection, undefined);
    return connection;
  }

  /** The connection that a flow names. */
  get(flow: Flow): Connection | undefined {
    return this.#entryOf(flow)?.connection;
  }

  /** Whether we opened the connection of this flow. */
  isOutgoing(flow: Flow): boolean {
    return this.#entryOf(flow)?.origin !== undefined;
  }

  /** The name that we opened the connection of this flow to, over TLS and so proven. */
  provenName(flow: Flow): string | undefined {
    return flow.protocol === 'tls' ? this.#entryOf(flow)?.origin?.connectedTo : undefined;
  }

  /**
   * One that leads to an address, to be used again (RFC 3261 §18.1.1). Over TLS to a `name` only one that was opened to
   * this name will do, since only there the certificate was compared with it.
   */
  find(protocol: StreamProtocol, address: string, port: number, name: string | undefined): Connection | undefined {
    for (const { connection, origin, aliasPort } of this.#entries.values()) {
      const { flow, isOpen } = connection;
      if (flow.protocol !== protocol || flow.remoteAddress !== address || !isOpen) continue;
      if (flow.remotePort !== port && aliasPort !== port) continue;
      if (protocol === 'tls' && name !== undefined && origin?.connectedTo !== name) continue;
      return connection;
    }
    return undefined;
  }

  /** The peer of `flow` takes connections at `port` of the address that it has: requests to there go over this one. */
  alias(flow: Flow, port: number): void {
    const entry = this.#entryOf(flow);
    if (entry !== undefined) entry.aliasPort = port;
  }

  /** Those whose flow `belongs`. */
  select(belongs: (flow: Flow) => boolean): readonly Connection[] {
    return [...this.#entries.values()].flatMap(({ connection }) => (belongs(connection.flow) ? connection : []));
  }

  /** Of those that peers opened and whose flow `belongs`, the one that was not heard of the longest. */
  quietest(belongs: (flow: Flow) => boolean): Connection | undefined {
    let quietest: Connection | undefined;
    for (const { connection, origin } of this.#entries.values()) {
      if (origin !== undefined || !belongs(connection.flow)) continue;
      if (quietest === undefined || connection.lastReceivedAt < quietest.lastReceivedAt) quietest = connection;
    }
    return quietest;
  }

  #add(connection: Connection, origin: Origin | undefined): void {
    this.#entries.set(this.#serial, { connection, origin, aliasPort: undefined });
  }

  #remove(flow: Flow): void {
    if (flow.connection !== undefined) this.#entries.delete(flow.connection);
  }

  #flowOf(socket: StreamSocket, protocol: StreamProtocol): Flow | undefined {
    const { localAddress, localPort, remoteAddress, remotePort } = socket;
    if (localAddress === undefined || localPort === undefined) return undefined;
    if (remoteAddress === undefined || remotePort === undefined) return undefined;
    this.#serial += 1;
    return { protocol, localAddress, localPort, remoteAddress, remotePort, connection: this.#serial };
  }

  #entryOf(flow: Flow): Entry | undefined {
    if (flow.connection === undefined) return undefined;
    const entry = this.#entries.get(flow.connection);
    if (entry === undefined) return undefined;
    // The serial begins anew with each start: a stored flow of the last run must not reach a stranger.
    const { remoteAddress, remotePort } = entry.connection.flow;
    return remotePort === flow.remotePort && remoteAddress === flow.remoteAddress ? entry : undefined;
  }
}
