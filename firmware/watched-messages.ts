import type { UnreadMessage, WatchMessages } from './console/commands/traced-message.ts';
import { type Glance, glance, type MessageTrace, maskCredentials, type TracedMessage } from './sip/stack.ts';

/** SIP messages for a console that knows nothing of SIP. */
export function watchMessages(trace: MessageTrace): WatchMessages {
  return (watcher) => trace.watch((message) => watcher(new WatchedMessage(message)));
}

class WatchedMessage implements UnreadMessage {
  readonly direction: UnreadMessage['direction'];
  readonly atMs: number;
  readonly transport: string;
  readonly local: UnreadMessage['local'];
  readonly remote: UnreadMessage['remote'];
  readonly mark: string | undefined;
  readonly #bytes: Buffer;
  #glance: Glance | undefined;

  constructor({ direction, atMs, flow, bytes, mark }: TracedMessage) {
    this.direction = direction;
    this.atMs = atMs;
    this.transport = flow.protocol;
    this.local = { address: flow.localAddress, port: flow.localPort };
    this.remote = { address: flow.remoteAddress, port: flow.remotePort };
    this.mark = mark;
    this.#bytes = bytes;
  }

  /** Read once, whoever asks. */
  read(): Glance {
    this.#glance ??= glance(this.#bytes);
    return this.#glance;
  }

  masked(): Buffer {
    return maskCredentials(this.#bytes);
  }
}
