import type { IncomingInvite, SipHandlers, SipStackOptions } from '../../../firmware/sip/stack.ts';
import { header, RawPeer, toTag } from './raw-peer.ts';
import { Events, openStack, turns } from './stacks.ts';

export const OFFER = 'v=0\r\ns=theirs\r\n';
export const ANSWER = 'v=0\r\ns=ours\r\n';

/** Headers of an answer that are those of the request. */
export function answerTo(request: string, status: string, options: AnswerOptions = {}): string {
  const copied = ['Via', 'From', 'Call-ID', 'CSeq'].map((name) => `${name}: ${header(request, name)}`);
  const to = header(request, 'To');
  const body = options.body ?? '';
  const lines = [
    `SIP/2.0 ${status}`,
    ...copied,
    `To: ${to}${options.tag === undefined || to.includes(';tag=') ? '' : `;tag=${options.tag}`}`,
    ...(options.headers ?? []),
    ...(body === '' ? [] : ['Content-Type: application/sdp']),
    `Content-Length: ${body.length}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

interface AnswerOptions {
  readonly tag?: string;
  readonly headers?: readonly string[];
  readonly body?: string;
}

/** A stack, and a peer over UDP that calls it or is called by it. */
export class Conversation {
  readonly stack: Awaited<ReturnType<typeof openStack>>['stack'];
  readonly clock: Awaited<ReturnType<typeof openStack>>['clock'];
  readonly peer: RawPeer;
  readonly events = new Events();
  /** The sessions that came in. */
  readonly invites: IncomingInvite[] = [];
  #branch = 0;

  private constructor(opened: Awaited<ReturnType<typeof openStack>>, peer: RawPeer) {
    this.stack = opened.stack;
    this.clock = opened.clock;
    this.peer = peer;
  }

  /** `onInvite` says what happens to an INVITE of the peer; it is taken unless that returns false. */
  static async open(
    onInvite: (invite: IncomingInvite, conversation: Conversation) => boolean | undefined,
    options: Partial<SipStackOptions> & { readonly more?: Partial<SipHandlers> } = {},
  ): Promise<Conversation> {
    let conversation: Conversation | undefined;
    const { more, ...rest } = options;
    const opened = await openStack(['udp'], '127.0.0.1', {
      ...(rest as object),
      handlers: {
        onRequest: () => false,
        onInvite(invite) {
          if (conversation === undefined) return false;
          conversation.#watch(invite);
          return onInvite(invite, conversation) !== false;
        },
        ...more,
      },
    });
    const peer = await RawPeer.udp('127.0.0.1', opened.port('udp'));
    conversation = new Conversation(opened, peer);
    return conversation;
  }

  #watch(invite: IncomingInvite): void {
    const { events } = this;
    this.invites.push(invite);
    invite.handlers = {
      onAck: (sdp) => events.push(`ack ${sdp ?? 'empty'}`),
      onBye: () => events.push('bye'),
      onCancel: (reason) => events.push(`cancel ${reason ?? ''}`),
      onPrack: (sdp) => events.push(`prack ${sdp}`),
      onEnded: (cause) => events.push(`ended ${cause}`),
    };
  }

  get invite(): IncomingInvite {
    const [invite] = this.invites.slice(-1);
    if (invite === undefined) throw new Error('no INVITE came');
    return invite;
  }

  /** Sends a request and waits for its final response. */
  async ask(method: string, cseq: number, more: Parameters<RawPeer['request']>[2] = {}): Promise<string> {
    this.say(method, cseq, more);
    return this.peer.next(new RegExp(`^SIP/2.0 [2-6](.*\r\n)*CSeq: ${cseq} ${method}\r`));
  }

  say(method: string, cseq: number, more: Parameters<RawPeer['request']>[2] = {}): void {
    this.#branch += 1;
    this.peer.send(this.peer.request(method, `c${this.#branch}`, { cseq, ...more }));
  }

  /** The peer calls, the stack answers at once, the peer acknowledges. Returns the tag of the stack. */
  async establish(
    headers: readonly string[] = [],
    body = OFFER,
  ): Promise<{ readonly tag: string; readonly ok: string }> {
    const ok = await this.ask('INVITE', 1, { headers, body });
    const tag = toTag(ok);
    this.say('ACK', 1, { toTag: tag });
    await this.events.next();
    return { tag, ok };
  }

  answer(request: string, status: string, options: AnswerOptions = {}): void {
    this.peer.send(answerTo(request, status, options));
  }

  /** Nothing is there that the peer has not looked at. */
  async silence(): Promise<readonly string[]> {
    await turns();
    return this.peer.waiting;
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await turns();
  }

  /** Closes all; returns how many timers are left, which should be none. */
  async close(): Promise<number> {
    this.peer.close();
    const closing = this.stack.close();
    await turns();
    this.clock.advance(40_000);
    await closing;
    return this.clock.pending;
  }
}
