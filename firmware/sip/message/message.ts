import { RingdownError } from '../../core/errors.ts';
import { type Contacts, parseContacts } from './contact.ts';
import { type CSeq, parseCSeq } from './cseq.ts';
import { type HeaderField, Headers } from './headers.ts';
import { sessionPart } from './multipart.ts';
import { type NameAddr, parseNameAddr } from './name-addr.ts';
import { hasParam, paramValue } from './params.ts';
import type { SipUri } from './uri.ts';
import { parseVia, type Via } from './via.ts';

/** Header values that are parsed already; what is undefined is parsed when first asked for. */
export interface ParsedHeaders {
  readonly via?: Via | undefined;
  readonly from?: NameAddr | undefined;
  readonly to?: NameAddr | undefined;
  readonly cseq?: CSeq | undefined;
  readonly callId?: string | undefined;
  readonly contacts?: Contacts | undefined;
  /** The Request-URI. */
  readonly sipUri?: SipUri | undefined;
}

const NOTHING: ParsedHeaders = {};

/** What request and response share. A header is parsed when first asked for; the parser has asked for the mandatory ones. */
export abstract class SipMessage {
  readonly headers: Headers;
  readonly body: Buffer;
  #via: Via | undefined;
  #from: NameAddr | undefined;
  #to: NameAddr | undefined;
  #cseq: CSeq | undefined;
  #callId: string | undefined;
  #contacts: Contacts | undefined;

  constructor(headers: readonly HeaderField[] | Headers, body: Buffer, parsed: ParsedHeaders = NOTHING) {
    this.headers = headers instanceof Headers ? headers : new Headers(headers);
    this.body = body;
    this.#via = parsed.via;
    this.#from = parsed.from;
    this.#to = parsed.to;
    this.#cseq = parsed.cseq;
    this.#callId = parsed.callId;
    this.#contacts = parsed.contacts;
  }

  /** Without line end. */
  abstract get startLine(): string;

  /** The topmost Via. */
  get via(): Via {
    this.#via ??= this.#required('Via', (text) => parseVia(firstViaOf(text)));
    return this.#via;
  }

  get from(): NameAddr {
    this.#from ??= this.#required('From', parseNameAddr);
    return this.#from;
  }

  get to(): NameAddr {
    this.#to ??= this.#required('To', parseNameAddr);
    return this.#to;
  }

  get fromTag(): string | undefined {
    return paramValue(this.from.params, 'tag');
  }

  get toTag(): string | undefined {
    return paramValue(this.to.params, 'tag');
  }

  /** Whether To has a tag; false for a To that is missing or malformed. */
  get hasToTag(): boolean {
    this.#to ??= parseNameAddr(this.headers.get('To') ?? '');
    return this.#to !== undefined && hasParam(this.#to.params, 'tag');
  }

  get cseq(): CSeq {
    this.#cseq ??= this.#required('CSeq', parseCSeq);
    return this.#cseq;
  }

  get callId(): string {
    this.#callId ??= this.#required('Call-ID', (text) => text);
    return this.#callId;
  }

  /** The values of Contact, none where there is no such header; undefined where one is malformed. */
  get contacts(): Contacts | undefined {
    this.#contacts ??= parseContacts(this.headers);
    return this.#contacts;
  }

  /** What is parsed already, for another message with the same headers. */
  protected get parsed(): ParsedHeaders {
    return {
      via: this.#via,
      from: this.#from,
      to: this.#to,
      cseq: this.#cseq,
      callId: this.#callId,
      contacts: this.#contacts,
    };
  }

  /** The session description as UTF-8: the body, or a part of it (RFC 5621); undefined when there is none. */
  get sdp(): string | undefined {
    const { body } = this;
    if (body.length === 0) return undefined;
    const type = this.contentType;
    if (type === 'application/sdp') return body.toString('utf8');
    if (type?.startsWith('multipart/') !== true) return undefined;
    return sessionPart(this.headers.get('Content-Type') ?? '', body)?.toString('utf8');
  }

  /** Type and subtype in lower case, without parameters. */
  get contentType(): string | undefined {
    const value = this.headers.get('Content-Type');
    if (value === undefined) return undefined;
    const semicolon = value.indexOf(';');
    return (semicolon === -1 ? value : value.slice(0, semicolon)).replace(/\s+/g, '').toLowerCase();
  }

  #required<T>(name: string, parse: (text: string) => T | undefined): T {
    const text = this.headers.get(name);
    const value = text === undefined ? undefined : parse(text);
    if (value === undefined) {
      throw new RingdownError('SIP_HEADER', `${name} is missing or malformed`, 'Report this with the log.');
    }
    return value;
  }
}

/** A Via value holds no angle brackets and seldom quotes, so the first comma outside quotes ends it. */
export function firstViaOf(text: string): string {
  const comma = text.indexOf(',');
  if (comma === -1) return text;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === '\\' && quoted) at += 1;
    else if (char === '"') quoted = !quoted;
    else if (char === ',' && !quoted) return text.slice(0, at);
  }
  return text;
}
