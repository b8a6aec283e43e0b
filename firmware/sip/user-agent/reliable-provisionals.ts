import type { Clock, Timer } from '../../core/clock.ts';
import { parseDecimal } from '../message/grammar.ts';
import type { ResponseOptions } from '../message/response.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import { T1_MS } from '../transaction/timers.ts';

/** More than any callee has to say before it answers; the rest is left out. */
const MAX_WAITING = 8;

interface Provisional {
  readonly status: number;
  readonly options: ResponseOptions;
  /** It has a description, so that a 2xx must wait for its PRACK (RFC 3262 §5). */
  readonly hasSdp: boolean;
}

export interface ReliableProvisionalsOptions {
  readonly clock: Clock;
  readonly transaction: ServerTransaction;
  /** No PRACK came in 64*T1 (RFC 3262 §3): the INVITE is to be refused. */
  readonly onLost: () => void;
}

/** Provisional responses that are sent again until PRACK acknowledges them (RFC 3262 §3): one at a time, in order. */
export class ReliableProvisionals {
  readonly #options: ReliableProvisionalsOptions;
  /** RFC 3262 §3: begins anywhere in the lower half, so that it never overflows. */
  #rseq = 1 + Math.floor(Math.random() * 2 ** 30);
  #current: Provisional | undefined;
  readonly #waiting: Provisional[] = [];
  #again: Timer | undefined;
  #giveUp: Timer | undefined;
  #whenFree: (() => void) | undefined;
  /** Its PRACK is being answered, which may take a while where that has an offer. */
  #isTaken = false;
  #stopped = false;

  constructor(options: ReliableProvisionalsOptions) {
    this.#options = options;
  }

  send(status: number, options: ResponseOptions): void {
    if (this.#stopped || this.#waiting.length >= MAX_WAITING) return;
    const provisional = { status, options, hasSdp: options.body !== undefined };
    if (this.#current === undefined) this.#transmit(provisional);
    else this.#waiting.push(provisional);
  }

  /** Calls `send` once no description waits for its PRACK: at once where none does. What else waits is left out. */
  beforeSuccess(send: () => void): void {
    const blocked = this.#current?.hasSdp === true || this.#waiting.some(({ hasSdp }) => hasSdp);
    if (blocked && !this.#stopped) {
      this.#whenFree = send;
    } else {
      this.stop();
      send();
    }
  }

  /** Something waits for its PRACK. */
  get isBusy(): boolean {
    return this.#current !== undefined;
  }

  /** Whether this PRACK acknowledges what was sent last; false: 481 (RFC 3262 §3). */
  acknowledges(rack: string | undefined): boolean {
    const match = /^(\d{1,10})[ \t]+(\d{1,10})[ \t]+INVITE$/.exec(rack?.trim() ?? '');
    if (match === null || this.#current === undefined || this.#isTaken) return false;
    const [, rseq = '', cseq = ''] = match;
    const { number } = this.#options.transaction.request.cseq;
    return parseDecimal(rseq, 2 ** 32 - 1) === this.#rseq && parseDecimal(cseq, 2 ** 31 - 1) === number;
  }

  /** Its PRACK came: it is not sent again, and another PRACK finds nothing. */
  taken(): void {
    this.#isTaken = true;
    this.#again?.cancel();
    this.#giveUp?.cancel();
  }

  /** The PRACK was answered: on to the next. */
  acknowledged(): void {
    this.#again?.cancel();
    this.#giveUp?.cancel();
    this.#current = undefined;
    this.#isTaken = false;
    const next = this.#waiting.shift();
    if (next !== undefined) {
      this.#rseq += 1;
      this.#transmit(next);
    } else {
      this.#rseq += 1;
    }
    const send = this.#whenFree;
    if (send === undefined || this.#current !== undefined) return;
    this.#whenFree = undefined;
    this.stop();
    send();
  }

  /** A final response is out. Idempotent. */
  stop(): void {
    this.#stopped = true;
    this.#whenFree = undefined;
    this.#waiting.length = 0;
    this.#again?.cancel();
    this.#giveUp?.cancel();
  }

  #transmit(provisional: Provisional): void {
    this.#current = provisional;
    const { clock, transaction, onLost } = this.#options;
    const { status, options } = provisional;
    const headers = [...(options.headers ?? []), ['Require', '100rel'], ['RSeq', String(this.#rseq)]] as const;
    transaction.respond(status, { ...options, headers });
    this.#giveUp = clock.schedule(64 * T1_MS, () => {
      this.stop();
      onLost();
    });
    this.#repeat(T1_MS);
  }

  /** RFC 3262 §3: T1, doubling without an upper bound, over reliable transports too. */
  #repeat(delayMs: number): void {
    this.#again = this.#options.clock.schedule(delayMs, () => {
      if (this.#stopped) return;
      this.#options.transaction.resend();
      this.#repeat(2 * delayMs);
    });
  }
}
