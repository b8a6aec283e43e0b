import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, isIPv6, type Socket } from 'node:net';
import { type ClientOptions, WebSocket } from 'ws';
import { testIdentity, within } from './stacks.ts';

/** A peer that sends and shows bytes as they are: what it knows of SIP is in the tests. */
export class RawPeer {
  readonly address: string;
  readonly port: number;
  readonly #send: (bytes: Buffer) => void;
  readonly #close: () => void;
  readonly #received: Buffer[] = [];
  /** Of a WebSocket: what kind of frame its latest message came in, and the code with which it was closed. */
  lastWasBinary: boolean | undefined;
  closeCode: number | undefined;
  #ping: () => Promise<void> = () => Promise.resolve();
  #closed = false;
  #wake: () => void = () => undefined;

  private constructor(address: string, port: number, send: (bytes: Buffer) => void, close: () => void) {
    this.address = address;
    this.port = port;
    this.#send = send;
    this.#close = close;
  }

  static async udp(address: string, toPort: number): Promise<RawPeer> {
    const socket: UdpSocket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    await new Promise<void>((resolve) => socket.bind(0, address, resolve));
    const peer = new RawPeer(
      address,
      socket.address().port,
      (bytes) => socket.send(bytes, toPort, address),
      () => socket.close(),
    );
    socket.on('message', (bytes) => peer.#take(bytes));
    return peer;
  }

  static async tcp(address: string, toPort: number): Promise<RawPeer> {
    const socket: Socket = connect(toPort, address);
    await within(new Promise<void>((resolve) => socket.once('connect', resolve)), 'connection');
    const peer = new RawPeer(
      address,
      socket.localPort ?? 0,
      (bytes) => socket.write(bytes),
      () => socket.destroy(),
    );
    socket.on('data', (bytes: Buffer) => peer.#take(bytes));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      peer.#closed = true;
      peer.#wake();
    });
    return peer;
  }

  /** A browser's end of a WebSocket; each message is one of `next`. */
  static async webSocket(address: string, toPort: number, more: WebSocketMore = {}): Promise<RawPeer> {
    const { secure = false, subprotocols = ['sip'], binary = false, ...options } = more;
    const host = address.includes(':') ? `[${address}]` : address;
    const ca = secure ? { ca: testIdentity.ca } : {};
    const socket = new WebSocket(`${secure ? 'wss' : 'ws'}://${host}:${toPort}/`, [...subprotocols], {
      ...ca,
      ...options,
    });
    let port = 0;
    socket.once('upgrade', (response) => {
      port = response.socket.localPort ?? 0;
    });
    // Before the handshake is known to be done: the first message may be right behind it.
    const early: Buffer[] = [];
    const keep = (data: unknown): number => early.push(data as Buffer);
    socket.on('message', keep);
    await within(
      new Promise<void>((resolve, reject) => {
        socket.once('open', resolve);
        socket.once('error', reject);
      }),
      'WebSocket',
    );
    socket.off('message', keep);
    const peer = new RawPeer(
      address,
      port,
      (bytes) => socket.send(bytes, { binary }),
      () => socket.terminate(),
    );
    for (const bytes of early) peer.#take(bytes);
    socket.on('message', (data, isBinary) => {
      peer.lastWasBinary = isBinary;
      peer.#take(data as Buffer);
    });
    socket.on('ping', () => peer.#take(Buffer.from('ping')));
    peer.#ping = async () => {
      const pong = once(socket, 'pong');
      socket.ping();
      await within(pong, 'pong');
    };
    socket.on('error', () => undefined);
    socket.on('close', (code) => {
      peer.closeCode = code;
      peer.#closed = true;
      peer.#wake();
    });
    return peer;
  }

  #take(bytes: Buffer): void {
    this.#received.push(bytes);
    this.#wake();
  }

  send(text: string | Buffer): void {
    this.#send(typeof text === 'string' ? Buffer.from(text) : text);
  }

  get waiting(): readonly string[] {
    return this.#received.map(String);
  }

  /** The next datagram, or what one read gave; the first that matches, when a pattern is given. */
  async next(pattern = /(?:)/): Promise<string> {
    return String(await this.nextBytes(pattern));
  }

  /** The same, as it was sent. */
  async nextBytes(pattern = /(?:)/): Promise<Buffer> {
    const find = async (): Promise<Buffer> => {
      for (;;) {
        const at = this.#received.findIndex((bytes) => pattern.test(String(bytes)));
        const [found] = at === -1 ? [] : this.#received.splice(at, 1);
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    };
    return within(find(), `message like ${pattern}, but ${JSON.stringify(this.waiting)}`);
  }

  async closed(): Promise<void> {
    while (!this.#closed) {
      await within(
        new Promise<void>((resolve) => {
          this.#wake = resolve;
        }),
        'close',
      );
    }
  }

  /** Of a WebSocket: resolves when the peer has read all that was sent before. */
  pinged(): Promise<void> {
    return this.#ping();
  }

  close(): void {
    this.#close();
  }

  /** A request with the headers that it must have; `branch` distinguishes transactions. */
  request(method: string, branch: string, more: Partial<RawRequest> = {}): string {
    const protocol = more.protocol ?? 'UDP';
    const host = this.address.includes(':') ? `[${this.address}]` : this.address;
    const body = more.body ?? '';
    const lines = [
      `${method} ${more.uri ?? 'sip:201@127.0.0.1'} SIP/2.0`,
      `Via: ${more.via ?? `SIP/2.0/${protocol} ${host}:${this.port};branch=z9hG4bK${branch};rport`}`,
      'Max-Forwards: 70',
      'From: <sip:202@127.0.0.1>;tag=peer',
      `To: <sip:201@127.0.0.1>${more.toTag === undefined ? '' : `;tag=${more.toTag}`}`,
      `Call-ID: ${more.callId ?? 'raw'}`,
      `CSeq: ${more.cseq ?? 1} ${method}`,
      `Contact: <sip:202@${host}:${this.port}>`,
      ...(more.headers ?? []),
      ...(body.length > 0 ? ['Content-Type: application/sdp'] : []),
      `Content-Length: ${body.length}`,
    ];
    return `${lines.join('\r\n')}\r\n\r\n${body}`;
  }
}

interface WebSocketMore extends Pick<ClientOptions, 'autoPong' | 'headers' | 'origin'> {
  readonly secure?: boolean;
  readonly subprotocols?: readonly string[];
  /** Sends binary frames. */
  readonly binary?: boolean;
}

interface RawRequest {
  readonly uri: string;
  readonly via: string;
  readonly protocol: 'UDP' | 'TCP' | 'TLS' | 'WS' | 'WSS';
  readonly toTag: string;
  readonly callId: string;
  readonly cseq: number;
  readonly headers: readonly string[];
  readonly body: string;
}

/** The value of the first header of that name. */
export function header(text: string, name: string): string {
  return new RegExp(`^${name}: (.*)\r$`, 'm').exec(text)?.[1] ?? '';
}

export function toTag(text: string): string {
  return /;tag=([^;\s]+)/.exec(header(text, 'To'))?.[1] ?? '';
}
