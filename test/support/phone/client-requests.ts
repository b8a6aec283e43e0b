import { randomBytes } from 'node:crypto';
import type { Changes } from './changes.ts';
import { formatSip, headerValue, parameterOf, type SipMessage, uriHost } from './sip-message.ts';
import type { SipSocket } from './sip-socket.ts';

/** RFC 3261 §17.1.1.1. */
const T1_MS = 500;
const T2_MS = 4000;

/** A request on its way: what came back for it so far. */
export interface SentRequest {
  readonly branch: string;
  readonly request: SipMessage;
  readonly destination: Destination;
  readonly responses: SipMessage[];
}

export interface Destination {
  readonly host: string;
  readonly port: number;
}

/** Client transactions, as simple as a phone with one call allows. */
export class ClientRequests {
  readonly #socket: SipSocket;
  readonly #address: string;
  readonly #changes: Changes;
  readonly #log: (direction: string, text: string) => void;
  readonly #sent = new Map<string, SentRequest>();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(socket: SipSocket, address: string, changes: Changes, log: (direction: string, text: string) => void) {
    this.#socket = socket;
    this.#address = address;
    this.#changes = changes;
    this.#log = log;
  }

  /** Sends a request with a Via of its own on top, and again while nothing comes back (UDP). */
  send(request: SipMessage, destination: Destination, branch = newBranch()): SentRequest {
    const via = `SIP/2.0/${this.#socket.transport.toUpperCase()} ${uriHost(this.#address)}:${this.#socket.port}`;
    const complete: SipMessage = {
      ...request,
      headers: [['Via', `${via};branch=${branch};rport`], ...request.headers],
    };
    const sent: SentRequest = { branch, request: complete, destination, responses: [] };
    this.#transmit(complete, destination);
    if (request.method === 'ACK') return sent;
    // A CANCEL has the branch of its INVITE (RFC 3261 §9.1), so the method belongs to the key.
    this.#sent.set(`${branch} ${request.method}`, sent);
    if (this.#socket.transport === 'udp') this.#repeat(sent, T1_MS);
    return sent;
  }

  /** The ACK of an INVITE that failed (RFC 3261 §17.1.1.3): the same branch, and the response's To. */
  acknowledgeFailure({ request, branch, destination }: SentRequest, final: SipMessage): void {
    const ack: SipMessage = {
      method: 'ACK',
      uri: request.uri ?? '',
      headers: [
        ['Max-Forwards', '70'],
        ['From', headerValue(request, 'from')],
        ['To', headerValue(final, 'to')],
        ['Call-ID', headerValue(request, 'call-id')],
        ['CSeq', headerValue(request, 'cseq').replace('INVITE', 'ACK')],
      ],
      body: '',
    };
    this.send(ack, destination, branch);
  }

  /** The final response. A request without one in time is not sent again either. */
  async final(sent: SentRequest, timeoutMs: number): Promise<SipMessage> {
    const { method, uri } = sent.request;
    const what = `a final response to ${method} ${uri} from ${sent.destination.host} ${sent.destination.port}`;
    const probe = (): SipMessage | undefined => sent.responses.find(({ status = 0 }) => status >= 200);
    try {
      return await this.#changes.until(probe, timeoutMs, what);
    } catch (error) {
      this.#sent.delete(`${sent.branch} ${method}`);
      throw error;
    }
  }

  /** The request that a response belongs to, after it was kept there. */
  take(response: SipMessage): SentRequest | undefined {
    const branch = parameterOf(headerValue(response, 'via'), 'branch') ?? '';
    const method = headerValue(response, 'cseq').split(/\s+/)[1];
    const sent = this.#sent.get(`${branch} ${method}`);
    if (sent !== undefined && sent.responses.length < 100) sent.responses.push(response);
    return sent;
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #transmit(message: SipMessage, { host, port }: Destination): void {
    const text = formatSip(message);
    this.#log(`sent to ${host} ${port}`, text);
    this.#socket.send(text, host, port);
  }

  #repeat(sent: SentRequest, delayMs: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const statuses = sent.responses.map(({ status = 0 }) => status);
      if (this.#sent.get(`${sent.branch} ${sent.request.method}`) !== sent) return;
      if (statuses.some((status) => status >= 200 || sent.request.method === 'INVITE')) return;
      this.#transmit(sent.request, sent.destination);
      if (delayMs < 64 * T1_MS)
        this.#repeat(sent, sent.request.method === 'INVITE' ? 2 * delayMs : Math.min(2 * delayMs, T2_MS));
    }, delayMs);
    this.#timers.add(timer);
  }
}

export function newBranch(): string {
  return `z9hG4bK${randomBytes(9).toString('hex')}`;
}

export function newTag(): string {
  return randomBytes(6).toString('hex');
}
