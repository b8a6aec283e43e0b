import { isIPv6, type Socket } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import { UsageError } from '../../core/errors.ts';
import { type Logger, SourceLog } from '../../core/logger.ts';
import { statelessTag } from '../message/identifier.ts';
import { type Malformed, type ParseResult, parseMessage } from '../message/parser.ts';
import type { SipRequest } from '../message/request.ts';
import { createResponse, type SipResponse } from '../message/response.ts';
import { serialize } from '../message/serializer.ts';
import type { Admission } from './admission.ts';
import type { Flow, ListenPoint, TlsIdentity } from './flow.ts';
import { flowClosed, noRoute } from './listen-error.ts';
import { wayBack, withReceived } from './received.ts';
import { sourceAddress, type Target } from './resolver.ts';
import { type MessageFrame, StreamConnection } from './stream.ts';
import { connectStream, StreamListener } from './stream-listener.ts';
import { answerStun, isStun } from './stun.ts';
import type { MessageTrace, TraceMark } from './trace.ts';
import { UdpListener } from './udp.ts';

/** Connections of all listeners together, and of one address: an office behind one NAT must fit. */
export const MAX_CONNECTIONS = 2048;
export const MAX_CONNECTIONS_PER_SOURCE = 512;

export interface TransportOptions {
  readonly advertise: ReadonlyMap<string, string>;
  readonly logger: Logger;
  readonly sourceLog?: SourceLog | undefined;
  readonly clock: Clock;
  /** Asked before anything is parsed; everybody is let in unless given. */
  readonly admission?: Admission | undefined;
  readonly trace?: MessageTrace | undefined;
  /** The top Via has `received` and `rport` as RFC 3581 §4 wants them. */
  readonly onRequest: (request: SipRequest, flow: Flow) => void;
  readonly onResponse: (response: SipResponse, flow: Flow) => void;
}

type Listener = UdpListener | StreamListener;

