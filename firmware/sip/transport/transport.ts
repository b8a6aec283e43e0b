import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import type { Clock } from '../../core/clock.ts';
import { UsageError } from '../../core/errors.ts';
import { type Logger, SourceLog } from '../../core/logger.ts';
import { statelessTag } from '../message/identifier.ts';
import { hasParam } from '../message/params.ts';
import { type Malformed, type ParseResult, parseMessage } from '../message/parser.ts';
import type { SipRequest } from '../message/request.ts';
import { createResponse, type SipResponse } from '../message/response.ts';
import { serialize } from '../message/serializer.ts';
import type { SipUri } from '../message/uri.ts';
import type { Admission } from './admission.ts';
import type { MessageFrame } from './connection.ts';
import { type ConnectionLimits, ConnectionSlots } from './connection-slots.ts';
import { Connections } from './connections.ts';
import { DnsNames } from './dns.ts';
import type { Flow, ListenPoint, StreamProtocol, TlsIdentity, TransportProtocol } from './flow.ts';
import { flowClosed, noRoute } from './listen-error.ts';
import { connectStream, sourceAddress } from './outgoing.ts';
import { OwnKeepAlive } from './own-keep-alive.ts';
import { wayBack, withReceived } from './received.ts';
import { defaultPort, familyOf, Resolver, type Target } from './resolver.ts';
import { StreamListener } from './stream-listener.ts';
import { answerStun, isStun } from './stun.ts';
import type { MessageTrace, TraceMark } from './trace.ts';
import { UdpListener } from './udp.ts';

/** Responses that wait for a new connection to where they belong, since theirs is gone (RFC 3261 §18.2.2). */
const MAX_RESPONSES_WAITING = 64;

