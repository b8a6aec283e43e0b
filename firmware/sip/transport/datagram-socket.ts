import { createRequire } from 'node:module';
import { assetPath } from '../../core/assets.ts';

/** native/addon.c. What it throws has the `code` of the system's error: EADDRINUSE, EADDRNOTAVAIL … */
interface Addon {
  /**
   * Binds a socket and watches it. `callback` is called with the number of datagrams that lie in `slots`, or with -1
   * where there is room to send again. All buffers stay in use until the socket is closed.
   */
  open(
    address: string,
    port: number,
    receiveBufferBytes: number,
    callback: (count: number) => void,
    slots: Uint8Array,
    addresses: Uint8Array,
    received: Uint32Array,
    bytes: Uint8Array,
    sending: Uint32Array,
  ): readonly [handle: Handle, port: number];
  /** Sends these entries; returns the one before which the socket's buffer was full, or `end`. */
  send(handle: Handle, first: number, end: number): number;
  close(handle: Handle): void;
}

declare const brand: unique symbol;
type Handle = { readonly [brand]: 'Handle' };

/** The same numbers as in native/datagrams.h. */
const BATCH = 32;
const SLOT_BYTES = 65_536;
const ADDRESS_BYTES = 64;
const RECEIVED = { length: 0, port: 1, ipv4: 2, addressLength: 3, fields: 4 } as const;
const SEND = { offset: 0, length: 1, addressLength: 2, port: 3, error: 4, fields: 5 } as const;

/** Datagrams that wait for the end of the turn or for room in the socket's buffer. */
const MAX_QUEUED = 512;
/** One of the largest datagrams fits beside many usual ones. */
const QUEUE_BYTES = 8 * 65_536;
/** IPv4 addresses whose text is remembered: phones send from the same few all day. */
const MAX_REMEMBERED = 4096;

let addon: Addon | undefined;
/** What comes is handled before anything else is received, so all sockets share one set of buffers. */
let shared: { readonly slots: Buffer; readonly addresses: Buffer; readonly received: Uint32Array } | undefined;
const ipv4Texts = new Map<number, string>();

export interface DatagramSocketOptions {
  /** An IPv4 or IPv6 address, with a zone where it needs one. */
  readonly address: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly receiveBufferBytes: number;
  /** `bytes` are the receiver's to keep. */
  readonly onDatagram: (bytes: Buffer, address: string, port: number) => void;
}

/**
 * A UDP socket that receives and sends in batches: what lies in the kernel's buffer comes with one system call, and what
 * is sent within one turn of the event loop goes out with one at its end.
 */
export class DatagramSocket {
  readonly port: number;
  readonly #addon: Addon;
  readonly #handle: Handle;
  readonly #onDatagram: DatagramSocketOptions['onDatagram'];
  readonly #bytes = Buffer.allocUnsafeSlow(QUEUE_BYTES);
  readonly #sending = new Uint32Array(MAX_QUEUED * SEND.fields);
  /** Called where an entry could not be sent; by entry. */
  readonly #failures: ((error: Error) => void)[] = [];
  #first = 0;
  #end = 0;
  #usedBytes = 0;
  /** A flush comes by itself: at the end of what is being received, in a microtask, or when there is room again. */
  #flushComes = false;
  #isClosed = false;