/** Bytes to messages and back, over all listeners (RFC 3261 §18). */
export class Transport {
  readonly #options: TransportOptions;
  readonly #sourceLog: SourceLog;
  readonly #admission: Admission | undefined;
  readonly #trace: MessageTrace | undefined;
  readonly #udp = new Map<string, UdpListener>();
  #streams: readonly StreamListener[] = [];
  readonly #connections = new Map<number, StreamConnection>();
  readonly #perSource = new Map<string, number>();
  #serial = 0;
  #closed = false;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#sourceLog = options.sourceLog ?? new SourceLog(options.logger, options.clock);
    this.#admission = options.admission;
    this.#trace = options.trace;
    this.#admission?.onBlocked(() => this.#cutBlocked());
  }

  /**
   * Opens all of these listeners or, with a UsageError that names the one that failed, none of them; those of earlier
   * calls stay as they are.
   */
  async listen(points: readonly ListenPoint[]): Promise<void> {
    const opened: Listener[] = [];
    try {
      for (const point of points) opened.push(await this.#listen(point));
    } catch (error) {
      await this.#closeListeners(opened, (flow) => opened.some(({ point }) => isOfListener(flow, point)));
      throw error;
    }
    // One that was bound while everything was being closed must not stay behind.
    if (this.#closed) await this.#closeListeners(opened, () => true);
  }

  /** Closes the listeners of these addresses and the connections from and to them; all others stay. */
  async unlisten(addresses: readonly string[]): Promise<void> {
    const ofThese = (listener: Listener): boolean => addresses.includes(listener.point.address);
    const closing = [...this.#udp.values(), ...this.#streams].filter(ofThese);
    await this.#closeListeners(
      closing,
      (flow) => addresses.includes(flow.localAddress) || closing.some(({ point }) => isOfListener(flow, point)),
    );
  }

  /**
   * New connections of every TLS listener get this certificate; those that stand keep theirs. Throws a UsageError
   * (SIP_CERTIFICATE) where it is of no use, and then nothing changes.
   */
  useCertificate(tls: TlsIdentity): void {
    for (const listener of this.#streams) listener.useCertificate(tls);
  }

  get listening(): readonly ListenPoint[] {
    return [...this.#udp.values(), ...this.#streams].map((listener) => listener.point);
  }

  advertisedAddress(localAddress: string): string {
    return this.#options.advertise.get(localAddress) ?? localAddress;
  }

  /** What stands for us in Via and Contact: the listener's port, also where a connection goes out from another. */
  sentBy(flow: Flow): { readonly host: string; readonly port: number } {
    const host = this.advertisedAddress(flow.localAddress);
    if (flow.protocol === 'udp') return { host, port: flow.localPort };
    const listener = this.#streamListener(flow.protocol, flow.localAddress);
    return { host, port: listener?.point.port ?? flow.localPort };
  }

  isOpen(flow: Flow): boolean {
    if (flow.protocol === 'udp') return this.#udpListener(flow) !== undefined;
    return this.#connection(flow)?.isOpen === true;
  }

  /** Never throws; `onFailed` is called after the call has returned, where the bytes certainly did not go out. */
  send(flow: Flow, bytes: Buffer, onFailed: (error: Error) => void): void {
    const way = flow.protocol === 'udp' ? this.#udpListener(flow) : this.#connection(flow);
    if (way === undefined) {
      queueMicrotask(() => onFailed(flowClosed(flow)));
      return;
    }
    this.#trace?.tap?.('sent', bytes, flow, undefined);
    if (way instanceof UdpListener) way.send(flow, bytes, onFailed);
    else way.send(bytes, onFailed);
  }

  /** A flow to an address: a connection that stands is used again (RFC 3261 §18.1.1). Rejects with SIP_NO_ROUTE. */
  async connect(target: Target): Promise<Flow> {
    if (target.protocol === 'udp') return this.#udpFlow(target);
    const protocol = target.protocol;
    for (const { flow, isOpen } of this.#connections.values()) {
      const same = flow.protocol === protocol && flow.remotePort === target.port;
      if (same && flow.remoteAddress === target.address && isOpen) return flow;
    }
    const listener = this.#streams.find(
      ({ point }) => point.protocol === protocol && isIPv6(point.address) === isIPv6(target.address),
    );
    if (listener === undefined) throw noRoute(`no ${protocol} listener of the family of ${target.address}`);
    const socket = await connectStream(protocol, target.address, target.port, listener.point);
    const connection = this.#adopt(socket, protocol);
    if (connection === undefined) throw noRoute('too many connections');
    return connection.flow;
  }

  /** Closes listeners, then connections. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const listeners = [...this.#udp.values(), ...this.#streams];
    await this.#closeListeners(listeners, () => true);
    await Promise.all(listeners.map((listener) => listener.close()));
  }

  /** Closes listeners, then the connections whose flow `belongs`; does not wait for those that never finished a handshake. */
  async #closeListeners(listeners: readonly Listener[], belongs: (flow: Flow) => boolean): Promise<void> {
    for (const { point } of listeners) this.#udp.delete(udpKey(point.address, point.port));
    this.#streams = this.#streams.filter((listener) => !listeners.includes(listener));
    const closing = listeners.map((listener) => listener.close());
    const connections = [...this.#connections.values()].filter(({ flow }) => belongs(flow));
    for (const connection of connections) connection.end();
    await Promise.race([Promise.all(closing), this.#grace()]);
    for (const connection of connections) connection.close();
  }

  /** Peers that do not close their side get one turn of the event loop for what is still in the buffers. */
  #grace(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  async #listen(point: ListenPoint): Promise<Listener> {
    if ((point.address === '0.0.0.0' || point.address === '::') && !this.#options.advertise.has(point.address)) {
      throw new UsageError(
        'SIP_ADDRESS_UNSPECIFIED',
        `SIP cannot listen on ${point.address}: peers need one address to answer to`,
        'Name each address that phones shall use.',
      );
    }
    if (point.protocol === 'udp') {
      const listener = await UdpListener.open(point, (bytes, flow) => this.#datagram(bytes, flow));
      this.#udp.set(udpKey(point.address, listener.point.port), listener);
      return listener;
    }
    const protocol = point.protocol;
    const listener = await StreamListener.open(point, MAX_CONNECTIONS, {
      onConnection: (socket) => this.#adopt(socket, protocol),
      onHandshakeFailed: (source, error) =>
        this.#sourceLog.warn(plainAddress(source), { error: error.message }, 'TLS handshake failed'),
    });
    this.#streams = [...this.#streams, listener];
    return listener;
  }

  #adopt(socket: Socket, protocol: 'tcp' | 'tls'): StreamConnection | undefined {
    const { localAddress, localPort, remoteAddress, remotePort } = socket;
    // Undefined where the peer was gone before we looked.
    const known = localAddress !== undefined && localPort !== undefined && remotePort !== undefined;
    if (!known || remoteAddress === undefined || this.#closed) {
      socket.destroy();
      return undefined;
    }
    const count = this.#perSource.get(remoteAddress) ?? 0;
    if (this.#admission?.refusesConnection(remoteAddress, localAddress) !== undefined) {
      socket.destroy();
      return undefined;
    }
    if (count >= MAX_CONNECTIONS_PER_SOURCE || this.#connections.size >= MAX_CONNECTIONS) {
      this.#sourceLog.warn(remoteAddress, { protocol }, 'too many SIP connections');
      socket.destroy();
      return undefined;
    }
    this.#perSource.set(remoteAddress, count + 1);
    this.#serial += 1;
    const serial = this.#serial;
    const flow: Flow = { protocol, localAddress, localPort, remoteAddress, remotePort, connection: serial };
    const connection = new StreamConnection(socket, flow, this.#options.clock, {
      isTraced: () => this.#trace?.tap !== undefined,
      onFrame: (frame) => this.#frame(frame, flow),
      onClosed: () => {
        this.#connections.delete(serial);
        const left = (this.#perSource.get(remoteAddress) ?? 1) - 1;
        if (left === 0) this.#perSource.delete(remoteAddress);
        else this.#perSource.set(remoteAddress, left);
      },
    });
    this.#connections.set(serial, connection);
    return connection;
  }

  #datagram(bytes: Buffer, flow: Flow): void {
    const refusal = this.#admission?.refuses(flow);
    if (refusal !== undefined) {
      this.#traceReceived(bytes, flow, refusal);
      return;
    }
    if (isStun(bytes)) {
      const answer = answerStun(bytes, flow.remoteAddress, flow.remotePort);
      if (answer !== undefined) this.send(flow, answer, () => undefined);
      return;
    }
    if (isBlank(bytes)) return;
    this.#deliver(parseMessage(bytes), flow, bytes);
  }

  #frame(frame: MessageFrame, flow: Flow): void {
    const refusal = this.#admission?.refuses(flow);
    if (refusal !== undefined) {
      this.#traceReceived(frame.raw, flow, refusal);
      this.#connection(flow)?.close();
      return;
    }
    this.#deliver(frame.kind === 'broken' ? frame.malformed : frame, flow, frame.raw);
    if (frame.kind === 'broken') this.#connection(flow)?.end();
  }

  /** `raw`: the message as it came, where somebody may want to see it. */
  #deliver(result: ParseResult, flow: Flow, raw: Buffer | undefined): void {
    if (this.#closed) return;
    try {
      const refusal = result.kind === 'request' ? this.#admission?.refusesRequest(result.request, flow) : undefined;
      this.#traceReceived(raw, flow, result.kind === 'malformed' ? 'malformed' : refusal);
      // A scanner gets no answer at all, and over a connection not even the connection.
      if (refusal !== undefined) this.#connection(flow)?.close();
      else this.#dispatch(result, flow);
    } catch (error) {
      // One message must not end the process, whoever is to blame, nor many of them fill the log.
      this.#sourceLog.warn(flow.remoteAddress, { err: error }, 'SIP message handling failed');
    }
  }

  #dispatch(result: ParseResult, flow: Flow): void {
    switch (result.kind) {
      case 'request':
        this.#options.onRequest(withReceived(result.request, flow), wayBack(result.request, flow));
        break;
      case 'response':
        this.#options.onResponse(result.response, flow);
        break;
      case 'malformed':
        this.#malformed(result, flow);
        break;
    }
  }

  #malformed(malformed: Malformed, flow: Flow): void {
    const { request, status, reason } = malformed;
    this.#admission?.noteMalformed(flow);
    this.#sourceLog.warn(flow.remoteAddress, { protocol: flow.protocol, reason }, 'malformed SIP message');
    if (request === undefined) return;
    const response = createResponse(withReceived(request, flow), status, statelessTag(request), { reason });
    this.send(wayBack(request, flow), serialize(response), () => undefined);
  }

  #traceReceived(raw: Buffer | undefined, flow: Flow, mark: TraceMark | undefined): void {
    if (raw !== undefined) this.#trace?.tap?.('received', raw, flow, mark);
  }

  #cutBlocked(): void {
    for (const connection of [...this.#connections.values()]) {
      if (this.#admission?.isBlocked(connection.flow) === true) connection.close();
    }
  }

  async #udpFlow(target: Target): Promise<Flow> {
    const points = [...this.#udp.values()].map((listener) => listener.point);
    const family = points.filter((point) => isIPv6(point.address) === isIPv6(target.address));
    const [first] = family;
    if (first === undefined) throw noRoute(`no UDP listener of the family of ${target.address}`);
    let chosen = first;
    if (family.length > 1) {
      const source = await sourceAddress(target.address);
      chosen = family.find((point) => point.address === source) ?? first;
    }
    return {
      protocol: 'udp',
      localAddress: chosen.address,
      localPort: chosen.port,
      remoteAddress: target.address,
      remotePort: target.port,
    };
  }

  #udpListener(flow: Flow): UdpListener | undefined {
    return this.#udp.get(udpKey(flow.localAddress, flow.localPort));
  }

  #connection(flow: Flow): StreamConnection | undefined {
    if (flow.connection === undefined) return undefined;
    const connection = this.#connections.get(flow.connection);
    // The serial begins anew with each start: a stored flow of the last run must not reach a stranger.
    const same =
      connection?.flow.remotePort === flow.remotePort && connection.flow.remoteAddress === flow.remoteAddress;
    return same ? connection : undefined;
  }

  #streamListener(protocol: string, localAddress: string): StreamListener | undefined {
    const ofProtocol = this.#streams.filter(({ point }) => point.protocol === protocol);
    return ofProtocol.find(({ point }) => point.address === localAddress) ?? ofProtocol[0];
  }
}

/** Whether a connection was accepted by the listener of this point. */
function isOfListener(flow: Flow, { protocol, address, port }: ListenPoint): boolean {
  const isAnyAddress = address === '0.0.0.0' || address === '::';
  return flow.protocol === protocol && flow.localPort === port && (isAnyAddress || flow.localAddress === address);
}

function udpKey(address: string, port: number): string {
  return `${address}|${port}`;
}

function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

/** Blank datagrams keep a NAT binding open and want no answer. */
function isBlank(bytes: Buffer): boolean {
  for (const byte of bytes) {
    if (byte !== 0x0d && byte !== 0x0a && byte !== 0) return false;
  }
  return true;
}
