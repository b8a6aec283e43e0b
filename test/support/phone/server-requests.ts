import { newTag } from './client-requests.ts';
import { formatSip, headerValue, headerValues, parameterOf, type SipMessage } from './sip-message.ts';
import type { Reply } from './sip-socket.ts';

export type HeaderField = readonly [name: string, value: string];

const MAX_KEPT = 200;
/** RFC 3261 §17.2.1, timers G and H in short. */
const T1_MS = 500;
const GIVE_UP_MS = 16_000;

export interface ResponseParts {
  readonly status: number;
  readonly reason: string;
  readonly headers?: readonly HeaderField[];
  /** For the To of the first response above 100; a new one unless given. */
  readonly tag?: string;
  readonly body?: string;
}

/** Server transactions, as simple as a phone with one call allows. */
export class ServerRequests {
  readonly #log: (direction: string, text: string) => void;
  readonly #answered = new Map<string, string>();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(log: (direction: string, text: string) => void) {
    this.#log = log;
  }

  /** Answers a request that came again as before; false where it is new. */
  answerAgain(request: SipMessage, reply: Reply): boolean {
    const earlier = this.#answered.get(keyOf(request));
    if (earlier === undefined) return false;
    reply(earlier);
    return true;
  }

  respond(request: SipMessage, reply: Reply, parts: ResponseParts): void {
    const to = headerValue(request, 'to');
    const needsTag = parts.status > 100 && parameterOf(to, 'tag') === undefined;
    const text = formatSip({
      status: parts.status,
      reason: parts.reason,
      headers: [
        ...headerValues(request, 'via').map((via): HeaderField => ['Via', via]),
        ...headerValues(request, 'record-route').map((route): HeaderField => ['Record-Route', route]),
        ['From', headerValue(request, 'from')],
        ['To', needsTag ? `${to};tag=${parts.tag ?? newTag()}` : to],
        ['Call-ID', headerValue(request, 'call-id')],
        ['CSeq', headerValue(request, 'cseq')],
        ...(parts.headers ?? []),
      ],
      body: parts.body ?? '',
    });
    const key = keyOf(request);
    this.#answered.delete(key);
    this.#answered.set(key, text);
    const [oldest] = this.#answered.keys();
    if (this.#answered.size > MAX_KEPT && oldest !== undefined) this.#answered.delete(oldest);
    this.#log('sent', text);
    reply(text);
  }

  /** RFC 3261 §13.3.1.4 and §17.2.1: a final response to INVITE is sent again until its ACK comes. */
  repeatUntil(acknowledged: () => boolean, request: SipMessage, reply: Reply, delayMs = T1_MS): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (acknowledged() || delayMs > GIVE_UP_MS) return;
      this.answerAgain(request, reply);
      this.repeatUntil(acknowledged, request, reply, 2 * delayMs);
    }, delayMs);
    this.#timers.add(timer);
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}

function keyOf(request: SipMessage): string {
  return `${parameterOf(headerValue(request, 'via'), 'branch')} ${request.method}`;
}