export interface TransportOptions {
  readonly advertise: ReadonlyMap<string, string>;
  readonly logger: Logger;
  readonly sourceLog?: SourceLog | undefined;
  readonly clock: Clock;
  /** Asked before anything is parsed; everybody is let in unless given. */
  readonly admission?: Admission | undefined;
  readonly trace?: MessageTrace | undefined;
  /** Name servers with or without a port; those of the system when undefined. */
  readonly nameServers?: readonly string[] | undefined;
  readonly limits?: ConnectionLimits | undefined;
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
  readonly #slots: ConnectionSlots;
  readonly #connections: Connections;
  readonly #resolver: Resolver;
  readonly #keepAlive: OwnKeepAlive;
  #trusted: readonly string[] | undefined;
  #responsesWaiting = 0;
  #closed = false;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#sourceLog = options.sourceLog ?? new SourceLog(options.logger, options.clock);
    this.#admission = options.admission;
    this.#trace = options.trace;
    this.#admission?.onBlocked(() => this.#cutBlocked());
    const { clock, limits, nameServers } = options;
    this.#slots = new ConnectionSlots(limits);
    this.#connections = new Connections({
      clock,
      isTraced: () => this.#trace?.tap !== undefined,
      onFrame: (frame, flow) => this.#frame(frame, flow),
      onPing: (flow) => this.#ping(flow),
    });
    this.#keepAlive = new OwnKeepAlive({
      clock,
      send: (flow, bytes, onFailed) => this.send(flow, bytes, onFailed),
      lastReceivedAt: (flow) => this.#connections.get(flow)?.lastReceivedAt,
    });
    this.#resolver = new Resolver(new DnsNames(nameServers, clock), clock, (protocol, family) =>
      this.listening.some((point) => point.protocol === protocol && familyOf(point.address) === family),
    );
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

  /**
   * Closes the listeners of these addresses, or of one protocol on them, and the connections from and to them; all others
   * stay.
   */
  async unlisten(addresses: readonly string[], protocol?: TransportProtocol): Promise<void> {
    const isOf = (other: TransportProtocol): boolean => protocol === undefined || other === protocol;
    const closing = [...this.#udp.values(), ...this.#streams].filter(
      ({ point }) => addresses.includes(point.address) && isOf(point.protocol),
    );
    await this.#closeListeners(
      closing,
      (flow) =>
        (addresses.includes(flow.localAddress) && isOf(flow.protocol)) ||
        closing.some(({ point }) => isOfListener(flow, point)),
    );
  }

  /**
   * New connections of every TLS listener get this certificate; those that stand keep theirs. Throws a UsageError
   * (SIP_CERTIFICATE) where it is of no use, and then nothing changes.
   */
  useCertificate(tls: TlsIdentity): void {
    for (const listener of this.#streams) listener.useCertificate(tls);
  }

  /**
   * Connections that we open trust these authorities (PEM) besides those of Node, where the listener names none of its own.
   * Those that stand stay.
   */
  trust(authorities: readonly string[]): void {
    const usable = authorities.filter(isCertificate);
    this.#trusted = usable.length === 0 ? undefined : [...rootCertificates, ...usable];
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
    const listener = this.#streamListener(flow);
    return { host, port: listener?.point.port ?? flow.localPort };
  }

  isOpen(flow: Flow): boolean {
    if (flow.protocol === 'udp') return this.#udpListener(flow) !== undefined;
    return this.#connections.get(flow)?.isOpen === true;
  }

  /** Whether the flow is a connection that we opened: the peer may use it in both directions (RFC 5923 §6). */
  isOutgoing(flow: Flow): boolean {
    return this.#connections.isOutgoing(flow);
  }

  /** The name that the peer proved with its certificate where we opened the connection of this flow to that name. */
  provenName(flow: Flow): string | undefined {
    return this.#connections.provenName(flow);
  }

  /** Keeps the way through a NAT open (RFC 5626 §4.4). As OwnKeepAlive.send. */
  keepAlive(flow: Flow, wantsAnswer: boolean): Promise<boolean> {
    return this.#keepAlive.send(flow, wantsAnswer);
  }

  /** Never throws; `onFailed` is called after the call has returned, where the bytes certainly did not go out. */
  send(flow: Flow, bytes: Buffer, onFailed: (error: Error) => void): void {
    const way = flow.protocol === 'udp' ? this.#udpListener(flow) : this.#connections.get(flow);
    if (way === undefined) {
      queueMicrotask(() => onFailed(flowClosed(flow)));
      return;
    }
    this.#trace?.tap?.('sent', bytes, flow, undefined);
    if (way instanceof UdpListener) way.send(flow, bytes, onFailed);
    else way.send(bytes, onFailed);
  }

  /**
   * Sends a response to `request`, which came by `flow`. As `send`; where the connection is gone, over one to the port in
   * the Via of the address that the request came from (RFC 3261 §18.2.2).
   */
  respond(request: SipRequest, flow: Flow, bytes: Buffer, onFailed: (error: Error) => void): void {
    const { protocol, remoteAddress } = flow;
    const isLost = (protocol === 'tcp' || protocol === 'tls') && !this.isOpen(flow);
    if (!isLost || this.#closed || this.#responsesWaiting >= MAX_RESPONSES_WAITING) {
      this.send(flow, bytes, onFailed);
      return;
    }
    this.#responsesWaiting += 1;
    const port = request.via.port ?? defaultPort(protocol);
    this.connect({ protocol, addresses: [remoteAddress], port })
      .then((anew) => this.send(anew, bytes, onFailed), onFailed)
      .finally(() => {
        this.#responsesWaiting -= 1;
      });
  }

  /** Where a URI leads (RFC 3263), in the order in which to try; empty when nowhere. Never rejects; takes 5 s at the most. */
  locate(uri: SipUri): Promise<readonly Target[]> {
    return this.#resolver.locate(uri);
  }

  /**
   * A flow to a target: a connection that stands is used again (RFC 3261 §18.1.1); over UDP the first address that a
   * listener can reach. Rejects with SIP_NO_ROUTE.
   */
  async connect(target: Target): Promise<Flow> {
    const { protocol, port, name } = target;
    if (protocol === 'ws' || protocol === 'wss') throw noRoute('WebSocket clients connect, and are not connected to');
    const addresses = target.addresses.filter((address) => this.#pointsTo(protocol, address).length > 0);
    const [first] = addresses;
    if (first === undefined) {
      throw noRoute(`no ${protocol.toUpperCase()} listener of the family of ${target.addresses.join(', ')}`);
    }
    if (protocol === 'udp') return this.#udpFlow(first, port);
    for (const address of addresses) {
      const standing = this.#connections.find(protocol, address, port, name);
      if (standing !== undefined) return standing.flow;
    }
    const slot = this.#slots.take(first, () => this.#makesRoom());
    if (slot.kind !== 'slot') throw noRoute('too many connections');
    try {
      const socket = await connectStream(
        {
          protocol,
          addresses,
          port,
          name,
          ca: this.#pointsTo(protocol, first)[0]?.tls?.ca ?? this.#trusted,
          localAddress: async (address) => (await this.#pointTo(protocol, address))?.address,
        },
        this.#options.clock,
      );
      socket.once('close', slot.release);
      const connection = this.#closed ? undefined : this.#connections.adopt(socket, protocol, { connectedTo: name });
      if (connection !== undefined) return connection.flow;
      socket.destroy();
    } catch (error) {
      slot.release();
      throw error;
    }
    throw noRoute('the connection was gone at once');
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
    for (const listener of listeners) {
      if (listener instanceof UdpListener) this.#udp.delete(udpKey(listener.point.address, listener.point.port));
    }
    this.#streams = this.#streams.filter((listener) => !listeners.includes(listener));
    const closing = listeners.map((listener) => listener.close());
    const connections = this.#connections.select(belongs);
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
    const listener = await this.#listenForStreams(point, point.protocol);
    this.#streams = [...this.#streams, listener];
    return listener;
  }

  #listenForStreams(point: ListenPoint, protocol: StreamProtocol): Promise<StreamListener> {
    return StreamListener.open(point, this.#slots, this.#options.clock, {
      refuses: (source, localAddress) => this.#admission?.refusesConnection(source, localAddress) !== undefined,
      makesRoom: () => this.#makesRoom(),
      onRefused: (source) => this.#sourceLog.warn(plainAddress(source), { protocol }, 'too many SIP connections'),
      onConnection: (socket) => {
        if (this.#closed || protocol === 'ws' || protocol === 'wss') socket.destroy();
        else this.#connections.adopt(socket, protocol);
      },
      onWebSocket: (socket, carrier) => {
        if (this.#closed) socket.terminate();
        else this.#connections.adoptWebSocket(socket, carrier, protocol === 'wss' ? 'wss' : 'ws');
      },
      onHandshakeFailed: (source, error) =>
        this.#sourceLog.warn(plainAddress(source), { error: error.message }, 'TLS handshake failed'),
    });
  }

  #datagram(bytes: Buffer, flow: Flow): void {
    const refusal = this.#admission?.refuses(flow, bytes.length);
    if (refusal !== undefined) {
      this.#traceReceived(bytes, flow, refusal);
      return;
    }
    if (isStun(bytes)) this.#stun(bytes, flow);
    else if (!isBlank(bytes)) this.#deliver(parseMessage(bytes), flow, bytes);
    this.#admission?.worked();
  }

  #stun(bytes: Buffer, flow: Flow): void {
    if (this.#keepAlive.receive(bytes, flow)) return;
    const answer = answerStun(bytes, flow.remoteAddress, flow.remotePort);
    if (answer !== undefined) this.#udpListener(flow)?.send(flow, answer, () => undefined);
  }

  #frame(frame: MessageFrame, flow: Flow): void {
    const refusal = this.#admission?.refuses(flow);
    if (refusal !== undefined) {
      this.#traceReceived(frame.raw, flow, refusal);
      this.#connections.get(flow)?.close();
      return;
    }
    this.#deliver(frame.kind === 'broken' ? frame.malformed : frame, flow, frame.raw);
    if (frame.kind === 'broken') this.#connections.get(flow)?.end();
    this.#admission?.worked();
  }

  /** It costs little, and yet as much as many a message: whoever sends too many is cut. */
  #ping(flow: Flow): void {
    if (this.#admission?.refuses(flow) !== undefined) this.#connections.get(flow)?.close();
    this.#admission?.worked();
  }

  /** `raw`: the message as it came, where somebody may want to see it. */
  #deliver(result: ParseResult, flow: Flow, raw: Buffer | undefined): void {
    if (this.#closed) return;
    try {
      const refusal = result.kind === 'request' ? this.#admission?.refusesRequest(result.request, flow) : undefined;
      this.#traceReceived(raw, flow, result.kind === 'malformed' ? 'malformed' : refusal);
      // A scanner gets no answer at all, and over a connection not even the connection.
      if (refusal !== undefined) this.#connections.get(flow)?.close();
      else this.#dispatch(result, flow);
    } catch (error) {
      // One message must not end the process, whoever is to blame, nor many of them fill the log.
      this.#sourceLog.warn(flow.remoteAddress, { err: error }, 'SIP message handling failed');
    }
  }

  #dispatch(result: ParseResult, flow: Flow): void {
    switch (result.kind) {
      case 'request':
        if (flow.connection !== undefined) this.#noteAlias(result.request, flow);
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

  /** Of the connections that nobody has logged in by, the quietest makes room for another. */
  #makesRoom(): boolean {
    const admission = this.#admission;
    if (admission === undefined) return false;
    const quietest = this.#connections.quietest((flow) => !admission.isKnown(flow));
    quietest?.close();
    return quietest !== undefined;
  }

  #cutBlocked(): void {
    const blocked = this.#connections.select((flow) => this.#admission?.isBlocked(flow) === true);
    for (const connection of blocked) connection.close();
  }

  /**
   * RFC 5923 §5: a peer whose Via says `alias` takes requests to its own port over this connection. Light: only for the
   * address that it comes from, so that nobody can draw the requests of others to himself.
   */
  #noteAlias({ via }: SipRequest, flow: Flow): void {
    if (!hasParam(via.params, 'alias') || via.host !== flow.remoteAddress.replace(/%.*$/, '')) return;
    this.#connections.alias(flow, via.port ?? defaultPort(flow.protocol));
  }

  async #udpFlow(remoteAddress: string, remotePort: number): Promise<Flow> {
    const point = await this.#pointTo('udp', remoteAddress);
    if (point === undefined) throw noRoute(`no UDP listener of the family of ${remoteAddress}`);
    return { protocol: 'udp', localAddress: point.address, localPort: point.port, remoteAddress, remotePort };
  }

  /** The listener from which the routing table leads to an address: the one on the same LAN. */
  async #pointTo(protocol: TransportProtocol, remoteAddress: string): Promise<ListenPoint | undefined> {
    const points = this.#pointsTo(protocol, remoteAddress);
    if (points.length < 2) return points[0];
    const source = await sourceAddress(remoteAddress);
    return points.find(({ address }) => address === source) ?? points[0];
  }

  #pointsTo(protocol: TransportProtocol, remoteAddress: string): readonly ListenPoint[] {
    const family = familyOf(remoteAddress);
    return this.listening.filter((point) => point.protocol === protocol && familyOf(point.address) === family);
  }

  #udpListener(flow: Flow): UdpListener | undefined {
    return this.#udp.get(udpKey(flow.localAddress, flow.localPort));
  }

  /** That of the LAN which the connection is on. */
  #streamListener(flow: Flow): StreamListener | undefined {
    const ofProtocol = this.#streams.filter(({ point }) => point.protocol === flow.protocol);
    return ofProtocol.find(({ point }) => point.address === flow.localAddress) ?? ofProtocol[0];
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

/** One that cannot be read would have every connection fail. */
function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
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
