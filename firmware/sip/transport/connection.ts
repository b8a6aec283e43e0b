import type { Flow } from './flow.ts';
import type { Frame } from './stream-framer.ts';

/** From the first byte of a message to its last; also from the connection to its first message. */
export const MESSAGE_TIMEOUT_MS = 30_000;
/** Without a byte received: longer than the longest registration without keep-alives. */
export const IDLE_TIMEOUT_MS = 2 * 60 * 60 * 1000;
/** What a peer that does not read may leave with us. */
export const MAX_UNSENT_BYTES = 1 << 20;
/** From here on we read nothing more of such a peer, so that it cannot make us say more; after 30 s of it, it is cut. */
export const PAUSE_UNSENT_BYTES = 1 << 16;

/** What stands between us and one peer, whatever the bytes are wrapped in. */
export interface Connection {
  readonly flow: Flow;
  readonly isOpen: boolean;
  /** When the peer was last heard of, by `Clock.elapsed`. */
  readonly lastReceivedAt: number;
  /** Never throws; `onFailed` comes later, where the bytes certainly did not go out. */
  send(bytes: Buffer, onFailed: (error: Error) => void): void;
  /** Sends what is still in the buffer, then closes. */
  end(): void;
  /** Cuts the connection at once. Idempotent. */
  close(): void;
}

export type MessageFrame = Exclude<Frame, { kind: 'ping' }>;

/** What all connections tell; the same for each of them. */
export interface ConnectionHandlers {
  /** Whether somebody wants to see messages as they came. */
  isTraced(): boolean;
  onFrame(frame: MessageFrame, flow: Flow): void;
  /** The peer keeps its way open, and wants an answer where the connection is still open after this. */
  onPing(flow: Flow): void;
  onClosed(connection: Connection): void;
}
