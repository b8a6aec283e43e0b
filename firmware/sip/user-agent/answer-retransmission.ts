import type { Clock, Timer } from '../../core/clock.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import { T1_MS, T2_MS } from '../transaction/timers.ts';

/**
 * Sends a 2xx to INVITE again until its ACK comes (RFC 3261 §13.3.1.4), over reliable transports too, since a later
 * hop may not be one.
 */
export class AnswerRetransmission {
  readonly cseq: number;
  readonly #transaction: ServerTransaction;
  readonly #clock: Clock;
  readonly #giveUp: Timer;
  #timer: Timer | undefined;
  #stopped = false;

  /** `transaction` has sent its 2xx. `onNoAck` is called after 64*T1 without ACK. */
  constructor(transaction: ServerTransaction, clock: Clock, onNoAck: () => void) {
    this.cseq = transaction.request.cseq.number;
    this.#transaction = transaction;
    this.#clock = clock;
    this.#giveUp = clock.schedule(64 * T1_MS, () => {
      this.stop();
      onNoAck();
    });
    this.#again(T1_MS);
  }

  /** Idempotent. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#giveUp.cancel();
  }

  #again(delayMs: number): void {
    this.#timer = this.#clock.schedule(delayMs, () => {
      if (this.#stopped) return;
      this.#transaction.resend();
      this.#again(Math.min(2 * delayMs, T2_MS));
    });
  }
}
