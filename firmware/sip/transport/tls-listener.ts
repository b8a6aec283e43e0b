import { createRequire } from 'node:module';
import { DEFAULT_CIPHERS } from 'node:tls';
import { assetPath } from '../../core/assets.ts';
import type { TlsIdentity } from './flow.ts';
import { type TlsConnections, TlsSocket } from './tls-socket.ts';

type OnAccepted = (
  connection: number,
  remoteAddress: string,
  remotePort: number,
  localAddress: string,
  localPort: number,
) => void;
type OnEvent = (connection: number, event: number, detail: number | string) => void;

/** native/tls-addon.c. What it throws has the `code` of the system's error, or ERR_TLS where OpenSSL refuses. */
interface Addon {
  /** TLS 1.2 and 1.3; `ciphers` are those of 1.2, `suites` those of 1.3. What came lies in `received`, for as long as `onEvent` runs. */
  listen(
    address: string,
    port: number,
    key: Uint8Array,
    chain: Uint8Array,
    ciphers: string,
    suites: string,
    onAccepted: OnAccepted,
    onEvent: OnEvent,
    received: Uint8Array,
  ): readonly [handle: Handle, port: number];
  /** For connections from now on; tickets of before stay good. */
  useCertificate(handle: Handle, key: Uint8Array, chain: Uint8Array, ciphers: string, suites: string): void;
  /** Connections that stand go on. Idempotent. */
  stop(handle: Handle): void;
  write(handle: Handle, connection: number, bytes: Uint8Array): number;
  pause(handle: Handle, connection: number, isPaused: boolean): void;
  keepAlive(handle: Handle, connection: number, seconds: number): void;
  end(handle: Handle, connection: number): void;
  close(handle: Handle, connection: number): void;
}

declare const brand: unique symbol;
type Handle = { readonly [brand]: 'Handle' };

/** The same numbers as in native/tls-connections.c and native/tls.h. */
const EVENT = { secure: 0, received: 1, sent: 2, ended: 3, failed: 4 } as const;
const RECORD_BYTES = 16_384;

/** As Node has them: suites of TLS 1.3 stand among the ciphers of 1.2, and are told by their names. */
const isSuite = (name: string): boolean => name.startsWith('TLS_');
const CIPHERS = DEFAULT_CIPHERS.split(':');
const POLICY = [CIPHERS.filter((name) => !isSuite(name)).join(':'), CIPHERS.filter(isSuite).join(':')] as const;

let addon: Addon | undefined;
/** What comes is handled before anything else is read, so all listeners share it. */
let received: Buffer | undefined;

export interface TlsListenerOptions {
  /** An IPv4 or IPv6 address, with a zone where it needs one. */
  readonly address: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly identity: TlsIdentity;
  /** A connection came, and its handshake is still to come; nothing is spent on it before it says something. */
  readonly onConnection: (socket: TlsSocket) => void;
}

/**
 * Accepts connections of TLS. Those of node:tls cost twice the memory, which is what bounds how many phones a box can
 * hold connections of.
 */
export class TlsListener implements TlsConnections {
  readonly port: number;
  readonly #addon: Addon;
  readonly #handle: Handle;
  readonly #onConnection: TlsListenerOptions['onConnection'];
  readonly #sockets = new Map<number, TlsSocket>();
  #isClosed = false;
  #onClosed: (() => void)[] = [];

  /** Throws an Error with the `code` of the system's error, or ERR_TLS where key and certificate are of no use. */
  constructor({ address, port, identity, onConnection }: TlsListenerOptions) {
    addon ??= createRequire(import.meta.url)(assetPath('tls.node')) as Addon;
    received ??= Buffer.from(new ArrayBuffer(RECORD_BYTES));
    this.#addon = addon;
    this.#onConnection = onConnection;
    const accepted: OnAccepted = (...connection) => this.#accepted(...connection);
    const happened: OnEvent = (connection, event, detail) => this.#happened(connection, event, detail);
    const handlers = [accepted, happened, received] as const;
    const listen = addon.listen;
    [this.#handle, this.port] = withPem(identity, (key, chain) =>
      listen(address, port, key, chain, ...POLICY, ...handlers),
    );
  }

  /** For connections from now on; what was begun with tickets of before goes on. Throws as the constructor does. */
  useCertificate(identity: TlsIdentity): void {
    withPem(identity, (key, chain) => this.#addon.useCertificate(this.#handle, key, chain, ...POLICY));
  }

  /** Accepts nothing more; calls back when the last connection, which is its owner's to close, is gone. */
  stop(onClosed: () => void): void {
    this.#isClosed = true;
    this.#addon.stop(this.#handle);
    this.#onClosed.push(onClosed);
    this.#tellIfGone();
  }

  write(connection: number, bytes: Buffer): number {
    return this.#addon.write(this.#handle, connection, bytes);
  }

  pause(connection: number, isPaused: boolean): void {
    this.#addon.pause(this.#handle, connection, isPaused);
  }

  keepAlive(connection: number, seconds: number): void {
    this.#addon.keepAlive(this.#handle, connection, seconds);
  }

  end(connection: number): void {
    this.#addon.end(this.#handle, connection);
  }

  close(connection: number): void {
    this.#sockets.delete(connection);
    this.#addon.close(this.#handle, connection);
    this.#tellIfGone();
  }

  #accepted(...[connection, remoteAddress, remotePort, localAddress, localPort]: Parameters<OnAccepted>): void {
    const addresses = { remoteAddress, remotePort, localAddress, localPort };
    const socket = new TlsSocket({ connections: this, connection, ...addresses });
    this.#sockets.set(connection, socket);
    this.#onConnection(socket);
  }

  #happened(connection: number, event: number, detail: number | string): void {
    const socket = this.#sockets.get(connection);
    if (socket === undefined) return;
    switch (event) {
      case EVENT.secure:
        socket.secured();
        break;
      case EVENT.received:
        if (received !== undefined) socket.received(Buffer.from(received.subarray(0, Number(detail))));
        break;
      case EVENT.sent:
        socket.sent(Number(detail));
        break;
      case EVENT.ended:
        socket.peerEnded();
        break;
      case EVENT.failed:
        socket.broke(String(detail));
        break;
    }
  }

  #tellIfGone(): void {
    if (!this.#isClosed || this.#sockets.size > 0) return;
    const waiting = this.#onClosed;
    this.#onClosed = [];
    for (const onClosed of waiting) process.nextTick(onClosed);
  }
}

/** The bytes of both texts; those of the key do not stay in memory. */
function withPem<Result>({ key, cert }: TlsIdentity, use: (key: Buffer, chain: Buffer) => Result): Result {
  const bytes = Buffer.from(key);
  try {
    return use(bytes, Buffer.from(cert));
  } finally {
    bytes.fill(0);
  }
}
