import type { HeaderField, Headers } from './headers.ts';
import { type ParsedHeaders, SipMessage } from './message.ts';
import { reasonPhrase } from './reason-phrase.ts';
import type { SipRequest } from './request.ts';

const NO_BODY = Buffer.alloc(0);

export class SipResponse extends SipMessage {
  readonly status: number;
  readonly reason: string;

  constructor(
    status: number,
    reason: string,
    headers: readonly HeaderField[] | Headers,
    body: Buffer = NO_BODY,
    parsed?: Partial<ParsedHeaders>,
  ) {
    super(headers, body, parsed);
    this.status = status;
    this.reason = reason;
  }

  get startLine(): string {
    return `SIP/2.0 ${this.status} ${this.reason}`;
  }
}

export interface ResponseOptions {
  readonly reason?: string;
  readonly headers?: readonly HeaderField[];
  readonly body?: string | Buffer;
  /** Needed with a body. */
  readonly contentType?: string;
}

/** RFC 3261 §8.2.6: the response to `request`; `toTag` is added where To has none, except to a 100. */
export function createResponse(
  request: SipRequest,
  status: number,
  toTag: string,
  options: ResponseOptions = {},
): SipResponse {
  const fields: HeaderField[] = [];
  for (const field of request.headers.fields) {
    const [name, value] = field;
    if (name === 'Via' || name === 'From' || name === 'Call-ID' || name === 'CSeq') fields.push(field);
    else if (name === 'To') fields.push(['To', status > 100 ? withTag(request, value, toTag) : value]);
    else if (name === 'Timestamp' && status === 100) fields.push(field);
  }
  if (options.headers !== undefined) fields.push(...options.headers);
  if (options.contentType !== undefined) fields.push(['Content-Type', options.contentType]);
  const body = typeof options.body === 'string' ? Buffer.from(options.body, 'utf8') : options.body;
  return new SipResponse(status, options.reason ?? reasonPhrase(status), fields, body);
}

/** Works on the text, since a 400 answers a To that does not parse as well. */
function withTag(request: SipRequest, to: string, toTag: string): string {
  const hasTag = /;\s*tag\s*=/i.test(to.slice(to.lastIndexOf('>') + 1));
  // RFC 3261 §8.2.6.2, and RFC 2543 peers: a request that has a To tag keeps it.
  return hasTag || request.method === 'ACK' ? to : `${to};tag=${toTag}`;
}
