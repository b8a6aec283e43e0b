import { parseDecimal } from './grammar.ts';
import { type HeaderField, Headers } from './headers.ts';
import { firstViaOf, type ParsedHeaders, SipMessage } from './message.ts';
import { parseSipUri, type SipUri } from './uri.ts';
import { formatVia, type Via } from './via.ts';

const NO_BODY = Buffer.alloc(0);

export class SipRequest extends SipMessage {
  readonly method: string;
  /** The Request-URI as on the wire. */
  readonly uri: string;
  #sipUri: SipUri | undefined;

  constructor(
    method: string,
    uri: string,
    headers: readonly HeaderField[] | Headers,
    body: Buffer = NO_BODY,
    parsed?: ParsedHeaders,
  ) {
    super(headers, body, parsed);
    this.method = method;
    this.uri = uri;
    this.#sipUri = parsed?.sipUri;
  }

  /** The same request with another topmost Via: what is parsed already stays so. */
  withTopVia(via: Via): SipRequest {
    const fields = [...this.headers.fields];
    const at = fields.findIndex(([name]) => name === 'Via');
    const [, text = ''] = fields[at] ?? [];
    fields[Math.max(0, at)] = ['Via', formatVia(via) + text.slice(firstViaOf(text).length)];
    const parsed = { ...this.parsed, via, sipUri: this.#sipUri };
    return new SipRequest(this.method, this.uri, new Headers(fields, true), this.body, parsed);
  }

  get startLine(): string {
    return `${this.method} ${this.uri} SIP/2.0`;
  }

  /** The Request-URI in parts; undefined when it is no SIP or SIPS URI. */
  get sipUri(): SipUri | undefined {
    this.#sipUri ??= parseSipUri(this.uri);
    return this.#sipUri;
  }

  /** RFC 3261 §8.1.1.6: 70 stands for a header that is absent. */
  get maxForwards(): number {
    return parseDecimal(this.headers.get('Max-Forwards') ?? '70', 255) ?? 70;
  }
}
