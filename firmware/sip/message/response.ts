import { cleanField, type HeaderField, Headers } from './headers.ts';
import { type ParsedHeaders, SipMessage } from './message.ts';
import { reasonPhrase } from './reason-phrase.ts';
import type { SipRequest } from './request.ts';

const NO_BODY = Buffer.alloc(0);
const NO_FIELDS: readonly HeaderField[] = [];

export class SipResponse extends SipMessage {
  readonly status: number;
  readonly reason: string;

  constructor(
    status: number,
    reason: string,
    headers: readonly HeaderField[] | Headers,
    body: Buffer = NO_BODY,
    parsed?: ParsedHeaders,
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
    switch (field[0]) {
      case 'Via':
      case 'From':
      case 'Call-ID':
      case 'CSeq':
        fields.push(field);
        break;
      case 'To':
        fields.push(status > 100 ? withTag(request, field, toTag) : field);
        break;
      case 'Timestamp':
        if (status === 100) fields.push(field);
        break;
    }
  }
  // What is copied is as it came from the parser; the rest may come from anywhere.
  for (const field of options.headers ?? NO_FIELDS) fields.push(cleanField(field));
  if (options.contentType !== undefined) fields.push(cleanField(['Content-Type', options.contentType]));
  const body = typeof options.body === 'string' ? Buffer.from(options.body, 'utf8') : options.body;
  return new SipResponse(status, options.reason ?? reasonPhrase(status), new Headers(fields, true), body);
}

/** Works on the text, since a 400 answers a To that does not parse as well. */
function withTag(request: SipRequest, field: HeaderField, toTag: string): HeaderField {
  // RFC 3261 §8.2.6.2, and RFC 2543 peers: a request that has a To tag keeps it.
  return request.hasToTag || request.method === 'ACK' ? field : ['To', `${field[1]};tag=${toTag}`];
}
