import type { Clock, Timer } from '../core/clock.ts';
import { RingdownError } from '../core/errors.ts';
import type { Flow, SipResponse } from '../sip/stack.ts';
import type { LineSettings } from './line-settings.ts';
import {
  FIRST_MONITOR_STATE,
  type MonitorInput,
  type MonitorState,
  nextMonitor,
  nextOptionsSeconds,
} from './peer-monitor.ts';
import { retryAfterOf } from './registration-answer.ts';
import type { LineStack } from './registration-client.ts';

export interface PeerWatchOptions {
  readonly settings: LineSettings;
  readonly stack: LineStack;
  readonly clock: Clock;
  /** The flow of the registration, where there is one. */
  readonly flow: () => Flow | undefined;
  readonly onChanged: () => void;
  /** The peer wants quiet for so long, in seconds. */
  readonly onHold: (seconds: number) => void;
}

/** Servers that one round asks: one that is down must not hide the next. */
const MAX_SERVERS = 3;

/** Asks the peer of a line now and then whether it is there (RFC 3261 §11), and by which way. */
export class PeerWatch {
  readonly #options: PeerWatchOptions;
  #state: MonitorState = FIRST_MONITOR_STATE;
  #timer: Timer | undefined;
  #isAsking = false;
  #flow: Flow | undefined;
  #closed = false;

  constructor(options: PeerWatchOptions) {
    this.#options = options;
  }

  get state(): MonitorState {
    return this.#state;
  }

  /** By which the peer answered last. */
  get flow(): Flow | undefined {
    return this.#state.belief === 'down' ? undefined : this.#flow;
  }

  start(): void {
    void this.#round();
  }

  /** Asks now, since a call failed. */
  doubt(): void {
    if (this.#isAsking || this.#closed) return;
    this.#timer?.cancel();
    void this.#round();
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  async #round(): Promise<void> {
    if (this.#isAsking || this.#closed) return;
    this.#isAsking = true;
    const input = await this.#ask();
    this.#isAsking = false;
    if (this.#closed) return;
    const { settings, clock, onChanged } = this.#options;
    this.#state = nextMonitor(this.#state, input);
    const seconds = nextOptionsSeconds(this.#state, settings.configured.optionsSeconds);
    this.#timer = clock.schedule(seconds * 1000, () => void this.#round());
    onChanged();
  }

  /** Never rejects. */
  async #ask(): Promise<MonitorInput> {
    let heard: MonitorInput = { kind: 'silent', reason: 'no way to the peer' };
    try {
      let asked = 0;
      for await (const flow of this.#flows()) {
        const response = await this.#send(flow);
        asked += 1;
        // Of our own making: no answer, no way.
        const isOwn = response.status === 408 || (response.status === 503 && !response.headers.has('Via'));
        heard = isOwn
          ? { kind: 'silent', reason: 'no answer' }
          : { kind: 'answered', status: response.status, reason: response.reason };
        this.#noteHold(response);
        if (response.status !== 408 && response.status !== 503) {
          this.#flow = flow;
          break;
        }
        if (asked >= MAX_SERVERS || this.#closed) break;
      }
    } catch (error) {
      if (heard.kind === 'silent' && error instanceof RingdownError) {
        heard = { kind: 'silent', reason: error.message.slice(0, 120) };
      }
    }
    return heard;
  }

  #noteHold(response: SipResponse): void {
    const seconds = response.status === 503 ? retryAfterOf(response) : undefined;
    if (seconds !== undefined) this.#options.onHold(seconds);
  }

  async *#flows(): AsyncGenerator<Flow, void, undefined> {
    const { stack, settings, flow } = this.#options;
    const registered = flow();
    if (registered !== undefined) {
      yield registered;
      return;
    }
    const known = this.#flow;
    if (known !== undefined && stack.isOpen(known)) yield known;
    for await (const way of stack.ways(settings.target)) {
      const isKnown = known !== undefined && way.remoteAddress === known.remoteAddress;
      if (!isKnown || way.remotePort !== known.remotePort || way.connection !== known.connection) yield way;
    }
  }

  #send(flow: Flow): Promise<SipResponse> {
    const { stack, settings } = this.#options;
    const { domain, aor, credentials } = settings;
    return stack.request({
      method: 'OPTIONS',
      flow,
      requestUri: `sip:${domain}`,
      from: { uri: aor },
      to: { uri: `sip:${domain}` },
      headers: [['Accept', 'application/sdp']],
      ...(credentials === undefined ? {} : { credentials }),
    });
  }
}
