/** What a connection needs of its socket: one of node:net or node:tls, or a TlsSocket. */
export interface StreamSocket {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly destroyed: boolean;
  readonly writable: boolean;
  /** Bytes that the peer has left with us. */
  readonly writableLength: number;
  setNoDelay(isOn: boolean): unknown;
  setKeepAlive(isOn: boolean, delayMs: number): unknown;
  /** `onWritten` is called later; with an error where the bytes did not go out, and perhaps not at all where they did. */
  write(bytes: Buffer, onWritten: (error?: Error | null) => void): unknown;
  pause(): unknown;
  resume(): unknown;
  /** Sends what is unsent, tells the peer that nothing more comes, then calls. */
  end(onEnded: () => void): unknown;
  /** Idempotent. */
  destroy(): unknown;
  on(event: 'data', listener: (bytes: Buffer) => void): unknown;
  on(event: 'drain' | 'close', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  once(event: 'close', listener: () => void): unknown;
}