  /** Throws an Error with the `code` of the system's error. */
  constructor({ address, port, receiveBufferBytes, onDatagram }: DatagramSocketOptions) {
    addon ??= createRequire(import.meta.url)(assetPath('datagrams.node')) as Addon;
    shared ??= {
      slots: Buffer.from(new ArrayBuffer(BATCH * SLOT_BYTES)),
      addresses: Buffer.from(new ArrayBuffer(BATCH * ADDRESS_BYTES)),
      received: new Uint32Array(BATCH * RECEIVED.fields),
    };
    this.#addon = addon;
    this.#onDatagram = onDatagram;
    const { slots, addresses, received } = shared;
    const called = (count: number): void => (count < 0 ? this.#flush() : this.#receive(count));
    const buffers = [slots, addresses, received, this.#bytes, this.#sending] as const;
    [this.#handle, this.port] = addon.open(address, port, receiveBufferBytes, called, ...buffers);
  }

  /** `onFailed` is called after this has returned, where the datagram did not go out. */
  send(bytes: Buffer, address: string, port: number, onFailed: (error: Error) => void): void {
    // The text of the address stands behind the bytes.
    const needed = bytes.length + ADDRESS_BYTES;
    if (!this.#isClosed && (this.#end === MAX_QUEUED || this.#usedBytes + needed > QUEUE_BYTES)) this.#flush();
    const hasRoom = this.#end < MAX_QUEUED && this.#usedBytes + needed <= QUEUE_BYTES;
    if (this.#isClosed || !hasRoom || address.length >= ADDRESS_BYTES) {
      queueMicrotask(() => onFailed(new Error(this.#isClosed ? 'the socket is closed' : 'no room to send')));
      return;
    }
    const offset = this.#usedBytes;
    this.#bytes.set(bytes, offset);
    const addressLength = this.#bytes.write(address, offset + bytes.length, 'latin1');
    const entry = this.#end * SEND.fields;
    this.#sending[entry + SEND.offset] = offset;
    this.#sending[entry + SEND.length] = bytes.length;
    this.#sending[entry + SEND.addressLength] = addressLength;
    this.#sending[entry + SEND.port] = port;
    this.#failures[this.#end] = onFailed;
    this.#end += 1;
    this.#usedBytes = offset + bytes.length + addressLength;
    if (this.#flushComes) return;
    this.#flushComes = true;
    queueMicrotask(() => this.#flush());
  }

  /** What waits to be sent is tried once more. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#flush();
    this.#isClosed = true;
    this.#addon.close(this.#handle);
  }

  #receive(count: number): void {
    if (shared === undefined) return;
    const { slots, addresses, received } = shared;
    this.#flushComes = true;
    try {
      for (let slot = 0; slot < count && !this.#isClosed; slot += 1) {
        const entry = slot * RECEIVED.fields;
        const length = received[entry + RECEIVED.length] ?? 0;
        const addressLength = received[entry + RECEIVED.addressLength] ?? 0;
        const text = slot * ADDRESS_BYTES;
        const address =
          addressLength === 0
            ? ipv4Text(received[entry + RECEIVED.ipv4] ?? 0)
            : addresses.toString('latin1', text, text + addressLength);
        const bytes = Buffer.allocUnsafe(length);
        slots.copy(bytes, 0, slot * SLOT_BYTES, slot * SLOT_BYTES + length);
        this.#onDatagram(bytes, address, received[entry + RECEIVED.port] ?? 0);
      }
    } finally {
      this.#flush();
    }
  }

  #flush(): void {
    this.#flushComes = false;
    if (this.#isClosed || this.#first === this.#end) return;
    const next = this.#addon.send(this.#handle, this.#first, this.#end);
    for (let at = this.#first; at < next; at += 1) {
      const reason = this.#sending[at * SEND.fields + SEND.error] ?? 0;
      const onFailed = this.#failures[at];
      if (reason !== 0 && onFailed !== undefined) queueMicrotask(() => onFailed(new Error(`system error ${reason}`)));
    }
    this.#first = next;
    if (next < this.#end) {
      // The addon calls when there is room again.
      this.#flushComes = true;
      return;
    }
    this.#first = 0;
    this.#end = 0;
    this.#usedBytes = 0;
    this.#failures.length = 0;
  }
}

function ipv4Text(address: number): string {
  const known = ipv4Texts.get(address);
  if (known !== undefined) return known;
  if (ipv4Texts.size >= MAX_REMEMBERED) ipv4Texts.clear();
  const text = `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
  ipv4Texts.set(address, text);
  return text;
}
