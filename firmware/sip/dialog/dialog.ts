import { detachedText } from '../../core/detached-text.ts';
import { parseContacts } from '../message/contact.ts';
import type { HeaderField } from '../message/headers.ts';
import type { SipMessage } from '../message/message.ts';
import { parseNameAddr } from '../message/name-addr.ts';
import { hasParam } from '../message/params.ts';
import { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import { parseSipUri } from '../message/uri.ts';

interface DialogState {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  /** From of our requests, tag included. */
  readonly localParty: string;
  /** To of our requests, tag included. */
  readonly remoteParty: string;
  /** Route values in the order in which we write them. */
  readonly routeSet: readonly string[];
  readonly remoteTarget: string;
  readonly localCseq: number;
  readonly remoteCseq: number | undefined;
}

/** What both ends of a Call-ID with two tags remember (RFC 3261 §12). */
export class Dialog {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  readonly #localParty: string;
  readonly #remoteParty: string;
  #routeSet: readonly string[];
  #remoteTarget: string;
  #localCseq: number;
  #remoteCseq: number | undefined;

  private constructor(state: DialogState) {
    this.callId = state.callId;
    this.localTag = state.localTag;
    this.remoteTag = state.remoteTag;
    this.#localParty = state.localParty;
    this.#remoteParty = state.remoteParty;
    this.#routeSet = state.routeSet;
    this.#remoteTarget = state.remoteTarget;
    this.#localCseq = state.localCseq;
    this.#remoteCseq = state.remoteCseq;
  }

  /** RFC 3261 §12.1.1: the callee's side. `request` has no To tag; its Contact has been checked. */
  static ofCallee(request: SipRequest, localTag: string): Dialog {
    return new Dialog({
      callId: request.callId,
      localTag,
      remoteTag: request.fromTag ?? '',
      localParty: `${request.headers.get('To') ?? ''};tag=${localTag}`,
      remoteParty: request.headers.get('From') ?? '',
      routeSet: request.headers.list('Record-Route') ?? [],
      remoteTarget: contactUri(request) ?? request.from.uri,
      localCseq: 0,
      remoteCseq: request.cseq.number,
    });
  }

  /** RFC 3261 §12.1.2: the caller's side, from the response that made the dialog, of which it keeps nothing else. */
  static ofCaller(request: SipRequest, response: SipResponse): Dialog {
    return new Dialog({
      callId: request.callId,
      localTag: request.fromTag ?? '',
      remoteTag: detachedText(response.toTag ?? ''),
      localParty: request.headers.get('From') ?? '',
      remoteParty: detachedText(response.headers.get('To') ?? ''),
      routeSet: routesOf(response),
      remoteTarget: detachedText(contactUri(response) ?? request.uri),
      localCseq: request.cseq.number,
      remoteCseq: undefined,
    });
  }

  /** The CSeq that the next request will have. */
  get nextCseq(): number {
    return this.#localCseq + 1;
  }

  /** RFC 3261 §13.2.2.4: the 2xx settles what an earlier response of the same peer began. */
  confirm(response: SipResponse): void {
    this.#routeSet = routesOf(response);
    this.refreshTarget(response);
  }

  /** Where the next request of this dialog goes: the first route, else the remote target. */
  get nextHop(): string {
    const first = this.#routeSet[0];
    return (first === undefined ? undefined : parseNameAddr(first)?.uri) ?? this.#remoteTarget;
  }

  /** RFC 3261 §12.2.2: false for a CSeq lower than one that was seen; remembers it otherwise. */
  takeCseq(request: SipRequest): boolean {
    const { number } = request.cseq;
    if (this.#remoteCseq !== undefined && number < this.#remoteCseq) return false;
    this.#remoteCseq = number;
    return true;
  }

  /** RFC 3261 §12.2: INVITE and UPDATE, and the 2xx to them, move the remote target. */
  refreshTarget(message: SipMessage): void {
    const target = contactUri(message);
    if (target !== undefined && target !== this.#remoteTarget) this.#remoteTarget = detachedText(target);
  }

  /** A request with the next CSeq, or with `cseq`: an ACK has its INVITE's. */
  request(
    method: string,
    options: { readonly headers?: readonly HeaderField[]; readonly body?: Buffer; readonly cseq?: number } = {},
  ): SipRequest {
    if (options.cseq === undefined) this.#localCseq += 1;
    const { uri, routes } = this.#path();
    return new SipRequest(
      method,
      uri,
      [
        ...routes.map((route): HeaderField => ['Route', route]),
        ['Max-Forwards', '70'],
        ['From', this.#localParty],
        ['To', this.#remoteParty],
        ['Call-ID', this.callId],
        ['CSeq', `${options.cseq ?? this.#localCseq} ${method}`],
        ...(options.headers ?? []),
      ],
      options.body,
    );
  }

  /** RFC 3261 §12.2.1.1. */
  #path(): { readonly uri: string; readonly routes: readonly string[] } {
    const [first, ...rest] = this.#routeSet;
    if (first === undefined) return { uri: this.#remoteTarget, routes: [] };
    const firstUri = parseNameAddr(first)?.uri ?? this.#remoteTarget;
    const parsed = parseSipUri(firstUri);
    if (parsed === undefined || hasParam(parsed.params, 'lr')) {
      return { uri: this.#remoteTarget, routes: this.#routeSet };
    }
    // A strict router of RFC 2543 wants itself as Request-URI and the target as the last route.
    return { uri: firstUri, routes: [...rest, `<${this.#remoteTarget}>`] };
  }
}

function routesOf(response: SipResponse): readonly string[] {
  return [...(response.headers.list('Record-Route') ?? [])].reverse();
}

function contactUri(message: SipMessage): string | undefined {
  const contacts = parseContacts(message.headers);
  return contacts === undefined || contacts === '*' ? undefined : contacts[0]?.uri;
}
