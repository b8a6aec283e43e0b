/** `ws` and `wss` are WebSocket and secure WebSocket (RFC 7118). */
export type TransportProtocol = 'udp' | 'tcp' | 'tls' | 'ws' | 'wss';
/** Those that stand on a connection. */
export type StreamProtocol = Exclude<TransportProtocol, 'udp'>;

/** Of IP. */
export type Family = 4 | 6;

/** The certificate that a listener of TLS or secure WebSocket shows, and whom it trusts when it connects outwards. */
export interface TlsIdentity {
  /** PEM. */
  readonly key: string | Buffer;
  /** PEM, the chain included. */
  readonly cert: string | Buffer;
  /** PEM of the authorities for outgoing connections; those of Node when absent. */
  readonly ca?: string | Buffer;
}

export interface ListenPoint {
  readonly protocol: TransportProtocol;
  /** An IPv4 or IPv6 address of this machine. */
  readonly address: string;
  /** 0 takes a free one: see SipStack.listening. */
  readonly port: number;
  /** Needed for `tls` and `wss`. */
  readonly tls?: TlsIdentity;
}

/**
 * The way to a peer. Plain data: it may be kept with a binding, compared and stored. For all but udp it names one
 * connection, and sending fails once that connection is closed.
 */
export interface Flow {
  readonly protocol: TransportProtocol;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** The connection's serial number, so that a later connection from the same port is not taken for it; absent for udp. */
  readonly connection?: number;
}
