import { isTokenCode } from './grammar.ts';
import { parseSipUri, type SipUri, uriScheme } from './uri.ts';

/** A longer Request-URI gets 414; it would have to go into the start line of what we send, too. */
export const MAX_URI_LENGTH = 2048;
const VERSION = 'SIP/2.0';

export interface RequestLine {
  readonly kind: 'request';
  readonly method: string;
  readonly uri: string;
  /** Undefined for other schemes. */
  readonly sipUri: SipUri | undefined;
}

export interface StatusLine {
  readonly kind: 'response';
  readonly status: number;
  readonly reason: string;
}

export type StartLine = RequestLine | StatusLine;

/** A request that can be told from garbage, and what is wrong with it. */
export interface BadRequestLine {
  readonly kind: 'malformed';
  readonly start: RequestLine;
  readonly status: 400 | 414 | 505;
  readonly reason: string;
}

/** Reads the first line, without its end; undefined for what is neither a request nor a response. */
export function parseStartLine(line: string): StartLine | BadRequestLine | undefined {
  let first = 0;
  while (first < line.length && isTokenCode(line.charCodeAt(first))) first += 1;
  if (first > 0 && line.charCodeAt(first) === 0x20) return parseRequestLine(line, first);
  return parseStatusLine(line);
}

function parseStatusLine(line: string): StatusLine | undefined {
  const match = /^SIP\/2\.0 ([1-6]\d\d)(?: ([^\r\n\0]*))?$/i.exec(line);
  return match === null ? undefined : { kind: 'response', status: Number(match[1]), reason: match[2] ?? '' };
}

/** `first` is the blank behind the method. */
function parseRequestLine(text: string, first: number): RequestLine | BadRequestLine | undefined {
  // RFC 4475 §3.1.2.10: blanks behind the version harm nobody.
  const line = text.endsWith(' ') || text.endsWith('\t') ? text.trimEnd() : text;
  const last = line.lastIndexOf(' ');
  const method = line.slice(0, first);
  const uri = line.slice(first + 1, Math.max(first + 1, last));
  if (line.length - last - 1 !== VERSION.length || !line.endsWith(VERSION)) {
    const version = line.slice(last + 1).toUpperCase();
    if (!version.startsWith('SIP/')) return undefined;
    if (version !== VERSION) return bad(method, uri, 505, 'Version Not Supported');
  }
  if (uri.length > MAX_URI_LENGTH) return bad(method, uri, 414, 'Request-URI Too Long');
  const sipUri = parseSipUri(uri);
  // RFC 3261 §19.1.1, table 1: headers have no place here.
  if (sipUri !== undefined && sipUri.headers === undefined) return { kind: 'request', method, uri, sipUri };
  const scheme = uriScheme(uri);
  // RFC 3261 §7.1: the Request-URI stands without blanks and angle brackets.
  if (scheme === undefined || scheme === 'sip' || scheme === 'sips') {
    return bad(method, uri, 400, 'Malformed Request-URI');
  }
  return { kind: 'request', method, uri, sipUri: undefined };
}

function bad(method: string, uri: string, status: BadRequestLine['status'], reason: string): BadRequestLine {
  return { kind: 'malformed', start: { kind: 'request', method, uri, sipUri: undefined }, status, reason };
}
