import { randomBytes } from 'node:crypto';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Flow } from './flow.ts';
import { bindingRequest, isStunResponse } from './stun.ts';

/** RFC 5626 §4.4.1: without a pong within this time the flow has failed; the same patience for STUN. */
const ANSWER_MS = 10_000;
/** STUN over UDP is sent again where nothing came (RFC 8489 §6.2.1), a little more slowly than there. */
const AGAIN_MS = [1000, 3000];
/** Lines are 64 at the most, and each has one at a time. */
const MAX_WAITING = 256;
export const PING = Buffer.from('\r\n\r\n');

interface Waiting {
  readonly flow: Flow;
  readonly answered: () => void;
}

export interface OwnKeepAliveOptions {
  readonly clock: Clock;
  readonly send: (flow: Flow, bytes: Buffer, onFailed: () => void) => void;
  /** When the peer of a connection was heard last, by `Clock.elapsed`; undefined where it is gone. */
  readonly lastReceivedAt: (flow: Flow) => number | undefined;
}

/** Keep-alives that we send on flows of ours (RFC 5626 §4.4), where a carrier is to reach us through a NAT. */
export class OwnKeepAlive {
  readonly #options: OwnKeepAliveOptions;
  /** By the transaction id of STUN. */
  readonly #waiting = new Map<string, Waiting>();

  constructor(options: OwnKeepAliveOptions) {
    this.#options = options;
  }

  /**
   * Sends one. Resolves to false where the flow is gone or, with `wantsAnswer`, where the peer does not answer as RFC 5626
   * wants it. Never rejects.
   */
  send(flow: Flow, wantsAnswer: boolean): Promise<boolean> {
    return wantsAnswer && flow.protocol === 'udp' ? this.#bind(flow) : this.#ping(flow, wantsAnswer);
  }

  /** A datagram that is STUN came. True where it answers one of ours. */
  receive(bytes: Buffer, flow: Flow): boolean {
    const id = isStunResponse(bytes);
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (waiting === undefined || !isSamePeer(waiting.flow, flow)) return false;
    waiting.answered();
    return true;
  }

  #ping(flow: Flow, wantsAnswer: boolean): Promise<boolean> {
    const { clock, send, lastReceivedAt } = this.#options;
    const sentAt = clock.elapsed();
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      send(flow, PING, () => {
        timer?.cancel();
        resolve(false);
      });
      if (!wantsAnswer) {
        // A failure is told in a later turn.
        timer = clock.schedule(0, () => resolve(true));
        return;
      }
      // Whatever comes meanwhile shows as well as a pong that the peer is there.
      timer = clock.schedule(ANSWER_MS, () => resolve((lastReceivedAt(flow) ?? -1) >= sentAt));
    });
  }

  #bind(flow: Flow): Promise<boolean> {
    const { clock, send } = this.#options;
    if (this.#waiting.size >= MAX_WAITING) return Promise.resolve(true);
    const id = randomBytes(12);
    const key = id.toString('hex');
    const bytes = bindingRequest(id);
    return new Promise((resolve) => {
      const timers: Timer[] = [];
      const finish = (isThere: boolean): void => {
        for (const timer of timers) timer.cancel();
        this.#waiting.delete(key);
        resolve(isThere);
      };
      this.#waiting.set(key, { flow, answered: () => finish(true) });
      const transmit = (): void => send(flow, bytes, () => finish(false));
      timers.push(...AGAIN_MS.map((delayMs) => clock.schedule(delayMs, transmit)));
      timers.push(clock.schedule(ANSWER_MS, () => finish(false)));
      transmit();
    });
  }
}

function isSamePeer(one: Flow, other: Flow): boolean {
  return (
    one.remoteAddress === other.remoteAddress &&
    one.remotePort === other.remotePort &&
    one.localAddress === other.localAddress &&
    one.localPort === other.localPort
  );
}
