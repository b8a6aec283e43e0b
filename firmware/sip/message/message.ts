import { RingdownError } from '../../core/errors.ts';
import { type CSeq, parseCSeq } from './cseq.ts';
import { type HeaderField, Headers } from './headers.ts';
import { type NameAddr, parseNameAddr } from './name-addr.ts';
import { paramValue } from './params.ts';
import { parseVia, type Via } from './via.ts';

/** Header values that are parsed already. */
export interface ParsedHeaders {
  readonly via: Via;
  readonly from: NameAddr;
  readonly to: NameAddr;
  readonly cseq: CSeq;
}

/** What request and response share. A header is parsed when first asked for; the parser has asked for the mandatory ones. */
export abstract class SipMessage {
  readonly headers: Headers;
  readonly body: Buffer;
  #via: Via | undefined;
  #from: NameAddr | undefined;
  #to: NameAddr | undefined;
  #cseq: CSeq | undefined;

  constructor(headers: readonly HeaderField[] | Headers, body: Buffer, parsed?: Partial<ParsedHeaders>) {
    this.headers = headers instanceof Headers ? headers : new Headers(headers);
    this.body = body;
    this.#via = parsed?.via;
    this.#from = parsed?.from;
    this.#to = parsed?.to;
    this.#cseq = parsed?.cseq;
  }

  /** Without line end. */
  abstract get startLine(): string;

  /** The topmost Via. */
  get via(): Via {
    this.#via ??= this.#required('Via', (text) => parseVia(firstValue(text)));
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

  get cseq(): CSeq {
    this.#cseq ??= this.#required('CSeq', parseCSeq);
    return this.#cseq;
  }

  get callId(): string {
    return this.#required('Call-ID', (text) => text);
  }

  /** The body as UTF-8 when its type is application/sdp, else undefined. */
  get sdp(): string | undefined {
    return this.body.length > 0 && this.contentType === 'application/sdp' ? this.body.toString('utf8') : undefined;
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
function firstValue(text: string): string {
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
