import { RawPeer } from '../sip/support/raw-peer.ts';
import { authorization, parseChallenge } from '../support/phone/digest.ts';
import type { Ringdown } from '../support/ringdown.ts';
import { passwordOf } from './office.ts';

type Extension = Parameters<typeof passwordOf>[0];

export interface Answer {
  readonly status: number;
  readonly text: string;
  /** The values of a header, in their order. */
  all(name: string): readonly string[];
}

export interface Asking {
  readonly contact?: string;
  readonly headers?: readonly string[];
  readonly password?: string;
  readonly to?: string;
  readonly uri?: string;
  readonly callId?: string;
  readonly toTag?: string;
}

/** A device on 127.0.0.1 whose requests the test writes. */
export class RegisteringPeer {
  readonly peer: RawPeer;
  readonly extension: Extension;
  readonly #host: string;
  #cSeq = 0;
  #branch = 0;

  private constructor(peer: RawPeer, extension: Extension, host: string) {
    this.peer = peer;
    this.extension = extension;
    this.#host = host;
  }

  static async open(
    ringdown: Ringdown,
    extension: Extension,
    transport: 'udp' | 'tcp' = 'udp',
  ): Promise<RegisteringPeer> {
    const peer = await RawPeer[transport]('127.0.0.1', ringdown.sipPort);
    return new RegisteringPeer(peer, extension, `127.0.0.1:${ringdown.sipPort}`);
  }

  get contact(): string {
    return `<sip:${this.extension}@127.0.0.1:${this.peer.port}>`;
  }

  /** Sends the request, and again with credentials where it is challenged. */
  async ask(method: string, asking: Asking = {}, protocol: 'UDP' | 'TCP' = 'UDP'): Promise<Answer> {
    const first = await this.#send(method, asking, protocol, []);
    if (first.status !== 401) return first;
    const [challenge] = first.all('WWW-Authenticate').flatMap((value) => parseChallenge(value) ?? []);
    if (challenge === undefined) throw new Error(`no challenge: ${first.text}`);
    const credentials = authorization(challenge, {
      username: this.extension,
      password: asking.password ?? passwordOf(this.extension),
      method,
      uri: asking.uri ?? `sip:${this.extension}@${this.#host}`,
    });
    return this.#send(method, asking, protocol, [`Authorization: ${credentials}`]);
  }

  /** The next request from the box with this method, answered with 200. */
  async told(method: string): Promise<string> {
    const pattern = new RegExp(`^${method} `);
    // Longer than the peer waits by itself: a second NOTIFY may come 5 s after the first (RFC 3680 §4.10).
    const deadline = performance.now() + 15_000;
    while (!this.peer.waiting.some((text) => pattern.test(text)) && performance.now() < deadline) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    const request = await this.peer.next(pattern);
    const kept = request.split('\r\n').filter((line) => /^(?:via|from|to|call-id|cseq):/i.test(line));
    this.peer.send(`SIP/2.0 200 OK\r\n${kept.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`);
    return request;
  }

  close(): void {
    this.peer.close();
  }

  async #send(method: string, asking: Asking, protocol: string, more: readonly string[]): Promise<Answer> {
    this.#cSeq += 1;
    this.#branch += 1;
    const { extension } = this;
    const callId = asking.callId ?? `c${this.peer.port}`;
    const uri = asking.uri ?? `sip:${extension}@${this.#host}`;
    this.peer.send(
      [
        `${method} ${uri} SIP/2.0`,
        `Via: SIP/2.0/${protocol} 127.0.0.1:${this.peer.port};branch=z9hG4bK${this.peer.port}x${this.#branch};rport`,
        'Max-Forwards: 70',
        `From: <sip:${extension}@${this.#host}>;tag=t${this.peer.port}`,
        `To: <sip:${asking.to ?? extension}@${this.#host}>${asking.toTag === undefined ? '' : `;tag=${asking.toTag}`}`,
        `Call-ID: ${callId}`,
        `CSeq: ${this.#cSeq} ${method}`,
        ...(asking.contact === '' ? [] : [`Contact: ${asking.contact ?? this.contact}`]),
        ...(asking.headers ?? []),
        ...more,
        'Content-Length: 0',
        '',
        '',
      ].join('\r\n'),
    );
    const text = await this.peer.next(new RegExp(`^SIP/2\\.0 [2-6][\\s\\S]*\\r\\nCSeq: ${this.#cSeq} `));
    const lines = text.split('\r\n');
    return {
      status: Number(text.slice(8, 11)),
      text,
      all: (name) => lines.flatMap((line) => (line.startsWith(`${name}: `) ? line.slice(name.length + 2) : [])),
    };
  }
}
